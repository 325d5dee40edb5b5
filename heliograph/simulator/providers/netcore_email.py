"""The simulated Netcore e-mail: the one call that sends, in the shapes that its clients show."""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from heliograph.simulator.http import Reply, Request
from heliograph.simulator.mail_gateways import MailCall, MailGatewayApi
from heliograph.simulator.messages import AcceptedMessage

_PATH: Final = b"/v5.1/mail/send"


class NetcoreEmailApi(MailGatewayApi):
    """POST /v5.1/mail/send."""

    def read(self, request: Request) -> MailCall | None:
        """The JSON of one mail to one recipient."""
        if request.path != _PATH or request.method != b"POST":
            return None
        content: dict[str, Any] = orjson.loads(request.body)
        personalization = content["personalizations"][0]
        return MailCall(
            secret=request.header(b"api_key"),
            to=personalization["to"][0]["email"],
            sender=content["from"]["email"],
            body=content["content"][0]["value"],
            reference=personalization.get("token_to", ""),
        )

    def accepted(self, messages: Sequence[AcceptedMessage]) -> Reply:
        """With the id of the request."""
        data = {"message_id": messages[0].sid}
        return _json(202, {"data": data, "message": "Email has been queued", "status": "success"})

    def word_error(self, status: int, text: str) -> Reply:
        """A list of errors."""
        return _json(status, {"error": [{"message": text}], "status": "error"})


def _json(status: int, content: dict[str, Any]) -> Reply:
    return Reply(status, orjson.dumps(content))


API: Final = NetcoreEmailApi
