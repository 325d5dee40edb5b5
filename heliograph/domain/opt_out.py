"""STOP, START and HELP: which words mean what, in which language, and what is answered.

A message counts only when it is nothing but one of the words, as providers have it ("STOP PLEASE" does not). Case,
accents, surrounding space and punctuation do not matter: "Stop!" is a STOP, "arrêt" is ARRET.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from heliograph.domain.vocabulary import Keyword, SuppressionScope

_LONGEST_WORD: Final = 32
_LONGEST_REPLY: Final = 640
_MOST_WORDS: Final = 50
_MOST_LANGUAGES: Final = 50
_ACCENTS: Final = re.compile("[\u0300-\u036f]")
_EDGES: Final = re.compile(r"^[\W_]+|[\W_]+$")


def normal_form(text: str) -> str:
    """How words are compared: one case, no accents, no punctuation around them."""
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text)).casefold()
    return unicodedata.normalize("NFC", _EDGES.sub("", plain))


def _checked_word(word: str) -> str:
    word = word.strip()
    if not normal_form(word) or len(word) > _LONGEST_WORD or len(word.split()) != 1 or not word.isprintable():
        raise ValueError(f"is one word of at most {_LONGEST_WORD} characters, with a letter or digit in it")
    return word


def _checked_reply(text: str) -> str:
    if not text.strip() or "\0" in text:
        raise ValueError("is not empty and has no NUL characters; null for no reply")
    return text


Words = Annotated[tuple[Annotated[str, AfterValidator(_checked_word)], ...], Field(max_length=_MOST_WORDS)]
Reply = Annotated[str, Field(max_length=_LONGEST_REPLY), AfterValidator(_checked_reply)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]


class LanguageWords(BaseModel):
    """The words of one language, and what is answered to those who write them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stop: Words = Field(default=(), description="Whoever writes one of these gets nothing more.")
    start: Words = Field(default=(), description="These lift what a STOP made.")
    help: Words = Field(default=(), description="These ask for help.")
    start_reply: Reply | None = Field(default=None, description="Sent to who writes a START word; null: nothing.")
    help_reply: Reply | None = Field(default=None, description="Sent to who writes a HELP word; null: nothing.")

    def words(self) -> Iterator[tuple[Keyword, str]]:
        """Each word with its meaning."""
        for keyword, words in ((Keyword.STOP, self.stop), (Keyword.START, self.start), (Keyword.HELP, self.help)):
            for word in words:
                yield keyword, word

    def reply(self, keyword: Keyword) -> str | None:
        """What is answered. A STOP is never answered by us: whoever wrote it gets nothing more."""
        return {Keyword.START: self.start_reply, Keyword.HELP: self.help_reply}.get(keyword)


DEFAULT_LANGUAGES: Final[Mapping[str, LanguageWords]] = {
    "en": LanguageWords(
        stop=("STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "CANCEL", "REVOKE", "OPTOUT"),
        start=("START", "YES", "UNSTOP"),
        help=("HELP", "INFO"),
    ),
    "fr": LanguageWords(stop=("ARRET", "ARRETE", "ARRETT")),
}
"""Twilio's default words, since 14 May 2025 with REVOKE and OPTOUT, and the French ones of its Proxy.

https://www.twilio.com/en-us/blog/update-to-fcc-s-sms-opt-out-keywords
"""


class Said(NamedTuple):
    """What a message asks for, and in which language."""

    keyword: Keyword
    language: str


class OptOutRules(BaseModel):
    """What a workspace makes of the words that people write. Stored whole; a workspace without any has the defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scope: SuppressionScope = Field(
        default=SuppressionScope.WORKSPACE,
        description="Whether a STOP counts for every sender or for the one it was to.",
    )
    languages: dict[Language, LanguageWords] = Field(
        default_factory=lambda: dict(DEFAULT_LANGUAGES),
        max_length=_MOST_LANGUAGES,
        description="By language (BCP 47). The words of all languages count; replies are those of the word's language.",
    )

    @model_validator(mode="after")
    def _each_word_means_one_thing(self) -> Self:
        meanings: dict[str, Keyword] = {}
        for language in self.languages.values():
            for keyword, word in language.words():
                if meanings.setdefault(normal_form(word), keyword) is not keyword:
                    raise ValueError(f"a word means one thing, in all languages: {word} means two")
        if Keyword.STOP not in meanings.values():
            raise ValueError("at least one word means STOP: people must be able to leave")
        return self

    def read(self, body: str) -> Said | None:
        """What a message asks for, when it is nothing but one of the words."""
        said = normal_form(body)
        for name, language in self.languages.items():
            for keyword, word in language.words():
                if normal_form(word) == said:
                    return Said(keyword, name)
        return None
