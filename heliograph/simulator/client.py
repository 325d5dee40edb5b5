"""A client of the simulator's own doors, for tests, benches and the demo."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
import orjson

from heliograph.errors import InvalidInput, Unavailable
from heliograph.simulator.messages import AcceptedMessage
from heliograph.simulator.script import Script
from heliograph.simulator.smsc.words import Spoken
from heliograph.simulator.twilio_inbound import Inbound

_PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=60)


@dataclass(frozen=True, slots=True)
class RepeatedNumber:
    """A number that more than one message was accepted for."""

    to: str
    count: int
    sids: tuple[str, ...]
    references: tuple[str, ...]


class SimulatorClient:
    """Speaks to one simulator; `async with` it. Errors: `Unavailable`, or `InvalidInput` for a bad script."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=_PATIENCE)
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def is_healthy(self) -> bool:
        """Whether it answers."""
        try:
            return bool((await self._ask("GET", "/health"))["status"] == "ok")
        except Unavailable:
            return False

    async def script(self) -> Script:
        """What it follows."""
        return Script.model_validate(await self._ask("GET", "/simulator/script"))

    async def set_script(self, script: Script) -> None:
        """From now on this; messages accepted before keep their fate."""
        await self._ask("PUT", "/simulator/script", body=script.model_dump_json().encode())

    async def reset(self) -> None:
        """Forgets all messages and planned callbacks, and goes back to the script of its start."""
        await self._ask("POST", "/simulator/reset")

    async def receive(self, message: Inbound) -> str:
        """Has a person write to a number: the webhook is on its way. Twilio's name for the message."""
        return str((await self._ask("POST", "/simulator/inbound", body=message.model_dump_json().encode()))["sid"])

    async def speak(self, message: Spoken) -> None:
        """A person writes to an account of the SMSC."""
        await self._ask("POST", "/simulator/smpp/inbound", body=message.model_dump_json().encode())

    async def accepted_count(self, **filters: str) -> int:
        """How many messages it accepted; filters: account, to, reference (how it begins), since (Unix seconds)."""
        return int((await self._ask("GET", "/simulator/count", parameters=filters))["accepted"])

    async def accepted_messages(self, **filters: str) -> AsyncIterator[AcceptedMessage]:
        """The log, oldest first, streamed; filters as above, and after, limit (places in the log)."""
        session = self._opened()
        try:
            async with session.get(f"{self.url}/simulator/log", params=filters) as answer:
                async for line in answer.content:
                    yield AcceptedMessage(**orjson.loads(line))
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"the simulator at {self.url} does not answer: {error}") from error

    async def duplicates(self, **filters: str) -> list[RepeatedNumber]:
        """The numbers with more than one accepted message; filters as above."""
        found = (await self._ask("GET", "/simulator/duplicates", parameters=filters))["numbers"]
        return [
            RepeatedNumber(each["to"], each["count"], tuple(each["sids"]), tuple(each["references"])) for each in found
        ]

    async def statistics(self) -> dict[str, Any]:
        """Counts of messages and callbacks."""
        return await self._ask("GET", "/simulator/statistics")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("use it with `async with`")
        return self._session

    async def _ask(
        self, method: str, path: str, *, parameters: dict[str, str] | None = None, body: bytes | None = None
    ) -> dict[str, Any]:
        try:
            async with self._opened().request(method, self.url + path, params=parameters, data=body) as answer:
                content: dict[str, Any] = orjson.loads(await answer.read())
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"the simulator at {self.url} does not answer: {error}") from error
        if answer.status != 200:
            raise InvalidInput.of("simulator", f"{content.get('error')}: {content.get('errors', '')}")
        return content
