"""The log of accepted messages: the witness that tests and the demo hold against the ledger.

Kept in memory, some 250 bytes a message of one part, and appended to a file when there is one. The status of a message
is not stored but computed: its fate is known when it is accepted, so the log needs no second write and no timer.
"""

import asyncio
import os
import re
import time
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from heliograph.simulator.statuses import ACCEPTED, CANCELED, NAMES, QUEUED, SENT

_FLUSH_SECONDS: Final = 0.05
_SEPARATOR: Final = "\0"
_LINES_PER_PIECE: Final = 500
_TWILIO_SID: Final = re.compile(r"SM[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class AcceptedMessage:
    """One accepted message, as the log gives it out. Instants are Unix seconds."""

    sid: str  # the provider's name of the message
    account_sid: str  # the account's name at the provider
    to: str
    sender: str  # empty when the messaging service chooses
    messaging_service_sid: str
    body: str
    reference: str  # ours: at Twilio `r` of the StatusCallback
    accepted_at: float
    sent_at: float
    final_at: float
    final_status: str
    error_code: int
    segments: int

    @property
    def status(self) -> str:
        """The status at this moment."""
        now = time.time()
        if now >= self.final_at:
            return self.final_status
        if now >= self.sent_at:
            return NAMES[SENT]
        return NAMES[ACCEPTED if self.messaging_service_sid else QUEUED]


class Messages:
    """Every accepted message since the start or the last reset."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._descriptor = -1
        self._unwritten: list[bytes] = []
        self._clear()
        if file is not None:
            self._open_file(file)

    def _clear(self) -> None:
        self._prefix = "SM" + os.urandom(12).hex()  # and eight digits: the place in this log, so that none is searched
        self._first_places: dict[str, int] = {self._prefix: 0}
        self._texts: list[bytes] = []
        self._accounts: list[str] = []
        self._account_places: dict[str, int] = {}
        self._account = array("L")
        self._accepted_at, self._sent_at, self._final_at = array("d"), array("d"), array("d")
        self._final, self._error_code, self._segments = array("B"), array("L"), array("H")
        self._by_number: defaultdict[str, array[int]] = defaultdict(lambda: array("L"))
        self._indexed = 0
        self._own_names: dict[int, str] = {}  # where a provider does not name its messages as Twilio does
        self._places: dict[str, int] = {}  # of those

    def __len__(self) -> int:
        return len(self._texts)

    def next_sid(self) -> str:
        """The sid of the message that `add` will take next, in Twilio's form."""
        return f"{self._prefix}{len(self._texts) - self._first_places[self._prefix]:08x}"

    def add(self, message: AcceptedMessage, final: int) -> int:
        """Takes a message; answers its place. A `sid` other than `next_sid` must be unlike all others."""
        place = self._remember(message, final, own_name=not message.sid.startswith(self._prefix))
        if self._file is not None:
            if not self._unwritten:
                asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)
            self._unwritten.append(orjson.dumps(message, option=orjson.OPT_APPEND_NEWLINE))
        return place

    def _remember(self, message: AcceptedMessage, final: int, *, own_name: bool) -> int:
        place = len(self._texts)
        text = (message.to, message.sender, message.messaging_service_sid, message.reference, message.body)
        self._texts.append(_SEPARATOR.join(text).encode("utf-8", "surrogatepass"))
        account = self._account_places.get(message.account_sid)
        if account is None:
            account = self._account_places[message.account_sid] = len(self._accounts)
            self._accounts.append(message.account_sid)
        self._account.append(account)
        self._accepted_at.append(message.accepted_at)
        self._sent_at.append(message.sent_at)
        self._final_at.append(message.final_at)
        self._final.append(final)
        self._error_code.append(message.error_code)
        self._segments.append(message.segments)
        if own_name:
            self._own_names[place] = message.sid
            self._places[message.sid] = place
        return place

    def place_of(self, sid: str) -> int | None:
        """Where a message stands, or None when there is none with this sid."""
        first = self._first_places.get(sid[:-8])
        if first is None:
            return self._places.get(sid)
        try:
            place = first + int(sid[-8:], 16)
        except ValueError:
            return None
        return place if place < len(self._texts) and self.sid_at(place) == sid else None

    def sid_at(self, place: int) -> str:
        """The sid of the message at this place."""
        own = self._own_names.get(place)
        if own is not None:
            return own
        prefix, first = next(item for item in reversed(self._first_places.items()) if item[1] <= place)
        return f"{prefix}{place - first:08x}"

    def at(self, place: int) -> AcceptedMessage:
        """The message at this place."""
        to, sender, service, reference, body = self._texts[place].decode("utf-8", "surrogatepass").split(_SEPARATOR, 4)
        return AcceptedMessage(
            sid=self.sid_at(place),
            account_sid=self._accounts[self._account[place]],
            to=to,
            sender=sender,
            messaging_service_sid=service,
            body=body,
            reference=reference,
            accepted_at=self._accepted_at[place],
            sent_at=self._sent_at[place],
            final_at=self._final_at[place],
            final_status=NAMES[self._final[place]],
            error_code=self._error_code[place],
            segments=self._segments[place],
        )

    def cancel(self, place: int) -> None:
        """Makes a message that was not sent yet a cancelled one."""
        now = time.time()
        self._sent_at[place] = self._final_at[place] = now
        self._final[place] = CANCELED
        self._error_code[place] = 0

    def places_to(self, number: str) -> Sequence[int]:
        """The places of the messages to a number, oldest first."""
        self._index()
        return self._by_number.get(number, ())

    def repeated(self) -> Iterator[tuple[str, Sequence[int]]]:
        """The numbers with more than one message, and the places of their messages."""
        self._index()
        return ((number, places) for number, places in self._by_number.items() if len(places) > 1)

    def _index(self) -> None:
        """Catches up: nobody pays for an index that nobody asks for."""
        for place in range(self._indexed, len(self._texts)):
            number = self._texts[place].partition(b"\0")[0].decode()
            self._by_number[number].append(place)
        self._indexed = len(self._texts)

    def lines(self, places: Iterator[int] | range) -> Iterator[bytes]:
        """The log as JSON lines, in pieces of a few hundred."""
        piece: list[bytes] = []
        for place in places:
            piece.append(orjson.dumps(self.at(place), option=orjson.OPT_APPEND_NEWLINE))
            if len(piece) == _LINES_PER_PIECE:
                yield b"".join(piece)
                piece.clear()
        yield b"".join(piece)

    def reset(self) -> None:
        """Forgets everything, in the file too."""
        self._unwritten.clear()
        self._clear()
        if self._file is not None:
            os.ftruncate(self._descriptor, 0)

    # -- the file
    def _open_file(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            self._load(file)
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def _load(self, file: Path) -> None:
        """Takes in the log of an earlier process; a last line cut off by a crash is left out."""
        self._first_places.clear()
        with file.open("rb+") as lines:
            whole = 0
            for line in lines:
                if not line.endswith(b"\n"):
                    lines.truncate(whole)
                    break
                whole += len(line)
                message = AcceptedMessage(**orjson.loads(line))
                own_name = _TWILIO_SID.fullmatch(message.sid) is None
                if not own_name:
                    self._first_places.setdefault(message.sid[:-8], len(self._texts) - int(message.sid[-8:], 16))
                self._remember(message, NAMES.index(message.final_status), own_name=own_name)
        self._first_places[self._prefix] = len(self._texts)

    def flush(self) -> None:
        """Writes what was added since the last flush."""
        if self._unwritten:
            os.write(self._descriptor, b"".join(self._unwritten))
            self._unwritten.clear()
