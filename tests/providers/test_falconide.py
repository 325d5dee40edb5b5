"""Falconide keeps the contract of providers, in the simulator's codes: its own are not published."""

from collections.abc import Mapping
from typing import ClassVar

import pytest
from pydantic import ValidationError

from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.falconide import FalconideConfiguration, FalconideCredentials
from heliograph.providers.protocol import Accepted, Account, OutgoingMessage
from heliograph.providers.registry import provider
from heliograph.providers.shared.configured_reply import ReplyFields
from heliograph.simulator.client import SimulatorClient
from tests.providers.contract import Behaviour, ProviderContract
from tests.providers.mail_gateway_peer import API_KEY, SENDER, MailGatewayPeer
from tests.providers.smtp.peer import email

REPLY = ReplyFields(
    format="json",
    id="transid",
    code="code",
    success=("F000",),
    errors={
        "F401": ErrorClass.AUTH,
        "F402": ErrorClass.ACCOUNT,
        "F411": ErrorClass.RECIPIENT,
        "F412": ErrorClass.OPT_OUT,
        "F413": ErrorClass.SENDER,
        "F414": ErrorClass.CONTENT,
    },
)


class FalconidePeer(MailGatewayPeer):
    """Its simulator."""

    provider = provider("falconide")
    account = Account(FalconideCredentials(api_key=API_KEY), FalconideConfiguration(reply=REPLY))
    words: ClassVar[Mapping[Behaviour, str]] = {
        Behaviour.SUSPENDED: "F402",
        Behaviour.REFUSES_RECIPIENT: "F411",
        Behaviour.KNOWS_OPT_OUT: "F412",
        Behaviour.REFUSES_SENDER: "F413",
        Behaviour.REFUSES_CONTENT: "F414",
    }


@pytest.fixture
def peer(simulator: SimulatorClient) -> FalconidePeer:
    """Falconide with a clean simulator."""
    return FalconidePeer(simulator)


class TestFalconide(ProviderContract):
    """The suite. A code that is not configured is in doubt, never a refusal."""

    cannot: ClassVar[frozenset[Behaviour]] = frozenset({Behaviour.REFUSES_STRANGELY})
    checks_credentials = False

    def message(
        self, *, to: str = "ann@example.com", body: str = "Grüße, Ann 😀", seconds: float = 30.0
    ) -> OutgoingMessage:
        """A mail."""
        return email(to=to, body=body, seconds=seconds)


async def test_our_reference_goes_along_and_comes_back(peer: FalconidePeer) -> None:
    await peer.behave(Behaviour.ACCEPTS)
    connection = peer.open()
    message = email()
    outcome = await connection.send(message, SENDER)
    await connection.aclose()
    assert isinstance(outcome, Accepted)
    (taken,) = [each async for each in peer.simulator.accepted_messages()]
    assert (taken.reference, taken.sender) == (message.reference, "news@shop.example")
    (report,) = peer.provider.parse_status(peer.callback("bounced", (message.message_id, 1)), peer.account)
    assert report.reference == (message.message_id, 1)


def test_the_reply_has_to_be_told() -> None:
    with pytest.raises(ValidationError, match=r"reply has to be configured: .* ask your account manager"):
        FalconideConfiguration.model_validate({})
