"""Whether the process lives and can do its work. Needs no key; tells nothing else."""

import asyncio
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from api.dependencies import TheServices
from api.problems import documented

_PATIENCE_SECONDS = 2.0

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """Ready to serve."""

    status: Literal["ok"] = "ok"


@router.get("/health", summary="Readiness: the database answers", responses=documented(503))
async def health(services: TheServices) -> Health:
    """503 with `Retry-After` while the database cannot be reached. Temporal may be away: sends wait for it."""
    async with asyncio.timeout(_PATIENCE_SECONDS), services.database.pool.acquire() as connection:
        await connection.fetchval("SELECT 1")
    return Health()


@router.get("/health/live", summary="Liveness: the process answers")
async def health_live() -> Health:
    """Asks nothing of anything else."""
    return Health()
