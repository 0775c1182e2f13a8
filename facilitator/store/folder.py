"""All the sessions that this user keeps: found, opened, and destroyed.

Rules:

- A folder that was used before is looked into as well: no session outlives its days because a setting changed.
- A folder that does not answer, as one on a network drive that is gone, is not waited for.
- Of a session whose key is not there only its name, size and times are known.
- To purge is to destroy the key first: from then on the file is noise. Then the file is emptied, read again, and
  removed. Nobody is told of a purge that was not done to its end.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from platformdirs import user_data_path, user_state_path

from facilitator.data import did_you_mean
from facilitator.errors import NoSessionError, StoreBusyError, StoreError, StoreSilentError
from facilitator.store.contents import Kept, fold
from facilitator.store.disk import destroy_file, sync_folder
from facilitator.store.file import BESIDE, SUFFIX, SessionStore
from facilitator.store.keys import Keys, open_keys
from facilitator.store.places import remember, remembered
from facilitator.store.sqlite import is_held
from speech.aside import Aside

LOOK_SECONDS = 2.0
"""How long a folder has to be looked into."""
_NAME = re.compile(r"\d{4}-\d\d-\d\d-\d{4}-[0-9a-f]{4}")


@dataclass(frozen=True, slots=True)
class Listed:
    """One session as it is listed.

    Attributes:
        session: its name.
        size: of its file, bytes.
        written_at: when its file was last written.
        state: `unfinished`, `ended`, `held` by a running facilitator, `no_key`, `damaged` or `other_version`.
        waiting: how many utterances wait, as sound, for `facilitator transcribe`.
    """

    session: str
    size: int
    written_at: dt.datetime
    state: str
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Destroyed:
    """That a session was destroyed to its end, read again, and when (with its time zone)."""

    session: str
    at: dt.datetime


class Sessions:
    """The sessions in one folder, and what is left in those before it.

    Args:
        folder: where new ones go.
        keys: where their keys are.
        former: folders that were used before.
        notes: where it is noted that `folder` was used; None notes nothing.
        silent: whether `folder` did not answer: what is in it is not looked for, which StoreSilentError tells.
    """

    def __init__(
        self,
        folder: Path,
        keys: Keys,
        former: tuple[Path, ...] = (),
        notes: Path | None = None,
        *,
        silent: bool = False,
    ) -> None:
        self.folder = folder
        self.keys = keys
        self._former = former
        self._notes = notes
        self._silent = silent

    def create(self, now: dt.datetime) -> SessionStore:
        """Return the store of a new session that began at `now`; its name says when and nothing else.

        Raises:
            StoreError: it cannot be made.
        """
        store = SessionStore.create(self.folder, f"{now:%Y-%m-%d-%H%M}-{secrets.token_hex(2)}", self.keys)
        if self._notes is not None:
            remember(self._notes, self.folder)
        return store

    def open(self, session: str) -> tuple[SessionStore, Kept]:
        """Return a session's store, held until it is closed, and what it holds.

        Raises:
            NoSessionError: there is no such session.
            StoreError: it cannot be opened.
        """
        store = SessionStore.open(self._path(session).parent, session, self.keys)
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
        """Return the name of every session, oldest first; what is no file of ours is passed over.

        Raises:
            StoreSilentError: the folder does not answer.
        """
        return sorted(self._paths())

    def _paths(self) -> dict[str, Path]:
        if self._silent:
            raise StoreSilentError(
                f"The folder of kept sessions, {self.folder}, does not answer: see to its disk or network drive, "
                "or name another one as [privacy] folder."
            )
        found: dict[str, Path] = {}
        for folder in (*self._former, self.folder):  # of two copies the one in use counts
            with suppress(OSError):
                found |= _kept_in(folder)
        return found

    def listed(self, since: dt.datetime | None = None) -> list[Listed]:
        """Return every session, oldest first; those alone that were last written after `since`, where it is given."""
        found = []
        for session in self.names():
            if since is not None and self.written_at(session) < since:
                continue
            size = self._path(session).stat().st_size
            found.append(Listed(session, size, self.written_at(session), *self._state(session)))
        return found

    def written_at(self, session: str) -> dt.datetime:
        """Return when a session's file was last written.

        Raises:
            NoSessionError: there is no such session.
        """
        return dt.datetime.fromtimestamp(self._path(session).stat().st_mtime).astimezone()

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

    def purge(self, session: str) -> Destroyed:
        """Destroy a session, its key first.

        Raises:
            NoSessionError: there is no such session.
            StoreError: it was not destroyed to its end; the sentence says how far it came.
        """
        if is_held(self._path(session)):
            raise StoreBusyError(f"The session {session} is being held by a facilitator that runs: end it first.")
        return self.destroy(session)

    def destroy(self, session: str) -> Destroyed:
        """Destroy a session that nobody holds any more; what an attempt before this one left is destroyed too.

        Raises:
            StoreError: it was not destroyed to its end; the sentence says how far it came.
        """
        self.keys.destroy(session)
        path = self.folder / f"{session}{SUFFIX}"
        try:
            for folder in (self.folder, *self._former):
                path = folder / f"{session}{SUFFIX}"
                files = [path.with_name(path.name + end) for end in ("", *BESIDE)]
                if any(map(os.path.lexists, files)) or (folder == self.folder and folder.is_dir()):
                    for file in files:
                        destroy_file(file)
                    sync_folder(folder)
        except OSError as reason:
            raise StoreError(
                f"The key of the session {session} is destroyed, so nothing of it can be read; but its file {path} "
                f"could not be removed ({reason.strerror}): remove it by hand."
            ) from None
        return Destroyed(session, dt.datetime.now(tz=dt.UTC).astimezone())

    def _path(self, session: str) -> Path:
        paths = self._paths()
        if session not in paths:
            raise NoSessionError(f"There is no session {session!r}; {did_you_mean(session, sorted(paths))}")
        return paths[session]


_STATES = {"KeyMissingError": "no_key", "StoreBusyError": "held", "StoreVersionError": "other_version"}


def open_sessions(folder: Path | None = None) -> Sessions:
    """Return the sessions of this user, in `folder` instead of the user's data folder if it is given.

    Those in folders that were used before are among them; a folder that holds none any more is forgotten, and one that
    does not answer is passed over.
    """
    data, state = (place("codev-facilitator", appauthor=False) for place in (user_data_path, user_state_path))
    own, notes = data / "sessions", state / "folders"
    used = own if folder is None else folder.absolute()
    noted = {folder: note for note, folder in remembered(notes).items()}
    looks = {place: Aside().submit(partial(_kept_in, place)) for place in {used, own, *noted}}
    silent = set()
    for place, look in looks.items():
        try:
            found = look.result(LOOK_SECONDS)
            if found and place == used != own:  # it may have been used before there were notes
                remember(notes, used)
            elif not found and place in noted:
                noted.pop(place).unlink()
        except TimeoutError:
            silent.add(place)
        except OSError:  # it may be on a disk that is not plugged in
            continue
    former = tuple(place for place in (own, *noted) if place != used and place not in silent)
    return Sessions(used, open_keys(state / "keys"), former, None if used == own else notes, silent=used in silent)


def _kept_in(folder: Path) -> dict[str, Path]:
    """Return the file of every session in `folder` by its name; what is no file of ours is passed over.

    Raises:
        OSError: it cannot be looked into.
    """
    return {
        path.stem: path
        for path in folder.iterdir()
        if path.suffix == SUFFIX and _NAME.fullmatch(path.stem) and path.is_file() and not path.is_symlink()
    }
