"""Texts that the demo model must not write down: other words, no words, and other languages."""

from __future__ import annotations

import functools
import random
import re
import tomllib
from pathlib import Path

from tools.demo_model import grammar

_SLOT = re.compile(r"\{(\w+)\}")
_ONSETS = (*"bcdfgjklmnprstvz", "br", "ch", "cl", "fr", "gr", "pl", "pr", "qu", "st", "tr")
_NUCLEI = ("a", "e", "i", "o", "u", "ou", "ai", "on", "an", "in", "é", "eu", "oi")
_CODAS = ["", "", "", "r", "l", "s", "t", "n", "que", "mme", "ve"]
OTHER_VOICES = ("de", "es", "it", "nl", "pt", "pl", "sv", "ru", "cs", "ro", "tr", "fi")
"""espeak-ng's voices of other languages; they read everything as if it were theirs."""


@functools.cache
def _everyday() -> dict[str, grammar.Rules]:
    with (Path(__file__).parent / "everyday.toml").open("rb") as file:
        return tomllib.load(file)


def text(language: str, rng: random.Random) -> str:
    """Draw a text outside the domain, to be read by a voice of `language`."""
    kind = rng.random()
    if kind < 0.4:
        said = _sentence(language, rng)
        return f"{said}. {_sentence(language, rng)}." if rng.random() < 0.2 else f"{said}."
    if kind < 0.6:
        return " ".join(_word(language, rng) for _ in range(rng.randrange(2, 12))) + "."
    if kind < 0.75:
        return " ".join(_nonsense(rng) for _ in range(rng.randrange(1, 12))) + "."
    return _near_miss(language, rng)


def _sentence(language: str, rng: random.Random) -> str:
    rules = _everyday()[language]
    said = rng.choice(rules["S"])
    while (slot := _SLOT.search(said)) is not None:
        said = said[: slot.start()] + rng.choice(rules[slot.group(1)]) + said[slot.end() :]
    return said


def _word(language: str, rng: random.Random) -> str:
    rules = _everyday()[language]
    return rng.choice(rules["loose"]) if rng.random() < 0.7 else rng.choice(rules[rng.choice("npvaw")])


def _nonsense(rng: random.Random) -> str:
    return "".join(
        rng.choice(_ONSETS) + rng.choice(_NUCLEI) + rng.choice(_CODAS) for _ in range(rng.choice((1, 2, 2, 3)))
    )


def _near_miss(language: str, rng: random.Random) -> str:
    """Return a sentence of the domain with at least half of its words put out of it."""
    while True:
        said = grammar.sentence(language, rng).split()
        changed = 0
        for i in range(len(said)):
            if rng.random() < 0.65:
                said[i] = _nonsense(rng) if rng.random() < 0.4 else _word(language, rng)
                changed += 1
        if 2 * changed >= len(said):
            return " ".join(said)
