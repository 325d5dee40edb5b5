"""Parts of messages from people, kept until all are there: they may come in any order, and to different processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from heliograph.db.engine import Connection, Database

KEPT: Final = timedelta(hours=1)
"""How long an incomplete message is kept: a reference of 8 bits comes again soon."""
MOST_KEPT: Final = 5_000
"""Parts of one connector, 1.3 MB at most; beyond that the oldest go."""


@dataclass(frozen=True, slots=True)
class PartKey:
    """What the parts of one message have in common."""

    address: str
    sent_to: str
    reference: int
    total: int


@dataclass(frozen=True, slots=True)
class WholeMessage:
    """All parts."""

    octets: bytes  # joined in their order
    begun_at: datetime  # when the first of them came


async def add_part(
    database: Database, workspace_id: UUID, connector_id: UUID, key: PartKey, number: int, octets: bytes
) -> WholeMessage | None:
    """Keeps a part; the message once all are there, None before. They stay until `forget_parts`.

    A part that comes twice changes nothing. One that comes again with other octets begins a new message: the old one
    was never finished, and its reference is used anew.
    """
    async with database.transaction() as connection:
        # Two parts that come at once must see each other, or neither would be the last.
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
            f"{connector_id}:{key.address}:{key.sent_to}:{key.reference}:{key.total}",
        )
        await _make_room(connection, connector_id)
        kept = await _read(connection, connector_id, key)
        if number in kept and kept[number][0] != octets:
            await _delete(connection, connector_id, key)
            kept = {}
        if number not in kept:
            await _insert(connection, workspace_id, connector_id, key, number, octets)
            kept = await _read(connection, connector_id, key)
    if len(kept) < key.total:
        return None
    return WholeMessage(b"".join(kept[place][0] for place in sorted(kept)), min(at for _, at in kept.values()))


async def forget_parts(database: Database, connector_id: UUID, keys: Sequence[PartKey]) -> None:
    """Deletes the parts of messages that are stored whole."""
    async with database.transaction() as connection:
        for key in keys:
            await _delete(connection, connector_id, key)


async def _make_room(connection: Connection, connector_id: UUID) -> None:
    await connection.execute(
        """
        DELETE FROM inbound_part WHERE connector_id = $1 AND received_at < greatest(
            now() - $2::interval,
            (SELECT received_at FROM inbound_part WHERE connector_id = $1 ORDER BY received_at DESC OFFSET $3 LIMIT 1)
        )
        """,
        connector_id,
        KEPT,
        MOST_KEPT - 1,
    )


_OF_KEY = "connector_id = $1 AND address = $2 AND sent_to = $3 AND reference = $4 AND total = $5"


async def _read(connection: Connection, connector_id: UUID, key: PartKey) -> dict[int, tuple[bytes, datetime]]:
    rows = await connection.fetch(
        f"SELECT number, octets, received_at FROM inbound_part WHERE {_OF_KEY}", connector_id, *_columns(key)
    )
    return {row["number"]: (row["octets"], row["received_at"]) for row in rows}


async def _insert(
    connection: Connection, workspace_id: UUID, connector_id: UUID, key: PartKey, number: int, octets: bytes
) -> None:
    await connection.execute(
        """
        INSERT INTO inbound_part (
            connector_id, address, sent_to, reference, total, number, workspace_id, octets, received_at
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp())
        """,
        connector_id,
        *_columns(key),
        number,
        workspace_id,
        octets,
    )


async def _delete(connection: Connection, connector_id: UUID, key: PartKey) -> None:
    await connection.execute(f"DELETE FROM inbound_part WHERE {_OF_KEY}", connector_id, *_columns(key))


def _columns(key: PartKey) -> tuple[str, str, int, int]:
    return key.address, key.sent_to, key.reference, key.total
