"""The one error tree.

    HeliographError
    ├── Rejected            the caller's fault, or a business no: never retried, told to the caller
    │   ├── InvalidInput        422  a field breaks a rule; names field and rule
    │   ├── BadRequest          400  the request as a whole is wrong, or a provider refuses what it names
    │   ├── Unauthenticated     401
    │   ├── Forbidden           403
    │   ├── NotFound            404
    │   ├── Conflict            409  the state of the thing does not allow it
    │   ├── PayloadTooLarge     413
    │   └── TooManyRequests     429
    ├── Transient           try again: nothing was done
    │   ├── UpstreamFailed      502  a provider failed while it was asked something harmless
    │   └── Unavailable         503  PostgreSQL or Temporal cannot be reached
    ├── UnknownOutcome      a call may or may not have been carried out: never try again blindly
    └── Defect              500  our own fault

The status code and whether a retry can help are attributes of the class. `api/problems.py` is the one mapper
to HTTP, `heliograph/temporal/failures.py` the one to Temporal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One broken rule: `field` as the caller wrote it (dotted path or column), `rule` as a sentence."""

    field: str
    rule: str
    code: str = "invalid"


class HeliographError(Exception):
    """Root of every error this product raises on purpose.

    `code` is stable and machine-readable; `detail` is a sentence for a person, without personal data.
    """

    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    default_code: ClassVar[str] = "error"
    title: ClassVar[str] = "Error"

    def __init__(self, detail: str, *, code: str | None = None, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.default_code
        self.errors = tuple(errors)


class Rejected(HeliographError):
    """The caller's fault, or a business no. Trying again unchanged cannot help."""

    status = 400
    default_code = "rejected"
    title = "Rejected"


class InvalidInput(Rejected):
    """A field breaks a rule."""

    status = 422
    default_code = "invalid_input"
    title = "Invalid input"

    @classmethod
    def of(cls, field: str, rule: str, code: str = "invalid") -> "InvalidInput":
        """One broken rule as a whole error."""
        return cls(f"{field}: {rule}", errors=[FieldError(field, rule, code)])


class BadRequest(Rejected):
    """The request as a whole is wrong, or a provider refuses what it names."""

    status = 400
    default_code = "bad_request"
    title = "Bad request"


class Unauthenticated(Rejected):
    """No valid API key, or credentials that the provider refuses."""

    status = 401
    default_code = "unauthenticated"
    title = "Unauthenticated"


class Forbidden(Rejected):
    """The role does not allow it, or a signature does not match."""

    status = 403
    default_code = "forbidden"
    title = "Forbidden"


class NotFound(Rejected):
    """No such thing in this workspace."""

    status = 404
    default_code = "not_found"
    title = "Not found"


class Conflict(Rejected):
    """The state of the thing does not allow this now."""

    status = 409
    default_code = "conflict"
    title = "Conflict"


class PayloadTooLarge(Rejected):
    """The body is larger than this door takes."""

    status = 413
    default_code = "payload_too_large"
    title = "Payload too large"


class TooManyRequests(Rejected):
    """A limit is reached; `retry_after` says when to come back, in seconds."""

    status = 429
    default_code = "too_many_requests"
    title = "Too many requests"

    def __init__(self, detail: str, *, retry_after: float, code: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.retry_after = retry_after


class Transient(HeliographError):
    """Nothing was done; trying again can help."""

    status = 503
    retryable = True
    default_code = "transient"
    title = "Temporarily failed"


class UpstreamFailed(Transient):
    """A provider failed while it was asked something harmless (credentials, balance, sender)."""

    status = 502
    default_code = "upstream_failed"
    title = "Provider failed"


class Unavailable(Transient):
    """PostgreSQL or Temporal cannot be reached."""

    status = 503
    default_code = "unavailable"
    title = "Unavailable"


class UnknownOutcome(HeliographError):
    """A call may or may not have been carried out. Never try again blindly."""

    status = 502
    default_code = "unknown_outcome"
    title = "Outcome unknown"


class Defect(HeliographError):
    """Our own fault."""

    status = 500
    default_code = "defect"
    title = "Internal error"
