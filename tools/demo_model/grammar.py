"""The sentences that the demo model knows: a client states a contract and an action plan, in French or English.

The rules are in fr.toml and en.toml. `sentence` draws one, `held_out` says whether training may see it:

- by hash: one sentence in ten, whatever it says;
- by word triples: every sentence that holds one of certain triples of words. Such a triple has a name, a number, a day
  or a month in it, since training without a triple of function words would be training without half the grammar.

A sentence without any slot ("Le contrat me convient.") is always trained.
"""

from __future__ import annotations

import functools
import hashlib
import random
import re
import tomllib
from pathlib import Path

LANGUAGES = ("fr", "en")
_SLOT = re.compile(r"\{(\w+)\}")
_QUESTION = re.compile(r"^(comment|est-ce|how|should)\b")
_ONCE = frozenset({"name", "person", "act", "iact", "topic"})
"""What is said at most once in a sentence: "the conflict between Paul and Paul" is none."""
_FEMININE = "réorganisation|fusion|stratégie|formation|réunion du lundi"
_REPAIRS = {
    "fr": (
        (r"\bde le\b", "du"),
        (r"\bde les\b", "des"),
        (r"\bà le\b", "au"),
        (r"\bà les\b", "aux"),
        (r"\bde (?=(?:[AI]|Hugo|[aeiouéèê]))", "d'"),
        (r"\bque (?=(?:[AI]|Hugo|il|elle|on|un|[aeiouéèê]))", "qu'"),
        (r"j'ai besoin (?=avoir|entendre)", "j'ai besoin d'"),
        (r"j'ai besoin (?=recevoir|trouver)", "j'ai besoin de "),
        (r"mon souhait c'est (?=avoir|entendre)", "mon souhait c'est d'"),
        (r"mon souhait c'est (?=recevoir|trouver)", "mon souhait c'est de "),
        (rf"\bla ({_FEMININE}) (sera|soit) terminé\b", r"la \1 \2 terminée"),
    ),
    "en": (),
}
_HASH_SHARE = 26
"""Of 256: a tenth of the sentences."""
_TRIPLE_SHARE = 12
"""Of 256: about one sentence in thirty holds such a triple."""
_VARIED = ("name", "num", "day", "month")

Rules = dict[str, list[str]]


@functools.cache
def rules(language: str) -> Rules:
    """Return the grammar of `language`: for each symbol its alternatives."""
    with (Path(__file__).parent / f"{language}.toml").open("rb") as file:
        return tomllib.load(file)


def sentence(language: str, rng: random.Random) -> str:
    """Draw one sentence, with its capital and its full stop or question mark."""
    while True:
        said: set[tuple[str, str]] = set()
        text = _expand(rules(language), "S", rng, said)
        if text is not None:
            break
    for pattern, new in _REPAIRS[language]:
        text = re.sub(pattern, new, text)
    return text[0].upper() + text[1:] + ("?" if _QUESTION.match(text) else ".")


def _expand(grammar: Rules, symbol: str, rng: random.Random, said: set[tuple[str, str]]) -> str | None:
    """Return an expansion of `symbol`, None when it says something twice."""
    text = rng.choice(grammar[symbol])
    while (slot := _SLOT.search(text)) is not None:
        part = _expand(grammar, slot.group(1), rng, said)
        if part is None:
            return None
        text = text[: slot.start()] + part + text[slot.end() :]
    if symbol in _ONCE:
        if (symbol, text) in said:
            return None
        said.add((symbol, text))
    return text


def words(text: str) -> list[str]:
    """Return the words of `text` in lower case, parted at everything that is no letter or digit."""
    return re.findall(r"[^\W_]+", text.lower())


def is_fixed(text: str) -> bool:
    """Return whether `text` is a sentence without a slot, which is always trained."""
    return text[:-1].lower() in _fixed()


def held_out_by_hash(text: str) -> bool:
    """Return whether `text` is one of the tenth of all sentences that only tests see."""
    return not is_fixed(text) and hashlib.md5(text.encode(), usedforsecurity=False).digest()[0] < _HASH_SHARE


def held_out_triples(text: str) -> list[tuple[str, str, str]]:
    """Return the word triples in `text` that training never sees."""
    if is_fixed(text):
        return []
    said = words(text)
    return [triple for triple in zip(said, said[1:], said[2:], strict=False) if _is_held_out(triple)]


def held_out(text: str) -> bool:
    """Return whether training must not see `text`, for either reason."""
    return held_out_by_hash(text) or bool(held_out_triples(text))


@functools.cache
def _is_held_out(triple: tuple[str, str, str]) -> bool:
    if _varied().isdisjoint(triple):
        return False
    return hashlib.md5(" ".join(triple).encode(), usedforsecurity=False).digest()[1] < _TRIPLE_SHARE


@functools.cache
def _varied() -> frozenset[str]:
    """Return the names, numbers, days and months of both grammars, in lower case."""
    return frozenset(word.lower() for language in LANGUAGES for symbol in _VARIED for word in rules(language)[symbol])


@functools.cache
def _fixed() -> frozenset[str]:
    """Return the sentences without a slot, in lower case, without their full stop."""
    return frozenset(text.lower() for language in LANGUAGES for text in rules(language)["S"] if not _SLOT.search(text))
