"""The FastAPI application: routers of every noun, errors as problems, limits."""

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api import (
    api_keys,
    audiences,
    audit,
    callbacks,
    campaigns,
    codec,
    connector_trials,
    connectors,
    health,
    inbound_messages,
    messages,
    metrics,
    msg_client,
    openapi,
    problems,
    reports,
    routes,
    senders,
    suppressions,
    templates,
    webhooks,
    workspaces,
    yardstick,
)
from api.limits import BodyLimitMiddleware
from heliograph.services.api_keys import Authenticator
from heliograph.services.context import Services
from heliograph.settings import Settings

ROUTERS = (
    callbacks.router,
    messages.router,
    msg_client.router,
    messages.senders_router,
    connectors.router,
    connector_trials.router,
    connectors.providers_router,
    senders.router,
    routes.router,
    templates.router,
    audiences.router,
    campaigns.router,
    inbound_messages.router,
    suppressions.router,
    webhooks.router,
    workspaces.router,
    api_keys.router,
    reports.router,
    audit.router,
    codec.router,
    health.router,
    metrics.router,
)
"""In the order they are tried: what is called most comes first."""


def _operation_id(route: APIRoute) -> str:
    return route.name


def create_app(services: Services) -> FastAPI:
    """The application on open services. Whoever opened them closes them.

    A router that runs something in the background brings it as its own `APIRouter(lifespan=…)`.
    """
    app = assemble(services.settings)
    app.state.services = services
    app.state.authenticator = Authenticator(services.database)
    return app


def assemble(settings: Settings) -> FastAPI:
    """The routes, not yet able to answer: `make docs` describes them."""
    app = callbacks.Application(
        title="Heliograph", version="1", generate_unique_id_function=_operation_id, redoc_url=None
    )
    for router in ROUTERS:
        app.include_router(router)
    if settings.bench_routes:
        app.include_router(yardstick.router)
    app.add_middleware(BodyLimitMiddleware, body_limit=settings.body_limit, upload_limit=settings.upload_limit)
    problems.install(app)
    openapi.install(app)
    return app
