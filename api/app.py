"""The FastAPI application: routers of every noun, errors as problems, limits."""

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api import api_keys, audit, codec, connectors, health, problems, senders, workspaces
from api.limits import BodyLimitMiddleware
from heliograph.services.api_keys import Authenticator
from heliograph.services.context import Services

ROUTERS = (
    connectors.router,
    connectors.providers_router,
    senders.router,
    workspaces.router,
    api_keys.router,
    audit.router,
    codec.router,
    health.router,
)
"""In the order they are tried: what is called most comes first."""


def _operation_id(route: APIRoute) -> str:
    return route.name


def create_app(services: Services) -> FastAPI:
    """The application on open services. Whoever opened them closes them.

    A router that runs something in the background brings it as its own `APIRouter(lifespan=…)`.
    """
    app = FastAPI(
        title="Heliograph",
        version="1",
        generate_unique_id_function=_operation_id,
        docs_url="/docs",
        redoc_url=None,
    )
    app.state.services = services
    app.state.authenticator = Authenticator(services.database)
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(
        BodyLimitMiddleware,
        body_limit=services.settings.body_limit,
        upload_limit=services.settings.upload_limit,
    )
    problems.install(app)
    return app
