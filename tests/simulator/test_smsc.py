"""The simulated SMSC, seen by a client that others wrote: smpp34's."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
import smpp34

from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, AnswerKind, Receipts, Rule, Script, SendAnswer, SmscManner
from heliograph.simulator.smsc import Spoken
from heliograph.stack.ports import free_port
from tests.simulator.process import running_simulator


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[str, int]]:
    """The simulator's address, and the port of its SMSC."""
    port = free_port()
    with running_simulator("--smpp-port", str(port), port=free_port(besides=[port])) as url:
        yield url, port


@pytest_asyncio.fixture
async def told(place: tuple[str, int]) -> AsyncIterator[SimulatorClient]:
    """The simulator's own doors, everything forgotten."""
    async with SimulatorClient(place[0]) as client:
        await client.reset()
        yield client


def client(place: tuple[str, int], password: str = "secret") -> smpp34.Client:
    """An ESME that others wrote."""
    return smpp34.Client("127.0.0.1", place[1], "acme", password, bind_type="TRX")


@asynccontextmanager
async def bound(place: tuple[str, int]) -> AsyncIterator[smpp34.Smsc]:
    """A bound session of it."""
    esme = client(place)
    smsc = await esme.connect()
    try:
        yield smsc
    finally:
        await smsc.unbind()
        await esme.stop()


async def submit(smsc: smpp34.Smsc, to: str = "447400123456", **fields: int) -> smpp34.SubmitSmResp:
    """A text to a number."""
    return await smsc.submit_sm(
        to,
        b"Hello",
        source_addr="ACME",
        source_addr_ton=5,
        dest_addr_ton=1,
        **fields,  # type: ignore[arg-type]
    )


async def heard(smsc: smpp34.Smsc) -> smpp34.DeliverSmEvent:
    """The next deliver_sm."""
    event = await smsc.next()
    assert isinstance(event, smpp34.DeliverSmEvent)
    return event


async def test_a_message_is_in_the_log_and_its_receipt_comes(place: tuple[str, int], told: SimulatorClient) -> None:
    async with bound(place) as smsc:
        answer = await submit(smsc, registered_delivery=1)
        receipt = await heard(smsc)
    (message,) = [each async for each in told.accepted_messages(account="acme")]
    assert message.sid == answer.message_id
    assert (message.to, message.sender, message.body) == ("+447400123456", "ACME", "Hello")
    assert receipt.esm_class == 4
    assert receipt.short_message.startswith(f"id:{message.sid} sub:001 dlvrd:001 ".encode())
    assert b"stat:DELIVRD err:000" in receipt.short_message


async def test_nothing_is_told_that_was_not_asked_for(place: tuple[str, int], told: SimulatorClient) -> None:
    await told.set_script(Script(receipts=Receipts()))
    async with bound(place) as smsc:
        await submit(smsc)
        await submit(smsc, registered_delivery=2)
        await submit(smsc, registered_delivery=17)
        assert [(await heard(smsc)).esm_class for _ in range(2)] == [0x20, 4]  # of the third alone


async def test_a_wrong_password_and_a_suspended_account_are_refused(
    place: tuple[str, int], told: SimulatorClient
) -> None:
    with pytest.raises(smpp34.SmppError):
        await client(place, "bad").connect()
    await told.set_script(Script(accounts={"acme": AccountScript(status="suspended")}))
    with pytest.raises(smpp34.SmppError):
        await client(place).connect()


@pytest.mark.parametrize(
    ("code", "status"), [(0x58, 0x58), (0x0B, 0x0B), (21610, 0x402), (20429, 0x58), (0x4FF, 0x4FF)]
)
async def test_answers_are_scripted_by_command_status(
    place: tuple[str, int], told: SimulatorClient, code: int, status: int
) -> None:
    await told.set_script(Script(rules=[Rule(answer=SendAnswer(kind=AnswerKind.ERROR, code=code))]))
    async with bound(place) as smsc:
        assert (await submit(smsc)).command_status == status
    assert await told.accepted_count() == 0


async def test_a_number_that_is_none_and_an_account_without_money_are_refused(
    place: tuple[str, int], told: SimulatorClient
) -> None:
    async with bound(place) as smsc:
        assert (await submit(smsc, "12")).command_status == 0x0B
        await told.set_script(Script(accounts={"acme": AccountScript(balance="0.00")}))
        assert (await submit(smsc)).command_status == 0x401


async def test_a_receipt_may_name_the_message_in_another_base(place: tuple[str, int], told: SimulatorClient) -> None:
    manner = SmscManner(ids="hexadecimal_then_decimal", receipts="sparse")
    await told.set_script(Script(accounts={"acme": AccountScript(smsc=manner)}))
    async with bound(place) as smsc:
        name = (await submit(smsc, registered_delivery=1)).message_id
        assert name is not None
        assert (await heard(smsc)).short_message == f"id:{int(name, 16)} stat:DELIVRD".encode()


async def test_what_a_person_writes_waits_until_somebody_is_bound(
    place: tuple[str, int], told: SimulatorClient
) -> None:
    await told.speak(Spoken(account="acme", person="+447400123456", to="12345", body="STOP"))
    async with bound(place) as smsc:
        spoken = await heard(smsc)
        assert (spoken.source_addr, spoken.destination_addr, spoken.short_message) == ("447400123456", "12345", b"STOP")
