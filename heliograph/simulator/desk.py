"""Where simulated providers other than Twilio bring what they are asked to send.

The desk knows the script: it decides what becomes of each message, writes the accepted ones into the log, plans their
callbacks, and gives those answers that are the same everywhere (silence, a dropped connection, a broken body). What a
provider says in its own words it says itself: see `Words`, and `heliograph/simulator/providers`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from heliograph.simulator.accounts import Account
from heliograph.simulator.delivery import Callback
from heliograph.simulator.fate import Fate, Playbook
from heliograph.simulator.http import Manner, Reply
from heliograph.simulator.messages import AcceptedMessage, Messages
from heliograph.simulator.receipts import ReceiptSchedule
from heliograph.simulator.script import AccountScript, AnswerKind, SendAnswer
from heliograph.simulator.segments import count_segments
from heliograph.simulator.statuses import NAMES

HELD_REPLY_SECONDS: Final = 0.1
"""How long a reply waits for the receipts that are to come before it."""
_MALFORMED: Final = b"<html><body>Something went wrong</body></html>"


@dataclass(frozen=True, slots=True)
class Submission:
    """One message as a provider understood it, with the name that it gets when it is accepted."""

    provider_message_id: str  # unlike all others in the log
    to: str  # E.164, or an e-mail address
    sender: str
    body: str
    reference: str = ""  # ours, where the request has it
    callback_url: str = ""  # where the request names none: the account's, by the script
    segments: int | None = None  # None: counted as Twilio does


class Words(Protocol):
    """What a provider says itself."""

    def accepted(self, messages: Sequence[AcceptedMessage]) -> Reply:
        """The answer to a request whose messages were all accepted."""

    def error(self, answer: SendAnswer, submission: Submission) -> Reply:
        """A scripted error (status, code, message) in the provider's form; Retry-After is added by the desk."""

    def callbacks(self, message: AcceptedMessage, status: int, url: str) -> Sequence[Callback]:
        """How a status (of `statuses`) is told to an address: none where the provider does not tell it."""


@dataclass(slots=True)
class Desk:
    """Shared by all simulated providers but Twilio; accounts are known by their names there."""

    messages: Messages
    receipts: ReceiptSchedule
    playbook: Playbook
    scripts: dict[str, AccountScript]
    _accounts: dict[str, Account] = field(default_factory=dict)

    def follow(self, playbook: Playbook, scripts: dict[str, AccountScript]) -> None:
        """A new script. Accounts begin anew."""
        self.playbook, self.scripts = playbook, scripts
        self._accounts.clear()

    def account(self, name: str) -> Account:
        """The account with this name. Whether who asks may use it: `takes`, `may_request` and `may_answer`."""
        account = self._accounts.get(name)
        if account is None:
            account = self._accounts[name] = Account(name, self.scripts.get(name) or AccountScript(), "")
        return account

    def message(self, provider_message_id: str) -> AcceptedMessage | None:
        """An accepted message as it is now, or None when there is none with this name."""
        place = self.messages.place_of(provider_message_id)
        return None if place is None else self.messages.at(place)

    def submit(self, account: Account, words: Words, submissions: Sequence[Submission]) -> Reply:
        """The reply to a request with these messages, at least one.

        A request is answered as a whole: the first message whose answer is not to accept decides for all of them.
        """
        fates = [self.playbook.decide(account.sid, each.to, each.sender) for each in submissions]
        deciding = next((place for place, fate in enumerate(fates) if fate.answer.kind is not AnswerKind.ACCEPT), 0)
        answer = fates[deciding].answer
        taken: list[AcceptedMessage] = []
        if answer.takes:
            taken = [
                self._accept(account, words, submission, fate)
                for submission, fate in zip(submissions, fates, strict=True)
            ]
        reply = _reply(answer, words, taken, submissions[deciding])
        reply.delay = max(fate.latency for fate in fates)
        if taken and any(fate.receipts is not None and fate.receipts.before_reply for fate in fates):
            reply.delay = max(reply.delay, HELD_REPLY_SECONDS)
        return reply

    def _accept(self, account: Account, words: Words, submission: Submission, fate: Fate) -> AcceptedMessage:
        now = time.time()
        replied = now + fate.latency
        message = AcceptedMessage(
            sid=submission.provider_message_id,
            account_sid=account.sid,
            to=submission.to,
            sender=submission.sender,
            messaging_service_sid="",
            body=submission.body,
            reference=submission.reference,
            accepted_at=now,
            sent_at=replied + fate.sent_after,
            final_at=replied + fate.final_after,
            final_status=NAMES[fate.final],
            error_code=fate.error_code,
            segments=submission.segments or count_segments(submission.body),
        )
        place = self.messages.add(message, fate.final)
        callback_url = submission.callback_url or account.script.callback_url
        if callback_url and fate.receipts is not None:
            self.receipts.plan(place, message, fate, fate.receipts, callback_url, words.callbacks)
        return message


def unworded(answer: SendAnswer) -> Reply | None:
    """The reply that is the same at every provider; None for those that it words itself."""
    if answer.kind is AnswerKind.DROP:
        return Reply(500, manner=Manner.DROP)
    if answer.kind is AnswerKind.SILENCE:
        return Reply(500, manner=Manner.SILENCE)
    if answer.kind is AnswerKind.MALFORMED:
        return Reply(answer.status, _MALFORMED, content_type=b"text/html")
    return None


def with_retry_after(reply: Reply, answer: SendAnswer) -> Reply:
    """The reply with the scripted Retry-After header, where there is one."""
    if answer.retry_after is not None:
        reply.headers += f"Retry-After: {answer.retry_after}\r\n".encode()
    return reply


def _reply(answer: SendAnswer, words: Words, taken: Sequence[AcceptedMessage], submission: Submission) -> Reply:
    if answer.kind is AnswerKind.ACCEPT:
        return words.accepted(taken)
    return unworded(answer) or with_retry_after(words.error(answer, submission), answer)
