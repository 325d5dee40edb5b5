"""What a status callback says, and what is refused of it."""

from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlencode
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import ProviderRequest
from heliograph.providers.twilio.callbacks import read_status

SID = "SM0123456789abcdef0123456789abcdef"
URL = "https://heliograph.example/callbacks/t/status"


def callback(form: dict[str, str] | bytes, url: str = URL) -> ProviderRequest:
    """A callback with this form."""
    body = form if isinstance(form, bytes) else urlencode(form).encode()
    return ProviderRequest("POST", url, {"content-type": "application/x-www-form-urlencoded"}, body)


def test_a_report_names_our_message_and_its_attempt() -> None:
    reference = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
    report = read_status(callback({"MessageSid": SID, "MessageStatus": "sent"}, f"{URL}?r={reference}.2"))
    assert report.provider_message_id == SID
    assert report.state is MessageState.SENT
    assert report.reference == (reference, 2)


@pytest.mark.parametrize("query", ["", "?r=", "?r=nonsense.1", "?x=1", "?r=01890a5d-ac96-774b-bcce-b302099a8057"])
def test_without_our_reference_the_report_names_twilios_id_alone(query: str) -> None:
    report = read_status(callback({"MessageSid": SID, "MessageStatus": "sent"}, URL + query))
    assert report.reference is None


def test_the_older_field_names_do_too() -> None:
    assert read_status(callback({"SmsSid": SID, "SmsStatus": "delivered"})).state is MessageState.DELIVERED


@pytest.mark.parametrize(
    ("code", "error_class"),
    [
        ("30003", ErrorClass.DELIVERY),
        ("30005", ErrorClass.RECIPIENT),
        ("30007", ErrorClass.CONTENT),
        ("21610", ErrorClass.OPT_OUT),
        ("30002", ErrorClass.ACCOUNT),
        ("59999", ErrorClass.DELIVERY),
    ],
)
def test_a_failed_delivery_has_twilios_code_and_our_class(code: str, error_class: ErrorClass) -> None:
    report = read_status(callback({"MessageSid": SID, "MessageStatus": "undelivered", "ErrorCode": code}))
    assert report.error is not None
    assert (report.error.code, report.error.error_class) == (code, error_class)
    assert report.error.message


def test_a_failure_without_a_code_is_an_error_all_the_same() -> None:
    report = read_status(callback({"MessageSid": SID, "MessageStatus": "failed", "ErrorCode": ""}))
    assert report.error is not None
    assert report.error.code == "failed"


def test_the_carriers_time_is_taken_when_it_can_be_read() -> None:
    form = {"MessageSid": SID, "MessageStatus": "delivered"}
    assert read_status(callback({**form, "RawDlrDoneDate": "2611211108"})).occurred_at == datetime(
        2026, 11, 21, 11, 8, tzinfo=UTC
    )
    for unreadable in ("", "2613211108", "soon", "26112111081"):
        assert read_status(callback({**form, "RawDlrDoneDate": unreadable})).occurred_at is None


def test_fields_that_twilio_adds_one_day_do_no_harm() -> None:
    form = {"MessageSid": SID, "MessageStatus": "sent", "Новое": "поле"}
    assert read_status(callback(form)).state is MessageState.SENT


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "MessageSid"),
        (b"MessageStatus=sent", "MessageSid"),
        (b"MessageSid=SM1&MessageStatus=sent", "MessageSid"),
        (f"MessageSid={SID}".encode(), "MessageStatus"),
        (f"MessageSid={SID}&MessageStatus=received".encode(), "MessageStatus"),
        (f"MessageSid={SID}&MessageStatus=sent&MessageStatus=delivered".encode(), "MessageStatus"),
        (f"MessageSid={SID}&MessageStatus=failed&ErrorCode=many".encode(), "ErrorCode"),
        (b"MessageSid=%zz", "body"),
        (b"MessageSid=%ff%fe", "body"),
        ("MessageSid=ü".encode(), "body"),
        (b"&".join(b"field=1" for _ in range(101)), "body"),
    ],
)
def test_a_bad_callback_is_refused_with_field_and_rule(body: bytes, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_status(callback(body))
    assert [error.field for error in refused.value.errors] == [field]


@given(
    st.binary(max_size=300) | st.dictionaries(st.sampled_from(["MessageSid", "MessageStatus", "ErrorCode"]), st.text())
)
@example(b"MessageSid=" + SID.encode() + b"&MessageStatus=failed&ErrorCode=%C2%B2")
def test_no_bytes_raise_anything_else(body: bytes | dict[str, str]) -> None:
    with suppress(InvalidInput):
        read_status(callback(body if isinstance(body, bytes) else urlencode(body).encode()))
