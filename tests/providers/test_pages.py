"""The examples on the pages about gateways work as they stand there."""

from collections.abc import Sequence

import pytest

from heliograph.domain.ledger import MessageState
from heliograph.providers.protocol import (
    Accepted,
    Account,
    ConnectionOptions,
    ProviderRequest,
    SenderAddress,
    StatusReport,
)
from heliograph.providers.registry import provider
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, Script
from tests.providers.contract import message
from tests.providers.pages import KEYS, account_name, example_of
from tests.simulator.receiver import Receiver


@pytest.mark.parametrize("key", KEYS)
async def test_the_example_sends_and_reads_its_receipt(
    key: str, simulator: SimulatorClient, receiver: Receiver
) -> None:
    kind, example = provider(key), example_of(key)
    account = Account(
        kind.credentials.model_validate(example["credentials"]),
        kind.configuration.model_validate(example["configuration"]),
    )
    given = example["sender"]
    sender_kind = {each.key: each for each in kind.capabilities.sender_kinds}[given["kind"]]
    sender = SenderAddress(given["kind"], sender_kind.check(given["address"]))
    told = {account_name(example): AccountScript(callback_url=receiver.url)}
    await simulator.set_script(Script(accounts=told))

    connection = kind.open(account, ConnectionOptions(timeout=5.0, callback_url=None, simulator_url=simulator.url))
    await connection.check_credentials()
    await connection.check_sender(sender)
    outcome = await connection.send(message(**example["message"]), sender)
    await connection.aclose()
    assert isinstance(outcome, Accepted)

    def is_delivered(requests: list[ProviderRequest]) -> bool:
        return any(report.state is MessageState.DELIVERED for each in requests for report in read(each))

    def read(request: ProviderRequest) -> Sequence[StatusReport]:
        return kind.parse_status(request, account)

    await receiver.until(is_delivered)
    ids = {report.provider_message_id for each in receiver.requests for report in read(each)}
    assert ids == {outcome.provider_message_id}
