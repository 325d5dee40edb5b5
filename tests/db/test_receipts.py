"""Receipts in SQL: stored once, matched, folded; the order in which they come cannot matter."""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.ledger_seed import SeededRun, provider_id, seed_run
from heliograph.db import receipts, runs
from heliograph.db.counters import read_figures
from heliograph.db.engine import Database
from heliograph.db.outcomes import AttemptOutcome, record
from heliograph.db.receipts import IncomingReport, StoredReceipts
from heliograph.domain.ledger import FINAL, RECEIPT_RANK, MessageState, fold_receipt
from tests.past import seed_messages

S = MessageState
LIFE = (S.ACCEPTED, S.SENT, S.DELIVERED)


@pytest_asyncio.fixture
async def run(database: Database) -> SeededRun:
    """An active run without messages."""
    return await seed_run(database)


def report(
    run: SeededRun,
    message_id: UUID | None,
    state: MessageState,
    *,
    attempt: int = 1,
    provider_message_id: str | None = None,
    part: int = 0,
    code: str = "",
) -> IncomingReport:
    """A report as the provider's adapter makes it; with `message_id` our reference is named."""
    provider_id_ = provider_message_id or f"SM{uuid4().hex}"
    return IncomingReport(
        connector_id=run.connector_id,
        workspace_id=run.workspace_id,
        key=f"{message_id}.{attempt}" if message_id else provider_id_,
        message_id=message_id,
        attempt=attempt if message_id else None,
        part=part,
        status=state.value,
        code=code,
        provider_message_id=provider_id_,
        state=state.value,
        error_class="delivery" if code else None,
        error_message="why" if code else None,
        occurred_at=None,
    )


async def store(database: Database, reports: Sequence[IncomingReport]) -> StoredReceipts:
    """One batch in one transaction."""
    async with database.transaction() as connection:
        return await receipts.store_and_fold(connection, reports)


@dataclass(frozen=True)
class Shown:
    """What the ledger shows of a message."""

    state: MessageState
    code: str
    provider_message_id: str | None
    final: bool


async def shown(database: Database, message_id: UUID) -> Shown:
    """The message as it stands."""
    row = await database.pool.fetchrow("SELECT * FROM message WHERE id = $1", message_id)
    return Shown(
        MessageState(row["state"]), row["error_code"] or "", row["provider_message_id"], row["final_at"] is not None
    )


async def assert_counters_agree(database: Database, run: SeededRun) -> None:
    """The counters are what a count of the ledger gives."""
    async with database.pool.acquire() as connection:
        books = await runs.read_books(connection, run.run_id)
        assert books.ledger == books.counters


async def test_a_receipt_that_names_our_reference_moves_its_message(database: Database, run: SeededRun) -> None:
    [message] = await seed_messages(database.pool, run, 1)
    assert await store(database, [report(run, message, S.DELIVERED)]) == StoredReceipts(stored=1, moved=1)
    assert await shown(database, message) == Shown(S.DELIVERED, "", provider_id(1), final=True)
    await assert_counters_agree(database, run)


async def test_a_receipt_that_names_only_the_providers_id_finds_its_message(database: Database, run: SeededRun) -> None:
    [message] = await seed_messages(database.pool, run, 1)
    await store(database, [report(run, None, S.SENT, provider_message_id=provider_id(1))])
    assert (await shown(database, message)).state is S.SENT


async def test_a_receipt_repeated_a_thousand_times_is_one_row(database: Database, run: SeededRun) -> None:
    [message] = await seed_messages(database.pool, run, 1)
    same = report(run, message, S.DELIVERED, provider_message_id=provider_id(1))
    await asyncio.gather(*(store(database, [same] * 250) for _ in range(4)))
    assert await database.pool.fetchval("SELECT count(*) FROM receipt") == 1
    await assert_counters_agree(database, run)


async def test_a_message_twice_in_a_batch_shows_the_highest_word(database: Database, run: SeededRun) -> None:
    [message] = await seed_messages(database.pool, run, 1, S.CLAIMED)
    result = await store(database, [report(run, message, state) for state in (S.DELIVERED, S.ACCEPTED, S.SENT)])
    assert (result.stored, result.moved, result.conflicts) == (3, 1, 0)
    assert (await shown(database, message)).state is S.DELIVERED
    await assert_counters_agree(database, run)


async def test_a_failure_is_counted_under_the_providers_code(database: Database, run: SeededRun) -> None:
    [message] = await seed_messages(database.pool, run, 1)
    await store(database, [report(run, message, S.UNDELIVERED, code="30003")])
    async with database.pool.acquire() as connection:
        figures = await read_figures(connection, run.run_id)
    assert [(figure.state, figure.code, figure.count, figure.parts) for figure in figures] == [
        (S.UNDELIVERED, "30003", 1, 1)
    ]


@pytest.mark.parametrize("current", list(MessageState))
async def test_sql_and_the_domain_fold_alike(database: Database, run: SeededRun, current: MessageState) -> None:
    reported = list(RECEIPT_RANK)
    ids = await seed_messages(database.pool, run, len(reported), current)
    await store(database, [report(run, id, state) for id, state in zip(ids, reported, strict=True)])
    for id, state in zip(ids, reported, strict=True):
        expected = fold_receipt(current, state)
        seen = await shown(database, id)
        assert seen.state is expected
        if expected is not current:
            assert seen.final is (expected in FINAL)
    await assert_counters_agree(database, run)


async def test_a_final_word_that_differs_from_the_standing_one_is_a_conflict(
    database: Database, run: SeededRun
) -> None:
    first, second, third = await seed_messages(database.pool, run, 3)
    await store(database, [report(run, first, S.UNDELIVERED, code="30003"), report(run, second, S.DELIVERED)])
    later = [report(run, first, S.DELIVERED), report(run, second, S.FAILED, code="30008")]
    at_once = [report(run, third, S.DELIVERED), report(run, third, S.FAILED, code="30008")]
    assert (await store(database, later + at_once)).conflicts == 3
    rows = await database.pool.fetch("SELECT message_id, state::text FROM receipt WHERE conflict")
    assert {(row["message_id"], row["state"]) for row in rows} == {
        (first, "delivered"),
        (second, "failed"),
        (third, "failed"),
    }
    assert {(await shown(database, id)).state for id in (first, second, third)} == {S.DELIVERED}


@pytest.mark.parametrize("never_taken", [S.REJECTED, S.CANCELLED])
async def test_a_receipt_for_what_was_never_taken_is_a_conflict_and_moves_nothing(
    database: Database, run: SeededRun, never_taken: MessageState
) -> None:
    [message] = await seed_messages(database.pool, run, 1, never_taken)
    assert (await store(database, [report(run, message, S.ACCEPTED)])).conflicts == 1
    assert (await shown(database, message)).state is never_taken


async def test_a_late_receipt_of_the_first_try_does_not_condemn_the_second(database: Database, run: SeededRun) -> None:
    [message] = await seed_messages(database.pool, run, 1, S.ACCEPTED, attempt=2)
    await _add_earlier_attempt(database, message)
    await store(database, [report(run, message, S.FAILED, attempt=1, code="30008")])
    assert (await shown(database, message)).state is S.ACCEPTED
    assert await _earlier_outcome(database, message) == (S.FAILED, "30008", False)


async def test_an_earlier_try_that_was_delivered_after_all_is_told_as_a_conflict(
    database: Database, run: SeededRun
) -> None:
    [message] = await seed_messages(database.pool, run, 1, S.ACCEPTED, attempt=2)
    await _add_earlier_attempt(database, message)
    for state in (S.DELIVERED, S.SENT):
        await store(database, [report(run, message, state, attempt=1)])
    assert (await shown(database, message)).state is S.ACCEPTED
    assert await _earlier_outcome(database, message) == (S.DELIVERED, "", True)


async def test_a_message_that_waits_for_a_further_try_is_not_tried_when_its_receipt_comes(
    database: Database, run: SeededRun
) -> None:
    [message] = await seed_messages(database.pool, run, 1, S.QUEUED, error_code="lease_expired")
    await store(database, [report(run, message, S.DELIVERED)])
    assert (await shown(database, message)).state is S.DELIVERED
    await assert_counters_agree(database, run)


async def test_a_message_of_parts_is_delivered_when_each_part_is(database: Database, run: SeededRun) -> None:
    [message] = await seed_messages(database.pool, run, 1, parts=3)
    for part, expected in ((2, S.SENT), (1, S.SENT), (3, S.DELIVERED)):
        await store(database, [report(run, message, S.DELIVERED, part=part)])
        assert (await shown(database, message)).state is expected
    await assert_counters_agree(database, run)


async def test_a_message_of_parts_has_failed_when_one_part_has(database: Database, run: SeededRun) -> None:
    [message] = await seed_messages(database.pool, run, 1, parts=2)
    parts = [report(run, message, S.DELIVERED, part=1), report(run, message, S.FAILED, part=2, code="30008")]
    await store(database, parts)
    assert (await shown(database, message)).state is S.FAILED


async def test_parts_that_come_at_the_same_moment_still_complete_their_message(
    database: Database, run: SeededRun
) -> None:
    ids = await seed_messages(database.pool, run, 40, parts=2)
    batches = ([report(run, id, S.DELIVERED, part=part) for id in ids] for part in (1, 2))
    await asyncio.gather(*(store(database, batch) for batch in batches))
    assert await database.pool.fetchval("SELECT count(*) FROM message WHERE state = 'delivered'") == 40
    await assert_counters_agree(database, run)


async def test_a_receipt_of_an_unknown_message_is_parked(database: Database, run: SeededRun) -> None:
    [message] = await seed_messages(database.pool, run, 1)
    strangers = [
        report(run, uuid4(), S.DELIVERED),
        report(run, message, S.DELIVERED, attempt=2),  # a try that was never made
        report(run, None, S.DELIVERED),
    ]
    assert await store(database, strangers) == StoredReceipts(stored=3, parked=3)
    assert (await shown(database, message)).state is S.ACCEPTED


async def test_a_receipt_cannot_reach_into_another_workspace(database: Database, run: SeededRun) -> None:
    [message] = await seed_messages(database.pool, run, 1)
    other = await seed_run(database)
    reports = [
        report(other, message, S.FAILED),
        report(other, None, S.FAILED, provider_message_id=provider_id(1)),
    ]
    assert (await store(database, reports)).parked == 2
    assert (await shown(database, message)).state is S.ACCEPTED


async def test_an_early_receipt_is_joined_by_the_commit_that_records_the_providers_id(
    database: Database, run: SeededRun
) -> None:
    [message] = await seed_messages(database.pool, run, 1, S.CLAIMED)
    early = [report(run, None, state, provider_message_id=provider_id(1)) for state in LIFE]
    assert (await store(database, early)).parked == 3
    async with database.transaction() as connection:
        outcome = AttemptOutcome(message, 1, S.ACCEPTED, datetime.now(UTC), provider_message_id=provider_id(1))
        await record(connection, workspace_id=run.workspace_id, run_id=run.run_id, outcomes=[outcome])
        assert (await receipts.join_parked(connection, run.connector_id, [provider_id(1)])).stored == 3
    assert (await shown(database, message)).state is S.DELIVERED
    await assert_counters_agree(database, run)


async def test_a_receipt_without_the_providers_id_leaves_room_for_it(database: Database, run: SeededRun) -> None:
    [message] = await seed_messages(database.pool, run, 1, S.CLAIMED)
    await store(database, [report(run, message, S.SENT)._replace(provider_message_id="")])
    assert (await shown(database, message)).provider_message_id is None
    async with database.transaction() as connection:
        outcome = AttemptOutcome(message, 1, S.ACCEPTED, datetime.now(UTC), provider_message_id=provider_id(1))
        await record(connection, workspace_id=run.workspace_id, run_id=run.run_id, outcomes=[outcome])
    assert await shown(database, message) == Shown(S.SENT, "", provider_id(1), final=False)


async def test_the_sweep_joins_parked_receipts_once(database: Database, run: SeededRun) -> None:
    early = [report(run, None, S.SENT, provider_message_id=provider_id(number)) for number in (1, 2, 3)]
    await store(database, early)
    ids = await seed_messages(database.pool, run, 2)
    for expected in (2, 0):
        async with database.transaction() as connection:
            assert (await receipts.sweep_parked(connection, 10)).stored == expected
    assert {(await shown(database, id)).state for id in ids} == {S.SENT}
    await assert_counters_agree(database, run)


async def test_batches_on_the_same_messages_in_opposite_order_do_not_deadlock(
    database: Database, run: SeededRun
) -> None:
    ids = await seed_messages(database.pool, run, 200)
    batches = [[report(run, id, state) for id in ids] for state in LIFE for _ in range(2)]
    for batch in batches[::2]:
        batch.reverse()
    await asyncio.gather(*(store(database, batch) for batch in batches))
    assert await database.pool.fetchval("SELECT count(*) FROM message WHERE state = 'delivered'") == 200
    await assert_counters_agree(database, run)


class _RolledBack(Exception):
    """Ends an example without a trace."""


async def test_any_receipts_in_any_order_and_grouping_fold_to_the_same_ledger(database: Database) -> None:
    run = await seed_run(database)
    words = st.tuples(st.sampled_from(sorted(RECEIPT_RANK)), st.sampled_from(["", "30003", "30008"]))
    example = st.tuples(
        st.sampled_from([S.CLAIMED, S.IN_DOUBT, S.ACCEPTED, S.UNKNOWN]),
        st.lists(words, min_size=1, max_size=6, unique=True),
        st.randoms(use_true_random=False),
        st.integers(1, 6),
    )

    async def check(
        current: MessageState, heard: list[tuple[MessageState, str]], order: random.Random, size: int
    ) -> None:
        greatest = max(heard, key=lambda word: (RECEIPT_RANK[word[0]], word[1]))
        expected = fold_receipt(current, greatest[0])
        with contextlib.suppress(_RolledBack):
            async with database.transaction() as connection:
                [message] = await seed_messages(connection, run, 1, current)
                order.shuffle(heard)
                for start in range(0, len(heard), size):
                    batch = [report(run, message, state, code=code) for state, code in heard[start : start + size]]
                    await receipts.store_and_fold(connection, batch)
                row = await connection.fetchrow("SELECT state::text, error_code FROM message WHERE id = $1", message)
                if expected is greatest[0] and current is not expected:
                    assert (row["state"], row["error_code"] or "") == (expected.value, greatest[1])
                assert row["state"] == expected
                books = await runs.read_books(connection, run.run_id)
                assert books.ledger == books.counters
                raise _RolledBack

    loop = asyncio.get_running_loop()

    @settings(max_examples=60, deadline=None, database=None)
    @given(example)
    def examples(drawn: tuple[MessageState, list[tuple[MessageState, str]], random.Random, int]) -> None:
        asyncio.run_coroutine_threadsafe(check(*drawn), loop).result(30)

    await asyncio.to_thread(examples)


async def test_receipts_in_any_order_give_the_ledger_of_those_in_order(database: Database) -> None:
    in_order, shuffled = await seed_run(database), await seed_run(database)
    first = await _send_and_hear(database, in_order, order=None)
    second = await _send_and_hear(database, shuffled, order=random.Random(2))
    assert first == second
    for run in (in_order, shuffled):
        await assert_counters_agree(database, run)


_COUNT = 2_000


async def _send_and_hear(database: Database, run: SeededRun, order: random.Random | None) -> list[tuple[int, str, str]]:
    """Sends 2,000 messages whose receipts come three times each; with `order` mixed up and partly before the answer."""
    ids = await seed_messages(database.pool, run, _COUNT, S.CLAIMED)
    reports = []
    for number, id in enumerate(ids, 1):
        last = report(run, id, S.UNDELIVERED, code="30003") if number % 10 == 0 else report(run, id, S.DELIVERED)
        life = [report(run, id, S.ACCEPTED), report(run, id, S.SENT), last]
        if number % 5 == 0:  # this provider does not name our reference
            life = [item._replace(message_id=None, attempt=None, key=provider_id(number)) for item in life]
        reports += [item._replace(provider_message_id=provider_id(number)) for item in life]
    answer = _answers(database, run, ids)
    if order is None:
        await answer
        for start in range(0, len(reports), 300):
            await store(database, reports[start : start + 300])
    else:
        thrice = reports * 3
        order.shuffle(thrice)
        limit = asyncio.Semaphore(4)

        async def batch(start: int) -> None:
            async with limit:
                await store(database, thrice[start : start + 150])

        await asyncio.gather(answer, *(batch(start) for start in range(0, len(thrice), 150)))
        async with database.transaction() as connection:
            await receipts.sweep_parked(connection, _COUNT * 3)
    rows = await database.pool.fetch(
        "SELECT number, state::text, coalesce(error_code, '') AS code, provider_message_id FROM message"
        " WHERE run_id = $1 ORDER BY number",
        run.run_id,
    )
    assert await database.pool.fetchval("SELECT count(*) FROM receipt WHERE connector_id = $1", run.connector_id) == (
        3 * _COUNT
    )
    return [tuple(row) for row in rows]


async def _answers(database: Database, run: SeededRun, ids: Sequence[UUID]) -> None:
    """The provider's answers to the sends, recorded as a worker does."""
    answered_at = datetime.now(UTC) + timedelta(seconds=1)
    for start in range(0, len(ids), 50):
        outcomes = [
            AttemptOutcome(id, 1, S.ACCEPTED, answered_at, provider_message_id=provider_id(number), parts=1)
            for number, id in enumerate(ids[start : start + 50], start + 1)
        ]
        async with database.transaction() as connection:
            await record(connection, workspace_id=run.workspace_id, run_id=run.run_id, outcomes=outcomes)
            names = [item.provider_message_id or "" for item in outcomes]
            await receipts.join_parked(connection, run.connector_id, names)


async def _add_earlier_attempt(database: Database, message_id: UUID) -> None:
    await database.pool.execute(
        """
        INSERT INTO attempt (workspace_id, message_id, attempt, connector_id, outcome, error_class, error_code)
        SELECT workspace_id, id, 1, connector_id, 'queued', 'unknown_outcome', 'lease_expired'
        FROM message WHERE id = $1
        """,
        message_id,
    )


async def _earlier_outcome(database: Database, message_id: UUID) -> tuple[MessageState, str, bool]:
    row = await database.pool.fetchrow(
        """
        SELECT outcome::text, coalesce(attempt.error_code, '') AS code,
            (SELECT bool_or(conflict) FROM receipt WHERE receipt.message_id = attempt.message_id) AS conflict
        FROM attempt WHERE message_id = $1
        """,
        message_id,
    )
    return MessageState(row["outcome"]), row["code"], row["conflict"]
