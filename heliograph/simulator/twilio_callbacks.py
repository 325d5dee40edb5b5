"""Twilio's status callbacks, worded and signed as Twilio does."""

import hmac
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote_plus

from heliograph.simulator.delivery import Callback
from heliograph.simulator.messages import AcceptedMessage
from heliograph.simulator.statuses import DELIVERED, FAILED, NAMES, UNDELIVERED

_WITH_ERROR_CODE: Final = frozenset({UNDELIVERED, FAILED})
_WITH_DONE_DATE: Final = frozenset({DELIVERED, UNDELIVERED})
_HEADERS: Final = (
    b"User-Agent: TwilioProxy/1.1\r\nAccept: */*\r\n"
    b"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\nX-Twilio-Signature: %b\r\n"
)


class TwilioCallbacks:
    """Words callbacks; `token_of` names the auth token of an account."""

    def __init__(self, token_of: Callable[[str], str]) -> None:
        self._token_of = token_of

    def word(self, message: AcceptedMessage, status: int, url: str) -> Sequence[Callback]:
        """The one request."""
        return (signed(url, _parameters(message, status), self._token_of(message.account_sid)),)


def signed(url: str, parameters: Sequence[tuple[str, str]], auth_token: str) -> Callback:
    """The request with these parameters, which are sorted by their names."""
    over = url + "".join([name + value for name, value in parameters])
    signature = b64encode(hmac.digest(auth_token.encode(), over.encode(), "sha1"))
    body = "&".join([f"{name}={value if value.isalnum() else quote_plus(value)}" for name, value in parameters])
    return Callback(url, body.encode(), _HEADERS % signature)


def _parameters(message: AcceptedMessage, status: int) -> list[tuple[str, str]]:
    """Twilio's parameters, sorted by name, as the signature wants them."""
    name = NAMES[status]
    sid = message.sid
    parameters = [("AccountSid", message.account_sid), ("ApiVersion", "2010-04-01")]
    if status in _WITH_ERROR_CODE and message.error_code:
        parameters.append(("ErrorCode", str(message.error_code)))
    parameters += [("From", message.sender), ("MessageSid", sid), ("MessageStatus", name)]
    if message.messaging_service_sid:
        parameters.append(("MessagingServiceSid", message.messaging_service_sid))
    if status in _WITH_DONE_DATE:
        parameters.append(("RawDlrDoneDate", time.strftime("%y%m%d%H%M", time.gmtime(message.final_at))))
    parameters += [("SmsSid", sid), ("SmsStatus", name), ("To", message.to)]
    return parameters
