"""A real ActiveMQ for tests, and what its consumers see."""

import asyncio
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import orjson
import pytest
import stompman

from heliograph.stack.ports import free_port

SCRIPT = Path(__file__).parents[2] / "scripts" / "start_test_broker.sh"
CONSOLE = Path("/usr/share/java/activemq-console.jar")
USER, PASSWORD = "heliograph", "a password: for tests@all"
QUEUE = "delivery-report"


@dataclass
class TestBroker:
    """Where it listens, and what it keeps; can be stopped and started again."""

    __test__ = False

    directory: Path
    stomp_port: int = field(default_factory=free_port)
    openwire_port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """As the setting has it."""
        return f"stomp://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.stomp_port}"

    def start(self) -> None:
        """Returns when it lets clients in."""
        command = [str(SCRIPT), str(self.directory), str(self.stomp_port), str(self.openwire_port)]
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "log").open("a") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        asyncio.run(_listens(self.stomp_port, self._process))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ends it; what is persistent stays in its directory."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None

    async def take(
        self, count: int, *, selector: str | None = None, seconds: float = 30
    ) -> list[stompman.MessageFrame]:
        """So many messages off the queue, each acknowledged."""
        taken: list[stompman.MessageFrame] = []
        enough = asyncio.Event()

        async def keep(message: stompman.MessageFrame) -> None:
            taken.append(message)
            if len(taken) >= count:
                enough.set()

        server = stompman.ConnectionParameters("127.0.0.1", self.stomp_port, USER, quote(PASSWORD, safe=""))
        async with stompman.Client([server]) as client:
            subscription = await client.subscribe(
                f"/queue/{QUEUE}",
                keep,
                headers={"selector": selector} if selector else {},
                on_suppressed_exception=lambda error, _: pytest.fail(repr(error)),
            )
            try:
                async with asyncio.timeout(seconds):
                    await enough.wait()
            finally:
                await subscription.unsubscribe()
        return taken

    def take_by_jms(self, count: int) -> list[str]:
        """What ActiveMQ's own JMS consumer makes of messages: the text of a TextMessage, the id of any other."""
        logging = "/usr/share/java/slf4j-simple.jar:/usr/share/activemq/lib/*:/usr/share/java/*"
        command = ["java", "-cp", logging, "org.apache.activemq.console.Main", "consumer"]
        options = {
            "brokerUrl": f"tcp://127.0.0.1:{self.openwire_port}",
            "user": USER,
            "password": PASSWORD,
            "destination": f"queue://{QUEUE}",
            "messageCount": str(count),
        }
        arguments = [each for name, value in options.items() for each in (f"--{name}", value)]
        told = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, check=True)
        lines = (told.stdout + told.stderr).splitlines()
        return [line.partition(" Received ")[2] for line in lines if " Received " in line]


async def _listens(port: int, process: subprocess.Popen[bytes], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        assert process.poll() is None, "ActiveMQ ended at its start: see its log"
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            assert time.monotonic() < deadline, "ActiveMQ does not listen"
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


def body_of(message: stompman.MessageFrame) -> dict[str, str]:
    """The JSON of a report."""
    found: dict[str, str] = orjson.loads(message.body)
    return found


@contextmanager
def a_broker(directory: Path) -> Iterator[TestBroker]:
    """A broker that is not started yet; skips where ActiveMQ is missing."""
    if not CONSOLE.exists() or shutil.which("java") is None:
        pytest.skip("ActiveMQ is missing: scripts/install_test_peers.sh installs it (Debian package activemq)")
    broker = TestBroker(directory)
    try:
        yield broker
    finally:
        broker.stop(signal.SIGKILL)
