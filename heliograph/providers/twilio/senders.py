"""The kinds of Twilio senders and the format rules of each (requirement A2.1). Nothing here asks Twilio."""

import re
from collections.abc import Sequence
from typing import Final

from heliograph.errors import InvalidInput
from heliograph.providers.protocol import SenderKind
from heliograph.providers.shared import sender_kinds

LONG_CODE: Final = sender_kinds.LONG_CODE.key
SHORT_CODE: Final = sender_kinds.SHORT_CODE.key
ALPHANUMERIC: Final = sender_kinds.ALPHANUMERIC.key
MESSAGING_SERVICE: Final = "messaging_service"

_MESSAGING_SERVICE: Final = re.compile(r"MG[A-Za-z0-9]*")


def _check_messaging_service(address: str) -> str:
    address = address.strip()
    if not _MESSAGING_SERVICE.fullmatch(address):
        rule = "a messaging service begins with MG and has only ASCII letters and digits"
        raise InvalidInput.of("address", rule)
    return address


SENDER_KINDS: Final[Sequence[SenderKind]] = (
    sender_kinds.LONG_CODE,
    sender_kinds.SHORT_CODE,
    sender_kinds.ALPHANUMERIC,
    SenderKind(MESSAGING_SERVICE, "Messaging service", _check_messaging_service),
)
