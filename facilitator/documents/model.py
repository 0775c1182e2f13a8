"""What a document says, made once from a record, in the session's language, for every way of writing it.

Rules:

- The words stand as they were said or corrected: only line ends, and signs that no file can hold, are left out.
- A record whose language file gives it `items` is a list to tick; one with `quote` is quoted.
- What is not agreed says so; what was not written down says so and leaves room for a hand.
- What was added to an item stands beside its words. A date is there only where a human gave or accepted it.
- How often the text was corrected by hand is in the file's data, and not on the page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from facilitator.commands import PlanItem
from facilitator.core.snapshot import ItemView, RecordView
from facilitator.followup import FollowUp
from facilitator.wording import Language

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_NARROW = re.compile(r" (?=[;!?])")
_WIDE = re.compile(r"(?<=«) | (?=[:»])")


class Kind(StrEnum):
    """What a notice says of the text below it."""

    AGREED = "agreed"
    OPEN = "open"
    """Nobody agreed yet."""
    MISSING = "missing"
    """Something was not written down."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be known of the text before it is read."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Task:
    """An item to tick. `details` are label and words of what was added, `due` the day in words with its date."""

    text: str
    details: tuple[tuple[str, str], ...] = ()
    due: str = ""
    on: date | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One document.

    Attributes:
        name: of the record.
        language: two letters.
        title: what it is.
        session: the day of the session, in words; `on` is that day.
        people: for whom it is, or "".
        heading: above the text.
        notices: what is to be known of it.
        text: its lines; of a list, none.
        tasks: the items of a list.
        listed: whether it is a list.
        blank: whether the words are only an example to fill in by hand.
        columns: headings of the list's columns: the box, the words, the day.
        due: label of the day where there are no columns.
        notes: heading of the space for notes.
        rules_title, rules: the rules of life.
        corrections: how often it was corrected by hand, in words, or "".
        next_time: how it opens another session, or "" where it does not.
        follow_up: the same text for a program, as `followup.py` has it, or "".
    """

    name: str
    language: str
    title: str
    session: str
    on: date
    people: str
    heading: str
    notices: tuple[Notice, ...]
    text: tuple[str, ...]
    tasks: tuple[Task, ...]
    listed: bool
    blank: bool
    columns: tuple[str, str, str]
    due: str
    notes: str
    rules_title: str
    rules: tuple[str, ...]
    corrections: str
    next_time: str = ""
    follow_up: str = ""

    @property
    def subtitle(self) -> str:
        """The day and for whom, on one line."""
        return " · ".join(part for part in (self.session, self.people) if part)


def make(
    name: str, record: RecordView, language: Language, started_on: date, *, people: tuple[str, ...] = ()
) -> Document:
    """Return the document of the record `name`.

    Args:
        name: of the record.
        record: the text as it stands.
        language: of the session.
        started_on: the day of the session.
        people: names of those whom the document is for, in order; empty when they are not known.
    """
    words = _Words(language)
    listed = language.has(f"documents.{name}.items")
    blank = not lines(record.text)
    said = (words(f"{name}.blank"),) if blank else lines(record.text)
    items = () if blank or not listed else record.items
    comes_back = bool(items) and language.has(f"documents.{name}.next")
    corrected = sum(1 for one in record.corrections if not one.get("undone") and one.get("before") != one.get("after"))
    return Document(
        name=name,
        language=language.code,
        title=words(f"{name}.title"),
        session=words("session", date=words.day(started_on)),
        on=started_on,
        people=words("for", name=clean(language.role(None, people))) if people else "",
        heading=words(f"{name}.items" if listed else f"{name}.quote"),
        notices=tuple(_notices(record, words)),
        text=() if listed else said,
        tasks=tuple(_tasks(said, items, words)) if listed else (),
        listed=listed,
        blank=blank,
        columns=(words("done"), words("action"), words("due")),
        due=words("detail", label=words("due")),
        notes=words("notes"),
        rules_title=words("rules_title"),
        rules=tuple(words.set(rule) for rule in language.items("documents.rules")),
        corrections=words("corrections", count=corrected) if corrected else "",
        next_time=words(f"{name}.next") if comes_back else "",
        follow_up=_follow_up(items, people, started_on) if comes_back else "",
    )


def _follow_up(items: tuple[ItemView, ...], people: tuple[str, ...], on: date) -> str:
    planned = tuple(
        PlanItem(
            text=clean(item.text),
            who=clean(item.who),
            first_step=clean(item.first_step),
            done_when=clean(item.done_when),
            due=item.due,
        )
        for item in items
    )
    return FollowUp(on=on.isoformat(), people=tuple(map(clean, people)), items=planned).to_line()


def lines(text: str) -> tuple[str, ...]:
    """Return the lines of a written-down text that hold something."""
    return tuple(line for one in text.splitlines() if (line := clean(one)))


def clean(text: str) -> str:
    """Return one line of text without the signs that no file can hold."""
    return _UNPRINTABLE.sub("", " ".join(text.splitlines())).strip()


def day(language: Language, on: date, *, weekday: bool = False) -> str:
    """Return a day in words."""
    return _Words(language).day(on, weekday=weekday)


class _Words:
    """The language's own words for documents, set as its typography wants; what people said is left as it is."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        template = self.set(self.language.plain(f"documents.{key}"))
        for name, value in values.items():
            template = template.replace(f"{{{name}}}", str(value))
        return template

    def set(self, text: str) -> str:
        """Return a label with the spaces that French does not break."""
        if self.language.code != "fr":
            return text
        return _WIDE.sub("\u00a0", _NARROW.sub("\u202f", text))

    def day(self, on: date, *, weekday: bool = False) -> str:
        """Return a day in words."""
        number = self("first_day") if on.day == 1 else str(on.day)
        said = self("date", day=number, month=self.language.items("documents.months")[on.month - 1], year=on.year)
        if not weekday:
            return said
        name = self.language.items("documents.weekdays")[on.weekday()]
        return self("day", weekday=name, date=said.replace(" ", "\u00a0"))


def _notices(record: RecordView, words: _Words) -> list[Notice]:
    missing = words("not_transcribed")
    if not lines(record.text):
        return [Notice(Kind.MISSING, missing)]
    found = [Notice(Kind.OPEN, words("to_validate"))]
    if record.agreed:
        who = record.agreed_by
        known = words.language.has(f"roles.{who}.unnamed")
        time = words.language.time(record.agreed_at or 0.0)
        by = words.language.role(who) if known else clean(who)
        found = [Notice(Kind.AGREED, words("agreed_by", name=by, time=time))]
    if record.lost or record.outstanding:
        found.append(Notice(Kind.MISSING, f"{words('partly_transcribed')} ({missing})"))
    return found


def _tasks(said: tuple[str, ...], items: tuple[ItemView, ...], words: _Words) -> list[Task]:
    if not items:
        return [Task(line) for line in said]
    found = []
    for item in items:
        added: Mapping[str, str] = {"who": item.who, "first_step": item.first_step, "done_when": item.done_when}
        details = tuple((words("detail", label=words(key)), clean(text)) for key, text in added.items() if clean(text))
        on = date.fromisoformat(item.due) if item.due else None
        found.append(Task(clean(item.text), details, words.day(on, weekday=True) if on else "", on))
    return found
