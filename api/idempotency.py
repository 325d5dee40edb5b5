"""`Idempotency-Key`: a POST that creates or sends can be repeated, and is carried out once (docs/adr/0003).

A route uses it in one statement:

    return await call.once(SenderSaved, create, again)

`create` makes the change with `call.actor` and returns the answer; `again` builds the answer anew from the id
of what was made, for a call whose process died between its commit and its answer.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Annotated, TypeVar
from uuid import UUID

import asyncpg
from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError

from api.dependencies import CurrentActor, TheServices
from api.limits import body_digest
from heliograph.db.idempotency import find_key, store_answer
from heliograph.db.tables import IdempotencyKey
from heliograph.errors import Conflict, Defect, InvalidInput
from heliograph.services.context import Actor, IdempotentRequest, Services

REPLAY_HEADER = "Idempotent-Replay"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_RULE = "has 1 to 255 printable ASCII characters without spaces"

Answer = TypeVar("Answer", bound=BaseModel)


@dataclass
class IdempotentCall:
    """One POST, with a key or without."""

    actor: Actor
    services: Services = field(repr=False)
    request: Request = field(repr=False)
    response: Response = field(repr=False)
    _secret: bytes | None = field(default=None, repr=False)

    async def once(
        self,
        model: type[Answer],
        change: Callable[[], Awaitable[Answer]],
        again: Callable[[UUID], Awaitable[Answer]],
    ) -> Answer:
        """The answer of `change`, or the stored one when this key has been used for the same request."""
        wanted = self.actor.idempotency
        if wanted is None:
            return await change()
        if body_digest(self.request).complete and (used := await self._used(wanted.key)):
            return await self._replay(model, used, again)
        try:
            answer = await change()
        except (Conflict, IntegrityError, asyncpg.UniqueViolationError):
            # Of two calls at once, the commit of one makes the other fail: on the key itself or on a rule before it.
            if used := await self._used(wanted.key):
                return await self._replay(model, used, again)
            raise
        await self._keep(wanted.key, answer)
        return answer

    def open_secret(self, noun_id: UUID) -> str:
        """For `again`: what the first answer showed once, as it was sealed in the commit of the change."""
        if self._secret is None:
            raise Defect("the idempotency key has no secret with it")
        return self.services.key_ring.open(self._secret, context=noun_id.bytes).decode()

    @property
    def _context(self) -> bytes:
        return b"idempotency:" + self.actor.workspace_id.bytes

    async def _used(self, key: str) -> IdempotencyKey | None:
        async with self.services.database.pool.acquire() as connection:
            return await find_key(connection, self.actor.workspace_id, key)

    async def _replay(
        self, model: type[Answer], used: IdempotencyKey, again: Callable[[UUID], Awaitable[Answer]]
    ) -> Answer:
        wanted = self.actor.idempotency
        if wanted is None or used.request_digest != wanted.digest():
            raise InvalidInput(
                "Idempotency-Key: was used for another request (method, path or body differ): take a new one",
                code="idempotency_key_reused",
            )
        self.response.headers[REPLAY_HEADER] = "true"
        self.response.status_code = used.status
        if used.body is not None:
            return model.model_validate_json(self.services.key_ring.open(used.body, context=self._context))
        self._secret = used.secret
        answer = await again(used.noun_id)
        await self._keep(used.key, answer)
        return answer

    async def _keep(self, key: str, answer: BaseModel) -> None:
        sealed = self.services.key_ring.seal(answer.model_dump_json().encode(), context=self._context)
        async with self.services.database.pool.acquire() as connection:
            await store_answer(connection, self.actor.workspace_id, key, sealed)


def _digest(request: Request) -> bytes:
    """SHA-256 of method, address and body. A multipart body is left out: its boundary changes with every try."""
    whole = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    if not request.headers.get("content-type", "").startswith("multipart/"):
        whole.update(body_digest(request).value)
    return whole.digest()


def _status_of(request: Request) -> int:
    return getattr(request.scope["route"], "status_code", None) or 200


async def _call(
    request: Request,
    response: Response,
    services: TheServices,
    actor: CurrentActor,
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="Any text of your own; repeat it to repeat the call without repeating what it does. 24 h.",
        ),
    ] = None,
) -> IdempotentCall:
    if idempotency_key is not None:
        if not _KEY.fullmatch(idempotency_key):
            raise InvalidInput.of("Idempotency-Key", _RULE, "idempotency_key")
        wanted = IdempotentRequest(idempotency_key, lambda: _digest(request), _status_of(request))
        actor = replace(actor, idempotency=wanted)
    return IdempotentCall(actor, services, request, response)


Idempotent = Annotated[IdempotentCall, Depends(_call)]
"""For every POST that creates or sends."""
