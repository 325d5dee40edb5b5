"""SMPP against an SMSC that others wrote: node-smpp from npm."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import Unauthenticated
from heliograph.providers.protocol import (
    Accepted,
    ConnectionOptions,
    InDoubt,
    NotProcessed,
    Refused,
    SenderAddress,
)
from heliograph.providers.smpp.account import SmppConfiguration, SmppCredentials
from heliograph.providers.smpp.connection import SmppConnection
from tests.providers.contract import message
from tests.providers.smpp.kept import KeptInbox
from tests.providers.smpp.node_peer import NodeSmsc, node_smsc
from tests.providers.smpp.peer import LONG_CODE, open_smpp

NAME = SenderAddress("alphanumeric", "ACME Shop")
SHORT_CODE = SenderAddress("short_code", "12345")
RECEIPT = 4
RECEIPT_TEXT = (
    "id:{id} sub:001 dlvrd:001 submit date:2611211108 done date:2611211109 stat:DELIVRD err:000 text:Gr\u00fc\u00dfe"
)


@pytest_asyncio.fixture
async def node() -> AsyncIterator[NodeSmsc]:
    """The SMSC."""
    async with node_smsc() as peer:
        yield peer


@asynccontextmanager
async def opened(
    node: NodeSmsc, inbox: KeptInbox | None = None, *, timeout: float = 5.0, **choices: Any
) -> AsyncIterator[SmppConnection]:
    """A connection by its configured host."""
    configuration = SmppConfiguration(host="127.0.0.1", port=node.port, **choices)
    connection = open_smpp(node.port, configuration, inbox=inbox, timeout=timeout, simulated=False)
    try:
        yield connection
    finally:
        await connection.aclose()


@pytest.mark.parametrize(
    ("choices", "body", "data_coding"),
    [
        ({}, "Hello [world] 5 €", 0),
        ({}, "Привет 😀", 8),
        ({"alphabet": "latin1"}, "Ça va? ½", 3),
        ({"alphabet": "ucs2"}, "Hello", 8),
    ],
)
async def test_a_text_arrives_as_it_was_written(
    node: NodeSmsc, choices: dict[str, Any], body: str, data_coding: int
) -> None:
    async with opened(node, **choices) as connection:
        outcome = await connection.send(message(body=body), LONG_CODE)
        submitted = await node.event("submitted")
        assert isinstance(outcome, Accepted)
        assert outcome.provider_message_id == submitted["name"]
        assert (submitted["text"], submitted["data_coding"]) == (body, data_coding)
        assert (submitted["to"], submitted["from"]) == ("447400123456", "12015550123")
        assert submitted["registered_delivery"] == 1


@pytest.mark.parametrize(
    ("sender", "numbering"), [(LONG_CODE, [1, 1, 1, 1]), (NAME, [5, 0, 1, 1]), (SHORT_CODE, [3, 0, 1, 1])]
)
async def test_each_kind_of_sender_has_its_numbering(
    node: NodeSmsc, sender: SenderAddress, numbering: list[int]
) -> None:
    async with opened(node) as connection:
        await connection.send(message(), sender)
        submitted = await node.event("submitted")
        assert submitted["numbering"] == numbering
        assert submitted["from"] == sender.address.removeprefix("+")


async def test_a_long_text_travels_in_parts_by_header(node: NodeSmsc) -> None:
    body = "a" * 152 + "€" + "b" * 160
    async with opened(node, long_messages="udh8") as connection:
        outcome = await connection.send(message(body=body), LONG_CODE)
        parts = [await node.event("submitted") for _ in range(3)]
    assert isinstance(outcome, Accepted)
    assert outcome.parts == 3
    assert list(outcome.part_ids) == [part["name"] for part in parts]
    assert "".join(part["text"] for part in parts) == body
    assert parts[0]["text"] == "a" * 152  # the euro's pair is not split
    (reference,) = {part["udh"][0][4:6] for part in parts}
    assert [part["udh"][0] for part in parts] == [f"0003{reference}030{number}" for number in (1, 2, 3)]


async def test_a_long_text_travels_in_parts_by_sar_parameters(node: NodeSmsc) -> None:
    async with opened(node, long_messages="sar") as connection:
        await connection.send(message(body="ж" * 130), LONG_CODE)
        parts = [await node.event("submitted") for _ in range(2)]
    assert "".join(part["text"] for part in parts) == "ж" * 130
    assert [part["sar"][1:] for part in parts] == [[2, 1], [2, 2]]
    assert parts[0]["sar"][0] == parts[1]["sar"][0]
    assert all(part["udh"] == [] for part in parts)


async def test_a_long_text_travels_whole_as_payload(node: NodeSmsc) -> None:
    async with opened(node, long_messages="payload") as connection:
        outcome = await connection.send(message(body="c" * 400), LONG_CODE)
        submitted = await node.event("submitted")
    assert isinstance(outcome, Accepted)
    assert (outcome.parts, outcome.part_ids) == (3, ())
    assert submitted["payload"] == "c" * 400


async def test_validity_and_receipts_are_asked_for_as_configured(node: NodeSmsc) -> None:
    async with opened(node, validity_seconds=86_400 + 3_661, receipts="failures") as connection:
        await connection.send(message(), LONG_CODE)
        submitted = await node.event("submitted")
    assert submitted["registered_delivery"] == 2
    assert submitted["validity"] is not None


async def test_throttling_is_not_processed_and_the_next_message_waits(node: NodeSmsc) -> None:
    await node.answer([{"status": 0x58}, {"status": 0x14}])
    async with opened(node, throttle_seconds=0.3) as connection:
        for _ in range(2):
            throttled = await connection.send(message(), LONG_CODE)
            assert isinstance(throttled, NotProcessed)
            assert (throttled.error.error_class, throttled.retry_after) == (ErrorClass.RATE_LIMITED, 0.3)
        began = time.monotonic()
        assert isinstance(await connection.send(message(), LONG_CODE), Accepted)
        assert time.monotonic() - began > 0.2


@pytest.mark.parametrize(
    ("status", "error_class"),
    [(0x0B, ErrorClass.RECIPIENT), (0x0A, ErrorClass.SENDER), (0x01, ErrorClass.CONTENT), (0x65, ErrorClass.OTHER)],
)
async def test_a_refusal_has_its_class(node: NodeSmsc, status: int, error_class: ErrorClass) -> None:
    await node.answer([{"status": status}])
    async with opened(node) as connection:
        outcome = await connection.send(message(), LONG_CODE)
        assert isinstance(outcome, Refused)
        assert (outcome.error.error_class, outcome.error.code) == (error_class, f"{status:#x}")
        assert isinstance(await connection.send(message(), LONG_CODE), Accepted)


async def test_a_connection_lost_before_the_answer_is_in_doubt_and_is_made_again(node: NodeSmsc) -> None:
    await node.answer([{"drop": True}])
    async with opened(node) as connection:
        assert isinstance(await connection.send(message(), LONG_CODE), InDoubt)
        assert isinstance(await connection.send(message(), LONG_CODE), Accepted)


async def test_silence_is_in_doubt(node: NodeSmsc) -> None:
    await node.answer([{"silent": True}])
    async with opened(node, timeout=0.3) as connection:
        outcome = await connection.send(message(), LONG_CODE)
        assert isinstance(outcome, InDoubt)
        assert outcome.error.code == "timeout"


async def test_a_part_that_is_refused_after_others_were_taken_refuses_the_whole(node: NodeSmsc) -> None:
    await node.answer([{}, {"status": 0x0B}])
    async with opened(node) as connection:
        outcome = await connection.send(message(body="a" * 400), LONG_CODE)
    assert isinstance(outcome, Refused)
    assert "1 of 3 parts were taken" in outcome.error.message


async def test_a_part_that_is_throttled_is_tried_again_while_the_claim_lasts(node: NodeSmsc) -> None:
    await node.answer([{}, {"status": 0x58}])
    async with opened(node, throttle_seconds=0.1) as connection:
        outcome = await connection.send(message(body="a" * 400), LONG_CODE)
    assert isinstance(outcome, Accepted)
    assert outcome.parts == 3


async def test_a_part_that_could_not_follow_leaves_the_whole_in_doubt(node: NodeSmsc) -> None:
    await node.answer([{}, *[{"status": 0x58}] * 20])
    async with opened(node, throttle_seconds=0.2) as connection:
        outcome = await connection.send(message(body="a" * 400, seconds=1.5), LONG_CODE)
    assert isinstance(outcome, InDoubt)
    assert "1 of 3 parts were taken" in outcome.error.message


async def test_a_receipt_is_answered_when_it_is_kept_and_not_before(node: NodeSmsc) -> None:
    inbox = KeptInbox()
    inbox.open.clear()
    async with opened(node, inbox) as connection:
        await connection.keep_open()
        await node.event("bound")
        delivering = asyncio.create_task(
            node.deliver(
                source_addr="447400123456",
                source_addr_ton=1,
                destination_addr="12015550123",
                esm_class=RECEIPT,
                short_message=RECEIPT_TEXT.format(id="0a1b"),
            )
        )
        done, _ = await asyncio.wait({delivering}, timeout=0.3)
        assert not done
        inbox.open.set()
        assert await delivering == 0
    (report,) = inbox.reports
    assert (report.provider_message_id, report.state) == ("0a1b", MessageState.DELIVERED)
    assert "2587" in report.other_ids
    assert report.address == "+447400123456"


async def test_a_receipt_that_cannot_be_kept_is_to_be_repeated(node: NodeSmsc) -> None:
    inbox = KeptInbox()
    inbox.failures = 1
    receipt = {
        "source_addr": "447400123456",
        "destination_addr": "12015550123",
        "esm_class": RECEIPT,
        "short_message": RECEIPT_TEXT.format(id="1"),
    }
    async with opened(node, inbox) as connection:
        await connection.keep_open()
        await node.event("bound")
        assert await node.deliver(**receipt) == 0x64
        assert await node.deliver(**receipt) == 0
    assert len(inbox.reports) == 1


async def test_messages_from_people_arrive_as_they_were_written(node: NodeSmsc) -> None:
    inbox = KeptInbox()
    person = {"source_addr": "447400123456", "source_addr_ton": 1, "destination_addr": "12345"}
    async with opened(node, inbox) as connection:
        await connection.keep_open()
        await node.event("bound")
        assert await node.deliver(**person, short_message="Жду ответа", data_coding=8) == 0
        assert await node.deliver(**person, short_message="STOP [now] €") == 0  # node-smpp calls GSM-7 IA5
        assert await node.deliver(**person, short_message="later", udh="050003090202", esm_class=0x40) == 0
    *whole, part = inbox.messages
    assert [each.body for each in whole] == ["Жду ответа", "STOP [now] €"]
    assert part.part is not None
    assert (part.part.number, part.part.total, part.part.read(part.part.octets)) == (2, 2, "later")
    assert {(each.address, each.to) for each in inbox.messages} == {("+447400123456", "12345")}


async def test_both_sides_ask_whether_the_other_is_there(node: NodeSmsc) -> None:
    async with opened(node, enquire_link_seconds=1) as connection:
        await connection.keep_open()
        await node.event("bound")
        await node.tell(enquire=True)
        assert (await node.event("alive"))["status"] == 0
        await asyncio.sleep(1.5)  # our own enquire_link was answered, or the session would be gone
        assert isinstance(await connection.send(message(), LONG_CODE), Accepted)


async def test_a_lost_bind_is_made_again_without_anything_being_sent(node: NodeSmsc) -> None:
    async with opened(node, KeptInbox()) as connection:
        await connection.keep_open()
        await node.event("bound")
        await node.tell(close=True)
        await node.event("closed")
        await node.event("bound")


async def test_an_orderly_end_unbinds(node: NodeSmsc) -> None:
    async with opened(node) as connection:
        await connection.send(message(), LONG_CODE)
    await node.event("unbound")


async def test_wrong_credentials_are_told(node: NodeSmsc) -> None:
    configuration = SmppConfiguration(host="127.0.0.1", port=node.port)
    options = ConnectionOptions(5.0, None, reachable=[f"127.0.0.1:{node.port}"])
    connection = SmppConnection(SmppCredentials(system_id="x", password="wrong"), configuration, options)
    with pytest.raises(Unauthenticated, match="password is wrong"):
        await connection.check_credentials()
    outcome = await connection.send(message(), LONG_CODE)
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.error_class is ErrorClass.AUTH
    await connection.aclose()
