"""Binds: how many, through what, when they are lost, and when they cannot be had."""

import asyncio
import time
from pathlib import Path

import pytest

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import BadRequest
from heliograph.providers.protocol import Accepted, ConnectionOptions, NotProcessed
from heliograph.providers.smpp.account import SmppConfiguration
from heliograph.providers.smpp.connection import SmppConnection
from heliograph.providers.smpp.pdu import ANSWER, BIND_TRANSCEIVER, frame
from heliograph.simulator.script import AccountScript, Receipts, Script, SmscManner
from heliograph.simulator.smsc import Spoken
from heliograph.stack.ports import free_port
from tests.providers.contract import message
from tests.providers.smpp.conftest import Simulated
from tests.providers.smpp.kept import KeptInbox
from tests.providers.smpp.peer import CREDENTIALS, LONG_CODE, open_smpp, until
from tests.providers.smtp.certificates import self_signed

HOST = SmppConfiguration(host="smsc.example")


def limited(binds: int) -> Script:
    """The account may have so many binds."""
    return Script(accounts={"heliograph": AccountScript(smsc=SmscManner(binds=binds))})


async def binds(smsc: Simulated) -> int:
    """How many there are."""
    return int((await smsc.client.statistics())["smpp"]["binds"])


async def test_as_many_binds_are_made_as_configured_and_all_of_them_given_back(smsc: Simulated) -> None:
    connection = open_smpp(smsc.port, HOST.model_copy(update={"binds": 3}))
    await connection.keep_open()
    for _ in range(200):
        if await binds(smsc) == 3:
            break
        await asyncio.sleep(0.02)
    assert await binds(smsc) == 3
    await connection.aclose()
    for _ in range(200):
        if await binds(smsc) == 0:
            break
        await asyncio.sleep(0.02)
    assert await binds(smsc) == 0


async def test_one_bind_of_several_is_enough_to_send(smsc: Simulated) -> None:
    await smsc.client.set_script(limited(1))
    connection = open_smpp(smsc.port, HOST.model_copy(update={"binds": 2}))
    for _ in range(3):
        assert isinstance(await connection.send(message(), LONG_CODE), Accepted)
    await connection.aclose()


async def test_an_account_whose_binds_are_taken_waits_and_its_credentials_are_right(smsc: Simulated) -> None:
    await smsc.client.set_script(limited(1))
    first, second = open_smpp(smsc.port), open_smpp(smsc.port)
    assert isinstance(await first.send(message(), LONG_CODE), Accepted)
    await second.check_credentials()
    outcome = await second.send(message(), LONG_CODE)
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.error_class is ErrorClass.NOT_PROCESSED
    assert "all the binds it may have" in outcome.error.message
    await first.aclose()
    await second.aclose()


async def test_while_no_bind_can_be_had_messages_are_given_back_at_once() -> None:
    connection = open_smpp(free_port())
    assert isinstance(await connection.send(message(), LONG_CODE), NotProcessed)
    began = time.monotonic()
    assert isinstance(await connection.send(message(), LONG_CODE), NotProcessed)
    assert time.monotonic() - began < 0.4  # the next try is later: nobody waits for it
    await connection.aclose()


async def test_a_private_address_is_not_connected_to_unless_the_operator_lists_it() -> None:
    configuration = SmppConfiguration(host="127.0.0.1", port=free_port())
    connection = SmppConnection(CREDENTIALS, configuration, ConnectionOptions(5.0, None))
    outcome = await connection.send(message(), LONG_CODE)
    assert isinstance(outcome, NotProcessed)
    assert (outcome.error.error_class, outcome.error.code) == (ErrorClass.ACCOUNT, "private_address")
    with pytest.raises(BadRequest, match="private or local address"):
        await connection.check_credentials()
    await connection.aclose()


async def test_tls_needs_a_certificate_that_is_trusted(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(16)
        await reader.readexactly(int.from_bytes(head[:4]) - 16)
        writer.write(frame(BIND_TRANSCEIVER | ANSWER, int.from_bytes(head[12:]), b"tls\0"))
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=certificate.server)
    port = server.sockets[0].getsockname()[1]
    trusting = SmppConfiguration(host="localhost", port=port, tls=True, ca_certificate=certificate.pem)
    wary = SmppConfiguration(host="localhost", port=port, tls=True)
    async with server:
        for configuration, works in ((trusting, True), (wary, False)):
            options = ConnectionOptions(5.0, None, reachable=[f"localhost:{port}"])
            connection = SmppConnection(CREDENTIALS, configuration, options)
            if works:
                await connection.check_credentials()
            else:
                outcome = await connection.send(message(), LONG_CODE)
                assert isinstance(outcome, NotProcessed)
                assert outcome.error.code == "tls"
            await connection.aclose()


@pytest.mark.parametrize("manner", ["standard", "long_dates", "sparse", "lower_case", "parameters"])
async def test_receipts_come_in_every_manner_and_are_read(smsc: Simulated, manner: str) -> None:
    account = AccountScript(smsc=SmscManner.model_validate({"receipts": manner, "ids": "hexadecimal_then_decimal"}))
    await smsc.client.set_script(Script(accounts={"heliograph": account}))
    inbox = KeptInbox()
    connection = open_smpp(smsc.port, HOST.model_copy(update={"receipts": "final_and_intermediate"}), inbox=inbox)
    outcome = await connection.send(message(), LONG_CODE)
    assert isinstance(outcome, Accepted)
    await until(lambda: len(inbox.reports) == 2)
    await connection.aclose()
    assert {report.state for report in inbox.reports} == {MessageState.SENT, MessageState.DELIVERED}
    assert all(outcome.provider_message_id in report.other_ids for report in inbox.reports)


async def test_receipts_wait_at_the_smsc_while_nobody_is_bound_and_while_nobody_can_keep_them(smsc: Simulated) -> None:
    sender = open_smpp(smsc.port)  # without an inbox: it puts receipts off
    await smsc.client.set_script(Script(receipts=Receipts()))
    assert isinstance(await sender.send(message(), LONG_CODE), Accepted)
    await sender.aclose()
    inbox = KeptInbox()
    inbox.failures = 1
    listener = open_smpp(smsc.port, inbox=inbox)
    await listener.keep_open()
    await until(lambda: len(inbox.reports) == 1)
    await listener.aclose()


@pytest.mark.parametrize("joined_by", ["udh8", "udh16", "sar"])
async def test_a_long_message_from_a_person_comes_in_parts(smsc: Simulated, joined_by: str) -> None:
    inbox = KeptInbox()
    listener = open_smpp(smsc.port, inbox=inbox)
    await listener.keep_open()
    body = "Я хочу отписаться от вашей рассылки. " * 5
    spoken = {"account": "heliograph", "person": "+447400123456", "to": "12345", "body": body, "joined_by": joined_by}
    await smsc.client.speak(Spoken.model_validate(spoken))
    await until(lambda: len(inbox.messages) == 3)
    await listener.aclose()
    parts = [each.part for each in inbox.messages if each.part is not None]
    joined = b"".join(part.octets for part in sorted(parts, key=lambda part: part.number))
    assert parts[0].read(joined) == body
