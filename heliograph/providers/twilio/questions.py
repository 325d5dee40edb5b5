"""Asking Twilio something harmless, and what it means when there is no proper answer."""

import json
from collections.abc import Awaitable
from typing import Final, TypeVar

from aiohttp import ClientError
from twilio.base.exceptions import TwilioException

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import BadRequest, FieldError, HeliographError, NotFound, Unauthenticated, UpstreamFailed
from heliograph.providers.twilio.codes import REQUEST_CODES
from heliograph.providers.twilio.outcomes import ANSWERED_ERRORS, twilio_code

INVALID_CREDENTIALS: Final = "Invalid Twilio SID and/or Auth token"
INVALID_DETAILS: Final = "Invalid Twilio Details"
FAILED_AT_TWILIO: Final = "An unexpected error occurred at Twilio."

UNREADABLE: Final = (ValueError, TypeError, AttributeError, KeyError, RecursionError, OverflowError)
"""What Twilio's client raises while it makes objects of an answer that is not what it expects."""

Asked = TypeVar("Asked")


async def ask(question: Awaitable[Asked]) -> Asked:
    """The answer to something harmless, or the error of our tree that it means."""
    try:
        return await question
    except ANSWERED_ERRORS as error:
        raise _refusal(error.status, twilio_code(error)) from error
    except (ClientError, OSError) as error:
        raise UpstreamFailed("Twilio could not be reached, or did not answer in time") from error
    except TwilioException as error:
        raise _refusal(*_unreadable_page(error)) from error
    except UNREADABLE as error:
        raise UpstreamFailed(FAILED_AT_TWILIO) from error


def _refusal(status: int, code: int | None) -> HeliographError:
    """What an answer that is not 2xx means to who asked."""
    if status == 404:
        return NotFound("Twilio does not have it", code="not_found_at_twilio")
    if status == 401 or (code in REQUEST_CODES and REQUEST_CODES[code].error_class is ErrorClass.AUTH):
        return Unauthenticated(INVALID_CREDENTIALS)
    if status >= 500 or status == 429:
        return UpstreamFailed(FAILED_AT_TWILIO)
    meaning = REQUEST_CODES.get(code) if code is not None else None
    rule = meaning.text if meaning else f"Twilio refuses it with HTTP {status}, error {code}"
    return BadRequest(INVALID_DETAILS, errors=[FieldError("twilio", rule, str(code))])


def _unreadable_page(error: TwilioException) -> tuple[int, int | None]:
    """Status and code of a list that was refused: for lists, Twilio's client hands over the bare response."""
    response = error.args[1] if len(error.args) > 1 else None
    status = getattr(response, "status_code", 502)
    try:
        code = json.loads(getattr(response, "text", ""))["code"]
    except (ValueError, TypeError, KeyError):
        return status, None
    return status, code if isinstance(code, int) else None
