"""What Twilio's error codes mean to us.

Sources: Twilio's error pages, as summed up with their sources in docs/providers/twilio.md. The texts are ours: Twilio's
own often carry the recipient's number, and Twilio asks not to build logic on them.
"""

from typing import Final, NamedTuple

from heliograph.domain.vocabulary import ErrorClass as E
from heliograph.providers.protocol import ProviderError


class Meaning(NamedTuple):
    """A code's class and its text without personal data."""

    error_class: E
    text: str


REQUEST_CODES: Final[dict[int, Meaning]] = {
    # The account cannot send: documented as refused before anything is processed, and true for every recipient alike.
    20003: Meaning(E.AUTH, "Permission denied: the credentials are wrong, or the account may not do this"),
    20006: Meaning(E.AUTH, "Access denied"),
    20404: Meaning(E.AUTH, "The account was not found"),
    10001: Meaning(E.ACCOUNT, "The account is not active"),
    10002: Meaning(E.ACCOUNT, "A trial account does not have this feature"),
    20005: Meaning(E.ACCOUNT, "The account is not active"),
    63038: Meaning(E.ACCOUNT, "The account has reached its daily limit of messages"),
    # Known not processed; later.
    20429: Meaning(E.RATE_LIMITED, "Too many requests"),
    21611: Meaning(E.RATE_LIMITED, "The queue of this sender is full"),
    14107: Meaning(E.RATE_LIMITED, "Too many messages between this sender and this number"),
    # This recipient.
    21211: Meaning(E.RECIPIENT, "The number is not a valid phone number"),
    21214: Meaning(E.RECIPIENT, "The number cannot be reached"),
    21217: Meaning(E.RECIPIENT, "The number does not appear to be valid"),
    21604: Meaning(E.RECIPIENT, "The recipient's number is missing"),
    21608: Meaning(E.RECIPIENT, "A trial account sends only to verified numbers, and this number is not verified"),
    21612: Meaning(E.RECIPIENT, "The number cannot be reached from this sender"),
    21614: Meaning(E.RECIPIENT, "The number is not a mobile number"),
    21610: Meaning(E.OPT_OUT, "The recipient has unsubscribed from this sender"),
    # The sender, or where it may send to. 21408 depends on the country of the recipient: one country that is switched
    # off must not stop the others, and says nothing against the number itself.
    21408: Meaning(E.SENDER, "Sending to this country is not enabled for the account (geo permissions)"),
    21212: Meaning(E.SENDER, "The sender is not a valid phone number, short code or alphanumeric sender"),
    21601: Meaning(E.SENDER, "The sender is not able to send SMS"),
    21603: Meaning(E.SENDER, "A sender is required"),
    21606: Meaning(E.SENDER, "The sender is not a message-capable number of this account"),
    21607: Meaning(E.SENDER, "A trial account must send from its trial number"),
    21659: Meaning(E.SENDER, "The sender is not a number or short code of this account, or not for this country"),
    21660: Meaning(E.SENDER, "The sender does not belong to this account"),
    21701: Meaning(E.SENDER, "The messaging service does not exist"),
    21702: Meaning(E.SENDER, "The messaging service is not available"),
    21703: Meaning(E.SENDER, "The messaging service has no sender for this number"),
    21704: Meaning(E.SENDER, "The messaging service has no senders"),
    21705: Meaning(E.SENDER, "The messaging service is not valid"),
    # The text.
    21602: Meaning(E.CONTENT, "A text is required"),
    21617: Meaning(E.CONTENT, "The text is longer than 1600 characters"),
    21618: Meaning(E.CONTENT, "The text is not valid"),
    21619: Meaning(E.CONTENT, "A text or medium is required"),
    21620: Meaning(E.CONTENT, "The medium's address is not valid"),
    21654: Meaning(E.CONTENT, "The content template does not exist"),
    21655: Meaning(E.CONTENT, "The content template's id is not valid"),
    21656: Meaning(E.CONTENT, "The content template's variables are not valid"),
    # Ours: the address of our own callbacks.
    21609: Meaning(E.OTHER, "The address for status callbacks is not valid: see HELIOGRAPH_PUBLIC_URL"),
    21626: Meaning(E.OTHER, "The address for status callbacks is not valid: see HELIOGRAPH_PUBLIC_URL"),
}
"""Codes in the answer to a request."""

DELIVERY_CODES: Final[dict[int, Meaning]] = {
    30001: Meaning(E.DELIVERY, "Queue overflow: the sender's queue was full"),
    30002: Meaning(E.ACCOUNT, "The account was suspended between the sending and the delivery"),
    30003: Meaning(E.DELIVERY, "Unreachable handset: switched off or out of reach"),
    30004: Meaning(E.DELIVERY, "Message blocked: the number is barred or does not take messages from this sender"),
    30005: Meaning(E.RECIPIENT, "Unknown handset: the number does not exist any more"),
    30006: Meaning(E.RECIPIENT, "Landline, or a carrier that cannot be reached"),
    30007: Meaning(E.CONTENT, "Filtered: the carrier or Twilio held the message for unwanted content"),
    30008: Meaning(E.DELIVERY, "Unknown error of the carrier"),
    30009: Meaning(E.DELIVERY, "Missing segment of an inbound message"),
    30010: Meaning(E.DELIVERY, "The price is above the maximum price"),
    30011: Meaning(E.DELIVERY, "MMS is not supported there"),
    30012: Meaning(E.DELIVERY, "The validity period is too short"),
    30017: Meaning(E.DELIVERY, "The carrier's network is congested"),
    30018: Meaning(E.SENDER, "The destination carrier requires the sender to be registered"),
    30019: Meaning(E.CONTENT, "The content is too large"),
    30022: Meaning(E.DELIVERY, "The carrier's rate for this 10DLC sender is exceeded"),
    30023: Meaning(E.DELIVERY, "The carrier's daily limit for this sender is reached"),
    30024: Meaning(E.SENDER, "The sender is not provisioned at the destination carrier"),
    30027: Meaning(E.DELIVERY, "The carrier's daily limit for this 10DLC campaign is reached"),
    30032: Meaning(E.SENDER, "The toll-free number is not verified"),
    30033: Meaning(E.SENDER, "The 10DLC campaign is suspended"),
    30034: Meaning(E.SENDER, "The number is not registered with a 10DLC campaign"),
    30035: Meaning(E.SENDER, "The 10DLC campaign is being registered"),
    30036: Meaning(E.DELIVERY, "The validity period ended before the message could be sent"),
    30410: Meaning(E.DELIVERY, "The carrier did not answer in time"),
    30450: Meaning(E.DELIVERY, "Temporarily blocked for this number"),
    21610: REQUEST_CODES[21610],
    63038: REQUEST_CODES[63038],
}
"""Codes in a status callback or a poll, after the message was accepted."""


def request_error(code: int) -> ProviderError | None:
    """The error of a known code, or None; for 4xx answers alone."""
    meaning = REQUEST_CODES.get(code)
    return None if meaning is None else ProviderError(meaning.error_class, str(code), meaning.text)


def delivery_error(code: str | None, status: str) -> ProviderError:
    """Why an accepted message was not delivered; `status` stands in where Twilio gives no code."""
    if code is None:
        return ProviderError(E.DELIVERY, status, f"Twilio reports {status} without a code")
    meaning = DELIVERY_CODES.get(int(code)) or REQUEST_CODES.get(int(code))
    if meaning is None:
        return ProviderError(E.DELIVERY, code, f"Not delivered: Twilio's error {code}")
    return ProviderError(meaning.error_class, code, meaning.text)
