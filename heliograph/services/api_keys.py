"""API keys: made, listed, revoked, and turned into actors."""

import hashlib
import secrets
import time
from dataclasses import dataclass
from uuid import UUID

from heliograph.db.engine import Database
from heliograph.db.pages import Page, PageRequest
from heliograph.db.tables import ApiKey
from heliograph.db.tables.base import now
from heliograph.db.workspaces import (
    find_api_key,
    find_valid_key,
    lock_owner_keys,
    note_key_use,
    page_api_keys,
)
from heliograph.domain.vocabulary import Role
from heliograph.errors import Conflict, Forbidden, NotFound, Unauthenticated
from heliograph.services.context import Actor, Services, audit
from heliograph.services.rules import checked_name

PREFIX = "hg_"
REMEMBERED_SECONDS = 5.0
"""How long a process trusts a key it has seen: a key revoked elsewhere works here no longer than this."""

_RANDOM_BYTES = 32
_SHOWN_CHARACTERS = 8
_LONGEST = 128


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made; its text is not kept and cannot be shown again."""

    api_key: ApiKey
    text: str


def make_key(workspace_id: UUID, name: str, role: Role) -> NewKey:
    """A row to store and the text to hand over."""
    text = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    row = ApiKey(
        workspace_id=workspace_id, name=name, role=role, prefix=text[:_SHOWN_CHARACTERS], digest=digest_of(text)
    )
    return NewKey(row, text)


def digest_of(text: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(text.encode()).digest()


async def create_api_key(services: Services, actor: Actor, name: str, role: Role) -> NewKey:
    """A key for the actor's workspace. Only an owner makes another owner."""
    actor.require("keys.manage")
    if role is Role.OWNER and actor.role is not Role.OWNER:
        raise Forbidden("only an owner can make a key with the role owner", code="role")
    new = make_key(actor.workspace_id, checked_name(name), role)
    async with services.database.unit_of_work() as session:
        session.add(new.api_key)
        audit(
            session,
            actor,
            "api_key.create",
            new.api_key.id,
            {"name": new.api_key.name, "role": role.value},
            sealed_secret=services.key_ring.seal(new.text.encode(), context=new.api_key.id.bytes),
        )
    return new


async def list_api_keys(services: Services, actor: Actor, request: PageRequest[UUID]) -> Page[ApiKey, UUID]:
    """The workspace's keys, revoked ones included, newest first."""
    actor.require("keys.manage")
    async with services.database.unit_of_work() as session:
        return await page_api_keys(session, actor.workspace_id, request)


async def get_api_key(services: Services, actor: Actor, api_key_id: UUID) -> ApiKey:
    """One key of the workspace."""
    actor.require("keys.manage")
    async with services.database.unit_of_work() as session:
        key = await find_api_key(session, actor.workspace_id, api_key_id)
    if key is None:
        raise _not_found()
    return key


async def revoke_api_key(services: Services, actor: Actor, api_key_id: UUID) -> ApiKey:
    """Ends a key for good; again is no error. The last owner key stays, or nobody could make another."""
    actor.require("keys.manage")
    async with services.database.unit_of_work() as session:
        owners = await lock_owner_keys(session, actor.workspace_id)
        key = await find_api_key(session, actor.workspace_id, api_key_id, lock=True)
        if key is None:
            raise _not_found()
        if key.revoked_at is None:
            _check_revocable(actor, key, len(owners))
            key.revoked_at = now()
            audit(session, actor, "api_key.revoke", key.id, {"name": key.name, "role": key.role.value})
        return key


def _not_found() -> NotFound:
    return NotFound("no such API key in this workspace", code="api_key_not_found")


def _check_revocable(actor: Actor, key: ApiKey, owners: int) -> None:
    if key.role is not Role.OWNER:
        return
    if actor.role is not Role.OWNER:
        raise Forbidden("only an owner can revoke a key with the role owner", code="role")
    if owners == 1:
        raise Conflict("this is the workspace's last owner key: make another first", code="last_owner_key")


class Authenticator:
    """Turns the text of a key into an actor, with a short memory so that a busy key costs no query."""

    def __init__(self, database: Database, *, remembered_seconds: float = REMEMBERED_SECONDS) -> None:
        self._database = database
        self._remembered_seconds = remembered_seconds
        self._known: dict[bytes, tuple[float, Actor]] = {}

    async def actor(self, text: str) -> Actor:
        """Who holds this key; `Unauthenticated` when it is unknown or revoked."""
        if not text.startswith(PREFIX) or len(text) > _LONGEST:
            raise _not_valid()
        digest = digest_of(text)
        known = self._known.get(digest)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        actor = await self._look_up(digest)
        if actor is None:
            self._known.pop(digest, None)
            raise _not_valid()
        self._known[digest] = (time.monotonic() + self._remembered_seconds, actor)
        return actor

    def forget(self, api_key_id: UUID) -> None:
        """Ends what is remembered of a key that was just revoked."""
        self._known = {digest: entry for digest, entry in self._known.items() if entry[1].api_key_id != api_key_id}

    async def _look_up(self, digest: bytes) -> Actor | None:
        async with self._database.pool.acquire() as connection:
            key = await find_valid_key(connection, digest)
            if key is None:
                return None
            if key.use_to_note:
                await note_key_use(connection, key.id)
        return Actor(key.workspace_id, key.role, key.name, key.id)


def _not_valid() -> Unauthenticated:
    return Unauthenticated("the API key is not valid: it is unknown or was revoked", code="api_key_invalid")
