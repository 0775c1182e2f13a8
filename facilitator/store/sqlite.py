"""SQLite as the store wants it: what is set on every connection and read back, and its errors in one sentence each.

Rules:

- Rollback journal (DELETE), not WAL: at rest a session is one file, with nothing beside it to forget when it is purged;
  a session makes some hundreds of commits, so WAL's speed buys nothing.
- The lock is exclusive for as long as the file is open: a session that is being held can be told from one whose process
  is gone, for the system then lets go of it.
- `synchronous=EXTRA`: FULL, and the folder too is synced once a journal is gone, without which a power cut just after a
  commit may undo it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facilitator.errors import StoreBusyError, StoreDamagedError, StoreError, StoreFullError, StoreVersionError
from facilitator.store.sealing import SCHEMA

APPLICATION = 0x436F4456
"""SQLite's application id of our files, "CoDV"."""
SETTINGS = {"locking_mode": "exclusive", "synchronous": 3, "secure_delete": 1, "trusted_schema": 0}
SMALLEST_BYTES = 512
"""No database is shorter."""
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_UNREACHABLE = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}


def is_held(path: Path) -> bool:
    """Whether a running facilitator holds this file."""
    try:
        connect(path, path.stem).close()
    except StoreBusyError:
        return True
    except StoreError:
        return False
    return False


def connect(path: Path, session: str, *, new: bool = False) -> sqlite3.Connection:
    """Return a connection that holds the file alone and keeps its promises.

    Where the disk cannot be written to, it is one that reads, if what is there is whole: whoever writes to it is told.

    Raises:
        StoreError: there is none to be had.
    """
    with told(session):
        if not new and path.stat().st_size < SMALLEST_BYTES:  # SQLite would begin it anew
            raise damaged(session)
        try:
            return _held(path, new=new)
        except sqlite3.Error as error:
            if new or _code(error) not in _UNREACHABLE or path.with_name(f"{path.name}-journal").exists():
                raise
            return _opened(path, "mode=ro&immutable=1")


def _opened(path: Path, how: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{how}"
    return sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False)


def _held(path: Path, *, new: bool) -> sqlite3.Connection:
    connection = _opened(path, "mode=rw")
    try:
        for name, value in SETTINGS.items():
            connection.execute(f"PRAGMA {name}={value}")
        if new:
            connection.execute("PRAGMA journal_mode=delete")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
        for name, value in {**SETTINGS, "journal_mode": "delete"}.items():
            _expect(connection, name, value)
    except BaseException:
        connection.close()
        raise
    return connection


def _code(error: sqlite3.Error) -> int:
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _expect(connection: sqlite3.Connection, name: str, value: object) -> None:
    if connection.execute(f"PRAGMA {name}").fetchone()[0] != value:
        raise StoreError(f"SQLite does not keep its promises here ({name}): nothing is kept.")


def check_schema(connection: sqlite3.Connection, session: str) -> None:
    """Make sure that this is a file of ours, of a form that is known.

    Raises:
        StoreVersionError: another version of facilitator wrote it.
        StoreDamagedError: it is none of ours.
    """
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
        raise damaged(session)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version <= 0:  # every version writes its own
        raise damaged(session)
    if version != SCHEMA:
        age = "A newer" if version > SCHEMA else "An older"
        raise StoreVersionError(
            f"{age} facilitator wrote the session {session}: install that version to read it, or purge it."
        )


def damaged(session: str) -> StoreDamagedError:
    """Return what is raised for a session that is not as it was written."""
    return StoreDamagedError(f"The session {session} is damaged and was left as it is: bring a copy of it back.")


@contextmanager
def told(session: str) -> Iterator[None]:
    """Turn what SQLite raises into one sentence, which holds nothing of what was written."""
    try:
        yield
    except (ValueError, OverflowError):  # from Python's own side of SQLite: signs or numbers that are none
        raise damaged(session) from None
    except OSError as reason:
        raise StoreError(f"The session {session} cannot be read ({reason.strerror}): check its folder.") from None
    except sqlite3.Error as error:
        code = _code(error)
        if code == sqlite3.SQLITE_FULL:
            raise StoreFullError("The disk is full, so the session is not kept: make room on it.") from None
        if code in _BUSY:
            raise StoreBusyError(f"The session {session} is being held by a facilitator that runs.") from None
        if code in _UNREACHABLE:
            name = getattr(error, "sqlite_errorname", type(error).__name__)
            raise StoreError(
                f"The session {session} cannot be written or read ({name}): check the folder and its disk."
            ) from None
        raise damaged(session) from None
