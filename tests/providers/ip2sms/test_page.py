"""The example on the page of IP2SMS works as it stands there."""

from heliograph.domain.ledger import MessageState
from heliograph.providers.protocol import Accepted, Account, ConnectionOptions, SenderAddress
from heliograph.providers.registry import provider
from heliograph.simulator.client import SimulatorClient
from tests.providers.contract import message
from tests.providers.ip2sms.peer import Ip2smsPeer
from tests.providers.pages import example_of


async def test_the_example_sends_and_is_asked_for(simulator: SimulatorClient) -> None:
    kind, example = provider("ip2sms"), example_of("ip2sms")
    account = Account(
        kind.credentials.model_validate(example["credentials"]),
        kind.configuration.model_validate(example["configuration"]),
    )
    given = example["sender"]
    checks = {each.key: each.check for each in kind.capabilities.sender_kinds}
    sender = SenderAddress(given["kind"], checks[given["kind"]](given["address"]))
    connection = kind.open(account, ConnectionOptions(timeout=5.0, callback_url=None, simulator_url=simulator.url))
    await connection.check_credentials()
    outcome = await connection.send(message(**example["message"]), sender)
    assert isinstance(outcome, Accepted)
    await Ip2smsPeer(simulator).sent()
    report = await connection.poll(outcome.provider_message_id)
    await connection.aclose()
    assert report.state in {MessageState.SENT, MessageState.DELIVERED}
