"""Decides what becomes of a message: the script, made ready to be asked thousands of times a second."""

from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from struct import Struct

from heliograph.simulator.script import (
    PLAIN_DEFAULTS,
    REALISTIC_DEFAULTS,
    REALISTIC_RULES,
    Delivery,
    Distribution,
    Match,
    Preset,
    Receipts,
    Rule,
    Script,
    SendAnswer,
)
from heliograph.simulator.statuses import DELIVERED, FAILED, UNDELIVERED

_DIGEST = Struct(">16I")
_UNIT = 2.0**32
_LATENCY, _DELIVERY, _TO_SENT, _TO_FINAL, _LATE, _LOST, _FIRST_RULE = range(7)


@dataclass(slots=True)
class Fate:
    """What becomes of one message."""

    answer: SendAnswer
    latency: float
    final: int
    error_code: int
    sent_after: float
    final_after: float
    late: float
    receipts: Receipts | None  # None: nothing is told


class Chance:
    """Fractions in [0, 1), drawn from a hash of seed and number: the same in every process and run."""

    __slots__ = ("_drawn", "_number", "_seed")

    def __init__(self, seed: bytes, number: str) -> None:
        self._seed = seed
        self._number = number.encode()
        self._drawn: tuple[int, ...] = ()

    def fraction(self, index: int) -> float:
        """The fraction at this place; a number's places are independent of each other."""
        while len(self._drawn) <= index:
            salt = len(self._drawn).to_bytes(4)
            self._drawn += _DIGEST.unpack(blake2b(self._number, key=self._seed, salt=salt).digest())
        return self._drawn[index] / _UNIT


class Outcomes:
    """The weights of a `Delivery`, ready to be drawn from."""

    def __init__(self, delivery: Delivery) -> None:
        weighted = [
            (DELIVERED, 0, delivery.delivered),
            *((UNDELIVERED, code, weight) for code, weight in delivery.undelivered.items()),
            *((FAILED, code, weight) for code, weight in delivery.failed.items()),
        ]
        self._outcomes = [(status, code) for status, code, _ in weighted]
        self._bounds = list(accumulate(weight for _, _, weight in weighted))

    def at(self, fraction: float) -> tuple[int, int]:
        """Final status and error code at this fraction; delivered where all weights are nought."""
        point = fraction * self._bounds[-1]
        for outcome, bound in zip(self._outcomes, self._bounds, strict=True):
            if point < bound:
                return outcome
        return self._outcomes[0]


class Playbook:
    """A script, ready to use; counts how often each number was asked for."""

    def __init__(self, script: Script) -> None:
        realistic = script.preset is Preset.REALISTIC
        defaults = REALISTIC_DEFAULTS if realistic else PLAIN_DEFAULTS
        own = Rule(latency=script.latency, delivery=script.delivery, receipts=script.receipts)
        self._rules = [*script.rules, *(REALISTIC_RULES if realistic else ()), own, defaults]
        self._outcomes = [None if rule.delivery is None else Outcomes(rule.delivery) for rule in self._rules]
        self._seed = str(script.seed).encode()
        self._asked: Counter[tuple[int, str]] = Counter()

    def decide(self, account_sid: str, to: str, sender: str) -> Fate:
        """The fate of a message; counts towards `times`."""
        chance = Chance(self._seed, to)
        latency: Distribution | None = None
        answer: SendAnswer | None = None
        outcomes: Outcomes | None = None
        receipts: Receipts | None = None
        for place, rule in enumerate(self._rules):
            if not self._matches(rule.match, place, chance, account_sid, to, sender):
                continue
            latency = latency or rule.latency
            answer = answer or rule.answer
            outcomes = outcomes or self._outcomes[place]
            receipts = receipts or rule.receipts
        assert latency is not None  # the defaults, which come last, speak of every aspect
        assert answer is not None
        assert outcomes is not None
        assert receipts is not None
        return _fate(chance, latency, answer, outcomes, receipts)

    def _matches(self, match: Match, place: int, chance: Chance, account_sid: str, to: str, sender: str) -> bool:
        if (
            (match.account is not None and match.account != account_sid)
            or (match.sender is not None and match.sender != sender)
            or (match.prefix is not None and not to.startswith(match.prefix))
            or (match.numbers is not None and to not in match.numbers)
            or (match.rate is not None and chance.fraction(_FIRST_RULE + place) >= match.rate)
        ):
            return False
        if match.times is None:
            return True
        self._asked[place, to] += 1
        return self._asked[place, to] <= match.times


def _fate(chance: Chance, latency: Distribution, answer: SendAnswer, outcomes: Outcomes, receipts: Receipts) -> Fate:
    final, error_code = outcomes.at(chance.fraction(_DELIVERY))
    sent_after = receipts.to_sent.at(chance.fraction(_TO_SENT))
    lost = receipts.lost > 0 and chance.fraction(_LOST) < receipts.lost
    return Fate(
        answer=answer,
        latency=latency.at(chance.fraction(_LATENCY)),
        final=final,
        error_code=error_code,
        sent_after=sent_after,
        final_after=sent_after + receipts.to_final.at(chance.fraction(_TO_FINAL)),
        late=receipts.late.at(chance.fraction(_LATE)),
        receipts=None if lost else receipts,
    )
