"""What only a provider can tell."""

import pytest
from pydantic import ValidationError

from heliograph.errors import InvalidInput
from heliograph.providers.protocol import Account, NoConfiguration, ProviderRequest
from heliograph.providers.shared.configured_callbacks import CallbackConfiguration, ConfiguredCallbacks
from heliograph.providers.shared.unpublished import Unpublished, international

CALLBACK = ProviderRequest("GET", "https://heliograph.example/callbacks/t/status?id=1&status=SENT", {}, b"")


class Told(Unpublished):
    """Two fields that only the provider can tell, and one that has a default."""

    one: str
    two: int
    three: int = 3


def test_what_is_missing_is_named_with_whom_to_ask() -> None:
    with pytest.raises(ValidationError, match=r"one, two has to be configured: .* ask your account manager"):
        Told.model_validate({"three": 4})
    with pytest.raises(ValidationError, match=r"two has to be configured"):
        Told.model_validate({"one": "1"})
    assert Told.model_validate({"one": "1", "two": 2}) == Told(one="1", two=2)


def test_callbacks_are_refused_until_it_is_known_how_they_are_read() -> None:
    callbacks, account = ConfiguredCallbacks(), Account(NoConfiguration(), CallbackConfiguration())
    with pytest.raises(InvalidInput, match=r"configuration.receipts: has to be configured.*account manager"):
        callbacks.parse_status(CALLBACK, account)
    with pytest.raises(InvalidInput, match=r"configuration.inbound: has to be configured.*account manager"):
        callbacks.parse_inbound(CALLBACK, account)


@pytest.mark.parametrize("number", ["+919812345678", "919812345678"])
def test_a_number_gets_its_plus(number: str) -> None:
    assert international(number, "from") == "+919812345678"


@pytest.mark.parametrize("number", ["", "Ann", "12", "9" * 16, "++919812345678", "९१९८१२३४५६७८"])
def test_what_is_no_number_is_refused_by_field(number: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        international(number, "from")
    assert refused.value.errors[0].field == "from"
