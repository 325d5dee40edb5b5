"""An empty POST route, for benchmarks: the most that a route of this server process can do. Off unless asked for."""

from fastapi import APIRouter
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

EMPTY = "/bench/empty"


class _EmptyRoute(APIRoute):
    """Reads the body and answers 200, as bare as the callbacks' own route."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


router = APIRouter(tags=["bench"], route_class=_EmptyRoute, include_in_schema=False)


@router.post(EMPTY, response_class=Response)
async def answer_nothing() -> None:
    """Does nothing."""
