"""The simulated Telspiel. Its codes, ids and receipts are the simulator's own choice: Telspiel publishes none."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

import orjson

from heliograph.simulator.delivery import Callback
from heliograph.simulator.forms import read_form
from heliograph.simulator.gateways import Call, GatewayApi, Problem, by_get
from heliograph.simulator.http import Reply, Request
from heliograph.simulator.messages import AcceptedMessage
from heliograph.simulator.statuses import DELIVERED, FAILED, SENT, UNDELIVERED

_PATHS: Final = frozenset({b"/pushapi/sendmsg", b"/pushapi/sendbulkmsg"})
_WORDS: Final = {SENT: "SENT", DELIVERED: "DELIVRD", UNDELIVERED: "UNDELIV", FAILED: "REJECTD"}


class TelspielApi(GatewayApi):
    """The push API."""

    codes: ClassVar[Mapping[Problem, str]] = {
        Problem.AUTH: "S401",
        Problem.ACCOUNT: "S402",
        Problem.RECIPIENT: "S411",
        Problem.OPT_OUT: "S412",
        Problem.SENDER: "S413",
        Problem.CONTENT: "S414",
    }

    def read(self, request: Request) -> Call | None:
        """The query, or the form."""
        if request.path not in _PATHS:
            return None
        fields = read_form(request.body or request.query)
        return Call(
            account=fields.get("username", ""),
            secret=fields.get("apikey", ""),
            to=f"+{fields.get('dest', '')}",
            sender=fields.get("signature", ""),
            body=fields.get("msgtxt", ""),
            reference=fields.get("custref", ""),
        )

    def accepted(self, messages: Sequence[AcceptedMessage]) -> Reply:
        """An array, as Telspiel's replies are."""
        return _reply(200, [{"code": "S000", "desc": "accepted", "reqid": message.sid} for message in messages])

    def word_error(self, status: int, code: str, text: str) -> Reply:
        """HTTP 200 too, unless something worse is scripted."""
        return _reply(status if status >= 429 else 200, [{"code": code, "desc": text}])

    def callbacks(self, message: AcceptedMessage, status: int, url: str) -> Sequence[Callback]:
        """What is sent, and what became of it."""
        word = _WORDS.get(status)
        if word is None:
            return ()
        fields = {
            "reqid": message.sid,
            "custref": message.reference,
            "status": word,
            "err": str(message.error_code or ""),
        }
        return (by_get(url, fields),)


def _reply(status: int, content: list[dict[str, str]]) -> Reply:
    return Reply(status, orjson.dumps(content))


API: Final = TelspielApi
