"""One ESME's session at the simulated SMSC: frames, binds, answers. What to answer is the server's matter."""

import asyncio
from collections.abc import Callable
from struct import Struct
from typing import Final, Protocol, cast

import smpp34

SUBMIT_SM: Final = 0x04
DELIVER_SM: Final = 0x05
UNBIND: Final = 0x06
ENQUIRE_LINK: Final = 0x15
BINDS: Final = {0x01: "receiver", 0x02: "transmitter", 0x09: "transceiver"}
ANSWER: Final = 0x80000000
GENERIC_NACK: Final = 0x80000000

RINVBNDSTS, RINVCMDID, RALYBND = 0x04, 0x03, 0x05

_HEAD: Final = Struct(">IIII")
_LONGEST: Final = 100_000
_NAME: Final = b"SIMULATOR\0"
_WINDOW: Final = 100  # deliver_sm without an answer
_NOT_A_PDU: Final = b"\x00\x00\x00\x07nonsense"


class House(Protocol):
    """What a session asks of its server."""

    def bind(self, session: "EsmeSession", system_id: str, password: str, kind: str) -> int:
        """The command_status of the answer; 0 lets it in."""

    def submit(self, session: "EsmeSession", sequence: int, message: smpp34.SubmitSm) -> None:
        """Answers in its own time, by `accept`, `refuse`, `garble` or `drop`, or never."""

    def left(self, session: "EsmeSession", unheard: list[bytes]) -> None:
        """The session is gone; these deliver_sm were not answered."""


class EsmeSession(asyncio.Protocol):
    """One connection."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._buffer = b""
        self._sequence = 0
        self._told: dict[int, tuple[bytes, Callable[[int], None]]] = {}
        self.system_id = ""
        self.kind = ""

    @property
    def unanswered(self) -> int:
        """deliver_sm under way."""
        return len(self._told)

    @property
    def receives(self) -> bool:
        """Whether it takes deliver_sm, and one more now."""
        return self.kind in {"receiver", "transceiver"} and len(self._told) < _WINDOW and not self._lost

    def accept(self, sequence: int, name: str) -> None:
        """Takes the message."""
        self._write(SUBMIT_SM | ANSWER, 0, sequence, name.encode() + b"\0")

    def refuse(self, sequence: int, status: int) -> None:
        """Refuses it."""
        self._write(SUBMIT_SM | ANSWER, status, sequence)

    def garble(self) -> None:
        """Writes what cannot be read."""
        if not self._lost:
            self._transport.write(_NOT_A_PDU)

    def drop(self) -> None:
        """Closes the connection without a word."""
        self._transport.abort()

    def tell(self, message: bytes, answered: Callable[[int], None]) -> None:
        """Writes an encoded deliver_sm; `answered` hears the command_status of the answer."""
        self._sequence += 1
        self._told[self._sequence] = message, answered
        self._transport.write(message[:12] + self._sequence.to_bytes(4) + message[16:])

    # -- asyncio
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._lost = False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Gives back what was not answered."""
        self._lost = True
        unheard = [message for message, _ in self._told.values()]
        self._told.clear()
        self._house.left(self, unheard)

    def data_received(self, data: bytes) -> None:
        """Takes each PDU."""
        buffer = self._buffer + data if self._buffer else data
        place = 0
        while len(buffer) - place >= _HEAD.size:
            length, command_id, status, sequence = _HEAD.unpack_from(buffer, place)
            if not _HEAD.size <= length <= _LONGEST:
                self.drop()
                return
            if len(buffer) - place < length:
                break
            self._take(command_id, status, sequence, buffer[place : place + length])
            place += length
        self._buffer = buffer[place:]

    def _take(self, command_id: int, status: int, sequence: int, pdu: bytes) -> None:
        if command_id == SUBMIT_SM:
            self._submitted(sequence, pdu)
        elif command_id == DELIVER_SM | ANSWER:
            _, answered = self._told.pop(sequence, (b"", lambda _: None))
            answered(status)
        elif command_id in BINDS:
            self._bind(command_id, sequence, pdu[_HEAD.size :])
        elif command_id in {ENQUIRE_LINK, UNBIND}:
            self._write(command_id | ANSWER, 0, sequence)
            if command_id == UNBIND:
                self._transport.close()
        elif not command_id & ANSWER:
            self._write(GENERIC_NACK, RINVCMDID, sequence)

    def _submitted(self, sequence: int, pdu: bytes) -> None:
        if self.kind not in {"transmitter", "transceiver"}:
            self.refuse(sequence, RINVBNDSTS)
            return
        try:
            message = smpp34.decode(pdu)
        except smpp34.SmppError:
            self.refuse(sequence, 0x02)
            return
        assert isinstance(message, smpp34.SubmitSm)
        self._house.submit(self, sequence, message)

    def _bind(self, command_id: int, sequence: int, body: bytes) -> None:
        fields = body.split(b"\0")
        if self.kind or len(fields) < 3:
            self._write(command_id | ANSWER, RALYBND, sequence)
            return
        self.system_id, password = fields[0].decode("latin-1"), fields[1].decode("latin-1")
        status = self._house.bind(self, self.system_id, password, BINDS[command_id])
        self._write(command_id | ANSWER, status, sequence, b"" if status else _NAME)
        if not status:
            self.kind = BINDS[command_id]

    def _write(self, command_id: int, status: int, sequence: int, body: bytes = b"") -> None:
        if not self._lost:
            self._transport.write(_HEAD.pack(_HEAD.size + len(body), command_id, status, sequence) + body)
