"""Every bench by its name, with the ratio to reach (design §13)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench import campaign, campaign_full, campaign_http, growth, history, import_audience, peer, receipts, smpp
from bench.figures import Figures, Options, Reach

Line = Mapping[str, Any]
"""What a bench prints: `name`, `ours`, `limit`, `unit`, `ratio`, and fields of its own."""


@dataclass(frozen=True)
class Bench:
    """One bench; `also` are further fields of its line that must be reached."""

    name: str
    reach: Reach
    measure: Callable[[Options], Awaitable[Line]]
    also: Mapping[str, Reach]

    def reached(self, line: Line) -> bool:
        """Whether all that is asked of it is reached."""
        return self.reach.reached(line["ratio"]) and all(
            reach.reached(line[field]) for field, reach in self.also.items()
        )


def _bench(name: str, reach: Reach, run: Callable[[Options], Awaitable[Figures]], **also: Reach) -> tuple[str, Bench]:
    async def measure(options: Options) -> Line:
        return (await run(options)).line()

    return name, Bench(name, reach, measure, also)


async def _receipts(options: Options) -> Line:
    """Two callbacks a message; the bench has its own rounds."""
    return await receipts.run(*([options.recipients] if options.recipients else []))


BENCHES: Mapping[str, Bench] = dict(
    [
        _bench(campaign.NAME, Reach(0.8), campaign.run),
        _bench(campaign_full.NAME, Reach(0.3), campaign_full.run),
        _bench(campaign_http.NAME, Reach(0.4), campaign_http.run),
        _bench(growth.NAME, Reach(0.95), growth.run, memory_ratio=Reach(1.2, at_most=True)),
        _bench(history.NAME, Reach(1.0, at_most=True), history.run),
        _bench(import_audience.NAME, Reach(0.1), import_audience.run),
        (receipts.NAME, Bench(receipts.NAME, Reach(receipts.LIMIT), _receipts, {})),
        _bench(smpp.NAME, Reach(0.6), smpp.run),
        _bench(peer.NAME, Reach(4.0), peer.run),
    ]
)
