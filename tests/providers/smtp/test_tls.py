"""TLS to the relay: asked for, insisted on, verified."""

from pathlib import Path

import pytest

from heliograph.errors import BadRequest
from heliograph.providers.protocol import Accepted, NotProcessed
from tests.providers.smtp.certificates import SelfSigned, self_signed
from tests.providers.smtp.peer import SENDER, email
from tests.providers.smtp.relay import Relay, open_relay
from tests.providers.smtp.test_connection import PASSWORD


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> SelfSigned:
    """Self-signed, for localhost."""
    directory: Path = tmp_path_factory.mktemp("certificate")
    return self_signed(directory)


async def test_mail_goes_over_starttls_with_a_certificate_that_is_configured(certificate: SelfSigned) -> None:
    async with open_relay(starttls=certificate.server) as relay:
        relay.password = "open sesame"
        connection = relay.connection(tls="starttls", ca_certificate=certificate.pem, credentials=PASSWORD)
        outcomes = [await connection.send(email(), SENDER) for _ in range(2)]
        await connection.aclose()
        assert all(isinstance(outcome, Accepted) for outcome in outcomes)
        assert relay.steps[:2] == ["EHLO [127.0.0.1]", "EHLO [127.0.0.1]"]  # again, inside TLS
        assert relay.opened == 1


async def test_mail_goes_over_implicit_tls_to_a_name(certificate: SelfSigned) -> None:
    async with open_relay(implicit=certificate.server) as relay:
        connection = relay.connection(
            tls="implicit", host="localhost", ca_certificate=certificate.pem, ehlo_name="shop.example"
        )
        assert isinstance(await connection.send(email(body="long\n" * 100_000), SENDER), Accepted)
        await connection.aclose()
        assert relay.steps[0] == "EHLO shop.example"


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_certificate_that_nobody_vouches_for_is_refused_before_the_password(
    certificate: SelfSigned, tls: str
) -> None:
    server = certificate.server
    opened = open_relay(implicit=server) if tls == "implicit" else open_relay(starttls=server)
    async with opened as relay:
        connection = relay.connection(tls=tls, credentials=PASSWORD)
        outcome = await connection.send(email(), SENDER)
        with pytest.raises(BadRequest, match="certificate"):
            await connection.check_credentials()
        await connection.aclose()
        assert isinstance(outcome, NotProcessed)
        assert outcome.error.code == "tls"
        assert "MAIL" not in relay.steps


async def test_a_relay_without_starttls_gets_neither_password_nor_mail_when_it_is_asked_for(relay: Relay) -> None:
    connection = relay.connection(tls="starttls", credentials=PASSWORD)
    outcome = await connection.send(email(), SENDER)
    await connection.aclose()
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.code == "no_starttls"
    assert relay.steps[1:] in ([], ["QUIT"])
