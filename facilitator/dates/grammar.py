"""What a language's closed grammar of days is made of, and how it is read.

Rules:

- Only what the grammar knows is a day. Words that may mean more than one day make the whole text unsure, and so do two
  different days: the animator then chooses, nothing is guessed.
- The longest phrase wins, then the first. What stands right before or after a phrase can make it unsure or nothing.
- Accents, capitals and the kind of apostrophe, space or hyphen make no difference.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from facilitator.dates.days import Outcome, Verdict

_SAME = str.maketrans({"’": "'", "ʼ": "'", "\u2010": "-", "\u2011": "-", "\u00a0": " ", "\u202f": " ", "\n": " "})


REACH = 60
"""How many signs before a phrase are looked at."""
LONGEST = 1_000
"""A longer text is no item of a plan: nothing is offered for it."""


@dataclass(frozen=True, slots=True)
class Said:
    """A phrase that a rule found: its words by name, the text as it was said, and the day on which it was said."""

    words: re.Match[str]
    text: str
    today: date

    def __getitem__(self, name: str) -> str:
        """Return a part of the phrase, numbers with spaces instead of hyphens; "" when it is not there."""
        return re.sub(r"[ -]+", " ", self.words.groupdict().get(name) or "")

    @property
    def lead(self) -> str:
        """What stands before the phrase."""
        return self.words.string[: self.words.start()]


Meaning = Callable[[Said], Outcome]


@dataclass(frozen=True, slots=True)
class Grammar:
    """The days of one language.

    Attributes:
        rules: a phrase and what it means.
        before: what right before a phrase gives it another verdict; read up to the phrase.
        after: the same right after it.
    """

    rules: tuple[tuple[re.Pattern[str], Meaning], ...]
    before: tuple[tuple[re.Pattern[str], Verdict], ...]
    after: tuple[tuple[re.Pattern[str], Verdict], ...]


def compiled(
    rules: Iterable[tuple[str, Meaning | Verdict]],
    before: Iterable[tuple[str, Verdict]],
    after: Iterable[tuple[str, Verdict]],
) -> Grammar:
    """Return a grammar from patterns as text; a rule may have one verdict instead of a meaning."""
    return Grammar(
        tuple((re.compile(rule), _meaning(meaning)) for rule, meaning in rules),
        tuple((re.compile(rule), verdict) for rule, verdict in before),
        tuple((re.compile(rule), verdict) for rule, verdict in after),
    )


def _meaning(meaning: Meaning | Verdict) -> Meaning:
    return (lambda _: meaning) if isinstance(meaning, Verdict) else meaning


@dataclass(frozen=True, slots=True)
class SpokenDate:
    """The day that `text[start:end]` names."""

    day: date
    start: int
    end: int


def read(grammar: Grammar, text: str, today: date) -> SpokenDate | None:
    """Return the one day that `text`, said on `today`, names; None when it names none, several, or none for sure."""
    if len(text) > LONGEST:
        return None
    plain = fold(text)
    found: list[SpokenDate] = []
    for start, end, meaning, words in _phrases(grammar, plain):
        outcome = _verdict(grammar, plain, start, end) or meaning(Said(words, text, today))
        if outcome is Verdict.UNSURE:
            return None
        if isinstance(outcome, date):
            found.append(SpokenDate(outcome, start, end))
    return found[0] if len({one.day for one in found}) == 1 else None


def fold(text: str) -> str:
    """Return `text` in small letters without accents, each sign in its place."""
    return "".join(_plain(sign) for sign in text.translate(_SAME))


def _plain(sign: str) -> str:
    first = unicodedata.normalize("NFD", sign)[0].lower()
    return first if len(first) == 1 else sign[0]


def _phrases(grammar: Grammar, plain: str) -> Iterable[tuple[int, int, Meaning, re.Match[str]]]:
    """Yield the phrases that do not overlap, the longest kept, in their order."""
    every = [(*words.span(), meaning, words) for rule, meaning in grammar.rules for words in rule.finditer(plain)]
    kept: list[tuple[int, int, Meaning, re.Match[str]]] = []
    for one in sorted(every, key=lambda phrase: (phrase[0] - phrase[1], phrase[0])):
        if all(one[1] <= other[0] or other[1] <= one[0] for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda phrase: phrase[0])


def _verdict(grammar: Grammar, plain: str, start: int, end: int) -> Verdict | None:
    for pattern, verdict in grammar.before:
        if pattern.search(plain, max(0, start - REACH), start):
            return verdict
    for pattern, verdict in grammar.after:
        if pattern.match(plain, end):
            return verdict
    return None


def one_of(words: Iterable[str]) -> str:
    """Return the pattern of one of `words`, the longest first, with spaces or hyphens between their parts."""
    return "|".join(word.replace(" ", "[ -]") for word in sorted(words, key=len, reverse=True))


def number(words: Mapping[str, int], said: str) -> int:
    """Return the number that `said` means, in digits (with an ending, as in `3rd`) or in words."""
    digits = re.match(r"\d+", said)
    return int(digits[0]) if digits else words[said]
