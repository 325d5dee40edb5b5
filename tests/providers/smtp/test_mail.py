"""How a mail is written: read back by the standard library, and looked at line by line."""

import time
from dataclasses import replace
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput
from heliograph.ids import new_id
from heliograph.providers.protocol import EmailContent, OutgoingMessage, SenderAddress
from heliograph.providers.shared.email_senders import EmailSender
from heliograph.providers.smtp.account import SmtpConfiguration
from heliograph.providers.smtp.mail import Mail, Unmailable, compose

CONFIGURATION = SmtpConfiguration(host="relay.example")


def written(content: EmailContent, *, body: str = "Hi", sender: str = "Shop <news@shop.example>") -> Mail:
    message = OutgoingMessage(new_id(), 1, "ann@example.com", body, time.monotonic() + 5, content)
    return compose(message, SenderAddress("email_address", sender), CONFIGURATION)


def read(mail: Mail):  # type: ignore[no-untyped-def]  # the standard library's types do not know their policies
    return message_from_bytes(mail.content.replace(b"\r\n..", b"\r\n."), policy=policy.default)


def test_text_and_html_are_alternatives_in_seven_bits() -> None:
    mail = written(EmailContent("Grüße", "<p>Grüße</p>"), body="Grüße 😀")
    parsed = read(mail)
    assert mail.content.isascii()
    assert parsed.get_content_type() == "multipart/alternative"
    assert parsed.get_body(("plain",)).get_content().strip() == "Grüße 😀"
    assert parsed.get_body(("html",)).get_content().strip() == "<p>Grüße</p>"
    assert parsed["Subject"] == "Grüße"


def test_text_alone_is_one_part() -> None:
    assert read(written(EmailContent("Hi"))).get_content_type() == "text/plain"


@pytest.mark.parametrize("name", ["Shop", "Grüße, Ann", 'The "Best" Shop, Inc.', "=?utf-8?q?x?=", "a" * 128, "ü" * 20])
def test_a_senders_name_arrives_whole(name: str) -> None:
    sender = str(EmailSender(name, "news@shop.example"))
    (mailbox,) = read(written(EmailContent("Hi"), sender=sender))["From"].addresses
    assert (mailbox.display_name, mailbox.addr_spec) == (name, "news@shop.example")


def test_a_long_unsubscribe_address_stays_in_one_piece() -> None:
    value = f"<https://shop.example/u/{'x' * 300}>, <mailto:stop@shop.example>"
    mail = written(
        EmailContent("Hi", headers={"List-Unsubscribe": value, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"})
    )
    assert f"\r\nList-Unsubscribe: {value}\r\n".encode() in mail.content
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in mail.content


def test_no_line_of_a_mail_is_too_long_and_no_dot_ends_it() -> None:
    mail = written(EmailContent("ü" * 900, "<p>" + "y" * 5000 + "</p>"), body=".\n.\r\n.." + "x" * 5000)
    assert all(len(line) <= 998 for line in mail.content.split(b"\r\n"))
    assert b"\r\n.\r\n" not in mail.content
    assert mail.content.endswith(b"\r\n")
    assert b"\n" not in mail.content.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (EmailContent("Hi\nBcc: x@example.com"), "control_character"),
        (EmailContent(""), "length"),
        (EmailContent("Hi", headers={"X-A": "a\rb"}), "control_character"),
        (EmailContent("Hi", headers={"X A": "a"}), "header_name"),
        (EmailContent("Hi", headers={"X-A:\r\nBcc": "a"}), "header_name"),
        (EmailContent("Hi", headers={"Content-Type": "text/html"}), "reserved_header"),
        (EmailContent("Hi", headers={"MESSAGE-ID": "<x@y>"}), "reserved_header"),
        (EmailContent("\ud800"), "not_unicode"),
    ],
)
def test_what_cannot_be_a_header_cannot_be_a_mail(content: EmailContent, code: str) -> None:
    with pytest.raises(Unmailable) as failure:
        written(content)
    assert (failure.value.error.error_class, failure.value.error.code) == (ErrorClass.CONTENT, code)


@given(subject=st.text(max_size=300), name=st.text(max_size=60), value=st.text(max_size=300))
def test_no_text_begins_a_header_of_its_own(subject: str, name: str, value: str) -> None:
    sender = replace(EmailSender("", "news@shop.example"), name=name)
    try:
        mail = written(EmailContent(subject, headers={"X-Any": value}), sender=str(sender))
    except Unmailable:
        return
    names = set(read(mail).keys())
    assert names == {"From", "To", "Subject", "Date", "Message-ID", "X-Any", *_OF_A_BODY}


_OF_A_BODY = {"Content-Type", "Content-Transfer-Encoding", "MIME-Version"}


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("news@SHOP.example", "news@shop.example"),
        ("Shop <news@shop.example>", "Shop <news@shop.example>"),
        ('"Shop, Inc." <news@shop.example>', '"Shop, Inc." <news@shop.example>'),
        ("  Grüße   <news@shop.example> ", "Grüße <news@shop.example>"),
        ("<news@shop.example>", "news@shop.example"),
    ],
)
def test_a_sender_is_an_address_with_or_without_a_name(text: str, stored: str) -> None:
    assert str(EmailSender.parse(text)) == stored
    assert str(EmailSender.parse(stored)) == stored


@pytest.mark.parametrize("text", ["", "shop", "Shop <news>", "a@b@c.example", "Shop\n<news@shop.example>", "<>"])
def test_what_is_no_address_is_no_sender(text: str) -> None:
    with pytest.raises(InvalidInput, match="address"):
        EmailSender.parse(text)
