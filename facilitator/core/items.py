"""The items of a written-down text: what is to be done, a line each, and what a hand added to it.

Rules:

- An item's `text` is what was said or corrected; nothing that is added beside it changes it.
- What is added (who, a first step, a sign of done, a date) was given or accepted by a human; "" is what nobody gave.
- When the text is corrected as a whole, a line that stands as before keeps what was added to it; where the number of
  lines stays the same, a line that changed keeps what was added to the line in its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to do.

    Attributes:
        text: one line, as it was said or corrected.
        who: with whom or by whom.
        first_step: what begins it.
        done_when: the sign that it is done.
        due: the day that was accepted, as `2026-12-04`.
    """

    text: str
    who: str = ""
    first_step: str = ""
    done_when: str = ""
    due: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A text corrected by hand, with its items."""

    text: str
    items: tuple[Item, ...]


def bare(text: str) -> tuple[Item, ...]:
    """Return the lines of `text` that hold something as items to which nothing was added."""
    return tuple(Item(line) for one in text.splitlines() if (line := one.strip()))


def joined(items: Iterable[Item]) -> str:
    """Return the text of `items`, a line an item."""
    return "\n".join(item.text for item in items)


def carried(text: str, known: tuple[Item, ...]) -> tuple[Item, ...]:
    """Return the items of `text`, with what was added to those of `known` that they stand for."""
    lines = bare(text)
    left = list(known)
    found: list[Item | None] = []
    for line in lines:
        same = next((item for item in left if item.text == line.text), None)
        if same is not None:
            left.remove(same)
        found.append(same)
    in_place = known if len(known) == len(lines) else ()
    for place, item in enumerate(in_place):
        if found[place] is None and item in left:
            left.remove(item)
            found[place] = replace(item, text=lines[place].text)
    return tuple(item or line for item, line in zip(found, lines, strict=True))
