"""Receipts and inbound messages read by configuration."""

from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput
from heliograph.ids import new_id
from heliograph.providers.protocol import ProviderRequest
from heliograph.providers.shared.unpublished import InboundFields, ReceiptFields, read_inbound, read_receipts

URL = "https://heliograph.example/callbacks/t/status"
FIELDS = ReceiptFields(
    id="msgid",
    reference="custref",
    status="status",
    states={"DELIVRD": "delivered", "SENT": "sent", "UNDELIV": "undelivered"},
    code="err",
    errors={"7": ErrorClass.RECIPIENT},
)


def callback(**fields: Any) -> ProviderRequest:
    """A callback by JSON."""
    return ProviderRequest("POST", URL, {}, orjson.dumps(fields))


def test_a_report_is_read_by_the_configured_fields() -> None:
    ours = new_id()
    (report,) = FIELDS.read(callback(msgid=42, custref=f"{ours}.2", status="delivrd", err="0"))
    assert (report.provider_message_id, report.reference) == ("42", (ours, 2))
    assert (report.provider_status, report.state, report.error) == ("delivrd", MessageState.DELIVERED, None)


@pytest.mark.parametrize(
    ("code", "error_class", "named"),
    [("7", ErrorClass.RECIPIENT, "7"), ("99", ErrorClass.DELIVERY, "99"), (None, ErrorClass.DELIVERY, "UNDELIV")],
)
def test_an_undelivered_message_has_the_providers_code(code: str | None, error_class: ErrorClass, named: str) -> None:
    (report,) = FIELDS.read(callback(msgid="1", status="UNDELIV", err=code))
    assert report.error is not None
    assert (report.error.error_class, report.error.code) == (error_class, named)


def test_a_reference_that_is_not_ours_leaves_the_providers_id() -> None:
    (report,) = FIELDS.read(callback(msgid="1", custref="Test", status="SENT"))
    assert (report.provider_message_id, report.reference) == ("1", None)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"msgid": "1"}, "status"),
        ({"msgid": "1", "status": "PENDING"}, "status"),
        ({"status": "SENT"}, "msgid"),
        ({"status": "SENT", "custref": "Test"}, "msgid"),
        ({"status": ["SENT"], "msgid": "1"}, "status"),
    ],
)
def test_a_report_that_cannot_be_read_is_refused_by_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        FIELDS.read(callback(**fields))
    assert refused.value.errors[0].field == field


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        ({"id": "a"}, "status, states has to be configured: .* ask your account manager"),
        ({"status": "s", "states": {"x": "sent"}}, "id or reference"),
        ({"id": "a", "status": "s", "states": {}}, "at least 1"),
        ({"id": "a", "status": "s", "states": {"x": "queued"}}, "'accepted', 'sent'"),
        ({"id": "a", "status": "s", "states": {"x": "sent"}, "errors": {"1": "odd"}}, "Input should be"),
        ({"id": "", "status": "s", "states": {"x": "sent"}}, "at least 1 character"),
    ],
)
def test_a_broken_configuration_is_refused_with_its_rule(broken: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        ReceiptFields.model_validate(broken)


def test_an_inbound_message_is_read_by_the_configured_fields() -> None:
    fields = InboundFields(address="from", to="shortcode", body="text", id="mid", prefix="91")
    request = callback(**{"from": 9812345678, "shortcode": "56161", "text": "STOP"})
    (message,) = read_inbound(fields, request)
    assert (message.address, message.to, message.body) == ("+919812345678", "56161", "STOP")
    assert message.provider_message_id == ""


@pytest.mark.parametrize("number", ["", "Ann", "12", "9" * 20])
def test_an_inbound_message_needs_the_number_of_who_wrote(number: str) -> None:
    fields = InboundFields(address="from", to="shortcode", body="text")
    with pytest.raises(InvalidInput) as refused:
        fields.read(callback(**{"from": number, "shortcode": "56161"}))
    assert refused.value.errors[0].field == "from"


def test_what_was_never_configured_says_whom_to_ask() -> None:
    with pytest.raises(InvalidInput, match=r"configuration.receipts: has to be configured.*account manager"):
        read_receipts(None, callback(id="1"))
    with pytest.raises(InvalidInput, match=r"configuration.inbound: has to be configured.*account manager"):
        read_inbound(None, callback(id="1"))
