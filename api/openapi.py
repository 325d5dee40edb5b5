"""The OpenAPI document: made from the routes, with errors as problems. `make docs` renews the golden copy.

FastAPI documents errors as `application/json` and its own validation error; here both become what is really sent.
"""

from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api import msg_client
from api.problems import MEDIA_TYPE, Problem

GOLDEN: Final = Path(__file__).parent.parent / "docs" / "openapi.json"

DESCRIPTION: Final = """\
Campaigns, senders and audiences, for programs. See docs/api.md.

Errors are problems (RFC 9457). Lists come in pages: `?limit=&after=`. A POST that creates or sends takes an
`Idempotency-Key`: repeated with it, it answers the same and does nothing more.
"""

TAGS: Final = [
    {"name": "connectors", "description": "Accounts at providers."},
    {"name": "senders", "description": "What messages come from."},
    {"name": "routes", "description": "Which senders take messages that name none."},
    {"name": "messages", "description": "One or many, without a campaign; and what became of each."},
    {"name": "audiences", "description": "CSV data sets of recipients."},
    {"name": "templates", "description": "Texts with variables."},
    {"name": "campaigns", "description": "A template to an audience, launched, watched and proven."},
    {"name": "inbound messages", "description": "What people write, and what STOP, START and HELP do."},
    {"name": "suppressions", "description": "Who is not sent to."},
    {"name": "reports", "description": "Every communication and how it ended, in pages and as files."},
    {"name": "callbacks", "description": "What providers call."},
    {"name": "webhooks", "description": "Callbacks to you."},
    {"name": msg_client.TAG, "description": "For programs with an older contract: docs/msg-client.md."},
    {"name": "workspaces", "description": "Tenants, live or test."},
    {"name": "API keys", "description": "Who may call."},
    {"name": "audit", "description": "Who changed what."},
    {"name": "codec", "description": "For the Temporal UI."},
    {"name": "health", "description": "For whatever keeps the process running."},
]

_PROBLEM: Final = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_TEXT: Final = {"type": "string"}
_HEADERS: Final = {
    "401": {"WWW-Authenticate": {"description": "How to authenticate.", "schema": _TEXT}},
    "429": {"Retry-After": {"description": "Seconds.", "schema": _TEXT}},
    "503": {"Retry-After": {"description": "Seconds.", "schema": _TEXT}},
}
_REPLAY: Final = {
    "Idempotent-Replay": {"description": "`true` when this is the answer to an earlier call.", "schema": _TEXT}
}
_FASTAPIS_OWN: Final = ("HTTPValidationError", "ValidationError")


def document(app: FastAPI) -> dict[str, Any]:
    """The whole document."""
    made = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
    operations = [operation for path in made["paths"].values() for operation in path.values()]
    for operation in operations:
        if msg_client.TAG not in operation.get("tags", ()):  # its errors are no problems
            _describe_answers(operation)
    used = {tag for operation in operations for tag in operation.get("tags", ())}
    made["tags"] = [tag for tag in TAGS if tag["name"] in used]
    schemas = made["components"]["schemas"]
    for name in _FASTAPIS_OWN:
        schemas.pop(name, None)
    schemas.setdefault("Problem", Problem.model_json_schema(ref_template="#/components/schemas/{model}"))
    return made


def install(app: FastAPI) -> None:
    """Serves the document under /openapi.json, made at the first call."""

    def serve() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = document(app)
        return app.openapi_schema

    app.openapi = serve  # type: ignore[method-assign]  # FastAPI's documented way


def rendered(app: FastAPI) -> bytes:
    """The document as it is kept: indented, so that a change can be read."""
    return orjson.dumps(document(app), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _describe_answers(operation: dict[str, Any]) -> None:
    responses: dict[str, Any] = operation["responses"]
    keyed = any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))
    for status, response in responses.items():
        if status < "400":
            if keyed:
                response["headers"] = {**response.get("headers", {}), **_REPLAY}
            continue
        response["description"] = HTTPStatus(int(status)).phrase
        response["content"] = _PROBLEM
        if status in _HEADERS:
            response["headers"] = _HEADERS[status]
    responses["default"] = {"description": "Any other error", "content": _PROBLEM}
