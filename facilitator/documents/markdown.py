"""The contract and the plan as Markdown: a file a record, in the session's language.

Rules:

- The words stand as they were said or corrected: what Markdown would take for its own signs is escaped.
- A record whose language file gives it `items` is a list to tick, a line an item; one with `quote` is quoted.
- What is not agreed says so; what was not written down says so and leaves room for a hand.
- Either every document is written whole, or none is; only the user may read them.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from facilitator.core.process import Process
from facilitator.core.snapshot import RecordView
from facilitator.errors import DocumentError
from facilitator.wording import Language

_SIGNS = re.compile(r"[\\`*_\[\]<>&~|$]")
_LINE_START = re.compile(r"^(?:([#+\-=:])|(\d+)([.)]))")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def write_documents(
    folder: Path,
    *,
    process: Process,
    records: Mapping[str, RecordView],
    language: Language,
    names: Mapping[str, tuple[str, ...]],
    started_on: date,
) -> tuple[Path, ...]:
    """Write a document for each record and return their paths.

    Args:
        folder: where; made when it is not there.
        process: whose records they are.
        records: by name, as in a snapshot.
        language: of the session.
        names: names of the people by role, in order.
        started_on: the day of the session.

    Raises:
        DocumentError: the folder cannot be written to; no document was changed.
    """
    texts = {}
    for name, record in records.items():
        people = names.get(process.records[name].owner, ())
        texts[folder / f"{name}.md"] = render(name, record, language, started_on, people=people)
    _write_all(folder, texts)
    return tuple(texts)


def render(name: str, record: RecordView, language: Language, started_on: date, *, people: tuple[str, ...] = ()) -> str:
    """Return the document of the record `name` as Markdown.

    Args:
        name: of the record.
        record: the text as it stands.
        language: of the session.
        started_on: the day of the session.
        people: names of those whom the document is for, in order; empty when they are not known.
    """
    own = f"documents.{name}"
    heads = [f"# {escape(language.plain(f'{own}.title'))}", escape(day(started_on, language))]
    if people:
        heads.append(escape(language.plain("documents.for", name=language.role(None, people))))
    if record.corrections:
        count = language.plain("documents.corrections", count=len(record.corrections))
        heads.append(f"<!-- {count.replace('--', '')} -->")
    listed = language.has(f"{own}.items")
    body = [f"## {escape(language.plain(f'{own}.items' if listed else f'{own}.quote'))}"]
    body += _status(record, language)
    body.append(_text(record.text, listed=listed, blank=language.plain(f"{own}.blank")))
    notes = [f"## {escape(language.plain('documents.notes'))}", "&nbsp;", "&nbsp;", "---"]
    rules = [f"<small>{escape(language.plain('documents.rules_title'))}</small>"]
    rules.append("\n".join(f"- <small>{escape(rule)}</small>" for rule in language.items("documents.rules")))
    return "\n\n".join([*heads, *body, *notes, *rules]) + "\n"


def day(on: date, language: Language) -> str:
    """Return the day of the session in words."""
    number = language.plain("documents.first_day") if on.day == 1 else str(on.day)
    month = language.items("documents.months")[on.month - 1]
    return language.plain(
        "documents.session", date=language.plain("documents.date", day=number, month=month, year=on.year)
    )


def escape(text: str) -> str:
    """Return one line of text so that Markdown shows it as it is."""
    line = _CONTROL.sub("", " ".join(text.splitlines())).strip()
    line = _SIGNS.sub(lambda found: f"\\{found[0]}", line)
    return _LINE_START.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", line)


def lines(text: str) -> tuple[str, ...]:
    """Return the lines of a written-down text that hold something."""
    return tuple(line for one in text.splitlines() if (line := _CONTROL.sub("", one).strip()))


def _status(record: RecordView, language: Language) -> list[str]:
    """Return what is to be known of the text before it is read: agreed or not, whole or not."""
    found = []
    if not lines(record.text):
        return [f"*{escape(language.plain('documents.not_transcribed'))}*"]
    if record.agreed:
        who = record.agreed_by
        by = language.role(who) if language.has(f"roles.{who}.unnamed") else who
        time = language.time(record.agreed_at or 0.0)
        found.append(f"*{escape(language.plain('documents.agreed_by', name=by, time=time))}*")
    else:
        found.append(f"**{escape(language.plain('documents.to_validate'))}**")
    if record.lost or record.outstanding:
        partly = language.plain("documents.partly_transcribed")
        found.append(f"*{escape(partly)}* ({escape(language.plain('documents.not_transcribed'))})")
    return found


def _text(text: str, *, listed: bool, blank: str) -> str:
    said = lines(text) or (blank,)
    if listed:
        return "\n".join(f"- [ ] {escape(line)}" for line in said)
    return "\n>\n".join(f"> {escape(line)}" for line in said)


def _write_all(folder: Path, texts: Mapping[Path, str]) -> None:
    """Write every text beside its place, then put them all in place."""
    made: dict[Path, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=folder)
            made[path] = Path(name)
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        for path, beside in made.items():
            beside.replace(path)
    except OSError as reason:
        raise DocumentError(
            f"The documents cannot be written to {folder} ({reason.strerror}): choose another folder."
        ) from None
    finally:
        for beside in made.values():
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
