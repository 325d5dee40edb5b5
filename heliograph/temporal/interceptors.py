"""What every activity is wrapped in: our errors become Temporal's, and connection trouble becomes `Transient`."""

from typing import Any

from sqlalchemy.exc import DBAPIError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from heliograph.db.trouble import DATABASE_TROUBLE
from heliograph.errors import HeliographError, Unavailable
from heliograph.temporal.failures import to_application_error


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
