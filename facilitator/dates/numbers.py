"""Numbers from 1 to 99 as they are said, in words without accents, with spaces instead of hyphens."""

from __future__ import annotations

from collections.abc import Mapping

_FRENCH = """
un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize
"""
_FRENCH_TENS = "vingt trente quarante cinquante soixante"
_ENGLISH = """
one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen
"""
_ENGLISH_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"


def french() -> Mapping[str, int]:
    """Return the French ones, of both genders: `vingt et une`, `quatre vingt dix sept`."""
    small = _FRENCH.split()
    small += [f"dix {word}" for word in small[6:9]]
    words = {word: number for number, word in enumerate(small, 1)}
    for ten, name in enumerate(_FRENCH_TENS.split(), 2):
        with_and = (1, 11) if name == "soixante" else (1,)
        words[name] = ten * 10
        for number, word in enumerate(small if name == "soixante" else small[:9], 1):
            words[f"{name} et {word}" if number in with_and else f"{name} {word}"] = ten * 10 + number
    words |= {"quatre vingts": 80, "quatre vingt": 80}
    words |= {f"quatre vingt {word}": 80 + number for number, word in enumerate(small, 1)}
    return words | {f"{word}e": number for word, number in words.items() if word.endswith("un")}


def english() -> Mapping[str, int]:
    """Return the English ones, with spaces: `twenty five`; `a` and `an` are one."""
    small = _ENGLISH.split()
    words = {word: number for number, word in enumerate(small, 1)} | {"a": 1, "an": 1}
    for ten, name in enumerate(_ENGLISH_TENS.split(), 2):
        words[name] = ten * 10
        words |= {f"{name} {word}": ten * 10 + number for number, word in enumerate(small[:9], 1)}
    return words


def english_ordinals() -> Mapping[str, int]:
    """Return the English ordinals from first to thirty first."""
    irregular = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth"}
    irregular |= {"nine": "ninth", "twelve": "twelfth", "twenty": "twentieth", "thirty": "thirtieth"}
    found = {}
    for word, number in english().items():
        first, _, last = word.rpartition(" ")
        if number <= 31 and word not in {"a", "an"}:  # noqa: PLR2004  no month has more days
            found[f"{first} {irregular.get(last, f'{last}th')}".strip()] = number
    return found
