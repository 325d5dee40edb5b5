"""What an SMTP connector may be told."""

from typing import Any

import pytest
from pydantic import ValidationError

from heliograph.providers.smtp.account import SmtpConfiguration, SmtpCredentials


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"host": ""}, "host"),
        ({"host": "relay example"}, "host"),
        ({"host": "relay\r\nQUIT"}, "host"),
        ({"port": 0}, "port"),
        ({"tls": "maybe"}, "tls"),
        ({"ehlo_name": "shop example"}, "ehlo_name"),
        ({"ca_certificate": "-----BEGIN CERTIFICATE-----"}, "certificate in PEM"),
        ({"bounce_address": "bounces"}, "e-mail address"),
        ({"bounce_address": "bünces@shop.example"}, "ASCII"),
        ({"verp": True}, "bounce_address"),
        ({"verp": True, "bounce_address": "a+b@shop.example"}, r"no \+"),
        ({"verp": True, "bounce_address": "b" * 30 + "@shop.example"}, "at most 26 characters"),
        ({"connections": 0}, "connections"),
        ({"password": "here"}, "password"),
    ],
)
def test_a_wrong_configuration_names_field_and_rule(wrong: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        SmtpConfiguration(**{"host": "relay.example", **wrong})


@pytest.mark.parametrize("host", ["relay.example", "10.0.0.25", "[2001:db8::1]", "2001:db8::1", "localhost"])
def test_a_relay_is_a_name_or_an_address(host: str) -> None:
    assert SmtpConfiguration(host=host).host == host


def test_name_and_password_come_together() -> None:
    with pytest.raises(ValidationError, match="both, or neither"):
        SmtpCredentials(username="shop")
    assert SmtpCredentials().username is None
