"""The custom connector keeps the contract of providers, against a plain gateway; so does its preset Viva Connect."""

from collections.abc import Mapping
from typing import ClassVar
from uuid import UUID

import orjson
import pytest

from heliograph.domain.ledger import MessageState
from heliograph.providers.protocol import (
    Account,
    ConnectionOptions,
    Provider,
    ProviderConnection,
    ProviderRequest,
    SenderAddress,
)
from heliograph.providers.registry import provider
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AnswerKind, Rule, Script, SendAnswer
from heliograph.stack.ports import free_port
from tests.providers.contract import Behaviour, ProviderContract
from tests.providers.custom.gateway import ACCOUNT_NAME
from tests.providers.custom.gateway import account as gateway_account
from tests.providers.gateway_peer import CALLBACK_URL, GatewayPeer


class CustomPeer(GatewayPeer):
    """The simulator, reached by its own address as any gateway is."""

    sender = SenderAddress("sender", "ACME")
    account_name = ACCOUNT_NAME
    codes: ClassVar[Mapping[Behaviour, str]] = {
        Behaviour.REFUSES_RECIPIENT: "bad_number",
        Behaviour.KNOWS_OPT_OUT: "opted_out",
        Behaviour.REFUSES_SENDER: "bad_sender",
        Behaviour.REFUSES_CONTENT: "bad_text",
        Behaviour.REFUSES_STRANGELY: "strange",
    }
    statuses = (
        ("QUEUED", MessageState.ACCEPTED),
        ("SENT", MessageState.SENT),
        ("DELIVRD", MessageState.DELIVERED),
        ("UNDELIV", MessageState.UNDELIVERED),
        ("FAILED", MessageState.FAILED),
    )

    def __init__(self, simulator: SimulatorClient, kind: Provider) -> None:
        super().__init__(simulator)
        self.provider = kind
        self.account = gateway_account(simulator.url)

    def open(
        self, *, timeout: float = 5.0, unreachable: bool = False, account: Account | None = None
    ) -> ProviderConnection:
        """Reachable because it is listed."""
        url = f"http://127.0.0.1:{free_port()}" if unreachable else self.simulator.url
        options = ConnectionOptions(timeout=timeout, callback_url=CALLBACK_URL, reachable={url.removeprefix("http://")})
        return self.provider.open(account or gateway_account(url), options)

    def callback(self, status: str, reference: tuple[UUID, int], *, token: str | None = None) -> ProviderRequest:
        """As a gateway posts it that does not give our reference back."""
        error = "30005" if status in {"UNDELIV", "FAILED"} else None
        body = orjson.dumps({"id": "7", "status": status, "error": error})
        return ProviderRequest("POST", CALLBACK_URL, {"content-type": "application/json"}, body)

    def _script(self, behaviour: Behaviour) -> Script:
        if behaviour is Behaviour.ERRS_IN_200:
            return Script(rules=[Rule(answer=SendAnswer(kind=AnswerKind.ERROR, status=200, code="strange"))])
        return super()._script(behaviour)


@pytest.fixture(params=["custom", "viva_connect"])
def peer(simulator: SimulatorClient, request: pytest.FixtureRequest) -> CustomPeer:
    """With a clean simulator."""
    return CustomPeer(simulator, provider(request.param))


class TestCustom(ProviderContract):
    """The suite. A gateway has no harmless question that would tell credentials from wrong ones."""

    checks_credentials = False
