"""Writes the documents of a session.

Rules:

- Each record is written as Markdown, DOCX and PDF, and its dates, where a human accepted some, as iCalendar.
- A way of writing that fails is told in one sentence, without a word of the text, and the others are still written.
- A file appears whole or not at all; where the disk fails, none is changed. Only the user may read them.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from facilitator.core.process import Process
from facilitator.core.snapshot import RecordView
from facilitator.documents import calendar, docx, markdown, pdf
from facilitator.documents.model import Document, make
from facilitator.errors import DocumentError
from facilitator.wording import Language

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


def write_documents(
    folder: Path,
    *,
    process: Process,
    records: Mapping[str, RecordView],
    language: Language,
    names: Mapping[str, tuple[str, ...]],
    started_on: date,
) -> Written:
    """Write the documents of each record.

    Args:
        folder: where; made when it is not there.
        process: whose records they are.
        records: by name, as in a snapshot.
        language: of the session.
        names: names of the people by role, in order.
        started_on: the day of the session.

    Raises:
        DocumentError: the folder cannot be written to, or no document at all could be made of a record; none was
            changed.
    """
    files: dict[Path, bytes] = {}
    failed = []
    for name, record in records.items():
        people = names.get(process.records[name].owner, ())
        document = make(name, record, language, started_on, people=people)
        for ending, render in RENDERERS.items():
            try:
                made = render(document)
            except Exception:  # noqa: BLE001  what a library raises may hold the text; one format must not cost the others
                failed.append(f"{name}.{ending}")
                continue
            if made:
                files[folder / f"{name}.{ending}"] = made
        if not any(path.stem == name and path.suffix != ".ics" for path in files):
            raise DocumentError(f"No document could be made of the {name}: copy its text by hand before you end.")
    write_all(folder, files)
    return Written(tuple(files), language.plain("documents.not_made", files=", ".join(failed)) if failed else "")


def write_all(folder: Path, files: Mapping[Path, bytes]) -> None:
    """Write every file beside its place in `folder`, then put them all in place.

    Raises:
        DocumentError: the folder cannot be written to.
    """
    made: dict[Path, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=folder)
            made[path] = Path(name)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for path, beside in made.items():
            beside.replace(path)
        _sync(folder)
    except OSError as reason:
        raise DocumentError(
            f"The documents cannot be written to {folder} ({reason.strerror}): choose another folder."
        ) from None
    finally:
        for beside in made.values():
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Have the folder's own list of files on the disk, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
