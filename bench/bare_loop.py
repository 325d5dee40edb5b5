"""The limit of a campaign: one process, 64 requests at a time, Twilio's client on a bare loop, nothing kept.

`python -m bench.bare_loop URL FILE` sends a text to each number of FILE and prints the seconds from the first request
to the last answer. The client is Twilio's own and asynchronous, as it comes. With `--our-transport` it sends through
the leaner HTTP layer of our connector instead: what the language can do at most.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from heliograph.providers.twilio.transport import Transport
from heliograph.simulator.accounts import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, DEMO_MESSAGING_SERVICE

REQUESTS_AT_A_TIME = 64
TEXT = "Hi Alexandra, the spring collection is here: 20 % off in Hamburg until Sunday. Reply STOP to opt out."


class RedirectedClient(AsyncTwilioHttpClient):  # type: ignore[misc]  # Twilio's client has no types
    """Twilio's asynchronous client; its requests go to the simulator instead of Twilio's host."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    async def request(self, method: str, url: str, *arguments: Any, **named: Any) -> Any:
        """As Twilio's, at another host."""
        return await super().request(method, self._url + urlsplit(url).path, *arguments, **named)


def open_client(url: str, *, our_transport: bool) -> tuple[Client, AsyncTwilioHttpClient]:
    """Twilio's client on one of the two HTTP layers; inside a running loop."""
    http: AsyncTwilioHttpClient
    if our_transport:
        http = Transport(
            username=DEMO_ACCOUNT_SID,
            password=DEMO_AUTH_TOKEN,
            api_url=url,
            timeout=20,
            pool_size=REQUESTS_AT_A_TIME,
        )
    else:
        http = RedirectedClient(url)
    return Client(DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, http_client=http), http


async def send_all(url: str, numbers: list[str], *, our_transport: bool) -> float:
    """Sends one message to each number; the seconds it took."""
    client, http = open_client(url, our_transport=our_transport)
    remaining = iter(numbers)

    async def send(numbers: Iterator[str]) -> None:
        for number in numbers:
            await client.messages.create_async(to=number, body=TEXT, messaging_service_sid=DEMO_MESSAGING_SERVICE)

    began = time.perf_counter()
    await asyncio.gather(*(send(remaining) for _ in range(REQUESTS_AT_A_TIME)))
    seconds = time.perf_counter() - began
    await http.close()
    return seconds


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("file", type=Path)
    parser.add_argument("--our-transport", action="store_true")
    arguments = parser.parse_args()
    numbers = arguments.file.read_text().split()
    seconds = uvloop.run(send_all(arguments.url, numbers, our_transport=arguments.our_transport))
    sys.stdout.write(f"{seconds}\n")


if __name__ == "__main__":
    main()
