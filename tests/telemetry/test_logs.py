"""Log lines say what happened and where, and nothing about anybody."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from heliograph.settings import Settings
from heliograph.telemetry.logs import configure_logging, log_context
from heliograph.telemetry.tracing import span
from tests.telemetry.conftest import Watched

_log = logging.getLogger("heliograph.tests")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    target = io.StringIO()
    configure_logging("test", Settings(log_format="json"), stream=target)
    yield target
    root.handlers[:] = before
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_object_with_ids(stream: io.StringIO) -> None:
    with log_context(workspace_id="w", run_id="r"):
        _log.info("%d messages sent", 20_000, extra={"wave": 3, "body": "Hi Anna", "to": "+4915112345678"})
    [line] = lines(stream)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "heliograph.tests",
        "service": "test",
        "message": "20000 messages sent",
        "workspace_id": "w",
        "run_id": "r",
        "wave": 3,
    }


def test_message_arguments_exceptions_and_fields_are_redacted(stream: io.StringIO) -> None:
    try:
        raise ValueError("cannot send to +49 151 12345678")
    except ValueError:
        _log.exception("for %s and %r", "anna@example.com", {"to": "+14155552671"}, extra={"note": "0171/2345678"})
    text = stream.getvalue()
    assert "ValueError" in text
    for gone in ("12345678", "anna", "4155552671", "2345678"):
        assert gone not in text


def test_a_line_with_wrong_arguments_is_still_written(stream: io.StringIO) -> None:
    _log.info("%d of %d", 1)
    assert "in the arguments of this log line" in lines(stream)[0]["message"]


def test_lines_name_their_trace(stream: io.StringIO, watched: Watched) -> None:
    with span("work") as work:
        _log.info("inside")
    [line] = [line for line in lines(stream) if line["logger"] == _log.name]
    assert line["trace_id"] == f"{work.get_span_context().trace_id:032x}"


def test_libraries_are_heard_from_warning_on(stream: io.StringIO) -> None:
    for name in ("twilio.http_client", "aiohttp.access", "sqlalchemy.engine.Engine", "temporalio.worker"):
        logging.getLogger(name).info("whole requests")
    logging.getLogger("temporalio.activity").info("ours")
    assert [line["message"] for line in lines(stream)] == ["ours"]


def test_configuring_twice_does_not_double_lines(stream: io.StringIO) -> None:
    configure_logging("test", Settings(log_format="text"), stream=stream)
    _log.warning("once")
    [line] = stream.getvalue().splitlines()
    assert line.endswith("WARNING heliograph.tests: once")
