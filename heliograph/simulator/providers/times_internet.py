"""The simulated Times Internet. Its reply and its receipts are the simulator's own choice: none are published."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import orjson

from heliograph.simulator.delivery import Callback
from heliograph.simulator.gateways import Call, GatewayApi, Problem, by_form
from heliograph.simulator.http import Reply, Request
from heliograph.simulator.messages import AcceptedMessage
from heliograph.simulator.statuses import DELIVERED, FAILED, SENT, UNDELIVERED

_PATH: Final = b"/ct/api/v1/message"
_WORDS: Final = {SENT: "SUBMITTED", DELIVERED: "DELIVERED", UNDELIVERED: "UNDELIVERED", FAILED: "FAILED"}


class TimesInternetApi(GatewayApi):
    """The address that takes JSON."""

    codes: ClassVar[Mapping[Problem, str]] = {
        Problem.AUTH: "T01",
        Problem.ACCOUNT: "T02",
        Problem.RECIPIENT: "T03",
        Problem.OPT_OUT: "T04",
        Problem.SENDER: "T05",
        Problem.CONTENT: "T06",
    }

    def read(self, request: Request) -> Call | None:
        """The JSON, whose user must be that of the authorization."""
        if request.path != _PATH or request.method != b"POST":
            return None
        try:
            fields = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            return None
        username, password = str(fields.get("username", "")), str(fields.get("password", ""))
        authorized = request.authorization == b"Basic " + b64encode(f"{username}:{password}".encode())
        return Call(
            account=username,
            secret=password if authorized else "",
            to=f"+{fields.get('to', '')}",
            sender=str(fields.get("from", "")),
            body=str(fields.get("text", "")),
            reference=str(fields.get("corelationid", "")),
        )

    def accepted(self, messages: Sequence[AcceptedMessage]) -> Reply:
        """State, code and id."""
        (message,) = messages
        return _reply(200, {"state": "SUBMIT_ACCEPTED", "statusCode": "200", "transactionId": message.sid})

    def word_error(self, status: int, code: str, text: str) -> Reply:
        """HTTP 200 too, unless something worse is scripted."""
        content = {"state": "SUBMIT_FAILED", "statusCode": code, "description": text}
        return _reply(status if status >= 429 else 200, content)

    def callbacks(self, message: AcceptedMessage, status: int, url: str) -> Sequence[Callback]:
        """What is sent, and what became of it."""
        word = _WORDS.get(status)
        if word is None:
            return ()
        fields = {
            "txid": message.sid,
            "corelationid": message.reference,
            "deliverystatus": word,
            "cause": str(message.error_code or ""),
        }
        return (by_form(url, fields),)


def _reply(status: int, content: Mapping[str, Any]) -> Reply:
    return Reply(status, orjson.dumps(content))


API: Final = TimesInternetApi
