"""The simulated Kaleyra: sending, status polls, and a callback profile with the fields of docs/providers/kaleyra.md."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import uuid4

import orjson

from heliograph.simulator.delivery import Callback
from heliograph.simulator.forms import read_form
from heliograph.simulator.gateways import Call, GatewayApi, Problem
from heliograph.simulator.http import Reply, Request
from heliograph.simulator.messages import AcceptedMessage
from heliograph.simulator.statuses import DELIVERED, FAILED, NAMES, SENT, UNDELIVERED

_PATH: Final = re.compile(rb"/v1/([A-Za-z0-9]+)/sms(/status)?")
_JSON: Final = b"Content-Type: application/json\r\n"
_WORDS: Final = {SENT: "Sent", DELIVERED: "Delivered", UNDELIVERED: "UnDelivered", FAILED: "NotSent"}
_FIELDS: Final[Mapping[str, str]] = {"RBC102": "to", "RBC103": "sender", "RBC104": "body"}
"""Which parameter an error is about."""
_TRACES: Final[Mapping[int, str]] = {30003: "MOB-OFF", 30005: "INVALID-SUB", 30007: "TEMPLATE-NOT-FOUND"}


class KaleyraApi(GatewayApi):
    """One region."""

    codes: ClassVar[Mapping[Problem, str]] = {  # the simulator's own: Kaleyra publishes none
        Problem.AUTH: "RBC000",
        Problem.ACCOUNT: "RBC101",
        Problem.RECIPIENT: "RBC102",
        Problem.OPT_OUT: "RBC105",
        Problem.SENDER: "RBC103",
        Problem.CONTENT: "RBC104",
    }

    def answer(self, request: Request) -> Reply:
        """Sends, or tells statuses."""
        path = _PATH.fullmatch(request.path)
        if path is None or path[2] is None:
            return super().answer(request)
        account = self._desk.account(path[1].decode())
        if not account.takes(request.header(b"api-key")):
            return self.refused(Problem.AUTH)
        failure = account.script.failure
        if failure is not None and not account.may_answer():
            return self.word_error(failure.status, str(failure.code), "Failure")
        asked = read_form(request.query).get("message_ids", "").split(",")
        found = [message for each in asked if (message := self._desk.message(each)) is not None]
        return _reply(200, {"data": [_status(message) for message in found], "error": {}})

    def read(self, request: Request) -> Call | None:
        """The form of a message."""
        path = _PATH.fullmatch(request.path)
        if path is None or request.method != b"POST":
            return None
        form = read_form(request.body)
        return Call(
            account=path[1].decode(),
            secret=request.header(b"api-key"),
            to=form.get("to", ""),
            sender=form.get("sender", ""),
            body=form.get("body", ""),
            reference=form.get("ref_custom", ""),
        )

    def new_id(self) -> str:
        """The request's id, and the number of the message in it."""
        return f"{uuid4()}:1"

    def accepted(self, messages: Sequence[AcceptedMessage]) -> Reply:
        """HTTP 202, with an empty error."""
        data = [{"message_id": message.sid, "recipient": message.to[1:]} for message in messages]
        identity = messages[0].sid.partition(":")[0]
        return _reply(202, {"id": identity, "totalCount": len(data), "data": data, "error": {}})

    def refused(self, problem: Problem) -> Reply:
        """HTTP 401 for wrong credentials, else 400."""
        return self.word_error(401 if problem is Problem.AUTH else 400, self.codes[problem], problem.value)

    def word_error(self, status: int, code: str, text: str) -> Reply:
        """An error that names the parameter it is about."""
        return _reply(status, {"code": code, "message": text, "error": {_FIELDS.get(code, "request"): text}})

    def callbacks(self, message: AcceptedMessage, status: int, url: str) -> Sequence[Callback]:
        """What is sent, and what became of it."""
        word = _WORDS.get(status)
        if word is None:
            return ()
        fields = {"id": message.sid, "reference": message.reference, "status": word, "status_trace": _trace(message)}
        return (Callback(url, orjson.dumps(fields), _JSON),)


def _status(message: AcceptedMessage) -> dict[str, str]:
    word = _WORDS.get(NAMES.index(message.status), "Sent")
    return {"campaign_id": message.sid, "status": word, "status_details": _trace(message)}


def _trace(message: AcceptedMessage) -> str:
    return _TRACES.get(message.error_code, "OTHER") if message.error_code else "SENT"


def _reply(status: int, content: dict[str, Any]) -> Reply:
    return Reply(status, orjson.dumps(content))


API: Final = KaleyraApi
