"""Receipts as SMSCs word them."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.protocol import StatusReport
from heliograph.providers.smpp.account import SmppConfiguration
from heliograph.providers.smpp.receipts import STATES, is_receipt, other_spellings, read_receipt

S = MessageState
CONFIGURATION = SmppConfiguration(host="smsc.example", delivery_errors={"150": ErrorClass.RECIPIENT})


def delivered(text: str | bytes = b"", *parameters: tuple[int, bytes], esm_class: int = 4) -> smpp34.DeliverSm:
    """A deliver_sm with this text and these optional parameters."""
    octets = text.encode() if isinstance(text, str) else text
    return smpp34.DeliverSm(
        "447400123456",
        "12345",
        octets,
        source_addr_ton=1,
        esm_class=esm_class,
        tlvs=[smpp34.Tlv(tag, value) for tag, value in parameters],
    )


def read(text: str | bytes, *parameters: tuple[int, bytes], **choices: Any) -> StatusReport:
    """What such a receipt says."""
    report = read_receipt(delivered(text, *parameters), CONFIGURATION.model_copy(update=choices))
    assert report is not None
    return report


def test_a_receipt_by_the_book_is_read_whole() -> None:
    report = read(
        "id:0123456789 sub:001 dlvrd:001 submit date:2611211108 done date:2611211109 stat:DELIVRD err:000 Text:Hi id:9"
    )
    assert (report.provider_message_id, report.provider_status, report.state) == ("0123456789", "DELIVRD", S.DELIVERED)
    assert report.occurred_at == datetime(2026, 11, 21, 11, 9, tzinfo=UTC)
    assert report.error is None
    assert report.address == "+447400123456"


@pytest.mark.parametrize(("word", "state"), STATES.items())
def test_each_word_has_its_state_and_the_unsuccessful_an_error(word: str, state: MessageState) -> None:
    report = read(f"id:1 stat:{word} err:42")
    assert (report.provider_status, report.state) == (word, state)
    unsuccessful = state in {S.UNDELIVERED, S.FAILED}
    assert (report.error.code if report.error else None) == ("42" if unsuccessful else None)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ID:1 STAT:Delivered", "DELIVRD"),
        ("id: 1 stat: UNDELIVERABLE", "UNDELIV"),
        ("id:1,stat:rejected,err:1", "REJECTD"),
        ("id:1 sub: dlvrd: submit date: done date: stat:EXPIRED err: text:", "EXPIRED"),
        ("id:1 stat:BUFFERD", "BUFFERD"),
    ],
)
def test_case_spelling_and_missing_fields_do_no_harm(text: str, word: str) -> None:
    report = read(text)
    assert (report.provider_message_id, report.provider_status) == ("1", word)


def test_a_word_that_nobody_knows_ends_nothing() -> None:
    assert read("id:1 stat:BUFFERD").state is S.SENT


@pytest.mark.parametrize(
    ("date", "instant"),
    [
        ("2611211109", datetime(2026, 11, 21, 11, 9, tzinfo=UTC)),
        ("261121110933", datetime(2026, 11, 21, 11, 9, 33, tzinfo=UTC)),
        ("202611211109", datetime(2026, 11, 21, 11, 9, tzinfo=UTC)),
        ("20261121110933", datetime(2026, 11, 21, 11, 9, 33, tzinfo=UTC)),
        ("2613211109", None),
        ("26112111", None),
        ("soon", None),
        ("9912312359", None),
    ],
)
def test_dates_of_several_lengths_are_read_and_others_left_out(date: str, instant: datetime | None) -> None:
    assert read(f"id:1 done date:{date} stat:DELIVRD").occurred_at == instant


def test_dates_are_in_the_smscs_time_zone() -> None:
    report = read("id:1 done date:2607211109 stat:DELIVRD", time_zone="Europe/Berlin")
    assert report.occurred_at == datetime(2026, 7, 21, 9, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "shown"), [("0", "UNDELIV"), ("000", "UNDELIV"), ("1", "1"), ("0x1F", "0x1F"), ("A1234", "A1234")]
)
def test_errors_have_any_length(code: str, shown: str) -> None:
    error = read(f"id:1 stat:UNDELIV err:{code}").error
    assert error is not None
    assert (error.code, error.error_class) == (shown, ErrorClass.DELIVERY)


def test_a_configured_error_has_its_class() -> None:
    error = read("id:1 stat:UNDELIV err:150").error
    assert error is not None
    assert error.error_class is ErrorClass.RECIPIENT


def test_optional_parameters_go_before_the_text() -> None:
    report = read("id:1 stat:DELIVRD", (0x001E, b"abc\0"), (0x0427, b"\x05"), (0x0423, b"\x03\x00\x2a"))
    assert (report.provider_message_id, report.state) == ("abc", S.UNDELIVERED)
    assert report.error is not None
    assert report.error.code == "42"


def test_a_receipt_may_be_nothing_but_parameters_or_a_payload() -> None:
    assert read("", (0x001E, b"abc"), (0x0427, b"\x02")).state is S.DELIVERED
    assert read("", (0x0424, b"id:77 stat:DELIVRD")).provider_message_id == "77"


@pytest.mark.parametrize(
    "text", ["", "Hello", "id: stat:DELIVRD", "stat:DELIVRD", "id:1", f"id:{'1' * 66} stat:DELIVRD"]
)
def test_a_receipt_that_names_no_message_or_no_state_is_none(text: str) -> None:
    assert read_receipt(delivered(text), CONFIGURATION) is None


def test_what_a_person_writes_is_no_receipt() -> None:
    assert not is_receipt(delivered("id:1 stat:DELIVRD", esm_class=0))
    assert is_receipt(delivered("", esm_class=0x20))
    assert is_receipt(delivered("", (0x001E, b"1"), esm_class=0))


def test_an_id_is_looked_for_in_the_other_base_too() -> None:
    assert "6699" in other_spellings("1A2B")
    assert {"1a2b", "1A2B", "00001A2B"} <= set(other_spellings("6699"))
    assert "1a2b" in other_spellings("0000006699")
    assert other_spellings("not-a-number") == ()
    assert read("id:6699 stat:DELIVRD", message_ids="exact").other_ids == ()


@given(
    st.binary(max_size=254), st.lists(st.tuples(st.sampled_from([0x1E, 0x427, 0x423, 0x424]), st.binary(max_size=40)))
)
def test_no_octets_raise(text: bytes, parameters: list[tuple[int, bytes]]) -> None:
    with suppress(smpp34.SmppError):
        read_receipt(delivered(text, *parameters), CONFIGURATION)
