"""What routes ask for: the services, and who is calling."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from heliograph.errors import Unauthenticated
from heliograph.services.api_keys import Authenticator
from heliograph.services.context import Actor, Services

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="apiKey",
    bearerFormat="hg_…",
    description="An API key of a workspace, made with `heliograph keys create` or `POST /v1/api-keys`.",
)


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def _authenticator(request: Request) -> Authenticator:
    authenticator: Authenticator = request.app.state.authenticator
    return authenticator


TheServices = Annotated[Services, Depends(_services)]
"""The doors of this process."""

TheAuthenticator = Annotated[Authenticator, Depends(_authenticator)]
"""Turns API keys into actors."""


async def bearer_token(
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> str | None:
    """The text after `Bearer`, if there is one."""
    return credentials.credentials if credentials else None


async def _actor(authenticator: TheAuthenticator, token: Annotated[str | None, Depends(bearer_token)]) -> Actor:
    if token is None:
        raise Unauthenticated("give an API key: `Authorization: Bearer hg_…`", code="api_key_missing")
    return await authenticator.actor(token)


CurrentActor = Annotated[Actor, Depends(_actor)]
"""Who calls, by the API key in `Authorization`; 401 without a valid one."""
