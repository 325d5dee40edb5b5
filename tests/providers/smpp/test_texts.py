"""Texts cut for SMPP, and put together again as a phone would."""

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain import gsm7
from heliograph.domain.message_parts import is_gsm7
from heliograph.providers.smpp.account import SmppConfiguration
from heliograph.providers.smpp.received import international, read_message
from heliograph.providers.smpp.texts import TooLong, cut

CONFIGURATION = SmppConfiguration(host="smsc.example")


def configured(**choices: str) -> SmppConfiguration:
    """With these choices."""
    return SmppConfiguration.model_validate({"host": "smsc.example", **choices})


@pytest.mark.parametrize(
    ("text", "choices", "sizes"),
    [
        ("a" * 160, {}, [160]),
        ("a" * 161, {}, [153, 8]),
        ("a" * 152 + "€" + "a" * 10, {}, [152, 12]),
        ("a" * 161, {"long_messages": "udh16"}, [152, 9]),
        ("a" * 161, {"long_messages": "sar"}, [152, 9]),
        ("a" * 161, {"long_messages": "payload"}, [161]),
        ("ж" * 71, {}, [134, 8]),
        ("ж" * 71, {"long_messages": "udh16"}, [132, 10]),
        ("ж" * 66 + "😀" + "ж" * 10, {}, [132, 24]),
        ("é" * 140, {"alphabet": "latin1"}, [140]),
        ("é" * 141, {"alphabet": "latin1"}, [134, 7]),
        ("a" * 71, {"alphabet": "ucs2"}, [134, 8]),
        ("", {}, [0]),
    ],
)
def test_parts_have_the_sizes_of_the_air(text: str, choices: dict[str, str], sizes: list[int]) -> None:
    pieces = cut(text, configured(**choices), 7)
    header = {"udh8": 6, "udh16": 7}.get(choices.get("long_messages", "udh8"), 0) if len(sizes) > 1 else 0
    carried = [len(each.octets) or sum(len(tlv.value) for tlv in each.parameters) for each in pieces.pieces]
    assert [size - header for size in carried] == sizes


def test_a_payload_counts_its_parts_as_networks_do() -> None:
    assert cut("a" * 400, configured(long_messages="payload"), 1).parts == 3


def test_a_text_of_more_than_255_parts_is_too_long() -> None:
    with pytest.raises(TooLong):
        cut("a" * (153 * 255 + 1), CONFIGURATION, 1)
    with pytest.raises(TooLong):
        cut("ж" * 40_000, configured(long_messages="payload"), 1)


def test_a_lone_surrogate_cannot_travel() -> None:
    with pytest.raises(UnicodeEncodeError):
        cut("a\ud800", CONFIGURATION, 1)


@given(
    st.text(st.characters(codec="utf-8"), max_size=500),
    st.sampled_from(["gsm7", "latin1", "ucs2"]),
    st.sampled_from(["udh8", "udh16", "sar", "payload"]),
    st.integers(0, 1 << 20),
)
def test_whatever_is_cut_is_read_again(text: str, alphabet: str, long_messages: str, reference: int) -> None:
    configuration = configured(alphabet=alphabet, long_messages=long_messages)
    pieces = cut(text, configuration, reference).pieces
    read = [
        read_message(
            smpp34.DeliverSm(
                "1",
                "2",
                each.octets,
                esm_class=each.esm_class,
                data_coding=each.data_coding,
                tlvs=list(each.parameters),
            ),
            configuration,
        )
        for each in pieces
    ]
    if len(read) == 1:
        assert read[0].body == text
        return
    parts = [each.part for each in read if each.part is not None]
    assert [part.number for part in parts] == list(range(1, len(read) + 1))
    assert len({(part.reference, part.total) for part in parts}) == 1
    assert parts[0].read(b"".join(part.octets for part in parts)) == text


@given(st.text())
def test_gsm7_takes_what_it_has_and_refuses_the_rest(text: str) -> None:
    if is_gsm7(text):
        assert gsm7.decode(gsm7.encode(text)) == text
    else:
        with pytest.raises(ValueError, match="GSM-7"):
            gsm7.encode(text)


@given(st.binary())
def test_any_octets_can_be_read(octets: bytes) -> None:
    assert isinstance(gsm7.decode(octets), str)
    for data_coding in range(256):
        message = smpp34.DeliverSm("1", "2", octets[:254], esm_class=0x40, data_coding=data_coding)
        read_message(message, CONFIGURATION)


@pytest.mark.parametrize(
    ("address", "ton", "read"),
    [
        ("447400123456", 1, "+447400123456"),
        ("+447400123456", 1, "+447400123456"),
        ("447400123456", 0, "+447400123456"),
        ("00447400123456", 0, "+447400123456"),
        ("12345", 0, "12345"),
        ("12345", 3, "12345"),
        ("07400123456", 2, "07400123456"),
        ("ACME", 5, "ACME"),
    ],
)
def test_addresses_are_read_by_their_type(address: str, ton: int, read: str) -> None:
    assert international(address, ton) == read
