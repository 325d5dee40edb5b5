"""The example on the page about custom connectors, as users copy it."""

import orjson
import pytest

from heliograph.providers.protocol import Accepted, Account, ConnectionOptions, SenderAddress
from heliograph.providers.registry import provider
from heliograph.simulator.client import SimulatorClient
from tests.providers.contract import message
from tests.providers.pages import example_of


@pytest.mark.parametrize("key", ["custom", "viva_connect"])
async def test_the_example_of_the_page_sends(simulator: SimulatorClient, key: str) -> None:
    text = orjson.dumps(example_of("custom")).replace(b"http://127.0.0.1:8090", simulator.url.encode())
    example = orjson.loads(text)
    kind = provider(key)
    account = Account(
        kind.credentials.model_validate(example["credentials"]),
        kind.configuration.model_validate(example["configuration"]),
    )
    options = ConnectionOptions(5.0, None, reachable=(simulator.url.removeprefix("http://"),))
    connection = kind.open(account, options)
    sent = message(**example["message"])
    outcome = await connection.send(sent, SenderAddress(**example["sender"]))
    assert isinstance(outcome, Accepted)
    assert (await connection.poll(outcome.provider_message_id)).provider_message_id == outcome.provider_message_id
    await connection.aclose()
