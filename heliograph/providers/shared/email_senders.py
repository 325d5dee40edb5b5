"""E-mail senders: an address, with or without the name that people see before it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import quote
from typing import Final, Self

from heliograph.domain.email_addresses import normalise_email_address
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import SenderKind
from heliograph.providers.shared.email_headers import CONTROL_CHARACTER

EMAIL_ADDRESS: Final = "email_address"

_FIELD: Final = "address"
_NAMED: Final = re.compile(r"\s*(?P<name>[^<>]*?)\s*<\s*(?P<address>[^<>]*)\s*>\s*")
_LONGEST_NAME: Final = 128
_PLAIN_NAME: Final = re.compile(r"[\w !#$%&'*+/=?^`{|}~-]*")


@dataclass(frozen=True, slots=True)
class EmailSender:
    """Who an e-mail is from: `news@shop.example` and, if there is one, the name `Shop`."""

    name: str
    address: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `Shop <news@shop.example>` or the address alone; `InvalidInput` naming the rule it breaks."""
        named = _NAMED.fullmatch(text)
        name = _unquoted(named["name"]) if named else ""
        if CONTROL_CHARACTER.search(text) or len(name) > _LONGEST_NAME:
            rule = f"the name before an e-mail address has at most {_LONGEST_NAME} characters, none of them a control"
            raise InvalidInput.of(_FIELD, rule, "sender_name")
        return cls(name, normalise_email_address(named["address"] if named else text, field=_FIELD))

    def __str__(self) -> str:
        if not self.name:
            return self.address
        name = self.name if _PLAIN_NAME.fullmatch(self.name) else f'"{quote(self.name)}"'
        return f"{name} <{self.address}>"


def _unquoted(name: str) -> str:
    if len(name) >= 2 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return name.strip()


EMAIL_SENDER_KINDS: Final[Sequence[SenderKind]] = (
    SenderKind(EMAIL_ADDRESS, "E-mail address", lambda text: str(EmailSender.parse(text))),
)
