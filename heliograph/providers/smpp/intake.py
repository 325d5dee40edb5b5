"""What the SMSC sends us: receipts and messages from people, each answered when it is kept, and not before."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Final

import smpp34

from heliograph.errors import Rejected
from heliograph.providers.protocol import Inbox, StatusReport
from heliograph.providers.smpp.account import SmppConfiguration
from heliograph.providers.smpp.pdu import Pdu
from heliograph.providers.smpp.receipts import is_receipt, read_receipt
from heliograph.providers.smpp.received import read_message
from heliograph.providers.smpp.session import Session
from heliograph.providers.smpp.statuses import OK, PERMANENT_ERROR, QUEUE_FULL, TEMPORARY_ERROR

_log = logging.getLogger(__name__)

_GROUP: Final = 500  # receipts in one commit
_MOST_WAITING: Final = 5_000
_COMMITS: Final = 4  # at a time: one that waits for its messages' names must not hold up the others

_Receipt = tuple[Session, Pdu, StatusReport]


class Intake:
    """One per connection, for all of its binds. Without an inbox everything is put off: the SMSC comes again."""

    def __init__(self, inbox: Inbox | None, configuration: SmppConfiguration) -> None:
        self._inbox = inbox
        self._configuration = configuration
        self._receipts: list[_Receipt] = []
        self._commits = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, session: Session, pdu: Pdu) -> None:
        """One deliver_sm; the session's answer follows."""
        if self._inbox is None:
            session.answer(pdu, TEMPORARY_ERROR)
            return
        try:
            message = smpp34.decode(pdu.whole)
        except smpp34.SmppError as error:
            _log.warning("the SMSC sent a deliver_sm that cannot be read: %s", error)
            session.answer(pdu, PERMANENT_ERROR)
            return
        assert isinstance(message, smpp34.DeliverSm)
        if not is_receipt(message):
            self._spawn_message(session, pdu, message)
            return
        report = read_receipt(message, self._configuration)
        if report is None:  # refused, it would come again for ever
            _log.warning("the SMSC sent a receipt without a message id or a state")
            session.answer(pdu, OK)
        elif len(self._receipts) >= _MOST_WAITING:
            session.answer(pdu, QUEUE_FULL)
        else:
            self._receipts.append((session, pdu, report))
            self._commit_more()

    async def aclose(self) -> None:
        """Waits for what is being committed."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _commit_more(self) -> None:
        if self._receipts and self._commits < _COMMITS:
            self._commits += 1
            self._spawn(self._commit())

    async def _commit(self) -> None:
        """Commits what is there; what comes meanwhile goes into the next group."""
        try:
            await asyncio.sleep(0)  # receipts of one read of the socket go together
            group, self._receipts = self._receipts[:_GROUP], self._receipts[_GROUP:]
            if group:
                await self._keep(group)
        finally:
            self._commits -= 1
            self._commit_more()

    async def _keep(self, group: list[_Receipt]) -> None:
        assert self._inbox is not None
        status = OK
        try:
            await self._inbox.take_reports([report for _, _, report in group])
        except Exception as error:  # noqa: BLE001 - whatever it was, the SMSC must hear that it is to come again
            _log.warning("%d receipts could not be kept, the SMSC is to repeat them: %s", len(group), _name(error))
            status = TEMPORARY_ERROR
        for session, pdu, _ in group:
            session.answer(pdu, status)

    def _spawn_message(self, session: Session, pdu: Pdu, message: smpp34.DeliverSm) -> None:
        if len(self._tasks) >= _MOST_WAITING:
            session.answer(pdu, QUEUE_FULL)
        else:
            self._spawn(self._keep_message(session, pdu, message))

    async def _keep_message(self, session: Session, pdu: Pdu, message: smpp34.DeliverSm) -> None:
        assert self._inbox is not None
        status = OK
        try:
            await self._inbox.take_inbound([read_message(message, self._configuration)])
        except Rejected as error:
            _log.warning("a message from a person is refused: %s", error.code)
            status = PERMANENT_ERROR
        except Exception as error:  # noqa: BLE001 - as above
            _log.warning("a message from a person could not be kept, the SMSC is to repeat it: %s", _name(error))
            status = TEMPORARY_ERROR
        session.answer(pdu, status)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _name(error: Exception) -> str:
    return type(error).__name__
