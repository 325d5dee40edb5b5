"""An open Sinch service plan: sends batches, tells of their messages."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final
from urllib.parse import quote

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from heliograph.errors import HeliographError, InvalidInput, NotFound, Unauthenticated, UpstreamFailed
from heliograph.providers.protocol import (
    ConnectionOptions,
    InDoubt,
    LoggedMessage,
    NotProcessed,
    Outcome,
    OutgoingMessage,
    Refused,
    SenderAddress,
    StatusReport,
)
from heliograph.providers.shared.http import HttpAnswer, HttpRequest, HttpTransport, base_url
from heliograph.providers.shared.questions import FewAnswers
from heliograph.providers.sinch import past
from heliograph.providers.sinch.answers import NAME, accepted, batch_id, may_be_one_of_them, refusal, unsendable
from heliograph.providers.sinch.batches import ProviderId, digits, groups, texts
from heliograph.providers.sinch.reports import read_object, read_reports

KEY: Final = "sinch"


class SinchCredentials(BaseModel):
    """What the dashboard shows for a service plan."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    service_plan_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,100}$", description="Service plan id.")
    api_token: SecretStr = Field(min_length=1, max_length=200, description="API token of the service plan.")
    callback_secret: SecretStr | None = Field(
        default=None,
        max_length=200,
        description="Signs callbacks, where Sinch has set one up for the account. Then unsigned ones are refused.",
    )


class SinchConfiguration(BaseModel):
    """Where the service plan lives."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    region: str = Field(default="us", pattern=r"^[a-z]{2,3}$", description="Region of the service plan: us, eu, …")


class SinchConnection(FewAnswers):
    """One service plan, one pool, used by many tasks at once."""

    provider_name: ClassVar[str] = NAME

    def __init__(
        self, credentials: SinchCredentials, configuration: SinchConfiguration, options: ConnectionOptions
    ) -> None:
        self._transport = HttpTransport(NAME, options)
        host = base_url(options, KEY, f"https://{configuration.region}.sms.api.sinch.com")
        self._plan = f"{host}/xms/v1/{credentials.service_plan_id}"
        self._authorization = {"Authorization": f"Bearer {credentials.api_token.get_secret_value()}"}
        self._callback_url = options.callback_url

    async def send(self, message: OutgoingMessage, sender: SenderAddress) -> Outcome:
        """One message: a batch of one."""
        return (await self.send_batch([message], sender))[0]

    async def send_batch(self, messages: Sequence[OutgoingMessage], sender: SenderAddress) -> Sequence[Outcome]:
        """Messages in as few batches as their texts allow. See docs/providers/sinch.md for what each answer becomes."""
        outcomes: dict[int, Outcome] = {
            place: refused for place, message in enumerate(messages) if (refused := unsendable(message)) is not None
        }
        sendable = [place for place in range(len(messages)) if place not in outcomes]
        parts = [[sendable[place] for place in group] for group in groups([messages[place] for place in sendable])]
        answers = await asyncio.gather(*(self._send([messages[place] for place in part], sender) for part in parts))
        for part, answer in zip(parts, answers, strict=True):
            outcomes.update(zip(part, answer, strict=True))
        return [outcomes[place] for place in range(len(messages))]

    async def _send(self, messages: Sequence[OutgoingMessage], sender: SenderAddress) -> Sequence[Outcome]:
        """One batch. Sinch refuses it as a whole: then it is halved, until what it refuses stands alone."""
        outcome = await self._try(messages, sender)
        if isinstance(outcome, list):
            return outcome
        if len(messages) == 1 or not (isinstance(outcome, Refused) and may_be_one_of_them(outcome)):
            return [outcome] * len(messages)
        middle = len(messages) // 2
        return [
            *await self._send(messages[:middle], sender),
            *await self._send(messages[middle:], sender),
        ]

    async def _try(
        self, messages: Sequence[OutgoingMessage], sender: SenderAddress
    ) -> list[Outcome] | Refused | NotProcessed | InDoubt:
        request = HttpRequest(
            "POST",
            f"{self._plan}/batches",
            {**self._authorization, "Content-Type": "application/json"},
            orjson.dumps(self._content(messages, sender)),
        )
        answer = await self._transport.send(request, min(message.valid_until for message in messages))
        if not isinstance(answer, HttpAnswer):
            return answer
        name = batch_id(answer)
        if name is None:
            return refusal(answer)
        return [accepted(ProviderId(name, digits(message.to)).text) for message in messages]

    def _content(self, messages: Sequence[OutgoingMessage], sender: SenderAddress) -> Mapping[str, Any]:
        content = {
            "type": "mt_text",
            "from": digits(sender.address),
            "to": [digits(message.to) for message in messages],
            **texts(messages),
        }
        if len(messages) == 1:  # a reference is the batch's, so that of several messages it cannot name one
            content["client_reference"] = messages[0].reference
        if self._callback_url is not None:
            content |= {"delivery_report": "per_recipient", "callback_url": self._callback_url}
        return content

    async def check_credentials(self) -> None:
        """Asks for one batch of the service plan."""
        try:
            await self._get("/batches?page_size=1")
        except NotFound as error:
            raise Unauthenticated("Sinch does not know the service plan, or not in this region") from error

    async def poll(self, provider_message_id: str) -> StatusReport:
        """The present status of one message; `NotFound` or `UpstreamFailed`."""
        name = ProviderId.parse(provider_message_id)
        path = f"/batches/{quote(name.batch, safe='')}/delivery_report/{quote(name.number, safe='')}"
        reports = _read(await self._get(path))
        if not reports:
            raise NotFound("Sinch does not have it", code="not_found_at_provider")
        return reports[0]

    async def poll_many(self, provider_message_ids: Sequence[str]) -> Mapping[str, StatusReport]:
        """The present statuses, with one question for each batch."""
        asked = dict.fromkeys(ProviderId.parse(each).batch for each in provider_message_ids)
        answers = await asyncio.gather(*(self._of_batch(batch) for batch in asked), return_exceptions=True)
        reports: dict[str, StatusReport] = {}
        errors = [answer for answer in answers if isinstance(answer, BaseException)]
        for error in errors:
            if not isinstance(error, HeliographError):
                raise error
        if len(errors) == len(answers):
            raise errors[0]
        for answer in answers:
            if not isinstance(answer, BaseException):
                reports |= {report.provider_message_id: report for report in answer}
        return {each: reports[each] for each in provider_message_ids if each in reports}

    async def _of_batch(self, batch: str) -> Sequence[StatusReport]:
        try:
            return _read(await self._get(f"/batches/{quote(batch, safe='')}/delivery_report?type=full"))
        except NotFound:
            return ()

    async def look_up(
        self, *, to: str, body: str | None, sender: SenderAddress, since: datetime
    ) -> Sequence[StatusReport]:
        """What Sinch has from `sender` to `to` since then, oldest first; `body` None means any."""
        return await past.found(self._get, to, body, sender, since)

    def log(self, sender: SenderAddress, since: datetime, until: datetime) -> AsyncIterator[LoggedMessage]:
        """What Sinch has from `sender` that was created in this time, a hundred batches a request."""
        return past.logged(self._get, sender, since, until)

    async def _get(self, path: str) -> HttpAnswer:
        return await self._transport.ask(HttpRequest("GET", f"{self._plan}{path}", self._authorization))

    async def aclose(self) -> None:
        """Closes the pool. Calls under way end: those not written as not processed, the others in doubt."""
        await self._transport.aclose()


def _read(answer: HttpAnswer) -> Sequence[StatusReport]:
    try:
        return read_reports(read_object(answer.body))
    except InvalidInput as error:
        raise UpstreamFailed(f"Sinch's delivery report cannot be read: {error.detail}") from error
