"""The limit of a campaign over HTTP: one process, 64 requests at a time, pyreqwest on a bare loop, nothing kept.

`python -m bench.bare_http_loop URL FILE` posts a text for each number of FILE to the simulator's plain gateway, reads
the id in each answer, and prints the seconds from the first request to the last answer.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson
import uvloop
from pyreqwest.client import ClientBuilder

from bench.bare_loop import REQUESTS_AT_A_TIME, TEXT

PATH: Final = "/custom/messages"
KEY: Final = "benchmark.key"
SENDER: Final = "ACME"


async def send_all(url: str, numbers: list[str]) -> float:
    """Sends one message to each number; the seconds it took."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    remaining = iter(numbers)
    async with ClientBuilder().no_proxy().default_headers(headers).build() as client:

        async def send(numbers: Iterator[str]) -> None:
            for number in numbers:
                body = orjson.dumps({"from": SENDER, "to": number, "text": TEXT})
                answer = await client.post(url + PATH).body_bytes(body).build().send()
                if not (await answer.json()).get("id"):
                    raise RuntimeError(f"the gateway answered HTTP {answer.status}")

        began = time.perf_counter()
        await asyncio.gather(*(send(remaining) for _ in range(REQUESTS_AT_A_TIME)))
        return time.perf_counter() - began


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    seconds = uvloop.run(send_all(arguments.url, arguments.file.read_text().split()))
    sys.stdout.write(f"{seconds}\n")


if __name__ == "__main__":
    main()
