"""The follow-up, « le retour du client »: the plan that a client brings back in the file that they were handed.

Rules:

- Each file of a plan (DOCX, PDF, Markdown) carries the plan once more for a program, as one line of plain letters with
  a checksum; there is no server, and nothing is kept here. Whatever is written around it, in whichever program, the
  line is found as long as the file keeps it.
- What is read from a file is somebody's text: its length is limited, and it means nothing but itself.
- A file may be made to unpack for minutes: all its parts together are limited in bytes and in number, and each byte of
  it is unpacked once at most.
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
MOST_BYTES, MOST_UNPACKED = 20_000_000, 50_000_000
"""Of a file, and of all its parts together once they are unpacked: no plan comes near it."""
MOST_PARTS = 2_000
"""Files of a ZIP, or streams of a PDF: a plan has some thirty."""
_ENTRY = b"PK\x01\x02"
"""What each entry of a ZIP's list of files begins with."""
_PACKED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""All that word processors write; what unpacks the others knows no limit."""
_STREAM, _STREAM_END = re.compile(rb"stream\r?\n"), b"endstream"
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
    try:
        for part in _parts(content):
            if found := _FORM.search(part):
                return _plan(name, *found.groups())
    except _TooMuchError:
        raise UsageError(f"{name} holds more than a plan ever does: {_HANDED}.") from None
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


class _TooMuchError(Exception):
    """A file holds more than a plan ever does."""


def _parts(content: bytes) -> Iterator[bytes]:
    """Yield all that a file holds: itself, the files of a ZIP (DOCX), the packed streams of a PDF.

    Raises:
        _TooMuchError: it holds too much, or something that is packed as no plan is.
    """
    yield content
    if content.startswith(b"PK"):
        yield from _members(content)
    if content.startswith(b"%PDF"):
        yield from _streams(content)


def _members(content: bytes) -> Iterator[bytes]:
    if content.count(_ENTRY) > MOST_PARTS:  # a list of hundreds of thousands takes seconds to read
        raise _TooMuchError
    left = MOST_UNPACKED
    broken = (zipfile.BadZipFile, OSError, RuntimeError, ValueError, EOFError, zlib.error)  # what zipfile may raise
    with suppress(*broken), zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if sum(member.compress_size for member in members) > len(content):  # they lie over each other
            raise _TooMuchError
        for member in members:
            if member.compress_type not in _PACKED or member.file_size > left:
                raise _TooMuchError
            with archive.open(member) as file:
                part = file.read(member.file_size + 1)  # without a limit, what it unpacks to is cut afterwards
            left = _after(left, part)
            yield part


def _streams(content: bytes) -> Iterator[bytes]:
    left, parts = MOST_UNPACKED, 0
    begin = _STREAM.search(content)
    while begin is not None:
        parts += 1
        if parts > MOST_PARTS:
            raise _TooMuchError
        end = content.find(_STREAM_END, begin.end())
        end = len(content) if end < 0 else end + len(_STREAM_END)
        with suppress(zlib.error):
            part = zlib.decompressobj().decompress(content[begin.end() : end], left + 1)
            left = _after(left, part)
            yield part
        begin = _STREAM.search(content, end)


def _after(left: int, part: bytes) -> int:
    """Return how many bytes may still be unpacked after `part`.

    Raises:
        _TooMuchError: it was too long.
    """
    if len(part) > left:
        raise _TooMuchError
    return left - len(part)
