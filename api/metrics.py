"""What Prometheus reads: the metrics of the whole installation, whichever API process is asked."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse

from api.dependencies import TheServices, bearer_token
from api.problems import documented
from heliograph.services import metrics
from heliograph.telemetry.prometheus import CONTENT_TYPE

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    summary="The metrics of all processes, for Prometheus",
    response_class=PlainTextResponse,
    responses={**documented(403, 404, 503), 200: {"content": {"text/plain": {}}}},
)
async def read_metrics(
    request: Request, services: TheServices, secret: Annotated[str | None, Depends(bearer_token)]
) -> PlainTextResponse:
    """Open to the addresses of `HELIOGRAPH_METRICS_ADDRESSES` and holders of `HELIOGRAPH_METRICS_SECRET` (a bearer
    token). They are sums over all processes: read them at one address of the API, not at each."""
    metrics.admit(services.settings, request.client.host if request.client else None, secret)
    return PlainTextResponse(await metrics.describe(services), media_type=CONTENT_TYPE)
