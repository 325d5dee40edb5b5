"""Twilio's error bodies."""

from typing import Final

import orjson

from heliograph.simulator.http import Reply

TEXTS: Final = {
    20003: "Authenticate",
    20005: "Account {account} is not active",
    20404: "The requested resource {resource} was not found",
    20429: "Too Many Requests",
    20500: "Internal Server Error",
    20503: "Service Unavailable",
    21211: "The 'To' number {to} is not a valid phone number.",
    21408: "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {to}.",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21604: "A 'To' phone number is required.",
    21606: "The 'From' phone number provided ({sender}) is not a valid message-capable Twilio phone number "
    "for this destination.",
    21608: "The number {to} is unverified. Trial accounts cannot send messages to unverified numbers; verify {to} at "
    "twilio.com/user/account/phone-numbers/verified, or purchase a Twilio number to send messages to unverified "
    "numbers",
    21609: "The 'StatusCallback' URL {resource} is not a valid URL.",
    21610: "Attempt to send to unsubscribed recipient",
    21611: "This 'From' number has exceeded the maximum number of queued messages",
    21612: "The 'To' phone number: {to}, is not currently reachable using the 'From' phone number: {sender} via SMS.",
    21614: "'To' number is not a valid mobile number: {to}",
    21617: "The concatenated message body exceeds the 1600 character limit.",
    21701: "The Messaging Service does not exist: {sender}",
    30039: "Message cannot be canceled in its present status",
    63038: "Account exceeded the daily messages limit",
}
"""Messages by code, as Twilio words them: with the numbers in them."""


def error_reply(
    status: int,
    code: int | str | None,
    *,
    message: str | None = None,
    to: str = "",
    sender: str = "",
    account: str = "",
    resource: str = "",
) -> Reply:
    """A reply with Twilio's error body."""
    if message is None:
        unknown = "Error {code}" if code else "Error"
        pattern = TEXTS.get(code, unknown) if isinstance(code, int) else unknown
        message = pattern.format(to=to, sender=sender, account=account, resource=resource, code=code)
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": message, "more_info": more_info, "status": status}
    return Reply(status, orjson.dumps(body))
