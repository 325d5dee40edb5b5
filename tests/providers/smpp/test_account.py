"""What can be configured, and what is refused of it."""

from typing import Any

import pytest
from pydantic import ValidationError

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import ProviderRequest
from heliograph.providers.registry import provider
from heliograph.providers.smpp.account import SmppConfiguration, SmppCredentials
from heliograph.providers.smpp.connection import _validity
from heliograph.providers.smpp.senders import SENDER_KINDS
from heliograph.providers.smpp.statuses import meaning
from tests.providers.smpp.peer import SmppPeer

CHECKS = {kind.key: kind.check for kind in SENDER_KINDS}


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("host", "http://smsc.example", "pattern"),
        ("host", "", "pattern"),
        ("port", 0, "greater than or equal to 1"),
        ("window", 0, "greater than or equal to 1"),
        ("binds", 17, "less than or equal to 16"),
        ("alphabet", "ebcdic", "'gsm7', 'latin1' or 'ucs2'"),
        ("statuses", {"0": "opt_out"}, "number from 1"),
        ("statuses", {"0x401": "whatever"}, "Input should be"),
        ("time_zone", "Mars/Olympus", "IANA"),
        ("ca_certificate", "-----BEGIN", "certificate in PEM"),
        ("validity_seconds", 5, "greater than or equal to 60"),
        ("system_type", "has blanks", "pattern"),
        ("long_code", {"ton": 9, "npi": 1}, "less than or equal to 6"),
        ("unheard_of", 1, "not permitted"),
    ],
)
def test_bad_configuration_is_refused_with_its_rule(field: str, value: Any, rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        SmppConfiguration.model_validate({"host": "smsc.example", field: value})


def test_a_system_id_has_at_most_fifteen_characters() -> None:
    with pytest.raises(ValidationError, match="15 characters"):
        SmppCredentials(system_id="a" * 16, password="secret")


def test_the_smscs_own_statuses_go_before_those_of_the_specification() -> None:
    configuration = SmppConfiguration.model_validate(
        {"host": "smsc.example", "statuses": {"1025": "account", "0x0B": "opt_out"}}
    )
    assert meaning(0x401, configuration.statuses).error_class is ErrorClass.ACCOUNT
    assert meaning(0x0B, configuration.statuses).error_class is ErrorClass.OPT_OUT
    assert meaning(0x402, configuration.statuses).error_class is ErrorClass.OTHER


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (60, "000000000100000R"), (30 * 86_400, "000030000000000R"), (90_061, "000001010101000R")],
)
def test_validity_is_a_relative_time(seconds: int | None, text: str) -> None:
    assert _validity(seconds) == text


@pytest.mark.parametrize(
    ("kind", "address", "stored"),
    [
        ("long_code", "+1 (201) 555-0123", "+12015550123"),
        ("short_code", " 12345 ", "12345"),
        ("alphanumeric", "ACME Shop", "ACME Shop"),
    ],
)
def test_senders_are_stored_in_their_form(kind: str, address: str, stored: str) -> None:
    assert CHECKS[kind](address) == stored


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("long_code", "12345"),
        ("long_code", "ACME"),
        ("short_code", "1"),
        ("short_code", "12E45"),
        ("alphanumeric", "12345"),
        ("alphanumeric", "ACME GmbH & Co"),
        ("alphanumeric", "ÄCME"),
        ("alphanumeric", ""),
    ],
)
def test_bad_senders_are_refused_with_the_field(kind: str, address: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        CHECKS[kind](address)
    assert [error.field for error in refused.value.errors] == ["address"]


def test_nobody_can_call_back_over_http() -> None:
    smpp, request = provider("smpp"), ProviderRequest("POST", "https://heliograph.example", {}, b"")
    assert not smpp.verify(request, SmppPeer.account)
    with pytest.raises(InvalidInput, match="SMPP session"):
        smpp.parse_status(request, SmppPeer.account)
    with pytest.raises(InvalidInput, match="SMPP session"):
        smpp.parse_inbound(request, SmppPeer.account)
