"""What a gateway's callbacks say, in every form, and what proves who sent them."""

import hashlib
import hmac
from base64 import b64encode
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput
from heliograph.ids import new_id
from heliograph.providers.protocol import ProviderRequest, StatusReport
from heliograph.providers.registry import provider
from tests.providers.custom.gateway import STATES, account

CUSTOM = provider("custom")
URL = "https://h.example/callbacks/t/status"
FIELDS = {"id": "id", "status": "status", "states": STATES, "error_code": "err", "errors": {"404": "recipient"}}


def read(body: bytes, url: str = URL, *, method: str = "POST", **receipts: Any) -> list[StatusReport]:
    configured = account("https://gateway.example", receipts={**FIELDS, **receipts})
    return list(CUSTOM.parse_status(ProviderRequest(method, url, {}, body), configured))


XML = {"id": "/report/id", "status": "/report/@status", "error_code": "/report/err"}
EACH = {"each": "/reports/report", "id": "id", "status": "@status", "error_code": "err"}


@pytest.mark.parametrize(
    ("body", "url", "receipts"),
    [
        (b"", f"{URL}?id=7&status=UNDELIV&err=404", {}),
        (b"id=7&status=UNDELIV&err=404", URL, {}),
        (b'{"id": 7, "status": "UNDELIV", "err": 404}', URL, {}),
        (b'[{"id": "7", "status": "undeliv", "err": "404"}]', URL, {}),
        (b'{"r": {"id": 7, "s": "UNDELIV", "e": [404]}}', URL, {"id": "r.id", "status": "r.s", "error_code": "r.e.0"}),
        (b'{"all": [{"id": 7, "status": "UNDELIV", "err": 404}]}', URL, {"each": "all"}),
        (b'<report status="UNDELIV"><id>7</id><err>404</err></report>', URL, XML),
        (b'<reports><report status="UNDELIV"><id>7</id><err>404</err></report></reports>', URL, EACH),
    ],
)
def test_a_report_says_the_same_in_every_form(body: bytes, url: str, receipts: dict[str, Any]) -> None:
    (report,) = read(body, url, **receipts)
    assert (report.provider_message_id, report.state, report.reference) == ("7", MessageState.UNDELIVERED, None)
    assert report.error is not None
    assert (report.error.error_class, report.error.code) == (ErrorClass.RECIPIENT, "404")


def test_many_reports_may_come_at_once() -> None:
    many = orjson.dumps([{"id": str(number), "status": "DELIVRD"} for number in range(3)])
    assert [report.provider_message_id for report in read(many)] == ["0", "1", "2"]
    xml = b"<reports>" + b'<report status="SENT"><id>7</id></report>' * 2 + b"</reports>"
    assert [report.state for report in read(xml, **EACH)] == [MessageState.SENT, MessageState.SENT]
    assert read(b"<reports/>", **EACH) == []


def test_our_reference_comes_back_in_the_address_or_in_a_field() -> None:
    ours = new_id()
    (report,) = read(b"status=DELIVRD", f"{URL}?r={ours}.2", id=None)
    assert (report.reference, report.provider_message_id) == ((ours, 2), "")
    (report,) = read(f"id=7&status=DELIVRD&ref={ours}.1".encode(), reference="ref")
    assert (report.reference, report.provider_message_id) == ((ours, 1), "7")
    (report,) = read(b"id=7&status=DELIVRD&ref=somebody-elses", reference="ref")
    assert (report.reference, report.provider_message_id) == (None, "7")


def test_an_error_without_a_code_is_named_by_its_status() -> None:
    (report,) = read(b"id=7&status=FAILED")
    assert report.error is not None
    assert (report.error.error_class, report.error.code) == (ErrorClass.DELIVERY, "FAILED")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "status"),
        (b"id=7", "status"),
        (b"status=DELIVRD", "id"),
        (b"id=7&status=NEVER", "status"),
        (b"id=7&status=SENT&status=DELIVRD", "status"),
        (b"id=%zz", "body"),
        (b"\xff\xfe", "body"),
        (b"{", "body"),
        (b"[1]", "body"),
        (b'{"id": {}, "status": "SENT"}', "id"),
        (b"<report>", "body"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><report status="SENT"><id>&b;</id></report>', "body"),
    ],
)
def test_a_callback_that_cannot_be_read_names_the_field(body: bytes, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(body)
    assert refused.value.errors[0].field == field


def test_too_many_reports_are_refused() -> None:
    with pytest.raises(InvalidInput):
        read(b"<reports>" + b"<report/>" * 1001 + b"</reports>", **EACH)


@pytest.mark.parametrize(
    ("receipts", "rule"),
    [
        ({"status": None}, "status"),
        ({"states": {}}, "states"),
        ({"states": {"OK": "wonderful"}}, "states.OK"),
        ({"id": "/report["}, "is not a path that can be followed"),
        ({"errors": {"1": "strange"}}, "errors.1"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused(receipts: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule.replace("[", r"\[")):
        account("https://gateway.example", receipts={**FIELDS, **receipts})


# -- messages from people


def inbound(content: bytes, url: str = URL, **changes: Any) -> Any:
    fields = {"id": "id", "address": "from", "to": "to", "body": "text", **changes}
    configured = account("https://gateway.example", inbound=fields)
    (found,) = CUSTOM.parse_inbound(ProviderRequest("POST", url, {}, content), configured)
    return found


@pytest.mark.parametrize(
    ("body", "url"),
    [
        (b"", f"{URL}?id=1&from=447400123456&to=12345&text=STOP"),
        (b"id=1&from=%2B447400123456&to=12345&text=STOP", URL),
        (b'{"id": 1, "from": "+447400123456", "to": 12345, "text": "STOP"}', URL),
    ],
)
def test_a_message_from_a_person_is_read(body: bytes, url: str) -> None:
    found = inbound(body, url)
    assert (found.provider_message_id, found.address, found.to, found.body) == ("1", "+447400123456", "12345", "STOP")


def test_a_message_in_xml_from_a_number_without_its_country() -> None:
    content = b"<mo><from>7400123456</from><to>12345</to><text>Hi &amp; bye</text></mo>"
    found = inbound(content, id=None, address="/mo/from", to="/mo/to", body="/mo/text", prefix="44")
    assert (found.address, found.body) == ("+447400123456", "Hi & bye")


def test_what_is_not_configured_is_refused_with_the_field() -> None:
    configured = account("https://gateway.example", receipts=None)
    request = ProviderRequest("POST", URL, {}, b"id=7")
    with pytest.raises(InvalidInput, match=r"configuration\.receipts"):
        CUSTOM.parse_status(request, configured)
    with pytest.raises(InvalidInput, match=r"configuration\.inbound"):
        CUSTOM.parse_inbound(request, configured)


# -- who sent it


def proven(check: dict[str, Any], headers: dict[str, str], body: bytes = b"id=7") -> bool:
    credentials = {"token": "a", "callback_username": "gate", "callback_secret": "sécret"}
    configured = account("https://gateway.example", credentials, callbacks=check)
    return CUSTOM.verify(ProviderRequest("POST", URL, headers, body), configured)


def test_the_secret_address_is_enough_where_nothing_else_is_configured() -> None:
    assert proven({"kind": "address"}, {})


@pytest.mark.parametrize(("value", "right"), [("sécret", True), ("Sécret", False), ("", False), ("sécret ", False)])
def test_a_shared_secret_stands_in_a_header(value: str, right: bool) -> None:
    assert proven({"kind": "header", "header": "X-Secret"}, {"x-secret": value}) is right


@pytest.mark.parametrize(
    ("header", "right"),
    [
        ("Basic " + b64encode("gate:sécret".encode()).decode(), True),
        ("basic " + b64encode("gate:sécret".encode()).decode(), True),
        ("Basic " + b64encode(b"gate:wrong").decode(), False),
        ("Bearer " + b64encode("gate:sécret".encode()).decode(), False),
        ("Basic !!!", False),
        ("Basic /////w==", False),
        ("", False),
    ],
)
def test_basic_access(header: str, right: bool) -> None:
    assert proven({"kind": "basic"}, {"authorization": header}) is right


@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_a_signature_is_over_the_exact_bytes(encoding: str) -> None:
    digest = hmac.new("sécret".encode(), b"1700000000.id=7", hashlib.sha512).digest()
    written = digest.hex().upper() if encoding == "hex" else b64encode(digest).decode()
    check = {
        "kind": "hmac",
        "header": "X-Signature",
        "algorithm": "sha512",
        "encoding": encoding,
        "timestamp_header": "X-Time",
    }
    headers = {"x-signature": written, "x-time": "1700000000"}
    assert proven(check, headers)
    assert not proven(check, headers, b"id=8")
    assert not proven(check, {**headers, "x-time": "1700000001"})
    assert not proven(check, {"x-time": "1700000000"})
    assert not proven(check, {**headers, "x-signature": "\udc80"})
