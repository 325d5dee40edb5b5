"""Delivery receipts, read loosely (SMPP 3.4, appendix B): SMSCs agree on little more than the names of the fields."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import smpp34

from heliograph.domain import gsm7
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.protocol import ProviderError, StatusReport
from heliograph.providers.smpp.account import SmppConfiguration
from heliograph.providers.smpp.pdu import (
    MESSAGE_PAYLOAD,
    MESSAGE_STATE,
    NETWORK_ERROR_CODE,
    RECEIPTED_MESSAGE_ID,
    c_string,
    parameters,
)
from heliograph.providers.smpp.received import international

_KIND: Final = 0x3C  # of esm_class
_RECEIPT: Final = 0x04
_INTERMEDIATE: Final = 0x20

_S = MessageState

_MESSAGE_STATES: Final = {
    1: "ENROUTE", 2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 6: "ACCEPTD", 7: "UNKNOWN", 8: "REJECTD",
}  # fmt: skip
"""The parameter message_state in the words of the text."""

STATES: Final[Mapping[str, MessageState]] = {
    "DELIVRD": _S.DELIVERED,
    "ENROUTE": _S.SENT,
    "ACCEPTD": _S.SENT,
    "UNKNOWN": _S.SENT,  # the SMSC has no final word either
    "EXPIRED": _S.UNDELIVERED,
    "UNDELIV": _S.UNDELIVERED,
    "DELETED": _S.FAILED,
    "REJECTD": _S.FAILED,
}
"""The words of SMPP 3.4, and what they are to us."""

_SPELLINGS: Final = {word[:5]: word for word in STATES} | {"FAILE": "UNDELIV", "CANCE": "DELETED"}
"""SMSCs spell them in full, too (DELIVERED, UNDELIVERABLE): the first five letters tell them apart."""
_UNSUCCESSFUL: Final = frozenset({_S.UNDELIVERED, _S.FAILED})
_TEXTS: Final = {
    "EXPIRED": "The SMSC gave up: the message expired before it could be delivered",
    "UNDELIV": "The message could not be delivered",
    "DELETED": "The message was deleted at the SMSC",
    "REJECTD": "The network rejected the message",
}

_FIELD: Final = re.compile(r"\b(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat|err|text)\s*:", re.IGNORECASE)
_LONGEST_NAME: Final = 65  # of a message (SMPP 3.4, 5.3.2.12)
_LONGEST_CODE: Final = 20
_DATES: Final = {10: ("%y%m%d%H%M",), 12: ("%y%m%d%H%M%S", "%Y%m%d%H%M"), 14: ("%Y%m%d%H%M%S",)}
"""By the number of digits."""
_AHEAD: Final = timedelta(days=1)
_BEHIND: Final = timedelta(days=365)
"""A date further away is in another form, or from a clock that is wrong."""


def is_receipt(message: smpp34.DeliverSm) -> bool:
    """Whether the SMSC speaks, and not a person: by esm_class, or by what only receipts have."""
    if message.esm_class & _KIND in {_RECEIPT, _INTERMEDIATE}:
        return True
    return RECEIPTED_MESSAGE_ID in parameters(message)


def read_receipt(message: smpp34.DeliverSm, configuration: SmppConfiguration) -> StatusReport | None:
    """What a receipt says; None where it names no message or no state. Optional parameters go before the text."""
    found = parameters(message)
    fields = _fields(message.short_message or found.get(MESSAGE_PAYLOAD, b""))
    name = c_string(found.get(RECEIPTED_MESSAGE_ID, b"")).strip() or fields.get("id", "")
    word = _word(found.get(MESSAGE_STATE, b""), fields.get("stat", ""))
    if not name or len(name) > _LONGEST_NAME or not word:
        return None
    state = STATES.get(word, _S.SENT)
    return StatusReport(
        provider_message_id=name,
        provider_status=word,
        state=state,
        error=_error(word, _code(fields, found), configuration) if state in _UNSUCCESSFUL else None,
        occurred_at=_instant(fields.get("donedate", ""), configuration),
        other_ids=other_spellings(name) if configuration.message_ids == "any_base" else (),
        address=international(message.source_addr, message.source_addr_ton),
    )


def other_spellings(name: str) -> Sequence[str]:
    """How the same number may stand in the answer to submit_sm: in the other base, with or without leading noughts.

    SMSCs that count in hexadecimal in one place and in decimal in the other are common.
    """
    if not name.isascii() or not name.isalnum() or len(name) > 20:
        return ()
    numbers: set[str] = set()
    if name.isdigit():
        decimal = int(name)
        for text in (f"{decimal:x}", f"{decimal:08x}"):
            numbers |= {text, text.upper()}
        numbers |= {str(decimal), f"{decimal:010d}"}
    try:
        hexadecimal = int(name, 16)
    except ValueError:
        pass
    else:
        numbers |= {str(hexadecimal), f"{hexadecimal:010d}", name.lower(), name.upper()}
    return sorted(numbers - {name})


def _fields(octets: bytes) -> Mapping[str, str]:
    """The fields of the text by their names in lower case, without blanks; what follows `text:` is not looked at."""
    text = octets.decode("latin-1") if octets.isascii() else gsm7.decode(octets)
    found: dict[str, str] = {}
    places = list(_FIELD.finditer(text))
    ends = [place.start() for place in places[1:]] + [len(text)]
    for place, end in zip(places, ends, strict=False):
        name = place[1].lower().replace(" ", "").replace("_", "")
        if name == "text":
            break
        found.setdefault(name, text[place.end() : end].strip(" \t\r\n,;"))
    return found


def _word(state: bytes, stat: str) -> str:
    if len(state) == 1 and state[0] in _MESSAGE_STATES:
        return _MESSAGE_STATES[state[0]]
    word = stat.upper()[:_LONGEST_CODE]
    return _SPELLINGS.get(word[:5], word)


def _code(fields: Mapping[str, str], found: Mapping[int, bytes]) -> str:
    """The error: `err` of the text, or network_error_code (the network's type, then its number)."""
    code = fields.get("err", "")[:_LONGEST_CODE]
    if code.strip("0"):
        return code
    network = found.get(NETWORK_ERROR_CODE, b"")
    return str(int.from_bytes(network[1:])) if len(network) == 3 and any(network[1:]) else ""


def _error(word: str, code: str, configuration: SmppConfiguration) -> ProviderError:
    error_class = configuration.delivery_errors.get(code, ErrorClass.DELIVERY)
    return ProviderError(error_class, code or word, _TEXTS[word])


def _instant(digits: str, configuration: SmppConfiguration) -> datetime | None:
    for form in _DATES.get(len(digits), ()) if digits.isascii() and digits.isdigit() else ():
        try:
            instant = datetime.strptime(digits, form).replace(tzinfo=configuration.zone).astimezone(UTC)
        except ValueError:
            continue
        if -_BEHIND <= instant - datetime.now(UTC) <= _AHEAD:
            return instant
    return None
