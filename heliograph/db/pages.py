"""Keyset pages: a page starts after the last key of the one before, so that page 1,000 costs what page 1 costs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy.orm import Mapped
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

Item = TypeVar("Item")
Key = TypeVar("Key", UUID, int)


@dataclass(frozen=True, slots=True)
class PageRequest(Generic[Key]):
    """How many items, and after which key."""

    limit: int = 50
    after: Key | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Item, Key]):
    """Items and the key to go on after; None at the end."""

    items: Sequence[Item]
    next: Key | None


def page_of(rows: Sequence[Item], request: PageRequest[Key], key: Callable[[Item], Key]) -> Page[Item, Key]:
    """The page out of `rows`, which were read with `limit + 1` so as to know whether there is more."""
    items = rows[: request.limit]
    return Page(items, key(items[-1]) if len(rows) > request.limit else None)


async def newest_first(
    session: AsyncSession,
    statement: SelectOfScalar[Item],
    column: Mapped[UUID],
    request: PageRequest[UUID],
    key: Callable[[Item], UUID],
) -> Page[Item, UUID]:
    """A page of a listing by UUIDv7, whose order is that of creation."""
    if request.after is not None:
        statement = statement.where(column < request.after)
    rows = (await session.exec(statement.order_by(column.desc()).limit(request.limit + 1))).all()
    return page_of(rows, request, key)
