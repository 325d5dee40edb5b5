"""The limit of a campaign over SMPP: one process, one bind, a bare loop of smpp34's client, nothing kept.

`python -m bench.bare_smpp_loop PORT WINDOW FILE` submits a text to each number of FILE, with as many unanswered
messages as the window allows, and prints the seconds from the first to the last answer. smpp34 speaks SMPP in Rust.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import smpp34
import uvloop

from bench.bare_loop import TEXT

SYSTEM_ID, PASSWORD, SENDER = "bench", "secret", "ACME"


async def send_all(port: int, window: int, numbers: list[str]) -> float:
    """Submits one message to each number; the seconds it took."""
    client = smpp34.Client("127.0.0.1", port, SYSTEM_ID, PASSWORD, bind_type="TRX", window_size=window)
    smsc = await client.connect()
    remaining = iter(numbers)
    text = TEXT.encode("ascii")

    async def send(numbers: Iterator[str]) -> None:
        for number in numbers:
            answer = await smsc.submit_sm(
                number.removeprefix("+"),
                text,
                source_addr=SENDER,
                source_addr_ton=5,
                dest_addr_ton=1,
                dest_addr_npi=1,
                registered_delivery=1,
            )
            if not answer.is_success:
                raise RuntimeError(f"the SMSC answered {answer.command_status:#x}")

    began = time.perf_counter()
    await asyncio.gather(*(send(remaining) for _ in range(window)))
    seconds = time.perf_counter() - began
    await smsc.unbind()
    await client.stop()
    return seconds


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("window", type=int)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    numbers = arguments.file.read_text().split()
    sys.stdout.write(f"{uvloop.run(send_all(arguments.port, arguments.window, numbers))}\n")


if __name__ == "__main__":
    main()
