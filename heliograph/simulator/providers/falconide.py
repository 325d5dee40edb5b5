"""The simulated Falconide. Its replies are the simulator's own choice: Falconide's are not published."""

from collections.abc import Sequence
from typing import Final

import orjson

from heliograph.simulator.forms import read_form
from heliograph.simulator.http import Reply, Request
from heliograph.simulator.mail_gateways import MailCall, MailGatewayApi
from heliograph.simulator.messages import AcceptedMessage

_PATH: Final = b"/falconapi/web.send.rest"


class FalconideApi(MailGatewayApi):
    """POST /falconapi/web.send.rest."""

    def read(self, request: Request) -> MailCall | None:
        """The form of one mail to one recipient."""
        if request.path != _PATH or request.method != b"POST":
            return None
        fields = read_form(request.body)
        return MailCall(
            secret=fields.get("api_key", ""),
            to=fields.get("recipients", ""),
            sender=fields.get("from", ""),
            body=fields.get("content", ""),
            reference=fields.get("X-APIHEADER", ""),
        )

    def accepted(self, messages: Sequence[AcceptedMessage]) -> Reply:
        """With the id of the mail."""
        return _json(200, code="F000", transaction=messages[0].sid)

    def word_error(self, status: int, text: str) -> Reply:
        """A code: the text where it is one."""
        return _json(status, code="F401" if status == 401 else text, transaction="")


def _json(status: int, *, code: str, transaction: str) -> Reply:
    return Reply(status, orjson.dumps({"code": code, "transid": transaction}))


API: Final = FalconideApi
