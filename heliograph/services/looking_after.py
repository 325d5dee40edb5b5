"""Direct messages after their sending: looked at when their time comes, until their final word or the window's end."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Final
from uuid import UUID

from heliograph.db import waiting
from heliograph.db.engine import Connection, Database
from heliograph.db.moves import Moves
from heliograph.db.waiting import Waiting
from heliograph.domain.polling import Look, Next, Schedule, ages
from heliograph.errors import InvalidInput
from heliograph.providers.registry import provider, providers
from heliograph.services.measuring import measure_moves
from heliograph.settings import Settings

_AT_A_TIME: Final = 500
"""Messages of a connector that are looked at in one round."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look came to."""

    ended: int = 0  # had their final word
    unconfirmed: Sequence[Moves] = ()  # their window was over
    to_ask: Sequence[Waiting] = field(default_factory=tuple)
    more: bool = False  # there may be more that is due


def schedule_of(settings: Settings, provider_key: str) -> Schedule:
    """When messages of a provider's connectors are looked at. A provider that is not installed is not asked."""
    try:
        capabilities = provider(provider_key).capabilities
        callbacks, polling = capabilities.callbacks, capabilities.polling
    except InvalidInput:
        callbacks, polling = True, False
    first = settings.first_poll_seconds if callbacks else settings.poll_seconds
    return Schedule(ages(first, settings.longest_poll_seconds, settings.receipt_window_seconds), can_ask=polling)


def askable() -> tuple[Sequence[str], Sequence[str]]:
    """The keys of providers that can be asked about a message; and of those, the ones that report nothing alone."""
    can_ask = [key for key, kind in providers().items() if kind.capabilities.polling]
    return can_ask, [key for key in can_ask if not providers()[key].capabilities.callbacks]


async def look_after(database: Database, settings: Settings) -> Looked:
    """Looks at what is due, of every connector, in one commit. What is to be asked about stays due, for its poll."""
    async with database.transaction() as connection:
        verdicts = await _verdicts(connection, settings, None)
        looked = await _settle(connection, verdicts)
    measure_moves(looked.unconfirmed)
    return looked


async def take_to_ask(database: Database, settings: Settings, connector_id: UUID) -> Looked:
    """The same for one connector. What is to be asked about is answered, and its next look set.

    After a crash before the answer it is asked about at its next age.
    """
    async with database.transaction() as connection:
        verdicts = await _verdicts(connection, settings, connector_id)
        looked = await _settle(connection, verdicts)
        asked = verdicts.get(Next.ASK, [])
        await _look_later(connection, asked, asked=True)
    measure_moves(looked.unconfirmed)
    more = sum(map(len, verdicts.values())) == _AT_A_TIME
    return Looked(looked.ended, looked.unconfirmed, [each for each, _ in asked], more)


_Verdicts = Mapping[Next, list[tuple[Waiting, Look]]]


async def _verdicts(connection: Connection, settings: Settings, connector_id: UUID | None) -> _Verdicts:
    schedule: Callable[[str], Schedule] = cache(lambda key: schedule_of(settings, key))
    verdicts: dict[Next, list[tuple[Waiting, Look]]] = {}
    for each in await waiting.due(connection, _AT_A_TIME, connector_id):
        kept = schedule(each.provider)
        can_ask = kept.can_ask and each.usable and each.provider_message_id is not None
        look = Schedule(kept.ages, can_ask).look(each.state, each.age)
        verdicts.setdefault(look.next, []).append((each, look))
    return verdicts


async def _settle(connection: Connection, verdicts: _Verdicts) -> Looked:
    """What needs no question."""
    over, ended = verdicts.get(Next.GIVE_UP, []), verdicts.get(Next.FORGET, [])
    unconfirmed = await waiting.give_up(connection, keys(each for each, _ in over)) if over else ()
    if over or ended:
        await waiting.forget(connection, keys(each for each, _ in (*over, *ended)))
    await _look_later(connection, verdicts.get(Next.WAIT, []), asked=False)
    return Looked(len(ended), unconfirmed)


async def _look_later(connection: Connection, looks: Sequence[tuple[Waiting, Look]], *, asked: bool) -> None:
    if looks:
        pauses: list[timedelta] = [look.again for _, look in looks]
        await waiting.look_later(connection, keys(each for each, _ in looks), pauses, asked=asked)


def keys(messages: Iterable[Waiting]) -> list[tuple[UUID, UUID]]:
    """Workspace and id of each."""
    return [(each.workspace_id, each.id) for each in messages]
