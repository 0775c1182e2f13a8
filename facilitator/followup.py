"""The follow-up, « le retour du client »: the plan that a client brings back in the file that they were handed.

Rules:

- Each file of a plan (DOCX, PDF, Markdown) carries the plan once more for a program, as one line of plain letters with
  a checksum; there is no server, and nothing is kept here. Whatever is written around it, in whichever program, the
  line is found as long as the file keeps it.
- What is read from a file is somebody's text: its length is limited, and it means nothing but itself.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from facilitator.commands import Day, Line, PlanItem
from facilitator.core.snapshot import FollowUpView, ItemView
from facilitator.errors import UsageError

VERSION = 1
MOST_BYTES = 20_000_000
"""Of a file, and of what any part of it may grow to: no plan comes near it."""
_MOST_STREAMS = 2_000
_FORM = re.compile(rb"codev-plan:(\d{1,4}):([0-9a-f]{16}):([A-Za-z0-9_-]+={0,2})")
_HANDED = "give the client's plan as it was handed over, a .docx, .pdf or .md file"


class FollowUp(BaseModel):
    """A plan as its client brings it back.

    Attributes:
        on: the day of its session, as `2026-11-24`.
        people: whose plan it is; empty when they are not known.
        items: what they planned.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    on: Day
    people: Annotated[tuple[Line, ...], Field(max_length=20)] = ()
    items: Annotated[tuple[PlanItem, ...], Field(min_length=1, max_length=200)]

    def to_line(self) -> str:
        """Return the plan as the line that its files carry."""
        content = self.model_dump_json().encode()
        return f"codev-plan:{VERSION}:{_checksum(content)}:{base64.urlsafe_b64encode(content).decode()}"

    def view(self) -> FollowUpView:
        """Return the plan as it is shown."""
        return FollowUpView(self.on, self.people, tuple(ItemView(**item.model_dump()) for item in self.items))


def read_follow_up(path: Path) -> FollowUp:
    """Return the plan that a file carries.

    Raises:
        UsageError: the file is not there, carries none, or it was changed.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{path} is too large for a plan: {_HANDED}.")
        content = path.read_bytes()
    except OSError as reason:
        raise UsageError(f"{path} cannot be read ({reason.strerror}): {_HANDED}.") from None
    return take_follow_up(content, str(path))


def take_follow_up(content: bytes, name: str) -> FollowUp:
    """Return the plan in the content of a file that is called `name`.

    Raises:
        UsageError: it carries none, or it was changed.
    """
    for part in _parts(content):
        if found := _FORM.search(part):
            return _plan(name, *found.groups())
    raise UsageError(f"{name} carries no plan that can be taken up: {_HANDED}.")


def _plan(path: str, version: bytes, checksum: bytes, encoded: bytes) -> FollowUp:
    if int(version) > VERSION:
        raise UsageError(f"A newer facilitator wrote {path}: install that version to take its plan up.")
    with suppress(ValueError, ValidationError):  # its text would hold what was said
        content = base64.urlsafe_b64decode(encoded)
        if _checksum(content).encode() == checksum:
            return FollowUp.model_validate_json(content)
    raise UsageError(f"The plan in {path} was changed or cut off: {_HANDED}.")


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _parts(content: bytes) -> Iterator[bytes]:
    """Yield all that a file holds: itself, the files of a ZIP (DOCX), the packed streams of a PDF."""
    yield content
    if content.startswith(b"PK"):
        yield from _members(content)
    if content.startswith(b"%PDF"):
        for stream in list(re.finditer(rb"stream\r?\n", content))[:_MOST_STREAMS]:
            with suppress(zlib.error):
                yield zlib.decompressobj().decompress(content[stream.end() :], MOST_BYTES)


def _members(content: bytes) -> Iterator[bytes]:
    broken = (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, zlib.error)
    with suppress(*broken), zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.infolist():
            if member.file_size <= MOST_BYTES:
                yield archive.read(member)
