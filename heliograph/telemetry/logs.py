"""Log lines on stderr: readable on a terminal, one JSON object a line elsewhere. No personal data either way."""

import contextvars
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import orjson
from temporalio import activity, workflow

from heliograph.settings import Settings
from heliograph.settings import settings as process_settings
from heliograph.telemetry.redaction import redacted
from heliograph.telemetry.tracing import trace_ids

QUIET: Final = (
    "aiohttp",
    "alembic",
    "asyncio",
    "asyncpg",
    "opentelemetry",
    "sqlalchemy",
    "temporalio",
    "twilio",
    "urllib3",
)
"""Libraries that are heard from `WARNING` on. Twilio's client logs whole requests, bodies included, below that."""

_NEVER: Final = frozenset(
    {"body", "to", "address", "phone", "phone_number", "email"}
    | {"token", "auth_token", "api_key", "password", "secret", "credentials"}
)
"""Extra fields that are dropped whatever they hold."""
_UNSAID: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "taskName"} | _NEVER
_TEMPORAL: Final = frozenset({"temporal_activity", "temporal_workflow"})
_TEMPORAL_FIELDS: Final = {
    "workflow_id": "workflow_id",
    "workflow_run_id": "workflow_run_id",
    "workflow_type": "workflow_type",
    "activity_type": "activity_type",
    "task_queue": "lane",
    "attempt": "attempt",
}
_EMPTY: Final[Mapping[str, str]] = {}
_context: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar("heliograph_log_context", default=_EMPTY)


@contextmanager
def log_context(**ids: str) -> Iterator[None]:
    """Lines logged inside carry these ids: `workspace_id`, `run_id`, `import_id` …; ids only, never an address."""
    token = _context.set({**_context.get(), **ids})
    try:
        yield
    finally:
        _context.reset(token)


class RedactingFilter(logging.Filter):
    """Rewrites a record before any formatter sees it: message with arguments, exception, stack, extra fields."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always lets the record pass, redacted."""
        record.msg = redacted(_message(record))
        record.args = ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redacted(record.exc_text)
        if record.stack_info:
            record.stack_info = redacted(record.stack_info)
        record.exc_info = None
        return True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError) as error:
        return f"{record.msg} [{type(error).__name__} in the arguments of this log line]"


class JsonFormatter(logging.Formatter):
    """One object a line: time, level, logger, service, message, then ids and extra fields."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": _instant(record).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "service": self._service,
            "message": record.getMessage(),
            **fields(record),
        }
        if record.exc_text:
            line["exception"] = record.exc_text
        if record.stack_info:
            line["stack"] = record.stack_info
        return orjson.dumps(line).decode()


class TerminalFormatter(logging.Formatter):
    """For people: time of day, level, logger, message, then what the line carries as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with the exception below."""
        carried = " ".join(f"{name}={value}" for name, value in fields(record).items())
        head = f"{_instant(record).astimezone():%H:%M:%S} {record.levelname:<7} {record.name}: {record.getMessage()}"
        return "\n".join(filter(None, (f"{head}  {carried}".rstrip(), record.exc_text, record.stack_info)))


def _instant(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """What a line carries beside its message: context ids, Temporal's ids, trace ids, `extra=`; redacted."""
    found: dict[str, Any] = dict(_context.get())
    for name, value in vars(record).items():
        if name in _TEMPORAL and isinstance(value, Mapping):
            found |= {_TEMPORAL_FIELDS[key]: each for key, each in value.items() if key in _TEMPORAL_FIELDS}
            if name == "temporal_workflow" and "run_id" in value:
                found["workflow_run_id"] = value["run_id"]
        elif name not in _UNSAID and not name.startswith("__temporal"):
            found[name] = value if isinstance(value, bool | int | float) else redacted(str(value))
    if (ids := trace_ids()) is not None:
        found["trace_id"], found["span_id"] = ids
    return found


def configure_logging(service: str, settings: Settings | None = None, *, stream: TextIO | None = None) -> None:
    """Sets up the root logger of a process: once, first thing, by each entry point."""
    chosen = settings or process_settings()
    target = stream or sys.stderr
    readable = chosen.log_format == "text" or (chosen.log_format == "auto" and target.isatty())
    handler = logging.StreamHandler(target)
    handler.addFilter(RedactingFilter())
    handler.setFormatter(TerminalFormatter() if readable else JsonFormatter(service))
    root = logging.getLogger()
    for present in root.handlers[:]:
        if isinstance(present, logging.StreamHandler) and any(isinstance(f, RedactingFilter) for f in present.filters):
            root.removeHandler(present)
    root.addHandler(handler)
    root.setLevel(chosen.log_level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    _open_temporal_loggers(chosen.log_level)


def _open_temporal_loggers(level: str) -> None:
    """The loggers that workflows and activities of ours use: heard like ours, their ids as fields of the line."""
    for adapter in (activity.logger, workflow.logger):
        adapter.logger.setLevel(level)
    activity.logger.activity_info_on_message = False
    workflow.logger.workflow_info_on_message = False
