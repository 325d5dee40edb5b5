"""How many messages a process may hold claimed and unrecorded: what its crash can put in doubt."""

import asyncio


class ClaimBudget:
    """Shared by all batches of a process."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._step = max(1, size // 4)
        self._changed = asyncio.Condition()

    async def take(self) -> int:
        """Waits until a worthwhile part is free and takes it whole, so that claims stay large."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._free >= self._step)
            taken = min(self._free, 2 * self._step)
            self._free -= taken
            return taken

    async def take_exactly(self, count: int) -> None:
        """Waits until `count` are free; it must not be more than there are at all."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._free >= count)
            self._free -= count

    async def give_back(self, count: int) -> None:
        """Frees what was recorded or not claimed after all."""
        if count:
            async with self._changed:
                self._free += count
                self._changed.notify_all()
