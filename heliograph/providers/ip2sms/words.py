"""The words of IP2SMS: states of a message, and why a request is rejected. See docs/providers/ip2sms.md for sources."""

import logging
import re
from typing import Final

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.protocol import ProviderError
from heliograph.providers.shared.scrubbing import scrub

_log = logging.getLogger(__name__)

STATES: Final = {
    "Accepted": MessageState.ACCEPTED,
    "Pending": MessageState.ACCEPTED,
    "Enroute": MessageState.SENT,
    "Delivered": MessageState.DELIVERED,
    "Expired": MessageState.UNDELIVERED,
    "Undeliverable": MessageState.UNDELIVERED,
    "Unknown": MessageState.UNDELIVERED,
    "Deleted": MessageState.FAILED,
    "Rejected": MessageState.FAILED,
    "Unaccepted": MessageState.FAILED,
    "Terminated": MessageState.FAILED,
}
"""What each state of a message means. Pending, Unaccepted and Terminated are in no source that was found: their
meaning is inferred."""

REJECTED: Final = "Rejected"
DUPLICATE: Final = "uniq_key dupe"
UNSUCCESSFUL: Final = frozenset({MessageState.UNDELIVERED, MessageState.FAILED})

_KNOWN: Final = {word.casefold(): (word, state) for word, state in STATES.items()}
_REASONS: Final = (
    ("uniq_key dupe", ErrorClass.OTHER, "The provider has a message with this key already"),
    ("unknown operator code", ErrorClass.RECIPIENT, "The operator of this number is not known, or not served"),
    ("invalid abonent number", ErrorClass.RECIPIENT, "The number is not valid"),
    ("message text not found", ErrorClass.CONTENT, "The message has no text"),
    ("text don't match allowed templates", ErrorClass.CONTENT, "The text fits none of the account's templates"),
    ("invalid source number", ErrorClass.SENDER, "The account may not send from this name"),
    ("prepaid messages limit exceed", ErrorClass.ACCOUNT, "No money is left on the prepaid account"),
    ("prepaid bill error", ErrorClass.ACCOUNT, "The prepaid account cannot be billed"),
    ("2 or more numbers required", ErrorClass.OTHER, "A request for several messages had only one"),
)
"""How the reasons of a rejection begin, and what they mean for us."""
_NOT_A_CODE: Final = re.compile(r"[^a-z0-9_]+")
_LONGEST_CODE: Final = 60


def state_of(word: str) -> MessageState:
    """The state that a word means. One that nobody knows is not final: the message is asked about again."""
    known = _KNOWN.get(word.casefold())
    if known is None:
        _log.warning("IP2SMS tells an unknown state: %r", scrub(word)[:40])
        return MessageState.ACCEPTED
    return known[1]


def rejection(reason: str) -> ProviderError:
    """Why a request or message was rejected, in our classes."""
    plain = reason.strip().casefold().replace("`", "'").replace("’", "'")
    for beginning, error_class, text in _REASONS:
        if plain.startswith(beginning):
            return ProviderError(error_class, _code(beginning), text)
    return ProviderError(ErrorClass.OTHER, _code(scrub(plain)) or "rejected", scrub(reason) or "Rejected")


def delivery_error(word: str, reason: str | None) -> ProviderError:
    """Why a message that was accepted did not arrive."""
    if reason:
        told = rejection(reason)
        return ProviderError(ErrorClass.DELIVERY, told.code, told.message)
    return ProviderError(ErrorClass.DELIVERY, _code(word.casefold()), f"The provider says: {scrub(word)[:40]}")


def _code(text: str) -> str:
    return _NOT_A_CODE.sub("_", text.replace("'", "")).strip("_")[:_LONGEST_CODE]
