"""What every activity is wrapped in: our errors become Temporal's, and connection trouble becomes `Transient`."""

from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from heliograph.errors import HeliographError, Unavailable
from heliograph.temporal.failures import to_application_error

DATABASE_TROUBLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)
"""Raised while PostgreSQL restarts, or when two transactions met; nothing was committed."""


class _ErrorMapping(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            return await super().execute_activity(input)
        except HeliographError as error:
            raise to_application_error(error) from error
        except DATABASE_TROUBLE as error:
            raise to_application_error(Unavailable(f"PostgreSQL: {type(error).__name__}")) from error
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            raise to_application_error(Unavailable("PostgreSQL: connection lost")) from error


class ErrorMappingInterceptor(Interceptor):
    """Installs the mapping in a worker."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wraps the chain."""
        return _ErrorMapping(next)
