"""The simulator's own doors: health, script, log, duplicates, counts, reset."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs

import orjson
from pydantic import ValidationError

from heliograph.simulator.http import Reply, Request
from heliograph.simulator.messages import Messages
from heliograph.simulator.script import Script
from heliograph.simulator.simulator import Simulator


class Admin:
    """Answers under /health and /simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._routes = {
            (b"GET", b"/health"): self._health,
            (b"GET", b"/simulator/script"): self._get_script,
            (b"PUT", b"/simulator/script"): self._put_script,
            (b"GET", b"/simulator/log"): self._log,
            (b"GET", b"/simulator/count"): self._count,
            (b"GET", b"/simulator/duplicates"): self._duplicates,
            (b"GET", b"/simulator/statistics"): self._statistics,
            (b"POST", b"/simulator/reset"): self._reset,
        }

    def answer(self, request: Request) -> Reply:
        """The reply; 404 for what is neither Twilio's nor ours."""
        route = self._routes.get((request.method, request.path))
        if route is None:
            return _json({"error": "no such door; see docs/simulator.md"}, 404)
        try:
            return route(request)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            return _json({"error": "the script is not valid", "errors": found}, 422)
        except ValueError as error:
            return _json({"error": str(error)}, 422)

    def _health(self, request: Request) -> Reply:  # noqa: ARG002
        return _json({"status": "ok"})

    def _get_script(self, request: Request) -> Reply:  # noqa: ARG002
        return Reply(200, self._simulator.script.model_dump_json().encode())

    def _put_script(self, request: Request) -> Reply:
        self._simulator.follow(Script.model_validate_json(request.body))
        return self._get_script(request)

    def _reset(self, request: Request) -> Reply:  # noqa: ARG002
        self._simulator.reset()
        return _json({"status": "ok"})

    def _log(self, request: Request) -> Reply:
        messages = self._simulator.messages
        query = _query(request)
        start = max(0, int(query.get("after", "0")))
        end = min(len(messages), start + int(query["limit"])) if "limit" in query else len(messages)
        places = range(start, end)
        chosen = iter(place for place in places if _wanted(messages, place, query))
        return Reply(200, content_type=b"application/x-ndjson", stream=messages.lines(chosen))

    def _count(self, request: Request) -> Reply:
        messages = self._simulator.messages
        query = _query(request)
        if "to" in query:
            return _json(
                {"accepted": sum(_wanted(messages, place, query) for place in messages.places_to(query["to"]))}
            )
        if not query:
            return _json({"accepted": len(messages)})
        return _json({"accepted": sum(_wanted(messages, place, query) for place in range(len(messages)))})

    def _duplicates(self, request: Request) -> Reply:
        messages = self._simulator.messages
        query = _query(request)
        found = (
            (number, [place for place in places if _wanted(messages, place, query)])
            for number, places in messages.repeated()
        )
        return _json({"numbers": [_repeated(messages, number, places) for number, places in found if len(places) > 1]})

    def _statistics(self, request: Request) -> Reply:  # noqa: ARG002
        return _json(self._simulator.statistics())


def _wanted(messages: Messages, place: int, query: Mapping[str, str]) -> bool:
    """Filters of the log: account, to, reference (or how it begins), and since (Unix seconds)."""
    if not query.keys() & {"account", "to", "reference", "since"}:
        return True
    message = messages.at(place)
    return (
        query.get("account", message.account_sid) == message.account_sid
        and query.get("to", message.to) == message.to
        and message.reference.startswith(query.get("reference", ""))
        and message.accepted_at >= float(query.get("since", "0"))
    )


def _repeated(messages: Messages, number: str, places: Iterable[int]) -> dict[str, Any]:
    found = [messages.at(place) for place in places]
    return {
        "to": number,
        "count": len(found),
        "sids": [message.sid for message in found],
        "references": [message.reference for message in found],
    }


def _query(request: Request) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(request.query.decode("ascii", "replace")).items()}


def _json(body: dict[str, Any], status: int = 200) -> Reply:
    return Reply(status, orjson.dumps(body))
