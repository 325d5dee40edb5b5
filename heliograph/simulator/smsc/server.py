"""The simulated SMSC: lets ESMEs in, takes their messages by the script, and tells what became of them."""

import asyncio
import re
import time
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import smpp34

from heliograph.domain import gsm7
from heliograph.simulator.accounts import Account
from heliograph.simulator.delivery import Callback
from heliograph.simulator.desk import Desk
from heliograph.simulator.fate import Fate
from heliograph.simulator.messages import AcceptedMessage
from heliograph.simulator.script import AnswerKind, SendAnswer
from heliograph.simulator.segments import count_segments
from heliograph.simulator.smsc.session import RALYBND, EsmeSession
from heliograph.simulator.smsc.words import MESSAGE_PAYLOAD, UDH, Spoken, receipt, spoken
from heliograph.simulator.statuses import DELIVERED, FAILED, NAMES, SENT, UNDELIVERED

RINVSRCADR, RINVDSTADR, RINVPASWD, RTHROTTLED, RX_R_APPN, RSYSERR = 0x0A, 0x0B, 0x0E, 0x58, 0x66, 0x08
NO_CREDIT, OPTED_OUT = 0x401, 0x402
"""The simulated SMSC's own: SMPP 3.4 leaves 0x400 to 0x4FF to each vendor."""

_OF_TWILIO: Final[Mapping[int, int]] = {
    20003: RINVPASWD, 20005: NO_CREDIT, 20429: RTHROTTLED, 20500: RSYSERR, 21211: RINVDSTADR, 21408: RINVSRCADR,
    21606: RINVSRCADR, 21610: OPTED_OUT, 21614: RINVDSTADR, 21617: RX_R_APPN,
}  # fmt: skip
"""The codes that presets and older scripts use."""
_DIGITS: Final = re.compile(r"[1-9][0-9]{6,14}")
_NAMES_BEGIN: Final = 0x1A000000  # numbers that have letters in one base and none in the other
_REPEAT_SECONDS: Final = 0.3
_TEMPORARY: Final = frozenset({0x64, 0x14, RSYSERR})


class Smsc:
    """Accounts are known by their system_id; every password is right that does not begin with `bad`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._loop = asyncio.get_running_loop()
        self._sessions: set[EsmeSession] = set()
        self._untold: defaultdict[str, deque[bytes]] = defaultdict(deque)
        self._receipt_names: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._next_name = _NAMES_BEGIN

    def protocol(self) -> EsmeSession:
        """One more connection."""
        return EsmeSession(self)

    def reset(self) -> None:
        """As at the start; sessions stay."""
        self._untold.clear()
        self._receipt_names.clear()
        self._counts.clear()

    def statistics(self) -> dict[str, Any]:
        """Figures for people and tests."""
        waiting = sum(len(untold) for untold in self._untold.values())
        return {"binds": len(self._sessions), "waiting": waiting, **self._counts}

    def receive(self, message: Spoken) -> None:
        """Hands on what a person writes, now or when the account is bound."""
        self._untold[message.account].extend(spoken(message))
        self._hand_on(message.account)

    # -- for its sessions
    def bind(self, session: EsmeSession, system_id: str, password: str, kind: str) -> int:  # noqa: ARG002
        """Who may come in."""
        account = self._desk.account(system_id)
        if not account.takes(password):
            return RINVPASWD
        if account.script.status != "active":
            return NO_CREDIT
        most = account.script.smsc.binds
        if most is not None and sum(each.system_id == system_id for each in self._sessions) >= most:
            return RALYBND
        self._sessions.add(session)
        self._loop.call_soon(self._hand_on, system_id)
        return 0

    def submit(self, session: EsmeSession, sequence: int, message: smpp34.SubmitSm) -> None:
        """Lets the script decide."""
        account = self._desk.account(session.system_id)
        to, sender = f"+{message.destination_addr}", _sender(message)
        refused = _refusal(account, message.destination_addr, sender)
        if refused:
            session.refuse(sequence, refused)
            return
        fate = self._desk.playbook.decide(account.sid, to, sender)
        name = self._take(account, message, to, sender, fate) if fate.answer.takes else ""
        answer = partial(self._answer, session, sequence, fate.answer, name)
        delay = max(fate.latency, 0.1 if name and fate.receipts is not None and fate.receipts.before_reply else 0.0)
        if delay:
            self._loop.call_later(delay, answer)
        else:
            answer()

    def left(self, session: EsmeSession, unheard: list[bytes]) -> None:
        """What was not answered is told again, to whoever is there."""
        self._sessions.discard(session)
        if unheard:
            self._untold[session.system_id].extendleft(reversed(unheard))
            self._hand_on(session.system_id)

    # -- messages
    def _answer(self, session: EsmeSession, sequence: int, answer: SendAnswer, name: str) -> None:
        match answer.kind:
            case AnswerKind.ACCEPT:
                session.accept(sequence, name)
            case AnswerKind.MALFORMED:
                session.garble()
            case AnswerKind.DROP:
                session.drop()
            case AnswerKind.ERROR if answer.status == 200:  # a success that names nothing
                session.accept(sequence, "")
            case AnswerKind.ERROR:
                session.refuse(sequence, _status(answer))

    def _take(self, account: Account, message: smpp34.SubmitSm, to: str, sender: str, fate: Fate) -> str:
        now = time.time()
        body = _body(message)
        replied = now + fate.latency
        name, in_receipts = self._name(account)
        accepted = AcceptedMessage(
            sid=name,
            account_sid=account.sid,
            to=to,
            sender=sender,
            messaging_service_sid="",
            body=body,
            reference="",
            accepted_at=now,
            sent_at=replied + fate.sent_after,
            final_at=replied + fate.final_after,
            final_status=NAMES[fate.final],
            error_code=fate.error_code,
            segments=count_segments(body),
        )
        place = self._desk.messages.add(accepted, fate.final)
        wanted = _wanted(message.registered_delivery)
        if fate.receipts is not None and wanted:
            if in_receipts != name:
                self._receipt_names[name] = in_receipts
            word = partial(self._word, wanted, account.script.smsc.receipts)
            self._desk.receipts.plan(place, accepted, fate, fate.receipts, account.sid, word)
        return name

    def _name(self, account: Account) -> tuple[str, str]:
        """A message's name in the answer and in receipts."""
        manner = account.script.smsc.ids
        if manner == "text":
            sid = self._desk.messages.next_sid()
            return sid, sid
        self._next_name += 1
        hexadecimal, decimal = f"{self._next_name:X}", f"{self._next_name:d}"
        return (hexadecimal, decimal) if manner.startswith("hex") else (decimal, hexadecimal)

    # -- what is told
    def _word(
        self, wanted: frozenset[int], manner: str, message: AcceptedMessage, status: int, _: str
    ) -> Sequence[Callback]:
        """Hands a receipt on by ourselves: nobody is called."""
        if status in wanted:
            name = self._receipt_names.get(message.sid, message.sid)
            self._untold[message.account_sid].append(receipt(message, name, status, manner))
            self._hand_on(message.account_sid)
        return ()

    def _hand_on(self, system_id: str) -> None:
        """Tells what waits, the session with the fewest unanswered first; the rest when there is room again."""
        untold = self._untold[system_id]
        while untold:
            ready = [each for each in self._sessions if each.system_id == system_id and each.receives]
            if not ready:
                return
            session = min(ready, key=lambda each: each.unanswered)
            message = untold.popleft()
            self._counts["told"] += 1
            session.tell(message, partial(self._heard, system_id, message))

    def _heard(self, system_id: str, message: bytes, status: int) -> None:
        self._counts["heard" if not status else f"answered_{status:#x}"] += 1
        if status in _TEMPORARY:
            self._loop.call_later(_REPEAT_SECONDS, self._tell_again, system_id, message)
        self._hand_on(system_id)

    def _tell_again(self, system_id: str, message: bytes) -> None:
        self._untold[system_id].append(message)
        self._hand_on(system_id)


def _sender(message: smpp34.SubmitSm) -> str:
    return f"+{message.source_addr}" if message.source_addr_ton == 1 else message.source_addr


def _refusal(account: Account, to: str, sender: str) -> int:
    script = account.script
    if not account.may_request():
        return RTHROTTLED
    if script.status != "active" or script.is_broke:
        return NO_CREDIT
    if not _DIGITS.fullmatch(to):
        return RINVDSTADR
    owned = script.numbers if sender.startswith("+") else script.short_codes
    alphanumeric = not sender.removeprefix("+").isdigit()
    return 0 if sender and (alphanumeric or account.owns(sender, owned)) else RINVSRCADR


def _status(answer: SendAnswer) -> int:
    code = answer.code
    number = int(code, 0) if isinstance(code, str) else code or RSYSERR
    return _OF_TWILIO.get(number, number if number <= 0xFFFF else RX_R_APPN)


def _wanted(registered_delivery: int) -> frozenset[int]:
    """The statuses that are told (SMPP 3.4, 5.2.17)."""
    final = {1: {DELIVERED, UNDELIVERED, FAILED}, 2: {UNDELIVERED, FAILED}}.get(registered_delivery & 0x03, set())
    return frozenset(final | {SENT} if registered_delivery & 0x10 else final)


def _body(message: smpp34.SubmitSm) -> str:
    octets = message.short_message
    if message.tlvs and not octets:
        octets = next((each.value for each in message.tlvs if each.tag == MESSAGE_PAYLOAD), b"")
    if message.esm_class & UDH and octets:
        octets = octets[1 + octets[0] :]
    if message.data_coding == 8:
        return octets.decode("utf-16-be", "replace")
    return gsm7.decode(octets) if message.data_coding == 0 else octets.decode("latin-1")
