"""The provider's names of parts, and messages found by what a receipt says of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from heliograph.db.engine import Connection, Pool
from heliograph.db.outcomes import AttemptOutcome


@dataclass(frozen=True, slots=True)
class Named:
    """What a receipt names: an attempt of ours, or one part of it."""

    message_id: UUID
    attempt: int
    part: int  # 0: the whole message


@dataclass(frozen=True, slots=True)
class Question:
    """What a receipt says of its message."""

    provider_message_id: str
    other_ids: Sequence[str]  # other spellings, none of which has a comma
    address: str | None  # E.164; without it the other spellings count for nothing


# `ANY` besides the join: without statistics the names are probed by it, instead of everything that is parked.
_NAME = """
WITH named AS (
    SELECT * FROM unnest($3::uuid[], $4::smallint[], $5::smallint[], $6::text[], $7::text[])
        AS named (message_id, attempt, part, part_id, whole)
), written AS (
    INSERT INTO part_name (workspace_id, message_id, attempt, part, connector_id, provider_message_id)
    SELECT $1, message_id, attempt, part, $2, part_id FROM named
    ON CONFLICT DO NOTHING
)
UPDATE receipt SET part = named.part, provider_message_id = named.whole
FROM named
WHERE receipt.connector_id = $2 AND receipt.provider_message_id = ANY ($6) AND receipt.message_id IS NULL
  AND receipt.provider_message_id = named.part_id
"""


async def name_parts(
    connection: Connection, workspace_id: UUID, connector_id: UUID, outcomes: Sequence[AttemptOutcome]
) -> None:
    """Keeps the names of the parts of accepted attempts, in the caller's transaction.

    Receipts of these parts that came before are told apart by it; `receipts.join_parked` then finds them under the
    name of the whole.
    """
    rows = [
        (item.message_id, item.attempt, number, part_id, item.provider_message_id)
        for item in outcomes
        for number, part_id in enumerate(item.part_ids, start=1)
    ]
    if rows:
        await connection.execute(_NAME, workspace_id, connector_id, *zip(*rows, strict=True))


# A few index probes a question: part names first, since they are the more exact, then the ledger's own ids, and the
# other spellings last and for the right recipient only: the same digits name another message in another base.
_FIND = """
SELECT found.message_id, found.attempt, found.part
FROM unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS asked (id, others, address, place)
LEFT JOIN LATERAL (
    SELECT part_name.message_id, part_name.attempt, part_name.part FROM part_name
    WHERE part_name.provider_message_id = asked.id AND part_name.connector_id = $1
    UNION ALL
    SELECT message.id, message.attempt, 0 FROM message
    WHERE message.provider_message_id = asked.id AND message.connector_id = $1
    UNION ALL
    SELECT attempt.message_id, attempt.attempt, 0 FROM attempt
    WHERE attempt.provider_message_id = asked.id AND attempt.connector_id = $1
    UNION ALL
    SELECT part_name.message_id, part_name.attempt, part_name.part FROM part_name
    JOIN message ON message.workspace_id = part_name.workspace_id AND message.id = part_name.message_id
    WHERE part_name.provider_message_id = ANY (string_to_array(asked.others, ',')) AND part_name.connector_id = $1
      AND message.address = asked.address
    UNION ALL
    SELECT message.id, message.attempt, 0 FROM message
    WHERE message.provider_message_id = ANY (string_to_array(asked.others, ',')) AND message.connector_id = $1
      AND message.address = asked.address
    LIMIT 1
) AS found ON true
ORDER BY asked.place
"""


async def find_named(pool: Pool, connector_id: UUID, questions: Sequence[Question]) -> list[Named | None]:
    """What each receipt is about, in their order; None where no message of the connector has such a name yet."""
    rows = await pool.fetch(
        _FIND,
        connector_id,
        [each.provider_message_id for each in questions],
        [",".join(each.other_ids) if each.address else "" for each in questions],
        [each.address for each in questions],
    )
    return [None if row["message_id"] is None else Named(**row) for row in rows]
