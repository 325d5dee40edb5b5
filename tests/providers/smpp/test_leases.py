"""Nothing is written after the lease, whatever holds the writing up."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from heliograph.providers.protocol import Accepted, NotProcessed
from heliograph.providers.smpp.account import SmppConfiguration
from heliograph.providers.smpp.pdu import ANSWER, BIND_TRANSCEIVER, SUBMIT_SM, Frames, frame
from heliograph.simulator.script import Fixed, Script
from tests.providers.contract import message
from tests.providers.smpp.conftest import Simulated
from tests.providers.smpp.peer import LONG_CODE, open_smpp

_LEASE_SECONDS = 1.0
_CLOCK_SLACK_SECONDS = 0.05  # between the child's lease and our reading of the clock


async def test_a_frozen_process_sends_nothing_after_its_lease(smsc: Simulated) -> None:
    command = [sys.executable, "-m", "tests.providers.smpp.frozen_sender", str(smsc.port), str(_LEASE_SECONDS)]
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    assert await child.stdout.readline() == b"sending\n"
    lease_ends_before = time.time() + _LEASE_SECONDS + _CLOCK_SLACK_SECONDS
    child.send_signal(signal.SIGSTOP)
    await asyncio.sleep(_LEASE_SECONDS + 3 * _CLOCK_SLACK_SECONDS)
    before = await smsc.client.accepted_count()
    child.send_signal(signal.SIGCONT)
    outcomes = json.loads(await child.stdout.readline())
    await child.wait()
    assert outcomes["lease_expired"] == 32
    assert before > 0
    assert outcomes["Accepted"] == await smsc.client.accepted_count() == before
    assert await smsc.client.accepted_count(since=str(lease_ends_before)) == 0


async def test_a_message_waits_for_the_window_no_longer_than_its_lease(smsc: Simulated) -> None:
    await smsc.client.set_script(Script(latency=Fixed(seconds=0.6)))
    connection = open_smpp(smsc.port, SmppConfiguration(host="smsc.example", window=2))
    first = [asyncio.create_task(connection.send(message(), LONG_CODE)) for _ in range(2)]
    await asyncio.sleep(0.1)
    late = await connection.send(message(seconds=0.2), LONG_CODE)
    assert isinstance(late, NotProcessed)
    assert late.error.code == "lease_expired"
    assert all(isinstance(outcome, Accepted) for outcome in await asyncio.gather(*first))
    await connection.aclose()
    assert await smsc.client.accepted_count() == 2


class _DeafSmsc:
    """Binds, and then reads nothing until it is told to."""

    def __init__(self) -> None:
        self.listens = asyncio.Event()
        self.texts: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One session."""
        frames = Frames()
        while data := await reader.read(1 << 16):
            for pdu in frames.feed(data):
                if pdu.command_id == BIND_TRANSCEIVER:
                    writer.write(frame(BIND_TRANSCEIVER | ANSWER, pdu.sequence, b"deaf\0"))
                elif pdu.command_id == SUBMIT_SM:
                    self.texts.append(pdu.body)
                    writer.write(frame(SUBMIT_SM | ANSWER, pdu.sequence, b"1\0"))
            await self.listens.wait()
        writer.close()


@asynccontextmanager
async def _deaf_smsc() -> AsyncIterator[tuple[_DeafSmsc, int]]:
    smsc = _DeafSmsc()
    server = await asyncio.start_server(smsc.serve, "127.0.0.1", 0, limit=1 << 16)
    async with server:
        yield smsc, server.sockets[0].getsockname()[1]


async def test_nothing_waits_in_a_buffer_behind_a_socket_that_takes_no_more() -> None:
    async with _deaf_smsc() as (smsc, port):
        configuration = SmppConfiguration(host="smsc.example", window=1000, long_messages="payload")
        connection = open_smpp(port, configuration, timeout=20.0)
        large = "ж" * 30_000
        stuck = [asyncio.create_task(connection.send(message(body=large), LONG_CODE)) for _ in range(300)]
        await asyncio.sleep(1.0)  # the socket is full by now
        late = await connection.send(message(body="too late", seconds=0.2), LONG_CODE)
        assert isinstance(late, NotProcessed)
        assert late.error.code == "lease_expired"
        smsc.listens.set()
        assert all(isinstance(outcome, Accepted) for outcome in await asyncio.gather(*stuck))
        await connection.aclose()
    assert len(smsc.texts) == 300
    assert not any(b"too late" in text for text in smsc.texts)
