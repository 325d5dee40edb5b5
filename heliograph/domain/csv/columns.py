"""What the columns of a header are: the phone number, the country, and the variables of templates."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from heliograph.errors import InvalidInput

COLUMN_LIMIT: Final = 1000
NAME_LIMIT: Final = 100

PHONE_NAMES: Final = (
    *("msisdn", "mobile", "mobile_number", "mobile_phone", "mobile_phone_number", "cell", "cellphone", "cell_phone"),
    *("phone", "phone_number", "phonenumber", "phone_no", "telephone", "telephone_number", "tel", "number", "to"),
    *("recipient", "recipient_number", "handy", "telefon", "telefonnummer", "telefono", "portable"),
)
"""Names by which the column of numbers is recognised, the surer one first."""

COUNTRY_NAMES: Final = ("country", "country_code", "country_iso", "iso_country", "iso2")

_RESERVED: Final = frozenset(
    {
        *("and", "as", "block", "call", "do", "elif", "else", "extends", "false", "filter", "for", "from", "if"),
        *("import", "in", "include", "is", "loop", "macro", "none", "not", "or", "recursive", "self", "set", "true"),
        *("with", "without"),
        *("endblock", "endcall", "endfilter", "endfor", "endif", "endmacro", "endset", "endwith"),
    }
)
"""Jinja's own words."""

_LIKE_A_NUMBER: Final = re.compile(r"'?\+?[\d\s().-]{7,}")


def variable_name(column: str) -> str:
    """The name under which templates know a column: lower case, every other character than letters and digits as `_`.

    `First name` → `first_name`, `Город` → `город`, `2nd` → `column_2nd`, `for` → `for_`. Empty stays empty.
    """
    text = unicodedata.normalize("NFKC", column).strip().lower()
    name = re.sub(r"_+", "_", re.sub(r"\W", "_", text)).strip("_")
    if not name:
        return ""
    if not name.isidentifier():
        name = f"column_{name}"
    return f"{name}_" if name in _RESERVED else name


def name_columns(header: Sequence[str]) -> list[str]:
    """A variable name for each column; `InvalidInput` for a header that cannot be one."""
    if len(header) > COLUMN_LIMIT:
        raise InvalidInput.of("header", f"has {len(header):,} columns, at most {COLUMN_LIMIT:,} are read", "columns")
    names: list[str] = []
    seen: dict[str, str] = {}
    for number, column in enumerate(header, start=1):
        name = variable_name(column) or f"column_{number}"
        if len(name) > NAME_LIMIT:
            raise InvalidInput.of(
                "header", f"the name of column {number} has more than {NAME_LIMIT} characters", "name"
            )
        if name in seen:
            raise InvalidInput.of(
                "header", f"the columns {seen[name]!r} and {column!r} are both named {name!r}: rename one", "doubled"
            )
        seen[name] = column
        names.append(name)
    return names


def find_phone(header: Sequence[str], names: Sequence[str], declared: str | None) -> int:
    """The column of numbers: as declared, else by its name, else the only one there is."""
    if declared is not None:
        for index, column in enumerate(header):
            if declared in {column, column.strip()}:
                return index
        if (wanted := variable_name(declared)) in names:
            return names.index(wanted)
        raise InvalidInput.of("phone_column", f"{declared!r} is not in the header: {_listed(header)}", "phone_column")
    for name in PHONE_NAMES:
        if name in names:
            return names.index(name)
    if any(_LIKE_A_NUMBER.fullmatch(column.strip()) for column in header):
        raise InvalidInput.of("header", "is missing: the first line holds data, not the names of columns", "missing")
    raise InvalidInput.of(
        "phone_column",
        f"no column is named phone, mobile, number or the like; say which one it is: {_listed(header)}",
        "phone_column",
    )


def find_country(names: Sequence[str], phone: int) -> int | None:
    """The column of ISO country codes, if there is one."""
    for name in COUNTRY_NAMES:
        if name in names and names.index(name) != phone:
            return names.index(name)
    return None


def _listed(header: Sequence[str]) -> str:
    shown = ", ".join(repr(column[:40]) for column in header[:10])
    return f"{shown} and {len(header) - 10} more" if len(header) > 10 else shown
