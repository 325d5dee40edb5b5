"""The table of states: whole, consistent with its ranks, and the one that the documentation shows."""

import re
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.ledger import (
    AWAITING_RECEIPT,
    EDGES,
    EXCLUDED,
    FINAL,
    OPEN,
    RECEIPT_RANK,
    RECEIPT_STATES,
    TAKEN,
    MessageState,
    fold_receipt,
)
from tests.ledger_guard import successors

S = MessageState
PAGE = Path(__file__).parents[2] / "docs" / "ledger.md"

states = st.sampled_from(S)
reported = st.sampled_from(sorted(RECEIPT_STATES))


def reachable(state: MessageState | None) -> set[MessageState]:
    """Every state that some walk leads to."""
    found: set[MessageState] = set()
    waiting = list(EDGES[state])
    while waiting:
        if (other := waiting.pop()) not in found:
            found.add(other)
            waiting += EDGES[other]
    return found


def test_every_state_can_be_reached_and_none_is_left_out_of_the_table() -> None:
    assert reachable(None) == set(S)
    assert set(EDGES) == {None, *S}


def test_no_edge_leads_to_where_it_begins() -> None:
    assert [state for state in S if state in EDGES[state]] == []


def test_from_every_open_state_a_final_one_can_be_reached() -> None:
    assert [state for state in OPEN if not reachable(state) & FINAL] == []


def test_what_is_final_is_never_tried_again() -> None:
    """A late receipt may correct it; nothing may send it."""
    for state in FINAL:
        assert not reachable(state) & {S.QUEUED, S.CLAIMED, S.IN_DOUBT, S.REJECTED}, state


def test_nothing_leaves_an_exclusion_or_a_rejection() -> None:
    assert {state for state in S if not EDGES[state]} == EXCLUDED | {S.REJECTED, S.DELIVERED}


def test_what_a_provider_took_never_turns_into_something_it_did_not() -> None:
    for state in TAKEN:
        assert reachable(state) <= TAKEN, state


@pytest.mark.parametrize("lower", RECEIPT_RANK)
def test_a_receipt_state_leads_to_the_higher_ranks_alone(lower: MessageState) -> None:
    higher = {state for state, rank in RECEIPT_RANK.items() if rank > RECEIPT_RANK[lower]}
    assert EDGES[lower] & RECEIPT_STATES == higher


def test_what_awaits_a_receipt_is_what_the_window_can_close() -> None:
    assert {state for state in S if S.UNCONFIRMED in EDGES[state]} == AWAITING_RECEIPT
    assert {state for state in S if S.UNKNOWN in EDGES[state]} == {S.IN_DOUBT}


@given(states, reported)
def test_a_receipt_takes_only_edges_of_the_table(current: MessageState, report: MessageState) -> None:
    """Or two of them in one step, by way of `accepted`."""
    assert fold_receipt(current, report) in successors(current) | {current}


@given(states, st.lists(reported), st.randoms())
def test_the_order_and_number_of_receipts_cannot_matter(
    current: MessageState, reports: list[MessageState], random: Random
) -> None:
    """In doubt and the like are left with the first receipt: from there on the greatest word wins."""

    def folded(words: list[MessageState]) -> MessageState:
        shown = current
        for word in words:
            shown = fold_receipt(shown, word)
        return shown

    others = [*reports, *reports[::2]]
    random.shuffle(others)
    assert folded(reports) == folded(others)


@given(states, reported)
def test_a_receipt_never_takes_a_message_back(current: MessageState, report: MessageState) -> None:
    shown = fold_receipt(current, report)
    assert shown not in OPEN - AWAITING_RECEIPT or shown is current
    if current in RECEIPT_RANK:
        assert RECEIPT_RANK[shown] >= RECEIPT_RANK[current]
    if current in EXCLUDED | {S.REJECTED}:
        assert shown is current


# -- the documentation


def _named(cell: str) -> list[MessageState]:
    return [MessageState(name) for name in re.findall(r"`(\w+)`", cell)]


def _sources(cell: str) -> list[MessageState | None]:
    return [*([None] if "–" in cell else []), *_named(cell)]


def _edges(source: str, target: str) -> set[tuple[MessageState | None, MessageState]]:
    """The edges of one row. `a` → `b` · `c` → `d` is an order; "and on" and "any receipt state" name the receipts'."""
    steps = [_named(step) for step in target.split("→")]
    edges = {(begin, end) for begin in _sources(source) for step in steps for end in step}
    edges |= {
        (begin, end)
        for index, step in enumerate(steps)
        for begin in step
        for later in steps[index + 1 :]
        for end in later
    }
    if "any receipt state" in target:
        edges |= {(begin, end) for begin in _sources(source) for end in RECEIPT_STATES}
    return edges


def documented_edges() -> set[tuple[MessageState | None, MessageState]]:
    """What the table of the page allows."""
    section = PAGE.read_text().split("## States")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")][2:]
    return {edge for row in rows for edge in _edges(row[0], row[1])}


def test_the_page_about_the_ledger_shows_the_edges_that_are() -> None:
    assert documented_edges() == {(begin, end) for begin, ends in EDGES.items() for end in ends}
