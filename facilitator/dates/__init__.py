"""The day that words name, to be offered beside them: a small closed grammar a language, which does not guess."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from facilitator.dates import english, french
from facilitator.dates.grammar import Grammar, SpokenDate, read

GRAMMARS: Mapping[str, Grammar] = {"fr": french.GRAMMAR, "en": english.GRAMMAR}


def offered_date(text: str, today: date, language: str) -> date | None:
    """Return the day that `text` names for sure, today or later; None when it names none, or when that is unsure.

    Args:
        text: what was said.
        today: the day on which it was said.
        language: two letters; of a language without a grammar, nothing is sure.
    """
    found = spoken_date(text, today, language)
    return None if found is None else found.day


def spoken_date(text: str, today: date, language: str) -> SpokenDate | None:
    """Return the same day with the place of the words that name it."""
    grammar = GRAMMARS.get(language)
    return None if grammar is None else read(grammar, text, today)
