"""The simulated gateways of the pages' examples, asked through the real providers."""

import pytest

from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.protocol import (
    Accepted,
    Account,
    ConnectionOptions,
    NotProcessed,
    Outcome,
    OutgoingMessage,
    Refused,
    SenderAddress,
)
from heliograph.providers.registry import provider
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, AnswerKind, Rule, Script, SendAnswer
from tests.providers.contract import message
from tests.providers.pages import KEYS, account_name, example_of

pytestmark = pytest.mark.parametrize("key", KEYS)


async def _send(key: str, simulator: SimulatorClient, *messages: OutgoingMessage) -> list[Outcome]:
    kind, example = provider(key), example_of(key)
    account = Account(
        kind.credentials.model_validate(example["credentials"]),
        kind.configuration.model_validate(example["configuration"]),
    )
    connection = kind.open(account, ConnectionOptions(timeout=5.0, callback_url=None, simulator_url=simulator.url))
    try:
        return [await connection.send(each, SenderAddress(**example["sender"])) for each in messages]
    finally:
        await connection.aclose()


async def test_the_codes_of_the_presets_become_the_gateways_own(key: str, simulator: SimulatorClient) -> None:
    await simulator.set_script(Script(rules=[Rule(answer=SendAnswer(kind=AnswerKind.ERROR, code=21211))]))
    (outcome,) = await _send(key, simulator, message())
    assert isinstance(outcome, Refused)
    assert outcome.error.error_class is ErrorClass.RECIPIENT
    assert outcome.error.code != "21211"
    assert await simulator.accepted_count() == 0


async def test_an_account_can_be_slow(key: str, simulator: SimulatorClient) -> None:
    slow = {account_name(example_of(key)): AccountScript(requests_per_second=0.001)}
    await simulator.set_script(Script(accounts=slow))
    first, second = await _send(key, simulator, message(), message())
    assert isinstance(first, Accepted)
    assert isinstance(second, NotProcessed)
    assert (second.error.error_class, second.retry_after) == (ErrorClass.RATE_LIMITED, 1.0)


async def test_an_account_without_money_sends_nothing(key: str, simulator: SimulatorClient) -> None:
    broke = {account_name(example_of(key)): AccountScript(balance="0.00")}
    await simulator.set_script(Script(accounts=broke))
    await _send(key, simulator, message())
    assert await simulator.accepted_count() == 0


async def test_the_log_has_what_was_said(key: str, simulator: SimulatorClient) -> None:
    (outcome,) = await _send(key, simulator, message(body="Hi 😀"))
    assert isinstance(outcome, Accepted)
    (logged,) = [each async for each in simulator.accepted_messages(account=account_name(example_of(key)))]
    assert (logged.sid, logged.to, logged.sender) == (outcome.provider_message_id, "+447400123456", "ACMEIN")
    assert logged.body == "Hi 😀"
