"""What comes over an open connection, for providers that listen: receipts and messages from people."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from heliograph.db.engine import Database
from heliograph.db.inbound_parts import PartKey, WholeMessage, add_part, forget_parts
from heliograph.db.part_names import Named, Question, find_named
from heliograph.db.tables import Connector
from heliograph.providers.protocol import InboundMessage, InboundPart, StatusReport
from heliograph.services.inbound import store_inbound
from heliograph.services.measuring import measure_reports
from heliograph.services.receipts import store, to_incoming
from heliograph.services.watching import Watch

_EARLY_SECONDS: Final = (0.1, 0.4)
"""A receipt may be faster than the commit that keeps the provider's name of its message; one whose name may be spelled
in another way is looked for again, since a parked receipt is found by its exact name only."""


class ConnectorInbox:
    """The inbox of one connector (see `providers.protocol.Inbox`). What it takes is committed when it returns."""

    def __init__(self, database: Database, connector: Connector) -> None:
        self._database = database
        self._workspace_id = connector.workspace_id
        self._connector_id = connector.id
        self._provider = connector.provider
        self._watch = Watch(database)

    async def take_reports(self, reports: Sequence[StatusReport]) -> None:
        """Stores and folds receipts; one that PostgreSQL cannot hold is logged and left, the others are kept.

        A receipt that nothing is known of yet is parked, and joined by the commit that names its message.
        """
        known, unknown = await self._named(reports)
        waiting = [report for report in unknown if report.other_ids]
        await self._store([*known, *(report for report in unknown if not report.other_ids)])
        for pause in _EARLY_SECONDS:
            if not waiting:
                return
            await asyncio.sleep(pause)
            known, waiting = await self._named(waiting)
            await self._store(known)
        await self._store(waiting)

    async def take_inbound(self, messages: Sequence[InboundMessage]) -> None:
        """Stores messages from people; parts, until their message is whole."""
        whole = [message for message in messages if message.part is None]
        completed: dict[PartKey, InboundMessage] = {}
        for message in messages:
            if message.part is not None:
                key = PartKey(message.address, message.to, message.part.reference, message.part.total)
                found = await self._add_part(key, message.part)
                if found is not None:
                    completed[key] = _joined(message, message.part, key, found)
        await store_inbound(self._database, self._workspace_id, self._connector_id, [*whole, *completed.values()])
        await forget_parts(self._database, self._connector_id, list(completed))

    async def _named(self, reports: Sequence[StatusReport]) -> tuple[list[StatusReport], list[StatusReport]]:
        """The reports whose messages are known, with our reference; and those that are not."""
        questions = [Question(each.provider_message_id, each.other_ids, each.address) for each in reports]
        found = await find_named(self._database.pool, self._connector_id, questions) if questions else []
        known, unknown = [], []
        for report, named in zip(reports, found, strict=True):
            if named is None:
                unknown.append(report)
            else:
                known.append(_referring(report, named))
        return known, unknown

    async def _store(self, reports: Sequence[StatusReport]) -> None:
        if reports:
            incoming = [to_incoming(self._workspace_id, self._connector_id, each) for each in reports]
            stored = await store(self._database, incoming)
            measure_reports({self._connector_id: self._provider}, incoming, stored.receipts, stored.refused)
            await self._watch.heard(self._workspace_id, self._connector_id)

    async def _add_part(self, key: PartKey, part: InboundPart) -> WholeMessage | None:
        return await add_part(self._database, self._workspace_id, self._connector_id, key, part.number, part.octets)


def _referring(report: StatusReport, named: Named) -> StatusReport:
    return replace(report, reference=(named.message_id, named.attempt), part=report.part or named.part)


def _joined(last: InboundMessage, part: InboundPart, key: PartKey, whole: WholeMessage) -> InboundMessage:
    """The message of all parts. Its name is always the same: it is stored once, however often its last part comes."""
    name = f"{key}:{whole.begun_at.isoformat()}".encode()
    return replace(
        last,
        provider_message_id=f"parts:{hashlib.sha256(name).hexdigest()[:32]}",
        body=part.read(whole.octets),
        part=None,
    )
