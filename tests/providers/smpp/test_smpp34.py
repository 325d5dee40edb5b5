"""SMPP against the server of smpp34."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import smpp34

from heliograph.domain.ledger import MessageState
from heliograph.providers.protocol import Accepted
from heliograph.providers.smpp.account import SmppConfiguration
from heliograph.stack.ports import free_port
from tests.providers.contract import message
from tests.providers.smpp.kept import KeptInbox
from tests.providers.smpp.peer import LONG_CODE, open_smpp


@asynccontextmanager
async def accepting_server(port: int, sessions: list[smpp34.Esme]) -> AsyncIterator[None]:
    """A server that takes everything and names it 1, 2, 3…"""
    server = smpp34.Server("127.0.0.1", port)
    await server.start()

    async def serve() -> None:
        count = 0
        while True:
            event = await server.next()
            if isinstance(event, smpp34.Esme):
                sessions.append(event)
            elif isinstance(event, smpp34.SubmitSmEvent):
                count += 1
                event.accept(str(count))

    serving = asyncio.create_task(serve())
    try:
        yield
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        await server.stop()


async def test_a_thousand_messages_and_their_receipts_go_through_one_bind() -> None:
    port, sessions, inbox = free_port(), list[smpp34.Esme](), KeptInbox()
    async with accepting_server(port, sessions):
        connection = open_smpp(port, SmppConfiguration(host="smsc.example", window=50), inbox=inbox)
        outcomes = await asyncio.gather(*(connection.send(message(), LONG_CODE) for _ in range(1000)))
        (session,) = sessions
        names = {outcome.provider_message_id for outcome in outcomes if isinstance(outcome, Accepted)}
        assert len(names) == 1000
        answers = await asyncio.gather(
            *(
                session.deliver_sm(
                    "12015550123",
                    f"id:{name} sub:001 dlvrd:001 stat:DELIVRD err:000".encode(),
                    source_addr="447400123456",
                    source_addr_ton=1,
                    esm_class=4,
                )
                for name in sorted(names)
            )
        )
        assert all(answer.is_success for answer in answers)
        await connection.aclose()
    assert {report.provider_message_id for report in inbox.reports} == names
    assert {report.state for report in inbox.reports} == {MessageState.DELIVERED}
