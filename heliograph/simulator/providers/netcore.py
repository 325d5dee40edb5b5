"""The simulated Netcore SMS. Its reply is as seen in use; its receipts are the simulator's own choice of fields, since
Netcore agrees on them with each customer."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import ClassVar, Final
from uuid import uuid4
from xml.sax.saxutils import escape

from heliograph.simulator.delivery import Callback
from heliograph.simulator.forms import read_form
from heliograph.simulator.gateways import Call, GatewayApi, Problem, by_get
from heliograph.simulator.http import Reply, Request
from heliograph.simulator.messages import AcceptedMessage
from heliograph.simulator.statuses import DELIVERED, FAILED, UNDELIVERED

_PATH: Final = b"/BulkSms/SingleMsgApi"
_HEAD: Final = "<!DOCTYPE RESULT SYSTEM 'http://bulkpush.mytoday.com/BulkSms/BulkSmsRespV1.01.dtd'>\n"
_WORDS: Final = {DELIVERED: "DELIVERED", UNDELIVERED: "UNDELIVERED", FAILED: "FAILED"}


class NetcoreApi(GatewayApi):
    """The bulk push gateway."""

    codes: ClassVar[Mapping[Problem, str]] = {
        Problem.AUTH: "901",  # 9xx: the simulator's own
        Problem.ACCOUNT: "104",
        Problem.RECIPIENT: "120",
        Problem.OPT_OUT: "903",
        Problem.SENDER: "902",
        Problem.CONTENT: "106",
    }
    _transactions = count(70_000_000_000)

    def read(self, request: Request) -> Call | None:
        """The form of `SingleMsgApi`."""
        if request.path != _PATH:
            return None
        form = read_form(request.body or request.query)
        return Call(
            account=form.get("username", ""),
            secret=form.get("password", "") or request.header(b"api-key"),
            to=f"+{form.get('To', '')}",
            sender=form.get("senderid") or form.get("feedid", ""),
            body=form.get("Text", ""),
        )

    def new_id(self) -> str:
        """A number."""
        return str(uuid4().int >> 66)

    def accepted(self, messages: Sequence[AcceptedMessage]) -> Reply:
        """One `MID` a message."""
        (message,) = messages
        transaction = next(self._transactions)
        return _reply(
            200, f"<RESULT REQID ='{message.sid}'><MID ID='1' TAG = 'null' TID = '{transaction}'>\n</MID></RESULT>"
        )

    def word_error(self, status: int, code: str, text: str) -> Reply:
        """HTTP 200 too, unless something worse is scripted."""
        error = f"<ERROR><CODE>{escape(code)}</CODE><DESC>{escape(text)}</DESC></ERROR>"
        body = f"<RESULT><REQUEST-ERROR>{error}</REQUEST-ERROR></RESULT>"
        return _reply(status if status >= 429 else 200, body)

    def callbacks(self, message: AcceptedMessage, status: int, url: str) -> Sequence[Callback]:
        """Final statuses alone."""
        word = _WORDS.get(status)
        if word is None:
            return ()
        return (by_get(url, {"reqid": message.sid, "status": word, "errorcode": str(message.error_code or "")}),)


def _reply(status: int, body: str) -> Reply:
    return Reply(status, (_HEAD + body).encode(), content_type=b"text/xml")


API: Final = NetcoreApi
