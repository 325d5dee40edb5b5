"""The PDUs that a session speaks (SMPP 3.4, 4): frames and binds by hand, messages by smpp34's codec."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Final

import smpp34

from heliograph.providers.smpp.account import SmppConfiguration, SmppCredentials

GENERIC_NACK: Final = 0x80000000
SUBMIT_SM: Final = 0x04
DELIVER_SM: Final = 0x05
UNBIND: Final = 0x06
BIND_TRANSCEIVER: Final = 0x09
ENQUIRE_LINK: Final = 0x15
ALERT_NOTIFICATION: Final = 0x102
ANSWER: Final = 0x80000000
"""Set in the command_id of every answer."""

MESSAGE_PAYLOAD: Final = 0x0424
RECEIPTED_MESSAGE_ID: Final = 0x001E
MESSAGE_STATE: Final = 0x0427
NETWORK_ERROR_CODE: Final = 0x0423
SAR_REFERENCE: Final = 0x020C
SAR_TOTAL: Final = 0x020E
SAR_NUMBER: Final = 0x020F

LONGEST: Final = 70_000
"""Octets of a PDU: a message_payload has 65,535 at most, and little stands beside it."""

_HEAD: Final = Struct(">IIII")
_INTERFACE_VERSION: Final = 0x34


class Garbled(Exception):
    """What came is no PDU: nothing that follows can be understood."""


@dataclass(frozen=True, slots=True)
class Pdu:
    """A frame."""

    command_id: int
    status: int
    sequence: int
    whole: bytes

    @property
    def body(self) -> bytes:
        """What follows the head."""
        return self.whole[_HEAD.size :]


class Frames:
    """Cuts a stream into PDUs."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Pdu]:
        """The PDUs that are whole with this; `Garbled` when there can be no more."""
        buffer = self._buffer + data if self._buffer else data
        place, end = 0, len(buffer)
        try:
            while end - place >= _HEAD.size:
                length, command_id, status, sequence = _HEAD.unpack_from(buffer, place)
                if not _HEAD.size <= length <= LONGEST:
                    raise Garbled(f"a PDU cannot have {length} octets")
                if end - place < length:
                    break
                whole = buffer[place : place + length]
                place += length
                yield Pdu(command_id, status, sequence, whole)
        finally:
            self._buffer = buffer[place:]


def frame(command_id: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    """A PDU as it is written."""
    return _HEAD.pack(_HEAD.size + len(body), command_id, status, sequence) + body


def numbered(message: bytes, sequence: int) -> bytes:
    """An encoded message with its sequence number."""
    return message[:12] + sequence.to_bytes(4) + message[16:]


def bind_body(credentials: SmppCredentials, configuration: SmppConfiguration) -> bytes:
    """The body of bind_transceiver."""
    texts = (credentials.system_id, credentials.password.get_secret_value(), configuration.system_type)
    head = b"".join(text.encode("utf-8") + b"\0" for text in texts)
    return head + bytes([_INTERFACE_VERSION, 0, 0]) + configuration.address_range.encode("ascii") + b"\0"


def c_string(body: bytes) -> str:
    """The text up to the first NUL, or all of it: the name of a message in submit_sm_resp."""
    return body.partition(b"\0")[0].decode("latin-1")


def parameters(message: smpp34.DeliverSm) -> Mapping[int, bytes]:
    """The optional parameters by tag; of one that comes twice the first."""
    found: dict[int, bytes] = {}
    for each in message.tlvs:
        found.setdefault(each.tag, each.value)
    return found
