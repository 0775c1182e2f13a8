"""All the sessions that this user keeps: found, opened, and destroyed.

Rules:

- Of a session whose key is not there only its name, size and times are known.
- To purge is to destroy the key first: from then on the file is noise. Then the file is emptied, read again, and
  removed. Nobody is told of a purge that was not done to its end.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import secrets
from dataclasses import dataclass, replace
from pathlib import Path

from platformdirs import user_data_path, user_state_path

from facilitator.data import did_you_mean
from facilitator.errors import NoSessionError, StoreBusyError, StoreError
from facilitator.store.contents import Kept, fold
from facilitator.store.disk import sync_folder
from facilitator.store.file import SUFFIX, SessionStore
from facilitator.store.keys import Keys, open_keys
from facilitator.store.sqlite import is_held

_NAME = re.compile(r"\d{4}-\d\d-\d\d-\d{4}-[0-9a-f]{4}")
_BESIDE = ("-journal", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Listed:
    """One session as it is listed.

    Attributes:
        session: its name.
        size: of its file, bytes.
        written_at: when its file was last written.
        state: `unfinished`, `ended`, `held` by a running facilitator, `no_key`, `damaged` or `newer`.
        waiting: how many utterances wait, as sound, for `facilitator transcribe`.
    """

    session: str
    size: int
    written_at: dt.datetime
    state: str
    waiting: int = 0


class Sessions:
    """The sessions in one folder.

    Args:
        folder: where their files are.
        keys: where their keys are.
    """

    def __init__(self, folder: Path, keys: Keys) -> None:
        self.folder = folder
        self.keys = keys

    def create(self, now: dt.datetime) -> SessionStore:
        """Return the store of a new session that began at `now`; its name says when and nothing else.

        Raises:
            StoreError: it cannot be made.
        """
        return SessionStore.create(self.folder, f"{now:%Y-%m-%d-%H%M}-{secrets.token_hex(2)}", self.keys)

    def open(self, session: str) -> tuple[SessionStore, Kept]:
        """Return a session's store, held until it is closed, and what it holds.

        Raises:
            NoSessionError: there is no such session.
            StoreError: it cannot be opened.
        """
        self._path(session)
        store = SessionStore.open(self.folder, session, self.keys)
        try:
            return store, replace(fold(session, store.read()), waiting=len(store.sounds()))
        except StoreError:
            store.close()
            raise

    def read(self, session: str) -> Kept:
        """Return what a session's store holds.

        Raises:
            NoSessionError: there is no such session.
            StoreError: it cannot be read.
        """
        store, kept = self.open(session)
        store.close()
        return kept

    def names(self) -> list[str]:
        """Return the name of every session, oldest first."""
        try:
            return sorted(path.stem for path in self.folder.glob(f"*{SUFFIX}") if _NAME.fullmatch(path.stem))
        except OSError:
            return []

    def listed(self) -> list[Listed]:
        """Return every session, oldest first."""
        found = []
        for session in self.names():
            status = (self.folder / f"{session}{SUFFIX}").stat()
            written_at = dt.datetime.fromtimestamp(status.st_mtime).astimezone()
            found.append(Listed(session, status.st_size, written_at, *self._state(session)))
        return found

    def _state(self, session: str) -> tuple[str, int]:
        try:
            kept = self.read(session)
        except StoreError as error:
            return _STATES.get(type(error).__name__, "damaged"), 0
        return "ended" if kept.ended else "unfinished", kept.waiting

    def unfinished(self) -> tuple[str, Kept] | None:
        """Return the last session that nobody holds and that is not over; None when there is none."""
        for session in reversed(self.names()):
            try:
                kept = self.read(session)
            except StoreError:
                continue
            if not kept.ended:
                return session, kept
        return None

    def purge(self, session: str) -> str:
        """Destroy a session, its key first, and return a line for the client that says what was destroyed and when.

        Raises:
            NoSessionError: there is no such session.
            StoreError: it was not destroyed to its end; the sentence says how far it came.
        """
        path = self._path(session)
        if is_held(path):
            raise StoreBusyError(f"The session {session} is being held by a facilitator that runs: end it first.")
        self.keys.destroy(session)
        try:
            size = sum(empty(one) for one in (path, *(path.with_name(path.name + end) for end in _BESIDE)))
            sync_folder(self.folder)
        except OSError as reason:
            raise StoreError(
                f"The key of the session {session} is destroyed, so nothing of it can be read; but its file {path} "
                f"could not be removed ({reason.strerror}): remove it by hand."
            ) from None
        now = dt.datetime.now(tz=dt.UTC)
        return (
            f"The session {session} was destroyed on {now:%Y-%m-%d} at {now:%H:%M:%S} UTC: its key, then its "
            f"{size} bytes, with everything that was written down. They were read again: nothing is left."
        )

    def _path(self, session: str) -> Path:
        names = self.names()
        if session not in names:
            raise NoSessionError(f"There is no session {session!r}; {did_you_mean(session, names)}")
        return self.folder / f"{session}{SUFFIX}"


_STATES = {"KeyMissingError": "no_key", "StoreBusyError": "held", "StoreNewerError": "newer"}


def open_sessions(folder: Path | None = None) -> Sessions:
    """Return the sessions of this user, in `folder` instead of the user's data folder if it is given."""
    data, state = (place("codev-facilitator", appauthor=False) for place in (user_data_path, user_state_path))
    return Sessions(folder or data / "sessions", open_keys(state / "keys"))


def empty(path: Path) -> int:
    """Overwrite and empty a file, read it again and remove it; return how many bytes it had, 0 when it is not there."""
    try:
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.write(bytes(size))
            file.flush()
            os.fsync(file.fileno())
            file.truncate(0)
            os.fsync(file.fileno())
    except FileNotFoundError:
        return 0
    if path.read_bytes():
        raise OSError(None, "it is not empty")
    path.unlink()
    return size
