"""Counters per run: deltas written in the commits that moved the messages, summed when read."""

import os
from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from heliograph.db.engine import Connection
from heliograph.domain.ledger import MessageState

SHARDS = 16
SHARD = os.getpid() % SHARDS
"""This process's shard, so that commits of different processes rarely wait for one row."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a run's table of figures."""

    workspace_id: UUID
    run_id: UUID
    state: MessageState
    code: str = ""  # exclusion reason or provider's error code


class Deltas:
    """Sums changes before they are written; a move is minus one there and plus one here."""

    def __init__(self) -> None:
        self._cells: defaultdict[Cell, list[int]] = defaultdict(lambda: [0, 0])

    def add(self, cell: Cell, count: int, parts: int = 0) -> None:
        """Adds `count` messages of `parts` parts in all."""
        sums = self._cells[cell]
        sums[0] += count
        sums[1] += parts

    async def write(self, connection: Connection) -> None:
        """Adds the sums in the caller's transaction. Do it last: the rows stay locked until the commit."""
        cells = [(cell, sums[0], sums[1]) for cell, sums in self._cells.items() if sums != [0, 0]]
        if not cells:
            return
        cells.sort(key=lambda item: (item[0].run_id, item[0].state.value, item[0].code))
        await connection.execute(
            """
            INSERT INTO run_counter AS counter (run_id, shard, state, code, workspace_id, count, parts)
            SELECT run_id, $1, state::message_state, code, workspace_id, count, parts
            FROM unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::bigint[], $7::bigint[])
              AS delta (run_id, state, code, workspace_id, count, parts)
            ON CONFLICT (run_id, shard, state, code)
            DO UPDATE SET count = counter.count + excluded.count, parts = counter.parts + excluded.parts
            """,
            SHARD,
            [cell.run_id for cell, _, _ in cells],
            [cell.state.value for cell, _, _ in cells],
            [cell.code for cell, _, _ in cells],
            [cell.workspace_id for cell, _, _ in cells],
            [count for _, count, _ in cells],
            [parts for _, _, parts in cells],
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """The sum of one cell."""

    state: MessageState
    code: str
    count: int
    parts: int


async def read_figures(connection: Connection, run_id: UUID) -> list[Figure]:
    """Every cell of a run that is not zero. Reads a few dozen rows, whatever the run's size."""
    rows = await connection.fetch(
        """
        SELECT state::text, code, sum(count)::bigint AS count, sum(parts)::bigint AS parts
        FROM run_counter WHERE run_id = $1 GROUP BY state, code HAVING sum(count) <> 0 ORDER BY state, code
        """,
        run_id,
    )
    return [Figure(MessageState(row["state"]), row["code"], row["count"], row["parts"]) for row in rows]
