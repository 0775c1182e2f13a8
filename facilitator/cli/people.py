"""Who is present, as the command line says it: by `--participant`, or unseen by `--participants`.

Other programs of this user may list the arguments of a process, and so the names in them; what is in a file that only
its owner reads, or comes over standard input, they do not see.
"""

from __future__ import annotations

import sys
from pathlib import Path

from facilitator.errors import UsageError
from facilitator.setup.choices import MOST_LETTERS, MOST_PEOPLE
from facilitator.store.contents import Person

STANDARD_INPUT = Path("-")
MOST_BYTES = 64 * 1024
_FORM = "is written NAME=ROLE, such as Camille=client"


def read_people(given: list[str], file: Path | None) -> tuple[Person, ...]:
    """Return the people of `--participant`, then those of `--participants`.

    Args:
        given: each as NAME=ROLE.
        file: has one a line; what is empty or begins with # is passed over. `-` is standard input.

    Raises:
        UsageError: one is not written as it should be, they are too many, or the file cannot be read; no sentence names
            anybody.
    """
    found = [_person(person, "A participant") for person in given]
    for number, line in enumerate([] if file is None else _text(file).splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            found.append(_person(line, f"Line {number} of {_name(file)}: a participant"))
    if len(found) > MOST_PEOPLE:
        raise UsageError(f"Give {MOST_PEOPLE} participants at most, since no group of a session is larger.")
    return tuple(found)


def _person(written: str, what: str) -> Person:
    name, equals, role = written.rpartition("=")
    if not equals or not name.strip():
        raise UsageError(f"{what} {_FORM}.")
    if len(name) > MOST_LETTERS or len(role) > MOST_LETTERS:
        raise UsageError(f"{what} {_FORM}, with {MOST_LETTERS} letters at most on each side.")
    return Person(name=name.strip(), role=role.strip())


def _text(file: Path) -> str:
    try:
        if file == STANDARD_INPUT:
            content = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with file.open("rb") as opened:
                content = opened.read(MOST_BYTES + 1)
    except OSError as reason:
        raise UsageError(f"{_name(file)} cannot be read ({reason.strerror}): a participant a line {_FORM}.") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = None
    if text is None or len(content) > MOST_BYTES:
        raise UsageError(f"{_name(file)} is no list of participants in UTF-8: each, on a line of its own, {_FORM}.")
    return text


def _name(file: Path | None) -> str:
    return "standard input" if file == STANDARD_INPUT else str(file)
