"""The registry finds providers by looking."""

import pytest

from heliograph.errors import InvalidInput
from heliograph.providers.registry import provider, providers


def test_twilio_is_found() -> None:
    assert provider("twilio") is providers()["twilio"]
    assert provider("twilio").name == "Twilio"


def test_an_unknown_provider_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(InvalidInput, match=r"provider: 'pigeon' is not known here; one of: .*twilio"):
        provider("pigeon")
