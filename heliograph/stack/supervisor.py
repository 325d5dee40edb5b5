"""Starts the parts of a stack in order, keeps them running, stops them in reverse order."""

import asyncio
from collections.abc import Callable, Sequence

from heliograph.errors import Conflict, NotFound
from heliograph.stack.caretaker import Caretaker, Surroundings
from heliograph.stack.parts import Node, Part, Step, levels


class Supervisor:
    """Parts and steps that do not wait for each other start side by side."""

    def __init__(self, nodes: Sequence[Node], surroundings: Surroundings) -> None:
        self._waves = levels(nodes)
        self._done = {node.name: asyncio.Event() for node in nodes if isinstance(node, Step)}
        self._caretakers = {node.name: Caretaker(node, surroundings) for node in nodes if isinstance(node, Part)}
        self._forced = asyncio.Event()
        self._surroundings = surroundings

    def when_changed(self, listener: Callable[[], None]) -> None:
        """`listener` is called whenever a process came or went."""
        self._surroundings.changed.append(listener)

    @property
    def pids(self) -> dict[str, int | None]:
        """The process of each part, None while it is down."""
        return {
            name: caretaker.process.spawned.pid if caretaker.process else None
            for name, caretaker in self._caretakers.items()
        }

    async def start(self) -> None:
        """Until every part is ready for the first time. The error of a step is raised; a part is tried for ever."""
        try:
            async with asyncio.TaskGroup() as group:
                for wave in self._waves:
                    for node in wave:
                        group.create_task(self._begin(node), name=f"start {node.name}")
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def stop(self) -> None:
        """Stops everything: first what waits for others, last what others wait for."""
        for wave in reversed(self._waves):
            parts = [self._caretakers[node.name] for node in wave if isinstance(node, Part)]
            await asyncio.gather(*(caretaker.stop(self._forced) for caretaker in parts))

    def force(self) -> None:
        """Ends the patience of a `stop` under way."""
        self._forced.set()

    async def start_part(self, name: str) -> None:
        """Starts one part that was stopped, and waits until it is ready."""
        caretaker = self._caretaker(name)
        caretaker.start()
        await caretaker.ready.wait()

    async def stop_part(self, name: str) -> None:
        """Stops one part; it stays down until `start_part`."""
        await self._caretaker(name).stop(self._forced)

    async def wait_ready(self, name: str) -> None:
        """Until the part is ready, for instance after a crash."""
        await self._caretaker(name).ready.wait()

    async def _begin(self, node: Node) -> None:
        for name in node.after:
            await self._event(name).wait()
        if isinstance(node, Step):
            await node.run()
            self._done[node.name].set()
        else:
            await self.start_part(node.name)

    def _event(self, name: str) -> asyncio.Event:
        return self._done[name] if name in self._done else self._caretakers[name].ready

    def _caretaker(self, name: str) -> Caretaker:
        if name in self._done:
            raise Conflict(f"{name} is a step, not a part")
        if name not in self._caretakers:
            raise NotFound(f"no part {name!r}; there are {', '.join(self._caretakers)}")
        return self._caretakers[name]
