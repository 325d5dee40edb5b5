"""How Python's garbage collector is set in our long-running processes."""

import gc
from typing import Final

_COLLECT_AFTER: Final = 20_000  # objects made and not yet freed; Python's own 700 walks the young ones at every request
_ROUNDS: Final = 20  # collections of one generation until the next older one is looked at too


def tune_collector() -> None:
    """Call it when everything is loaded: what is there by then is no garbage and is never looked at again.

    Requests and calls leave little behind that reference counting does not free; walking all modules and types again
    and again would cost a quarter of what a callback costs, and a tenth of a message.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, _ROUNDS, _ROUNDS)
