"""The simulator's own doors: health, script, log, duplicates, counts, messages from people, reset."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Self
from urllib.parse import parse_qsl

import orjson
from pydantic import ValidationError

from heliograph.simulator.http import Reply, Request
from heliograph.simulator.messages import Messages
from heliograph.simulator.script import Script
from heliograph.simulator.simulator import Simulator
from heliograph.simulator.smsc import Spoken
from heliograph.simulator.twilio_inbound import Inbound


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
            (b"POST", b"/simulator/inbound"): self._inbound,
            (b"POST", b"/simulator/smpp/inbound"): self._smpp_inbound,
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
            return _json({"error": f"the {error.title.lower()} is not valid", "errors": found}, 422)
        except ValueError as error:
            return _json({"error": str(error)}, 422)

    def _health(self, request: Request) -> Reply:  # noqa: ARG002
        return _json({"status": "ok"})

    def _get_script(self, request: Request) -> Reply:  # noqa: ARG002
        return Reply(200, self._simulator.script.model_dump_json().encode())

    def _put_script(self, request: Request) -> Reply:
        self._simulator.follow(Script.model_validate_json(request.body))
        return self._get_script(request)

    def _smpp_inbound(self, request: Request) -> Reply:
        self._simulator.smsc.receive(Spoken.model_validate_json(request.body))
        return _json({"status": "ok"})

    def _inbound(self, request: Request) -> Reply:
        message = Inbound.model_validate_json(request.body)
        self._simulator.receive(message)
        return _json({"sid": message.sid})

    def _reset(self, request: Request) -> Reply:  # noqa: ARG002
        self._simulator.reset()
        return _json({"status": "ok"})

    def _log(self, request: Request) -> Reply:
        messages = self._simulator.messages
        wanted = _Filter.read(request)
        end = min(len(messages), wanted.after + wanted.limit)
        places = (place for place in range(wanted.after, end) if wanted.takes(messages, place))
        return Reply(200, content_type=b"application/x-ndjson", stream=messages.lines(places))

    def _count(self, request: Request) -> Reply:
        messages = self._simulator.messages
        wanted = _Filter.read(request)
        if wanted.takes_all:
            return _json({"accepted": len(messages)})
        places = range(len(messages)) if wanted.to is None else messages.places_to(wanted.to)
        return _json({"accepted": sum(wanted.takes(messages, place) for place in places)})

    def _duplicates(self, request: Request) -> Reply:
        messages = self._simulator.messages
        wanted = _Filter.read(request)
        found = (
            (number, [place for place in places if wanted.takes(messages, place)])
            for number, places in messages.repeated()
        )
        return _json({"numbers": [_repeated(messages, number, places) for number, places in found if len(places) > 1]})

    def _statistics(self, request: Request) -> Reply:  # noqa: ARG002
        return _json(self._simulator.statistics())


@dataclass(frozen=True, slots=True)
class _Filter:
    """Which messages are asked for: `since` in Unix seconds, `after` and `limit` as places in the log."""

    account: str | None = None
    to: str | None = None
    reference: str = ""  # how it begins
    since: float = 0.0
    after: int = 0
    limit: int = sys.maxsize

    @classmethod
    def read(cls, request: Request) -> Self:
        """From the query; ValueError naming what is wrong."""
        query = dict(parse_qsl(request.query.decode("ascii", "replace")))
        unknown = query.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"no such filter: {', '.join(sorted(unknown))}")
        return cls(
            account=query.get("account"),
            to=query.get("to"),
            reference=query.get("reference", ""),
            since=float(query.get("since", 0)),
            after=max(0, int(query.get("after", 0))),
            limit=max(0, int(query.get("limit", sys.maxsize))),
        )

    @property
    def takes_all(self) -> bool:
        return self.account is None and self.to is None and not self.reference and not self.since

    def takes(self, messages: Messages, place: int) -> bool:
        """Whether the message at this place is asked for."""
        if self.takes_all:
            return True
        message = messages.at(place)
        return (
            self.account in {None, message.account_sid}
            and self.to in {None, message.to}
            and message.reference.startswith(self.reference)
            and message.accepted_at >= self.since
        )


def _repeated(messages: Messages, number: str, places: Iterable[int]) -> dict[str, Any]:
    found = [messages.at(place) for place in places]
    return {
        "to": number,
        "count": len(found),
        "sids": [message.sid for message in found],
        "references": [message.reference for message in found],
    }


def _json(body: dict[str, Any], status: int = 200) -> Reply:
    return Reply(status, orjson.dumps(body))
