"""Where the processor's time goes: seconds each part of a stack has used, its children included."""

from collections.abc import Mapping

import psutil

Seconds = Mapping[str, float]


def used_by_parts(pids: Mapping[str, int]) -> dict[str, float]:
    """Processor seconds so far of each part's process and of all below it, the ended ones too."""
    return {name: _used(pid) for name, pid in pids.items()}


def microseconds_per_item(before: Seconds, after: Seconds, items: int) -> dict[str, int]:
    """What each part spent between two readings, for each of `items`; the largest first."""
    spent = {name: round(1e6 * (after[name] - before.get(name, 0.0)) / items) for name in after}
    return dict(sorted(spent.items(), key=lambda item: -item[1]))


def _used(pid: int) -> float:
    total = 0.0
    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        total += times.children_user + times.children_system
        for each in (process, *process.children(recursive=True)):
            own = each.cpu_times()
            total += own.user + own.system
    except psutil.NoSuchProcess:
        pass  # it ended between two looks
    return total
