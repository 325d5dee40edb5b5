import hashlib
import hmac
from datetime import timedelta

import pytest

from heliograph.domain.ledger import MessageState
from heliograph.domain.webhooks import moved_a_step, pause_of_delivery, pause_of_endpoint, shown, signature

S = MessageState


def test_what_a_worker_holds_counts_as_queued() -> None:
    assert shown({S.QUEUED: 5, S.CLAIMED: 2, S.SENT: 1, S.FAILED: 0}) == {"queued": 7, "sent": 1}
    assert shown({S.CLAIMED: 2}) == {"queued": 2}


@pytest.mark.parametrize(
    ("told", "counts", "moved"),
    [
        (None, {"queued": 10}, False),
        (None, {"queued": 9, "accepted": 1}, False),
        (None, {"queued": 8, "accepted": 2}, True),
        (None, {"duplicate": 2, "queued": 8}, True),
        ({"queued": 8, "accepted": 2}, {"queued": 7, "accepted": 3}, False),
        ({"queued": 8, "accepted": 2}, {"queued": 7, "accepted": 2, "delivered": 1}, False),
        ({"accepted": 10}, {"accepted": 8, "delivered": 1, "failed": 1}, True),
        ({"accepted": 10}, {"accepted": 10}, False),
    ],
)
def test_a_step_is_a_fifth_of_the_recipients_in_any_one_status(
    told: dict[str, int] | None, counts: dict[str, int], moved: bool
) -> None:
    assert moved_a_step(told, counts, 10) is moved


def test_a_campaign_without_recipients_never_moves() -> None:
    assert not moved_a_step(None, {}, 0)


def test_there_is_one_signature_for_each_secret_in_force() -> None:
    body = b'{"a":1}'
    new, old = (hmac.new(key, b"1700000000." + body, hashlib.sha256).hexdigest() for key in (b"new", b"old"))
    assert signature(["new"], 1_700_000_000, body) == f"t=1700000000,v1={new}"
    assert signature(["new", "old"], 1_700_000_000, body) == f"t=1700000000,v1={new},v1={old}"


def test_pauses_double_up_to_the_longest() -> None:
    longest = timedelta(minutes=5)
    assert [pause_of_endpoint(failures, longest).total_seconds() for failures in (1, 2, 3, 9, 10, 4_000)] == [
        *(1, 2, 4, 256, 300, 300)
    ]
    assert [pause_of_delivery(tries).total_seconds() for tries in (1, 2, 9, 4_000)] == [15, 30, 3_600, 3_600]
