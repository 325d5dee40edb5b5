"""What the simulated SMSC says: receipts in several manners, and messages from people."""

import time
from collections.abc import Sequence
from typing import Final, Literal

import smpp34
from pydantic import BaseModel, ConfigDict, Field

from heliograph.domain import gsm7
from heliograph.simulator.messages import AcceptedMessage
from heliograph.simulator.statuses import DELIVERED, FAILED, SENT, UNDELIVERED

RECEIPT, INTERMEDIATE, UDH = 0x04, 0x20, 0x40
RECEIPTED_MESSAGE_ID, MESSAGE_STATE, NETWORK_ERROR_CODE, MESSAGE_PAYLOAD = 0x001E, 0x0427, 0x0423, 0x0424
SAR_MSG_REF_NUM, SAR_TOTAL_SEGMENTS, SAR_SEGMENT_SEQNUM = 0x020C, 0x020E, 0x020F

_STATES: Final = {SENT: "ENROUTE", DELIVERED: "DELIVRD", UNDELIVERED: "UNDELIV", FAILED: "REJECTD"}
_NUMBERS: Final = {SENT: 1, DELIVERED: 2, UNDELIVERED: 5, FAILED: 8}
"""Of message_state."""
_MINUTES, _SECONDS = "%y%m%d%H%M", "%y%m%d%H%M%S"


class Spoken(BaseModel):
    """What a person writes to a number of an account."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: str = Field(description="The system_id.")
    person: str = Field(pattern=r"^\+?[0-9]{2,20}$")
    to: str
    body: str
    parts_reversed: bool = Field(default=False, description="Send the parts of a long text last part first.")
    joined_by: Literal["udh8", "udh16", "sar"] = "udh8"


def receipt(message: AcceptedMessage, name: str, status: int, manner: str) -> bytes:
    """An encoded deliver_sm that tells a status under the message's name in receipts."""
    parameters: list[smpp34.Tlv] = []
    text = b""
    if manner == "parameters":
        parameters = [
            smpp34.Tlv(RECEIPTED_MESSAGE_ID, name.encode() + b"\0"),
            smpp34.Tlv(MESSAGE_STATE, bytes([_NUMBERS[status]])),
        ]
        if message.error_code and status in {UNDELIVERED, FAILED}:
            code = (message.error_code % 0xFFFF).to_bytes(2)
            parameters.append(smpp34.Tlv(NETWORK_ERROR_CODE, b"\x03" + code))
    else:
        text = _text(message, name, status, manner).encode("ascii", "replace")
    return smpp34.DeliverSm(
        message.to.removeprefix("+"),
        message.sender.removeprefix("+"),
        text,
        source_addr_ton=1,
        source_addr_npi=1,
        esm_class=INTERMEDIATE if status == SENT else RECEIPT,
        tlvs=parameters,
    ).encode()


def _text(message: AcceptedMessage, name: str, status: int, manner: str) -> str:
    state = _STATES[status]
    if manner == "sparse":
        return f"id:{name} stat:{state}"
    if manner == "lower_case":
        state = {"DELIVRD": "Delivered", "UNDELIV": "Undeliverable"}.get(state, state)
    form = _SECONDS if manner == "long_dates" else _MINUTES
    submitted, done = (time.strftime(form, time.gmtime(instant)) for instant in (message.accepted_at, message.final_at))
    delivered = "001" if status == DELIVERED else "000"
    code = f"{message.error_code % 1000:03d}" if status in {UNDELIVERED, FAILED} else "000"
    text = (
        f"id:{name} sub:001 dlvrd:{delivered} submit date:{submitted} done date:{done} "
        f"stat:{state} err:{code} text:{message.body[:20]}"
    )
    return text.replace("id:", "ID:").replace("stat:", "Stat:") if manner == "lower_case" else text


def spoken(message: Spoken) -> Sequence[bytes]:
    """The encoded deliver_sm of a message from a person: one, or one for each part."""
    octets, data_coding, size = _encoded(message.body)
    if len(octets) <= (160 if data_coding == 0 else 140):
        return [_deliver(message, octets, data_coding)]
    parts = [octets[first : first + size] for first in range(0, len(octets), size)]
    told = [_part(message, part, data_coding, len(parts), number) for number, part in enumerate(parts, start=1)]
    return told[::-1] if message.parts_reversed else told


def _encoded(text: str) -> tuple[bytes, int, int]:
    try:
        return gsm7.encode(text), 0, 152
    except ValueError:
        return text.encode("utf-16-be"), 8, 132


def _part(message: Spoken, octets: bytes, data_coding: int, total: int, number: int) -> bytes:
    reference = hash((message.person, message.to, message.body)) & 0xFF
    if message.joined_by == "sar":
        parameters = [
            smpp34.Tlv(SAR_MSG_REF_NUM, reference.to_bytes(2)),
            smpp34.Tlv(SAR_TOTAL_SEGMENTS, bytes([total])),
            smpp34.Tlv(SAR_SEGMENT_SEQNUM, bytes([number])),
        ]
        return _deliver(message, octets, data_coding, parameters=parameters)
    header = [5, 0, 3, reference] if message.joined_by == "udh8" else [6, 8, 4, 1, reference]
    return _deliver(message, bytes([*header, total, number]) + octets, data_coding, esm_class=UDH)


def _deliver(
    message: Spoken, octets: bytes, data_coding: int, *, esm_class: int = 0, parameters: Sequence[smpp34.Tlv] = ()
) -> bytes:
    return smpp34.DeliverSm(
        message.person.removeprefix("+"),
        message.to.removeprefix("+"),
        octets,
        source_addr_ton=1,
        source_addr_npi=1,
        esm_class=esm_class,
        data_coding=data_coding,
        tlvs=list(parameters),
    ).encode()
