"""What comes back by mail: read from reports as servers write them, told to the right message or to none."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput
from heliograph.ids import new_id
from heliograph.providers.protocol import Account, ProviderRequest, StatusReport
from heliograph.providers.registry import provider
from heliograph.providers.smtp.account import SmtpConfiguration, SmtpCredentials
from tests.providers.smtp.reports import complaint, delivery_report

SMTP = provider("smtp")
ACCOUNT = Account(
    SmtpCredentials(),
    SmtpConfiguration(host="relay.example", bounce_address="bounces@mail.shop.example", verp=True),
)
MESSAGE = new_id()
REFERENCE = f"{MESSAGE}.2"
VERP = f"bounces+{MESSAGE.hex}.2@mail.shop.example"


def reports(body: bytes) -> list[StatusReport]:
    request = ProviderRequest("POST", "https://heliograph.example/callbacks/t/status", {}, body)
    assert SMTP.verify(request, ACCOUNT)
    return list(SMTP.parse_status(request, ACCOUNT))


def only(**fields: Any) -> StatusReport:
    (report,) = reports(delivery_report(**fields))
    return report


@pytest.mark.parametrize(
    "signs",
    [
        {"envelope_id": REFERENCE},
        {"message_id": f"{REFERENCE}@shop.example"},
        {"message_id": f"{REFERENCE}@shop.example", "whole_mail": True},
        {"to": VERP},
        {"to": VERP.upper()},
        {"to": "postmaster@mail.shop.example", "delivered_to": VERP},
    ],
)
def test_a_bounce_names_its_message_by_whichever_sign_it_has(signs: dict[str, Any]) -> None:
    report = only(**signs)
    assert report.reference == (MESSAGE, 2)
    assert (report.state, report.provider_status) == (MessageState.UNDELIVERED, "failed")
    assert report.occurred_at is not None


@pytest.mark.parametrize(
    ("status", "diagnostic", "error_class", "code"),
    [
        ("5.1.1", "smtp; 550 5.1.1 <ann@example.com>: no such user", ErrorClass.RECIPIENT, "5.1.1"),
        ("5.0.0", "smtp; 550 5.1.1 no such user", ErrorClass.RECIPIENT, "5.1.1"),
        ("5.2.2", "smtp; 552 5.2.2 full", ErrorClass.DELIVERY, "5.2.2"),
        ("4.4.7", "smtp; 451 4.4.7 delivery time expired", ErrorClass.DELIVERY, "4.4.7"),
        ("4.1.1", "", ErrorClass.DELIVERY, "4.1.1"),
        ("5.7.26", "", ErrorClass.SENDER, "5.7.26"),
        ("5.6.0", "", ErrorClass.CONTENT, "5.6.0"),
        ("5.7.8", "", ErrorClass.DELIVERY, "5.7.8"),
        ("", "", ErrorClass.DELIVERY, "failed"),
    ],
)
def test_a_bounce_is_hard_only_when_it_is_about_the_address(
    status: str, diagnostic: str, error_class: ErrorClass, code: str
) -> None:
    report = only(envelope_id=REFERENCE, status=status, diagnostic=diagnostic)
    assert report.error is not None
    assert (report.error.error_class, report.error.code) == (error_class, code)
    assert "ann@" not in report.error.message


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("delivered", MessageState.DELIVERED),
        ("relayed", MessageState.SENT),
        ("expanded", MessageState.SENT),
        ("delayed", MessageState.ACCEPTED),
        ("Failed", MessageState.UNDELIVERED),
    ],
)
def test_each_action_has_its_state(action: str, state: MessageState) -> None:
    report = only(envelope_id=REFERENCE, action=action)
    assert report.state is state
    assert (report.error is not None) == (state is MessageState.UNDELIVERED)


def test_a_complaint_is_a_delivery_to_somebody_who_wants_no_more() -> None:
    (report,) = reports(complaint(message_id=f"{REFERENCE}@shop.example"))
    assert report.state is MessageState.DELIVERED
    assert report.error is not None
    assert report.error.error_class is ErrorClass.OPT_OUT
    assert reports(complaint(message_id=f"{REFERENCE}@shop.example", kind="not-spam")) == []


@pytest.mark.parametrize(
    "body",
    [
        b"From: ann@example.com\r\nSubject: Out of office\r\n\r\nBack on Monday.\r\n",
        delivery_report(message_id="someone-elses@other.example", to="postmaster@other.example"),
        delivery_report(envelope_id=f"{UUID(int=1)}.x", to="bounces+nonsense@mail.shop.example"),
        delivery_report(envelope_id=REFERENCE, action="pondered"),
        delivery_report(to=VERP.replace("mail.shop", "mail.other")),
    ],
)
def test_what_is_about_no_message_of_ours_says_nothing(body: bytes) -> None:
    assert reports(body) == []


def test_a_report_cut_off_in_the_quoted_mail_still_tells() -> None:
    body = delivery_report(envelope_id=REFERENCE, whole_mail=True)
    (report,) = reports(body[: body.index(b"Received: from quoted")])
    assert report.state is MessageState.UNDELIVERED


@pytest.mark.parametrize("body", [b"", b'{"event": "bounced"}', b"\x00\xff"])
def test_what_is_no_mail_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="message/rfc822"):
        reports(body)


@given(st.binary(max_size=2000))
def test_no_bytes_break_the_reader(noise: bytes) -> None:
    whole = delivery_report(envelope_id=REFERENCE)
    for body in (noise, whole[:400] + noise + whole[400:], whole.replace(b"Final-Recipient", noise)):
        try:
            reports(body)
        except InvalidInput:
            continue
