"""The simulated Gupshup: `sendMessage`, and final statuses by GET with the fields that Gupshup's page names."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final
from uuid import uuid4

import orjson

from heliograph.simulator.delivery import Callback
from heliograph.simulator.forms import read_form
from heliograph.simulator.gateways import Call, GatewayApi, Problem, by_get
from heliograph.simulator.http import Reply, Request
from heliograph.simulator.messages import AcceptedMessage
from heliograph.simulator.statuses import DELIVERED, FAILED, UNDELIVERED

_PATH: Final = b"/GatewayAPI/rest"
_SUCCESS: Final = (0, "SUCCESS")
_CAUSES: Final[Mapping[int, tuple[int, str]]] = {
    30003: (1, "ABSENT_SUBSCRIBER"),
    30004: (7, "BLOCKED"),
    30005: (3, "UNKNOWN_SUBSCRIBER"),
    30006: (3, "UNKNOWN_SUBSCRIBER"),
    30008: (5, "SYSTEM_FAILURE"),
    30017: (4, "SERVICE_DOWN"),
}
"""The presets' codes → Gupshup's."""


class GupshupApi(GatewayApi):
    """The enterprise gateway."""

    codes: ClassVar[Mapping[Problem, str]] = {
        Problem.AUTH: "102",
        Problem.ACCOUNT: "104",
        Problem.RECIPIENT: "105",
        Problem.OPT_OUT: "105",  # it has no word for it
        Problem.SENDER: "108",
        Problem.CONTENT: "101",
    }

    def read(self, request: Request) -> Call | None:
        """The form of `sendMessage`."""
        if request.path != _PATH:
            return None
        form = read_form(request.body or request.query)
        return Call(
            account=form.get("userid", ""),
            secret=form.get("password", ""),
            to=f"+{form.get('send_to', '')}",
            sender=form.get("mask", ""),
            body=form.get("msg", ""),
        )

    def new_id(self) -> str:
        """Two long numbers."""
        number = uuid4().int
        return f"{number >> 66}-{number & (2**62 - 1)}"

    def accepted(self, messages: Sequence[AcceptedMessage]) -> Reply:
        """HTTP 200."""
        (message,) = messages
        return _reply(200, message.sid, message.to[1:], "", "success")

    def word_error(self, status: int, code: str, text: str) -> Reply:
        """HTTP 200 too, unless something worse is scripted."""
        return _reply(status if status >= 429 else 200, code, "", text, "error")

    def callbacks(self, message: AcceptedMessage, status: int, url: str) -> Sequence[Callback]:
        """Final statuses alone."""
        if status not in {DELIVERED, UNDELIVERED, FAILED}:
            return ()
        number, cause = _CAUSES.get(message.error_code, (message.error_code, "OTHER"))
        if status == DELIVERED:
            number, cause = _SUCCESS
        fields = {
            "externalId": message.sid,
            "deliveredTS": str(int(message.final_at * 1000)),
            "status": "DELIVERED" if status == DELIVERED else "FAILED",
            "cause": cause,
            "phoneNo": message.to[1:],
            "errCode": f"{number:03}",
            "noOfFrags": str(message.segments),
            "mask": message.sender,
        }
        return (by_get(url, fields),)


def _reply(http_status: int, identity: str, phone: str, details: str, status: str) -> Reply:
    response = {"id": identity, "phone": phone, "details": details, "status": status}
    return Reply(http_status, orjson.dumps({"response": response}))


API: Final = GupshupApi
