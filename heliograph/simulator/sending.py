"""Sending at the simulated Twilio: checks a request as Twilio does, and lets the script decide the rest."""

import re
import time
from collections.abc import Iterator
from typing import Final

import orjson

from heliograph.simulator.accounts import Account
from heliograph.simulator.desk import HELD_REPLY_SECONDS, unworded, with_retry_after
from heliograph.simulator.errors import error_reply
from heliograph.simulator.fate import Fate, Playbook
from heliograph.simulator.forms import read_form
from heliograph.simulator.http import Reply
from heliograph.simulator.messages import AcceptedMessage, Messages
from heliograph.simulator.receipts import ReceiptSchedule, Worder
from heliograph.simulator.script import AnswerKind, SendAnswer
from heliograph.simulator.segments import count_segments
from heliograph.simulator.statuses import NAMES
from heliograph.simulator.wording import message_json

_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_URL: Final = re.compile(r"https?://[^\s/_]+(?:/\S*)?")
_BODY_LIMIT: Final = 1600


class Sending:
    """POST Messages.json."""

    def __init__(self, playbook: Playbook, messages: Messages, receipts: ReceiptSchedule, word: Worder) -> None:
        self.playbook = playbook
        self._messages = messages
        self._receipts = receipts
        self._word = word

    def send(self, account: Account, body: bytes) -> Reply:
        """The reply to a request to send."""
        form = read_form(body)
        refused = _refusal(account, form)
        if refused is not None:
            return refused
        to, sender = form["To"], form.get("From") or form.get("MessagingServiceSid", "")
        fate = self.playbook.decide(account.sid, to, sender)
        answer = fate.answer
        message = self._accept(account, form, fate) if answer.takes else None
        reply = _reply(answer, message, to, sender)
        reply.delay = fate.latency
        if message is not None and fate.receipts is not None and fate.receipts.before_reply:
            reply.delay = max(reply.delay, HELD_REPLY_SECONDS)
        return reply

    def _accept(self, account: Account, form: dict[str, str], fate: Fate) -> AcceptedMessage:
        now = time.time()
        callback = form.get("StatusCallback", "")
        replied = now + fate.latency
        message = AcceptedMessage(
            sid=self._messages.next_sid(),
            account_sid=account.sid,
            to=form["To"],
            sender=form.get("From", ""),
            messaging_service_sid=form.get("MessagingServiceSid", ""),
            body=form["Body"],
            reference=_reference(callback),
            accepted_at=now,
            sent_at=replied + fate.sent_after,
            final_at=replied + fate.final_after,
            final_status=NAMES[fate.final],
            error_code=fate.error_code,
            segments=count_segments(form["Body"]),
        )
        place = self._messages.add(message, fate.final)
        if callback and fate.receipts is not None:
            self._receipts.plan(place, message, fate, fate.receipts, callback, self._word)
        return message


def _refusal(account: Account, form: dict[str, str]) -> Reply | None:
    for broken, status, code in _rules(account, form):
        if broken:
            sender = form.get("From") or form.get("MessagingServiceSid", "")
            resource = form.get("StatusCallback", "")
            return error_reply(
                status, code, to=form.get("To", ""), sender=sender, account=account.sid, resource=resource
            )
    return None


def _rules(account: Account, form: dict[str, str]) -> Iterator[tuple[bool, int, int]]:
    """Twilio's own checks, in the order in which their errors matter: whether broken, HTTP status, code."""
    script = account.script
    to, sender, service = form.get("To", ""), form.get("From", ""), form.get("MessagingServiceSid", "")
    body, callback = form.get("Body", ""), form.get("StatusCallback", "")
    yield script.status != "active" or script.is_broke, 403, 20005
    yield not to, 400, 21604
    yield not (sender or service), 400, 21603
    yield not body, 400, 21602
    yield len(body) > _BODY_LIMIT, 400, 21617
    yield not _E164.fullmatch(to), 400, 21211
    yield bool(service) and not account.owns(service, script.services), 404, 21701
    yield bool(sender) and not _may_send_from(account, sender), 400, 21606
    yield script.trial and to not in script.verified, 400, 21608
    yield bool(callback) and not _URL.fullmatch(callback), 400, 21609


def _may_send_from(account: Account, sender: str) -> bool:
    if sender.startswith("+"):
        return account.owns(sender, account.script.numbers)
    if sender.isdigit():
        return account.owns(sender, account.script.short_codes)
    return True  # alphanumeric


def _reply(answer: SendAnswer, message: AcceptedMessage | None, to: str, sender: str) -> Reply:
    if answer.kind is AnswerKind.ACCEPT and message is not None:
        status = "accepted" if message.messaging_service_sid else "queued"
        return Reply(201, orjson.dumps(message_json(message, status=status)))
    return unworded(answer) or with_retry_after(
        error_reply(answer.status, answer.code, message=answer.message, to=to, sender=sender), answer
    )


def _reference(callback: str) -> str:
    """Our reference: the parameter `r` of the callback's address."""
    for pair in callback.partition("?")[2].split("&"):
        name, _, value = pair.partition("=")
        if name == "r":
            return value
    return ""
