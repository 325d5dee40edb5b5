"""The one mapper from our errors to Temporal's: what is retried, what is not, and under which name."""

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from heliograph.errors import HeliographError, Rejected


def to_application_error(error: HeliographError) -> ApplicationError:
    """The failure an activity raises in place of `error`."""
    return ApplicationError(
        error.detail,
        error.code,
        type=type(error).__name__,
        non_retryable=not error.retryable,
        category=ApplicationErrorCategory.BENIGN
        if isinstance(error, Rejected)
        else ApplicationErrorCategory.UNSPECIFIED,
    )
