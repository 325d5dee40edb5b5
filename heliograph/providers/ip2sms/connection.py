"""An open IP2SMS account: sends messages one by one or together, and asks for their states."""

import asyncio
import math
from base64 import b64encode
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import HeliographError, NotFound, Unauthenticated, UpstreamFailed
from heliograph.providers.ip2sms import requests
from heliograph.providers.ip2sms.answers import Told, read
from heliograph.providers.ip2sms.configuration import Ip2smsConfiguration, Ip2smsCredentials
from heliograph.providers.ip2sms.outcomes import BY_KEY, NAME, outcome_of, outcomes_of
from heliograph.providers.ip2sms.words import UNSUCCESSFUL, delivery_error, state_of
from heliograph.providers.protocol import (
    ConnectionOptions,
    Outcome,
    OutgoingMessage,
    ProviderError,
    Refused,
    SenderAddress,
    StatusReport,
)
from heliograph.providers.shared.configured_reply import UnreadableReply
from heliograph.providers.shared.guarded import check_reach, open_transport, url_in_use
from heliograph.providers.shared.http import HttpAnswer, HttpRequest
from heliograph.providers.shared.outcomes import refuse_surrogates
from heliograph.providers.shared.questions import FewAnswers

KEY: Final = "ip2sms"
_CALLS_AT_A_TIME: Final = 8
"""Of one batch or poll that is made message by message."""
_NOBODY: Final = "0"
"""An id that no message has: what is asked to see whether the credentials are taken."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Ip2smsConnection(FewAnswers):
    """One account, one pool, used by many tasks at once."""

    provider_name = NAME

    def __init__(
        self, credentials: Ip2smsCredentials, configuration: Ip2smsConfiguration, options: ConnectionOptions
    ) -> None:
        self._configuration = configuration
        self._options = options
        self._transport = open_transport(NAME, options)
        self._send_url = url_in_use(configuration.send_url, KEY, options)
        self._status_url = url_in_use(configuration.status_url, KEY, options)
        pair = f"{credentials.login}:{credentials.password.get_secret_value()}"
        self._headers = {
            "Authorization": "Basic " + b64encode(pair.encode()).decode(),
            "Content-Type": requests.JSON if configuration.format == "json" else requests.XML,
        }

    async def check_credentials(self) -> None:
        """Asks for a message that nobody has: any answer but a refusal of the credentials will do."""
        for url in (self._configuration.send_url, self._configuration.status_url):
            check_reach(url, self._options)
        answer = await self._ask(requests.to_ask(_NOBODY, self._configuration))
        if answer.status == 404:
            raise NotFound("nothing answers at configuration.status_url", code="not_found_at_provider")

    async def send(self, message: OutgoingMessage, sender: SenderAddress) -> Outcome:
        """One message, one request."""
        refused = self._unwritable(message)
        if refused is not None:
            return refused
        answer = await self._write([message], sender)
        if not isinstance(answer, HttpAnswer):
            return answer
        return outcome_of(answer, message, self._configuration.format)

    async def send_batch(self, messages: Sequence[OutgoingMessage], sender: SenderAddress) -> Sequence[Outcome]:
        """As many requests as `messages_per_request` makes of them; a rejected one is repeated message by message."""
        size = self._configuration.messages_per_request
        parts = [messages[start : start + size] for start in range(0, len(messages), size)]
        answered = await _some_at_a_time(parts, lambda part: self._send_part(part, sender))
        return [outcome for outcomes in answered for outcome in outcomes]

    async def _send_part(self, part: Sequence[OutgoingMessage], sender: SenderAddress) -> Sequence[Outcome]:
        writable = [message for message in part if self._unwritable(message) is None]
        if len(writable) < 2 or len(writable) < len(part):  # the protocol takes no group of one
            return [await self.send(message, sender) for message in part]
        answer = await self._write(part, sender)
        if not isinstance(answer, HttpAnswer):
            return [answer] * len(part)
        outcomes = outcomes_of(answer, part, self._configuration.format)
        if outcomes is None:
            return await _some_at_a_time(part, lambda message: self.send(message, sender))
        return outcomes

    async def _write(self, messages: Sequence[OutgoingMessage], sender: SenderAddress) -> HttpAnswer | Outcome:
        body = requests.to_send(messages, sender, self._configuration)
        valid_until = min(message.valid_until for message in messages)
        return await self._transport.send(HttpRequest("POST", self._send_url, self._headers, body), valid_until)

    def _unwritable(self, message: OutgoingMessage) -> Refused | None:
        if requests.can_be_written(message.body, self._configuration):
            return refuse_surrogates(message)
        text = "The text has a control character, which XML cannot carry"
        return Refused(ProviderError(ErrorClass.CONTENT, "not_xml", text))

    # -- questions

    async def poll(self, provider_message_id: str) -> StatusReport:
        """The present state of a message; `NotFound` where the provider never told its id."""
        if provider_message_id.startswith(BY_KEY):
            raise NotFound("the provider did not tell the id of this message", code="no_provider_id")
        alone = provider_message_id.rpartition("/")[2]
        told, date = await self._told(requests.to_ask(alone, self._configuration))
        for each in told:
            if each.id == alone or (not each.id and each.error is None):  # else the question is rejected
                return _report(provider_message_id, each, date)
        raise NotFound(f"{NAME} does not know the message", code="not_found_at_provider")

    async def poll_many(self, provider_message_ids: Sequence[str]) -> Mapping[str, StatusReport]:
        """The states of messages: a question a group where groups can be asked for, else one a message."""
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for each in provider_message_ids:
            group = each.rpartition("/")[0]
            known = group and not each.startswith(BY_KEY)
            groups[group if known and requests.to_ask_group(group, self._configuration) else ""].append(each)
        alone = groups.pop("", [])
        answers = [
            *await _some_at_a_time(list(groups), self._poll_group),
            *await _some_at_a_time(alone, self._poll_or_nothing),
        ]
        failures = [answer for answer in answers if isinstance(answer, HeliographError)]
        if failures and len(failures) == len(answers):
            raise failures[0]
        found: dict[str, StatusReport] = {}
        for answer in answers:
            if not isinstance(answer, HeliographError):
                found.update(answer)
        return found

    async def _poll_group(self, group: str) -> Mapping[str, StatusReport] | HeliographError:
        question = requests.to_ask_group(group, self._configuration)
        assert question is not None
        try:
            told, date = await self._told(question)
        except HeliographError as error:
            return error
        return {f"{group}/{each.id}": _report(f"{group}/{each.id}", each, date) for each in told if each.id}

    async def _poll_or_nothing(self, provider_message_id: str) -> Mapping[str, StatusReport] | HeliographError:
        try:
            return {provider_message_id: await self.poll(provider_message_id)}
        except NotFound:
            return {}
        except HeliographError as error:
            return error

    async def _told(self, question: bytes) -> tuple[Sequence[Told], datetime | None]:
        answer = await self._ask(question)
        try:
            status = read(answer, self._configuration.format)
        except UnreadableReply as error:
            raise UpstreamFailed(f"{NAME} answered what is no status") from error
        return status.messages, status.date

    async def _ask(self, question: bytes) -> HttpAnswer:
        """An answer to something harmless; `Unauthenticated` or `UpstreamFailed` for what is none."""
        answer = await self._transport.send(HttpRequest("POST", self._status_url, self._headers, question), math.inf)
        if not isinstance(answer, HttpAnswer):
            raise UpstreamFailed(f"{NAME} could not be reached, or did not answer in time")
        if answer.status in {401, 403} or answer.text.lstrip().startswith("401 Unauthorized"):
            raise Unauthenticated(f"{NAME} does not accept the credentials")
        if answer.status in {408, 429} or answer.status >= 500 or 300 <= answer.status < 400:
            raise UpstreamFailed(f"{NAME} answered HTTP {answer.status}")
        return answer

    async def aclose(self) -> None:
        """Closes the pool. Calls under way end: those not written as not processed, the others in doubt."""
        await self._transport.aclose()


def _report(provider_message_id: str, told: Told, date: datetime | None) -> StatusReport:
    state = state_of(told.state)
    return StatusReport(
        provider_message_id=provider_message_id,
        provider_status=told.state[:80],
        state=state,
        error=delivery_error(told.state, told.error) if state in UNSUCCESSFUL else None,
        occurred_at=date,
    )


async def _some_at_a_time(items: Sequence[_Item], call: Callable[[_Item], Awaitable[_Result]]) -> list[_Result]:
    limit = asyncio.Semaphore(_CALLS_AT_A_TIME)

    async def one(item: _Item) -> _Result:
        async with limit:
            return await call(item)

    return list(await asyncio.gather(*(one(item) for item in items)))
