"""The example on the page works as it stands there."""

from heliograph.domain.ledger import MessageState
from heliograph.providers.protocol import Accepted, Account, ConnectionOptions, SenderAddress
from heliograph.providers.registry import provider
from tests.providers.contract import message
from tests.providers.pages import example_of
from tests.providers.smpp.conftest import Simulated
from tests.providers.smpp.kept import KeptInbox
from tests.providers.smpp.peer import until


async def test_the_example_sends_and_gets_its_receipt(smsc: Simulated) -> None:
    kind, example = provider("smpp"), example_of("smpp")
    account = Account(
        kind.credentials.model_validate(example["credentials"]),
        kind.configuration.model_validate(example["configuration"]),
    )
    given = example["sender"]
    kinds = {each.key: each for each in kind.capabilities.sender_kinds}
    sender = SenderAddress(given["kind"], kinds[given["kind"]].check(given["address"]))
    inbox = KeptInbox()
    connection = kind.open(account, ConnectionOptions(5.0, None, simulated_smsc=("127.0.0.1", smsc.port), inbox=inbox))
    outcome = await connection.send(message(**example["message"]), sender)
    assert isinstance(outcome, Accepted)
    await until(lambda: bool(inbox.reports))
    await connection.aclose()
    assert inbox.reports[0].state is MessageState.DELIVERED
    (accepted,) = [each async for each in smsc.client.accepted_messages(account="acme")]
    assert (accepted.to, accepted.body) == (example["message"]["to"], example["message"]["body"])
