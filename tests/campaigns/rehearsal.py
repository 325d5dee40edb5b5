"""One campaign on the stage: launched and steered as users do it, compared with the provider's own log."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from heliograph.contracts import RunFigures
from heliograph.db.counters import Figure, read_figures
from heliograph.db.trouble import DATABASE_TROUBLE
from heliograph.domain.ledger import TAKEN, MessageState
from heliograph.domain.vocabulary import RunStatus
from heliograph.services import launching, runs
from heliograph.services.context import Actor, Services
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.messages import AcceptedMessage

MAY_BE_TAKEN = frozenset({MessageState.UNKNOWN})
"""Given up without knowing: the provider may or may not have them."""

_HANG_GUARD_SECONDS = 240.0
_Answer = TypeVar("_Answer")


async def patiently(read: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Reads from a PostgreSQL that may just be coming back."""
    deadline = time.monotonic() + _HANG_GUARD_SECONDS
    while True:
        try:
            return await read()
        except DATABASE_TROUBLE:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)


@dataclass(frozen=True)
class Proof:
    """What ledger and witness say of a closed run, after they were found to agree."""

    status: RunStatus
    states: dict[MessageState, int]
    reasons: dict[str, int]  # codes of rejections and exclusions
    log: list[AcceptedMessage]

    def only(self, **expected: int) -> None:
        """Asserts that the states are exactly these."""
        assert {state.value: number for state, number in self.states.items() if number} == expected


@dataclass(frozen=True)
class Rehearsal:
    """A campaign, who owns it, and the account it sends from."""

    services: Services
    simulator: SimulatorClient
    actor: Actor
    campaign_id: UUID
    sender_id: UUID
    account_sid: str
    recipients: int

    # -- what users do

    async def launch(self) -> None:
        """Launches the campaign."""
        await launching.launch_campaign(self.services, self.actor, self.campaign_id)

    async def pause(self) -> RunFigures:
        """Pauses; the answer."""
        return await runs.pause_campaign(self.services, self.actor, self.campaign_id)

    async def resume(self) -> RunFigures:
        """Resumes; the answer."""
        return await runs.resume_campaign(self.services, self.actor, self.campaign_id)

    async def stop(self) -> RunFigures:
        """Stops; the answer."""
        return await runs.stop_campaign(self.services, self.actor, self.campaign_id)

    async def change_speed(self, messages_per_second: float | None) -> None:
        """Changes the run's own limit."""
        await runs.change_speed(self.services, self.actor, self.campaign_id, messages_per_second)

    # -- what can be seen

    async def run(self) -> Any:
        """The run's row."""
        return await patiently(
            lambda: self.services.database.pool.fetchrow(
                "SELECT * FROM run WHERE campaign_id = $1 ORDER BY created_at DESC LIMIT 1", self.campaign_id
            )
        )

    async def status(self) -> RunStatus:
        """Where the run is."""
        return RunStatus((await self.run())["status"])

    async def states(self) -> dict[MessageState, int]:
        """Messages by state, from the counters."""
        run_id = (await self.run())["id"]

        async def read() -> list[Figure]:
            async with self.services.database.pool.acquire() as connection:
                return await read_figures(connection, run_id)

        return runs.by_state(await patiently(read))

    async def accepted(self) -> int:
        """How many messages the provider's log holds."""
        return await self.simulator.accepted_count(account=self.account_sid)

    async def log(self) -> list[AcceptedMessage]:
        """The provider's log, oldest first."""
        return [message async for message in self.simulator.accepted_messages(account=self.account_sid)]

    async def until_accepted(self, number: int) -> None:
        """Waits until the provider has taken so many."""
        deadline = time.monotonic() + _HANG_GUARD_SECONDS
        while (taken := await self.accepted()) < number:
            assert time.monotonic() < deadline, f"the provider has {taken} of {number} messages: {await self.states()}"
            await asyncio.sleep(0.02)

    async def until_status(self, *wanted: RunStatus) -> RunStatus:
        """Waits until the run is in one of these; which."""
        deadline = time.monotonic() + _HANG_GUARD_SECONDS
        while (status := await self.status()) not in wanted:
            assert time.monotonic() < deadline, f"the run is {status.value}: {await self.states()}"
            await asyncio.sleep(0.05)
        return status

    async def until_closed(self) -> RunStatus:
        """Waits until the run is closed."""
        return await self.until_status(RunStatus.COMPLETED, RunStatus.STOPPED, RunStatus.UNBALANCED)

    # -- what must be true

    async def proven(self) -> Proof:
        """Waits for the close, then holds the ledger against its own books and against the provider's log."""
        status = await self.until_closed()
        verification = await runs.verify_campaign(self.services, self.actor, self.campaign_id)
        assert verification.balanced, verification
        assert status is not RunStatus.UNBALANCED
        assert verification.books.source_rows == self.recipients
        log = await self.log()
        await self._agrees_with(log)
        states = runs.by_state(verification.books.ledger)
        reasons: Counter[str] = Counter()
        for figure in verification.books.ledger:
            reasons[figure.code] += figure.count
        return Proof(status, states, dict(reasons), log)

    async def _agrees_with(self, log: list[AcceptedMessage]) -> None:
        """No number twice; what the ledger calls taken is in the log under the same id, and the other way round."""
        times = Counter(message.to for message in log)
        assert [number for number, count in times.items() if count > 1] == []
        rows = await self.services.database.pool.fetch(
            "SELECT id, address, state::text, provider_message_id FROM message WHERE run_id = $1",
            (await self.run())["id"],
        )
        taken = {row["provider_message_id"]: row["address"] for row in rows if row["state"] in TAKEN}
        known = {message.sid: message.to for message in log}
        assert taken.items() <= known.items(), "the ledger counts as accepted what the provider never took"
        unsure = {row["address"] for row in rows if row["state"] in MAY_BE_TAKEN}
        assert set(known.values()) - set(taken.values()) <= unsure, "the provider took what the ledger denies"
