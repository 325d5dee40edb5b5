"""The simulator's log is a witness: complete, countable, and kept through a crash."""

import asyncio
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from heliograph.errors import InvalidInput, Unavailable
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import Preset, Script
from heliograph.stack.ports import free_port
from tests.simulator.process import running_simulator
from tests.simulator.test_sending import GOOD, send


async def test_every_accepted_message_is_in_the_log_once(simulator: SimulatorClient) -> None:
    bodies = [f"text {number} — 😀" for number in range(20)]
    for body in bodies:
        await send(simulator, Body=body, StatusCallback=f"http://127.0.0.1:9/s?r=run.{len(body)}")
    await send(simulator, To="12")
    logged = [message async for message in simulator.accepted_messages()]
    assert [message.body for message in logged] == bodies
    assert len({message.sid for message in logged}) == 20
    assert {message.sender for message in logged} == {GOOD["From"]}
    assert logged[0].reference == f"run.{len(bodies[0])}"
    page = [message async for message in simulator.accepted_messages(after="5", limit="3")]
    assert [message.body for message in page] == bodies[5:8]


async def test_numbers_accepted_twice_are_named_with_their_references(simulator: SimulatorClient) -> None:
    for reference in ("one.1", "one.2"):
        await send(simulator, StatusCallback=f"http://127.0.0.1:9/s?r={reference}")
    await send(simulator, To="+447400123457")
    (repeated,) = await simulator.duplicates()
    assert (repeated.to, repeated.count, repeated.references) == (GOOD["To"], 2, ("one.1", "one.2"))
    assert await simulator.accepted_count(to=GOOD["To"]) == 2
    assert await simulator.accepted_count(reference="one") == 2
    assert await simulator.duplicates(reference="two") == []


async def test_a_reset_forgets_messages_and_script(simulator: SimulatorClient) -> None:
    await simulator.set_script(Script(preset=Preset.REALISTIC))
    await send(simulator)
    await simulator.reset()
    assert await simulator.accepted_count() == 0
    assert (await simulator.script()).preset is Preset.PLAIN
    assert (await simulator.statistics())["callbacks_planned"] == 0


async def test_a_bad_script_is_refused_with_field_and_rule(simulator: SimulatorClient) -> None:
    with pytest.raises(InvalidInput, match="extra_forbidden"):
        await simulator._ask("PUT", "/simulator/script", body=b'{"latencies": 1}')
    with pytest.raises(InvalidInput, match="the script is not valid"):
        await simulator._ask("PUT", "/simulator/script", body=b"no JSON")
    with pytest.raises(InvalidInput, match="no such door"):
        await simulator._ask("GET", "/elsewhere")
    with pytest.raises(InvalidInput, match="yesterday"):
        await simulator.accepted_count(since="yesterday")
    with pytest.raises(InvalidInput, match="no such filter: colour"):
        await simulator.accepted_count(colour="red")


async def test_what_is_not_http_is_refused_and_harms_nobody(simulator_url: str, simulator: SimulatorClient) -> None:
    address = urlsplit(simulator_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(b"\x16\x03\x01 no HTTP at all\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()
    await writer.wait_closed()
    assert await simulator.is_healthy()


async def test_nobody_at_home_is_told() -> None:
    async with SimulatorClient(f"http://127.0.0.1:{free_port()}") as client:
        assert not await client.is_healthy()
        with pytest.raises(Unavailable):
            await client.accepted_count()


async def test_the_log_file_survives_a_crash(tmp_path: Path) -> None:
    log = tmp_path / "simulator" / "log.jsonl"
    with running_simulator("--log", str(log)) as url:
        async with SimulatorClient(url) as simulator:
            _, first, _ = await send(simulator)
            _, second, _ = await send(simulator, To="+447400123457")
    with log.open("ab") as file:
        file.write(b'{"sid": "SM cut off by a cra')
    with running_simulator("--log", str(log)) as url:
        async with SimulatorClient(url) as simulator:
            _, third, _ = await send(simulator, To="+447400123458")
            sids = [message.sid async for message in simulator.accepted_messages()]
            assert sids == [first["sid"], second["sid"], third["sid"]]
            assert len(set(sids)) == 3
    with running_simulator("--log", str(log)) as url:
        async with SimulatorClient(url) as simulator:
            assert [message.sid async for message in simulator.accepted_messages()] == sids


def test_a_port_that_is_taken_and_a_bad_script_end_with_a_message(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text('{"seed": "many"}')
    command = [sys.executable, "-m", "heliograph.simulator", "--port"]
    with running_simulator() as url:
        taken = subprocess.run([*command, url.rsplit(":", 1)[1]], capture_output=True, text=True, check=False)
    bad = subprocess.run([*command, "0", "--script", str(script)], capture_output=True, text=True, check=False)
    assert taken.returncode == 1
    assert "cannot listen on" in taken.stderr
    assert bad.returncode == 2
    assert "seed" in bad.stderr
