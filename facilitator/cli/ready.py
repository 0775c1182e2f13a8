"""The ready file of `run`: how scripts reach a session. It holds tokens, and goes with the session.

Rules:

- For this user alone, and written whole or not at all.
- A killed session cannot remove its own. So a note beside the keys says where each lies, locked for as long as its
  process lives; the next start removes what belongs to a note that nobody holds, and nothing else.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path

from platformdirs import user_state_path

from facilitator.errors import UsageError
from facilitator.store.disk import FILE_MODE, make_private_folder
from facilitator.web.passes import Scope
from facilitator.web.service import Service

if sys.platform != "win32":
    import fcntl


MOST_BYTES = 16 * 1024
"""No ready file is longer: what is, is somebody else's file."""


class ReadyFile:
    """A ready file on the disk, until it is removed.

    Args:
        path: where it is to be.
        service: what it tells of.

    Raises:
        UsageError: it cannot be written; nothing of it is left.
    """

    def __init__(self, path: Path, service: Service) -> None:
        self._path = path.absolute()
        self._note = _notes() / secrets.token_hex(8)
        self._lock: int | None = None
        with suppress(OSError):  # without its note it is only not removed after a kill
            self._lock = _noted(self._note, self._path)
        try:
            _write(self._path, service)
        except OSError as error:
            self.remove()
            raise UsageError(f"{path} cannot be written ({error.strerror}): choose another --ready-file.") from None

    def remove(self) -> None:
        """Remove it, with its note; what cannot be removed stays."""
        _remove(self._path, os.getpid())
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
            with suppress(OSError):
                self._note.unlink()


def remove_left() -> None:
    """Remove the ready files of killed sessions of this user; a living one's stays, and what cannot be removed."""
    for note in _notes().glob("*"):
        with suppress(OSError, ValueError):
            number, _, path = note.read_text(encoding="utf-8").partition(" ")
            pid = int(number)  # no number yet: it is being written
            _take(note)
            _remove(Path(path), pid)


def _notes() -> Path:
    return user_state_path("codev-facilitator", appauthor=False) / "ready"


def _noted(note: Path, path: Path) -> int:
    """Write a note, and return the handle that holds it."""
    make_private_folder(note.parent)
    handle = os.open(note, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE)
    if sys.platform != "win32":
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.write(handle, f"{os.getpid()} {path}".encode())
    return handle


def _take(note: Path) -> None:
    """Remove a note that nobody holds.

    Raises:
        OSError: its process lives.
    """
    if sys.platform != "win32":  # there a file that is open cannot be removed: that is the lock
        with note.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    note.unlink()


def _write(path: Path, service: Service) -> None:
    ready = {
        "pid": os.getpid(),
        "console_url": service.link(Scope.CONSOLE),
        "stage_url": service.link(Scope.STAGE),
        "api_url": f"{service.url}/api",
        "token": service.token,
        "tokens": service.tokens,
        "ingest_token": service.ingest_token,
    }
    partial = _partial(path, os.getpid())
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(ready, file)
    partial.replace(path)


def _partial(path: Path, pid: int) -> Path:
    return path.with_name(f".{path.name}.{pid}")


def _remove(path: Path, pid: int) -> None:
    """Remove the ready file that a process wrote, whole or begun; another's, or any other file, stays."""
    with suppress(OSError):
        _partial(path, pid).unlink()
    with suppress(OSError, ValueError, AttributeError, RecursionError):
        if path.is_file() and path.stat().st_size <= MOST_BYTES and json.loads(path.read_bytes()).get("pid") == pid:
            path.unlink()
