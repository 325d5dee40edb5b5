"""Keyset pages at the edge: `?limit=&after=` in, `{items, next}` out. The cursor is opaque to callers."""

import base64
import binascii
from collections.abc import Callable
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from heliograph.db.pages import Page, PageRequest
from heliograph.errors import InvalidInput

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Key = TypeVar("Key", UUID, int)

NO_NUL = "^[^\\x00]*$"
"""The pattern of a text that a list is filtered by: PostgreSQL knows no NUL."""

Limit = Annotated[int, Query(ge=1, le=200, description="Items on a page.")]
After = Annotated[
    str | None, Query(max_length=64, description="The `next` of the page before; without it, the first page.")
]


class PageAnswer(BaseModel, Generic[Answer]):
    """One page of a list."""

    items: list[Answer]
    next: str | None = Field(description="Give it as `after` to get the next page; null on the last one.")


def encode_cursor(key: UUID | int) -> str:
    """The key as an opaque word."""
    raw = b"u" + key.bytes if isinstance(key, UUID) else b"n" + str(key).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(cursor: str) -> tuple[bytes, bytes]:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _not_a_cursor() from None
    return raw[:1], raw[1:]


def _not_a_cursor() -> InvalidInput:
    return InvalidInput.of("after", "is the `next` of an earlier page of this list, unchanged", "cursor")


async def _by_id(limit: Limit = 50, after: After = None) -> PageRequest[UUID]:
    if after is None:
        return PageRequest(limit)
    kind, raw = _decode(after)
    if kind != b"u" or len(raw) != 16:
        raise _not_a_cursor()
    return PageRequest(limit, UUID(bytes=raw))


async def _by_number(limit: Limit = 50, after: After = None) -> PageRequest[int]:
    if after is None:
        return PageRequest(limit)
    kind, raw = _decode(after)
    if kind != b"n" or not raw.isdigit() or int(raw) >= 2**63:
        raise _not_a_cursor()
    return PageRequest(limit, int(raw))


Paging = Annotated[PageRequest[UUID], Depends(_by_id)]
"""For lists in the order of ids."""

NumberPaging = Annotated[PageRequest[int], Depends(_by_number)]
"""For lists in the order of a number, such as the rows of an audience."""


def answer(page: Page[Item, Key], show: Callable[[Item], Answer]) -> PageAnswer[Answer]:
    """A page of rows as the caller sees it."""
    return PageAnswer(
        items=[show(item) for item in page.items],
        next=None if page.next is None else encode_cursor(page.next),
    )
