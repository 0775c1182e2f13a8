"""Which folders sessions were kept in, so that none of them outlives its days where `[privacy] folder` changes.

Rules:

- A note for each, in a folder beside the keys, holds its path and nothing else.
- It is written once a session is there, and goes once the folder is seen to hold none. A folder that cannot be looked
  into keeps its note: it may be on a disk that is not plugged in.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from facilitator.store.disk import make_private_folder, write_private


def remember(notes: Path, folder: Path) -> None:
    """Note `folder`; where that cannot be, it is only not looked into once it is used no more."""
    path = os.fsencode(folder.absolute())
    note = notes / hashlib.sha256(path).hexdigest()[:16]
    with suppress(OSError):
        if not note.exists():
            make_private_folder(notes)
            write_private(note, path)


def remembered(notes: Path) -> dict[Path, Path]:
    """Return each folder that is noted, by its note; what says nothing is passed over."""
    found = {}
    for note in sorted(notes.glob("[!.]*")):
        with suppress(OSError):
            folder = Path(os.fsdecode(note.read_bytes()))
            if folder.is_absolute() and "\0" not in str(folder):
                found[note] = folder
    return found
