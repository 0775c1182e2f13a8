"""Writes the documents of a session.

Rules:

- Each record is written as Markdown, DOCX and PDF, and its dates, where a human accepted some, as iCalendar.
- A way of writing that fails is told in one sentence, without a word of the text, and the others are still written.
- A file appears whole or not at all; where the disk fails, none is changed. Only the user may read them.
- A process that was killed while it wrote leaves pieces, with words in clear: the next one that writes into the folder
  removes them. Nothing else there is touched, nor what a living process is at.
- What is handed over takes no other file's place: it may be all that is left of another session.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import sys
import tempfile
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

from facilitator.core.process import Process
from facilitator.core.snapshot import RecordView
from facilitator.documents import calendar, docx, markdown, pdf
from facilitator.documents.model import Document, make
from facilitator.errors import DocumentError, FolderSilentError, NoDocumentError, TakenError
from facilitator.store.disk import FOLDER_MODE, sync_folder
from facilitator.wording import Language
from speech.aside import Aside

FOLDER_SECONDS = 5.0
"""A folder that has not taken the documents by then, as one on a server that is gone, does not answer."""
_T = TypeVar("_T")

if sys.platform != "win32":
    import fcntl

_PIECE = ".codev-piece."
_PIECES = re.compile(rf"\..+{re.escape(_PIECE)}[a-z0-9_]+\.tmp")
"""Names of files that are being written: ours, whichever document it is."""

RENDERERS: Mapping[str, Callable[[Document], bytes]] = {
    "md": markdown.render,
    "docx": docx.render,
    "pdf": pdf.render,
    "ics": calendar.render,
}
"""By the ending of the file's name. One that returns nothing has nothing to write."""


@dataclass(frozen=True, slots=True)
class Written:
    """Paths of the documents written, in order, and a sentence that names those that could not be made, or ""."""

    paths: tuple[Path, ...]
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """Documents that were made and not written anywhere.

    Attributes:
        documents: what they say, by the record's name.
        files: by record and ending, in order.
        failure: a sentence that names those that could not be made, or "".
    """

    documents: Mapping[str, Document]
    files: Mapping[tuple[str, str], bytes]
    failure: str = ""

    @property
    def digest(self) -> str:
        """What tells these words from any others, as 64 hexadecimal digits."""
        return hashlib.sha256(repr(sorted(self.documents.items())).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Papers:
    """What the documents of one session are made with, beside its records.

    Attributes:
        process: whose records they are.
        language: of the session.
        names: names of the people by role, in order.
        began: when the session began.
    """

    process: Process
    language: Language
    names: Mapping[str, tuple[str, ...]]
    began: datetime

    @property
    def started_on(self) -> date:
        """The day of the session."""
        return self.began.date()

    @property
    def time(self) -> str:
        """Day and time of the session, as files of it are called."""
        return f"{self.began:%Y-%m-%d-%H%M}"

    @property
    def folder(self) -> str:
        """What a folder of this session's documents alone is called."""
        return f"{self.process.id}-{self.time}"

    def render(self, records: Mapping[str, RecordView]) -> Rendered:
        """Return the documents of each of `records`, which are by name, as in a snapshot.

        Raises:
            NoDocumentError: no document at all could be made of a record.
        """
        documents: dict[str, Document] = {}
        files: dict[tuple[str, str], bytes] = {}
        failed = []
        for name, record in records.items():
            people = self.names.get(self.process.records[name].owner, ())
            documents[name] = document = make(name, record, self.language, self.started_on, people=people)
            for ending, render in RENDERERS.items():
                try:
                    made = render(document)
                except Exception:  # noqa: BLE001  what a library raises may hold the text; one format must not cost the others
                    failed.append(f"{name}.{ending}")
                    continue
                if made:
                    files[name, ending] = made
            if not any(one == name and ending != "ics" for one, ending in files):
                raise NoDocumentError(f"No document could be made of the {name}: copy its text by hand before you end.")
        failure = self.language.plain("documents.not_made", files=", ".join(failed)) if failed else ""
        return Rendered(documents, files, failure)


def write_documents(
    folder: Path,
    *,
    process: Process,
    records: Mapping[str, RecordView],
    language: Language,
    names: Mapping[str, tuple[str, ...]],
    began: datetime,
) -> Written:
    """Write the documents of each record into `folder`, which is made when it is not there; the rest as in `Papers`.

    Raises:
        DocumentError: the folder cannot be written to, or no document at all could be made of a record; none was
            changed.
    """
    return write_rendered(folder, Papers(process, language, names, began).render(records))


def write_rendered(folder: Path, rendered: Rendered) -> Written:
    """Write documents that were made into `folder`, which is made when it is not there.

    Raises:
        DocumentError: the folder cannot be written to; none was changed.
    """
    files = {folder / f"{name}.{ending}": content for (name, ending), content in rendered.files.items()}
    write_all(folder, files)
    return Written(tuple(files), rendered.failure)


def places(folder: Path, records: Iterable[str]) -> list[Path]:
    """Return where the documents of `records` may be in `folder`."""
    return [folder / f"{name}.{ending}" for name in records for ending in RENDERERS]


def check_free(paths: Iterable[Path], own: Container[Path] = ()) -> None:
    """Make sure that nothing is at `paths` but what the session itself wrote there, which `own` names.

    Raises:
        TakenError: something is.
    """
    for path in paths:
        if path not in own and os.path.lexists(path):
            raise TakenError(f"{path.parent} holds documents already: choose another folder.")


async def in_time(work: Callable[[], _T]) -> _T:
    """Return what `work` does in a folder; it has a thread of its own, in which it is left where the folder hangs.

    Raises:
        FolderSilentError: the folder does not answer.
    """
    try:
        return await Aside().within(FOLDER_SECONDS, work)
    except TimeoutError:
        sentence = "The folder does not answer: nothing is sure to be written in it, choose another one."
        raise FolderSilentError(sentence) from None


def write_all(folder: Path, files: Mapping[Path, bytes]) -> None:
    """Write every file beside its place in `folder`, then put them all in place.

    Raises:
        DocumentError: the folder cannot be written to.
    """
    made: dict[Path, Path] = {}
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        _sweep(folder)
        with contextlib.ExitStack() as held:
            for path, content in files.items():
                handle, name = tempfile.mkstemp(prefix=f".{path.name}{_PIECE}", suffix=".tmp", dir=folder)
                made[path] = Path(name)
                with os.fdopen(handle, "wb") as file:
                    if sys.platform != "win32":  # a lock lasts as long as any handle: until all are in place
                        held.callback(os.close, os.dup(handle))
                        with contextlib.suppress(OSError):  # a disk without locks: there a sweep fails as well
                            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            for path, beside in made.items():
                beside.replace(path)
        sync_folder(folder)
    except OSError as reason:
        raise DocumentError(
            f"The documents cannot be written to {folder} ({reason.strerror}): choose another folder."
        ) from None
    finally:
        for beside in made.values():
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what killed processes of this user were writing into `folder`; what cannot be removed stays."""
    for path in folder.iterdir():
        if _PIECES.fullmatch(path.name):
            with contextlib.suppress(OSError):
                _remove_left(path)


def _remove_left(path: Path) -> None:
    """Remove a piece, unless it is another user's, or a living process holds it."""
    if sys.platform == "win32":
        path.unlink()
        return
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(handle)
        if stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid():
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    finally:
        os.close(handle)
