"""A process that sends over SMPP under one lease as fast as it can; its parent freezes it and lets it go on.

Arguments: the SMSC's port, and how many seconds the lease lasts. Prints "sending" once it does, and at the end how many
messages each kind of outcome had.
"""

import asyncio
import json
import sys
import time
from collections import Counter

import uvloop

from heliograph.ids import new_id
from heliograph.providers.protocol import NotProcessed, OutgoingMessage
from heliograph.providers.smpp.account import SmppConfiguration
from tests.providers.smpp.peer import LONG_CODE, open_smpp

_TASKS = 32


async def main(port: int, seconds: float) -> None:
    """Sends until the lease is over."""
    connection = open_smpp(port, SmppConfiguration(host="smsc.example", window=_TASKS // 2), timeout=10.0)
    valid_until = time.monotonic() + seconds
    outcomes: Counter[str] = Counter()

    async def send() -> None:
        for number in range(1_000_000):
            message = OutgoingMessage(new_id(), 1, "+447400123456", f"{number}", valid_until)
            outcome = await connection.send(message, LONG_CODE)
            if isinstance(outcome, NotProcessed):
                outcomes[outcome.error.code] += 1
                return
            outcomes[type(outcome).__name__] += 1

    tasks = [asyncio.create_task(send()) for _ in range(_TASKS)]
    await asyncio.sleep(0.2)
    sys.stdout.write("sending\n")
    sys.stdout.flush()
    await asyncio.gather(*tasks)
    await connection.aclose()
    sys.stdout.write(json.dumps(outcomes) + "\n")


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2])))
