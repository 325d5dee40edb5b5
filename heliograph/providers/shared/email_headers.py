"""What may stand in the header of an e-mail. Nothing that a template or a user gives can begin a line of its own."""

import re
from collections.abc import Mapping
from typing import Final

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import EmailContent, ProviderError, Refused

CONTROL_CHARACTER: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""What could end a header's line, or is meant for terminals. Zero-width joiners, which emoji need, are none."""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,75}")
_OURS: Final = frozenset(
    {
        "bcc",
        "cc",
        "date",
        "dkim-signature",
        "from",
        "message-id",
        "mime-version",
        "received",
        "return-path",
        "sender",
        "subject",
        "to",
    }
)
"""Written by the connector or by the servers on the way; `Content-…` and `Resent-…` are too."""
_LONGEST_VALUE: Final = 900  # octets, so that a line stays below the 998 of RFC 5322 whatever its name
_LONGEST_SUBJECT: Final = 998
_MOST_HEADERS: Final = 20


def check_subject(subject: str) -> None:
    """`InvalidInput` for a subject that cannot be one."""
    if CONTROL_CHARACTER.search(subject):
        raise InvalidInput.of("subject", "has no line breaks or other control characters", "control_character")
    if not 0 < len(subject.strip()) <= _LONGEST_SUBJECT:
        raise InvalidInput.of("subject", f"has from 1 to {_LONGEST_SUBJECT} characters", "length")


def check_headers(headers: Mapping[str, str]) -> None:
    """`InvalidInput` naming the header that may not be given, or cannot be one."""
    if len(headers) > _MOST_HEADERS:
        raise InvalidInput.of("headers", f"are at most {_MOST_HEADERS}", "size")
    for name, value in headers.items():
        field = f"headers.{name[:80]}"
        if not _NAME.fullmatch(name):
            raise InvalidInput.of(field, "a name has letters, digits and hyphens", "header_name")
        if name.lower() in _OURS or name.lower().startswith(("content-", "resent-")):
            raise InvalidInput.of(field, "is written by the connector", "reserved_header")
        if CONTROL_CHARACTER.search(value):
            raise InvalidInput.of(field, "has no line breaks or other control characters", "control_character")
        if not 0 < len(value.encode(errors="replace")) <= _LONGEST_VALUE:
            raise InvalidInput.of(field, f"has from 1 to {_LONGEST_VALUE} octets", "length")


def refuse_unmailable(body: str, email: EmailContent) -> Refused | None:
    """The refusal of what cannot be an e-mail, whichever way it is sent; None for all others."""
    try:
        check_subject(email.subject)
        check_headers(email.headers)
        for text in (body, email.subject, email.html or "", *email.headers.values()):
            text.encode()
    except InvalidInput as error:
        (broken,) = error.errors
        return Refused(ProviderError(ErrorClass.CONTENT, broken.code, error.detail))
    except UnicodeEncodeError:
        return Refused(ProviderError(ErrorClass.CONTENT, "not_unicode", "The text has a lone surrogate"))
    return None
