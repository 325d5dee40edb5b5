"""Signed status callbacks a second, each committed before its 200, against an empty POST route of the same process."""

import argparse
import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import orjson

from api.yardstick import EMPTY
from bench.ledger_seed import ACCOUNT_SID, AUTH_TOKEN, SeededRun, provider_id, seed_messages, seed_run
from bench.load import CONNECTIONS, drive, post
from heliograph.db.engine import Database, open_database
from heliograph.providers.twilio.callbacks import signature
from heliograph.secrets import KeyRing, load_key_ring
from heliograph.stack.running import running_stack

NAME = "receipts"
LIMIT = 0.3
"""The ratio to reach."""

_ROUNDS = 3
_STATUSES = ("sent", "delivered")


@dataclass(frozen=True)
class Target:
    """The API under load, and the ledger behind it."""

    database: Database
    key_ring: KeyRing
    api_url: str
    public_url: str

    @property
    def host(self) -> str:
        """Where the API listens."""
        return urlsplit(self.api_url).hostname or "127.0.0.1"

    @property
    def port(self) -> int:
        """Where the API listens."""
        return urlsplit(self.api_url).port or 80


async def run(messages: int = 5_000) -> dict[str, Any]:
    """The bench on a stack of its own; the JSON line as a dictionary."""
    with TemporaryDirectory(prefix="heliograph-bench-") as directory:
        async with running_stack(
            Path(directory),
            parts=("postgres", "temporal", "api"),
            extra_environment={"HELIOGRAPH_BENCH_ROUTES": "true"},
        ) as stack:
            settings = stack.settings
            assert settings.database_url is not None
            assert stack.doors.api is not None
            async with open_database(settings.database_url, application="heliograph bench") as database:
                target = Target(database, load_key_ring(settings), stack.doors.api, settings.public_url)
                return await measure(target, messages)


async def measure(target: Target, messages: int) -> dict[str, Any]:
    """Both loads in turn, three times; medians. Every callback must stand in the ledger at the end."""
    seeded = await seed_run(target.database, key_ring=target.key_ring)
    ours, limits = [], []
    await _round(target, seeded, first=1, messages=200)
    for number in range(_ROUNDS):
        empty = [post(target.host, target.port, EMPTY, b"a" * 300)] * (messages * len(_STATUSES))
        limits.append((await drive(target.host, target.port, empty)).rate)
        ours.append(await _round(target, seeded, first=1_000 + number * messages, messages=messages))
    return {
        "name": NAME,
        "ours": round(median(ours)),
        "limit": round(median(limits)),
        "unit": "callbacks/s",
        "ratio": round(median(ours) / median(limits), 3),
        "rounds": [[round(mine), round(limit)] for mine, limit in zip(ours, limits, strict=True)],
        "connections": CONNECTIONS,
    }


async def _round(target: Target, seeded: SeededRun, *, first: int, messages: int) -> float:
    """Callbacks a second for fresh messages, each of which is sent and then delivered."""
    ids = await seed_messages(target.database.pool, seeded, messages, first=first)
    load = await drive(target.host, target.port, _callbacks(target, seeded, ids, first))
    if load.refused:
        raise RuntimeError(f"{len(load.refused)} callbacks were refused, the first with {load.refused[0]!r}")
    delivered = await target.database.pool.fetchval(
        "SELECT count(*) FROM message WHERE run_id = $1 AND number >= $2 AND state = 'delivered'", seeded.run_id, first
    )
    if delivered != messages:
        raise RuntimeError(f"{messages - delivered} callbacks were answered and are not in the ledger")
    return load.rate


def _callbacks(target: Target, seeded: SeededRun, ids: Sequence[UUID], first: int) -> list[bytes]:
    numbered = list(enumerate(ids, first))
    random.Random(first).shuffle(numbered)
    return [
        _callback(target, seeded, number, message_id, status) for status in _STATUSES for number, message_id in numbered
    ]


def _callback(target: Target, seeded: SeededRun, number: int, message_id: UUID, status: str) -> bytes:
    path = f"/callbacks/{seeded.callback_token}/status?r={message_id}.1"
    sid = provider_id(number)
    form = {
        "SmsSid": sid,
        "SmsStatus": status,
        "MessageStatus": status,
        "To": f"+1415{number:07d}",
        "MessageSid": sid,
        "AccountSid": ACCOUNT_SID,
        "From": "+14155550100",
        "ApiVersion": "2010-04-01",
    }
    signed = signature(AUTH_TOKEN, target.public_url.rstrip("/") + path, list(form.items()))
    headers = (("x-twilio-signature", signed), ("user-agent", "TwilioProxy/1.1"), ("accept", "*/*"))
    return post(target.host, target.port, path, urlencode(form).encode(), headers)


def main() -> None:
    """`python -m bench.receipts`"""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5_000, help="per round; each gets two callbacks")
    line = asyncio.run(run(parser.parse_args().messages))
    print(orjson.dumps(line).decode())  # noqa: T201 - the bench's answer


if __name__ == "__main__":
    main()
