"""Which messages are words, and which rules a workspace may have."""

import pytest
from pydantic import ValidationError

from heliograph.domain.opt_out import LanguageWords, OptOutRules, Said
from heliograph.domain.vocabulary import Keyword


@pytest.mark.parametrize("body", ["STOP", "stop", " Stop\n", "Stop!", '"stop".', "ＳＴＯＰ", "OPTOUT", "Revoke"])
def test_a_word_alone_is_understood_however_it_is_written(body: str) -> None:
    assert OptOutRules().read(body) == Said(Keyword.STOP, "en")


@pytest.mark.parametrize(
    "body", ["STOP PLEASE", "OPT OUT", "please stop", "stopp", "", "!", "👍", "STOP\nSTOP", "s t o p"]
)
def test_what_is_not_one_word_alone_asks_for_nothing(body: str) -> None:
    assert OptOutRules().read(body) is None


def test_the_default_words_are_twilios() -> None:
    rules = OptOutRules()
    for word in ("STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "CANCEL", "REVOKE", "OPTOUT"):
        assert rules.read(word) == (Keyword.STOP, "en")
    for word in ("START", "YES", "UNSTOP"):
        assert rules.read(word) == (Keyword.START, "en")
    for word in ("HELP", "INFO"):
        assert rules.read(word) == (Keyword.HELP, "en")


def test_accents_do_not_matter_and_the_language_is_told() -> None:
    assert OptOutRules().read("Arrêt") == (Keyword.STOP, "fr")


def test_vowel_signs_of_other_scripts_are_no_accents() -> None:
    rules = OptOutRules(languages={"hi": LanguageWords(stop=("रोकें",))})
    assert rules.read("रोकें") == (Keyword.STOP, "hi")
    assert rules.read("रक") is None


def test_a_reply_is_that_of_the_words_language_and_a_stop_has_none() -> None:
    german = LanguageWords(stop=("HALT",), help=("HILFE",), help_reply="Rufen Sie uns an.")
    assert german.reply(Keyword.HELP) == "Rufen Sie uns an."
    assert german.reply(Keyword.START) is None
    assert german.reply(Keyword.STOP) is None


@pytest.mark.parametrize(
    ("languages", "rule"),
    [
        ({"en": {"stop": ["STOP"], "start": ["stop!"]}}, "a word means one thing"),
        ({"en": {"stop": ["STOP"]}, "de": {"help": ["Stop"]}}, "a word means one thing"),
        ({"en": {"help": ["HELP"]}}, "at least one word means STOP"),
        ({}, "at least one word means STOP"),
        ({"en": {"stop": ["OPT OUT"]}}, "is one word"),
        ({"en": {"stop": ["!"]}}, "is one word"),
        ({"en": {"stop": ["x" * 33]}}, "is one word"),
        ({"en": {"stop": ["STOP"], "help_reply": "  "}}, "is not empty"),
        ({"English": {"stop": ["STOP"]}}, "pattern"),
        ({"en": {"stop": ["STOP"], "stop_reply": "Bye"}}, "not permitted"),
    ],
)
def test_rules_that_cannot_work_are_refused(languages: dict[str, object], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        OptOutRules.model_validate({"languages": languages})
