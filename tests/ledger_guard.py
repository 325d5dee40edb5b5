"""Makes PostgreSQL refuse every edge that the table of states does not have.

Installed in the template of the tests' databases alone. So each test on a real database also proves that the statements
it runs take no forbidden edge, which no product code could be trusted to prove of itself.
"""

from collections.abc import Iterable

from heliograph.db.engine import Connection
from heliograph.domain.ledger import EDGES, RECEIPT_STATES, MessageState

WALKS_THROUGH_ACCEPTED = frozenset({MessageState.QUEUED, MessageState.CLAIMED, MessageState.IN_DOUBT})
"""A receipt proves the acceptance: one statement may go from here through `accepted` to what the receipt says.

From `queued` only when the message was tried before and waits for a further try.
"""


SEEDING = "heliograph.seeding"
"""A setting of a test's transaction in which messages may be inserted in the middle of their lives."""


def successors(state: MessageState) -> frozenset[MessageState]:
    """Where one statement may take a message from `state`."""
    return EDGES[state] | (RECEIPT_STATES if state in WALKS_THROUGH_ACCEPTED else frozenset())


def _array(states: Iterable[MessageState]) -> str:
    return "'{" + ",".join(sorted(states)) + "}'::message_state[]"


def _cases() -> str:
    return "\n".join(f"WHEN '{state}' THEN {_array(successors(state))}" for state in MessageState)


GUARD = f"""
CREATE FUNCTION refuse_edge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'no edge from % to % in the table of states (message %, attempt %)',
        CASE WHEN tg_op = 'UPDATE' THEN old.state::text ELSE 'nothing' END, new.state, new.id, new.attempt
        USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER refuse_edge_of_update BEFORE UPDATE OF state ON message FOR EACH ROW
WHEN (
    old.state IS DISTINCT FROM new.state
    AND (
        new.state <> ALL (CASE old.state {_cases()} END)
        OR old.state = 'queued' AND new.state = ANY ({_array(RECEIPT_STATES)}) AND old.attempt = 0
    )
) EXECUTE FUNCTION refuse_edge();

CREATE TRIGGER refuse_edge_of_insert BEFORE INSERT ON message FOR EACH ROW
WHEN (
    new.state <> ALL ({_array(EDGES[None])})
    AND current_setting('{SEEDING}', true) IS DISTINCT FROM 'on'
) EXECUTE FUNCTION refuse_edge();
"""
"""Only a forbidden change calls the function: a legal one costs the comparison in the condition."""


async def install_guard(connection: Connection) -> None:
    """From now on, a forbidden edge fails its statement with `CheckViolationError`."""
    await connection.execute(GUARD)


async def allow_seeding(connection: Connection) -> None:
    """Lets the present transaction insert messages in any state, as if they had a past. Updates stay guarded."""
    await connection.execute(f"SET LOCAL {SEEDING} = 'on'")
