"""One session's file: an SQLite database to which sealed records are appended, one transaction a change.

Rules:

- `append` returns once its records are on the disk. Then, and not before, anybody may be told.
- What kind a record is, is within it: the file tells how long each is, and no more.
- A file is read only whole: every record opens, follows the one before, and there are as many as the sealed head and
  the mark beside the key say. Padding, which holds nothing, is not checked.
- Sound that waits to be written down is beside the records, in no chain, under a key of its own: it is deleted in the
  transaction that brings its text, and overwritten (`secure_delete`); the key goes with the last of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from facilitator.errors import KeyMissingError, StoreDamagedError, StoreError, StoreFullError
from facilitator.store.disk import FULL, make_private_file, make_private_folder
from facilitator.store.keys import Keys, Mark
from facilitator.store.sealing import NO_TAG, SCHEMA, Head, Seal, Sealed, UnsealError
from facilitator.store.sqlite import APPLICATION, check_schema, connect, damaged, told

SUFFIX = ".session"
BESIDE = ("-journal", "-wal", "-shm")
"""Ends of the names of what SQLite may leave beside a file."""
_TABLES = (
    "CREATE TABLE records (sequence INTEGER PRIMARY KEY, nonce BLOB, ciphertext BLOB)",
    "CREATE TABLE head (id INTEGER PRIMARY KEY, nonce BLOB, ciphertext BLOB)",
)
_SOUNDS = "CREATE TABLE IF NOT EXISTS sounds (place INTEGER PRIMARY KEY, nonce BLOB, ciphertext BLOB)"
"""Made with the first sound: few sessions have any."""
_RECORD, _SOUND, _AFTER_KIND = "record", "sound", b"\0"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be appended: a kind, any text without a zero, and a payload."""

    kind: str
    payload: bytes


class SessionStore:
    """One session's file, open. Used by one thread at a time.

    Attributes:
        session: its name.
        path: the file.
        closed: whether it was sealed for good.
    """

    def __init__(self, path: Path, session: str, keys: Keys, key: bytes, connection: sqlite3.Connection) -> None:
        self.session = session
        self.path = path
        self.closed = False
        self._keys = keys
        self._seal = Seal(session, key)
        self._connection = connection
        self._count = 0
        self._tag = NO_TAG

    @classmethod
    def create(cls, folder: Path, session: str, keys: Keys) -> Self:
        """Return a new session's store, which is on the disk and empty.

        Raises:
            StoreError: it cannot be made; nothing is left of it.
        """
        path = folder / f"{session}{SUFFIX}"
        try:
            make_private_folder(folder)
            make_private_file(path)
        except OSError as reason:
            kind = StoreFullError if reason.errno in FULL else StoreError
            raise kind(
                f"The session cannot be kept in {folder} ({reason.strerror}): check the folder and its disk."
            ) from None
        try:
            store = cls(path, session, keys, keys.make(session), connect(path, session, new=True))
            try:
                with told(session):
                    store._begin()
            except StoreError:
                with suppress(StoreError):  # else it is closed some time later, by whichever thread, which may hang
                    store.close()
                raise
        except StoreError:
            with suppress(StoreError):
                keys.destroy(session)
            for end in ("", *BESIDE):
                with suppress(OSError):
                    path.with_name(path.name + end).unlink(missing_ok=True)
            raise
        return store

    def _begin(self) -> None:
        with self._transaction():
            for table in _TABLES:
                self._connection.execute(table)
            self._connection.execute(f"PRAGMA application_id={APPLICATION}")
            self._connection.execute(f"PRAGMA user_version={SCHEMA}")
            self._put_head(Head(0, closed=False), NO_TAG)

    @classmethod
    def open(cls, folder: Path, session: str, keys: Keys) -> Self:
        """Return a session's store, checked whole.

        Raises:
            StoreBusyError: a running facilitator holds it.
            StoreVersionError: another version wrote it.
            KeyMissingError: its key is gone.
            StoreDamagedError: it is not as it was written.
            StoreError: it cannot be read.
        """
        path = folder / f"{session}{SUFFIX}"
        connection = connect(path, session)
        try:
            with told(session):
                check_schema(connection, session)
                key, mark = keys.find(session)
                store = cls(path, session, keys, key, connection)
                store._check(mark)
        except StoreError:
            connection.close()
            raise
        return store

    def _check(self, mark: Mark) -> None:
        """Read everything once, and compare it with the head and with the mark."""
        marked = mark.tag if mark.count == 0 else None
        for count, _, tag in self._records():
            self._count, self._tag = count, tag
            marked = tag if count == mark.count else marked
        rows = self._connection.execute("SELECT id, nonce, ciphertext FROM head").fetchall()
        if len(rows) != 1 or rows[0][0] != 1:
            raise damaged(self.session)
        try:
            head = self._seal.open_head(_sealed(self.session, *rows[0][1:]), self._tag)
        except UnsealError:
            raise damaged(self.session) from None
        if head.count != self._count:
            raise damaged(self.session)
        if marked != mark.tag:
            raise StoreDamagedError(
                f"The session {self.session} is an older copy of itself, or was cut off: bring back the last one."
            )
        self.closed = head.closed

    def append(self, *entries: Entry, after_end: bool = False, instead_of: int = 0) -> None:
        """Write records down, all of them or none, and return once they are on the disk.

        Args:
            entries: the records.
            after_end: also where the session was sealed for good, which it stays.
            instead_of: place of the sound whose text they bring, which is deleted with the same stroke; 0 for none.

        Raises:
            StoreFullError: the disk is full; it can be tried again.
            StoreError: they could not be written.
        """
        if self.closed and not after_end:
            raise StoreError(f"The session {self.session} is over: nothing can be added to it.")
        count, tag = self._count, self._tag
        with told(self.session), self._transaction():
            for entry in entries:
                count += 1
                sealed = self._seal.close(count, _RECORD, entry.kind.encode() + _AFTER_KIND + entry.payload, tag)
                values = (count, sealed.nonce, sealed.ciphertext)
                self._connection.execute("INSERT INTO records VALUES (?, ?, ?)", values)
                tag = sealed.tag
            self._put_head(Head(count, closed=self.closed), tag)
            if instead_of:
                self._connection.execute("DELETE FROM sounds WHERE place=?", (instead_of,))
        self._count, self._tag = count, tag

    def mark(self) -> None:
        """Note beside the key how far the file has come.

        Raises:
            StoreError: it cannot be noted.
        """
        self._keys.put_mark(self.session, Mark(self._count, self._tag))

    def read(self) -> Iterator[Entry]:
        """Yield every record in order.

        Raises:
            StoreDamagedError: one is not as it was written.
        """
        with told(self.session):
            for _, entry, _ in self._records():
                yield entry

    def _records(self) -> Iterator[tuple[int, Entry, bytes]]:
        """Yield each record's number, what it holds and its tag."""
        tag = NO_TAG
        rows = self._connection.execute("SELECT sequence, nonce, ciphertext FROM records ORDER BY sequence")
        for count, (sequence, nonce, ciphertext) in enumerate(rows, 1):
            sealed = _sealed(self.session, nonce, ciphertext)
            if sequence != count:
                raise damaged(self.session)
            try:
                kind, _, payload = self._seal.open(sequence, _RECORD, sealed, tag).partition(_AFTER_KIND)
            except UnsealError:
                raise damaged(self.session) from None
            tag = sealed.tag
            yield sequence, Entry(kind.decode(), payload), tag

    def keep_sound(self, sound: bytes) -> None:
        """Keep sound that waits to be written down, after what waits already; return once it is on the disk.

        Raises:
            StoreFullError: the disk is full.
            StoreError: it could not be kept.
        """
        key = self._keys.make_sound_key(self.session)
        with told(self.session), self._transaction():
            self._connection.execute(_SOUNDS)
            (place,) = self._connection.execute("SELECT COALESCE(MAX(place), 0) + 1 FROM sounds").fetchone()
            sealed = Seal(self.session, key).close(place, _SOUND, sound, NO_TAG)
            values = (place, sealed.nonce, sealed.ciphertext)
            self._connection.execute("INSERT INTO sounds VALUES (?, ?, ?)", values)

    def sounds(self) -> tuple[int, ...]:
        """Return the place of each sound that waits to be written down, in the order in which they came.

        Raises:
            StoreError: the file cannot be read.
        """
        with told(self.session):
            if not self._connection.execute("SELECT 1 FROM sqlite_master WHERE name='sounds'").fetchone():
                return ()
            return tuple(int(place) for (place,) in self._connection.execute("SELECT place FROM sounds ORDER BY place"))

    def sound(self, place: int) -> bytes:
        """Return what `keep_sound` was given.

        Raises:
            StoreDamagedError: it is not as it was written.
            KeyMissingError: its key is gone.
            StoreError: the file or the key cannot be read.
        """
        key = self._keys.find_sound_key(self.session)
        with told(self.session):
            found = self._connection.execute("SELECT nonce, ciphertext FROM sounds WHERE place=?", (place,)).fetchone()
        if key is None:
            raise KeyMissingError(f"The key of the sound of the session {self.session} is not here: bring it back.")
        if found is None:
            raise damaged(self.session)
        try:
            return Seal(self.session, key).open(place, _SOUND, _sealed(self.session, *found), NO_TAG)
        except UnsealError:
            raise damaged(self.session) from None

    def forget_sounds(self) -> None:
        """Delete every sound, destroy the key of them, and make sure of both.

        Raises:
            StoreError: something of it is left.
        """
        if self.sounds():
            with told(self.session), self._transaction():
                self._connection.execute("DELETE FROM sounds")
        self._keys.destroy_sound_key(self.session)
        if self.sounds():
            raise StoreError(f"The sound of the session {self.session} could not be deleted: try again.")

    def close(self, *, for_good: bool = False) -> None:
        """Let go of the file; `for_good` seals it, so that nothing can follow unnoticed.

        Raises:
            StoreError: it could not be sealed.
        """
        try:
            if for_good and not self.closed:
                with told(self.session), self._transaction():
                    self._put_head(Head(self._count, closed=True), self._tag)
                self.closed = True
        finally:
            with told(self.session):
                self._connection.close()

    def _put_head(self, head: Head, tag: bytes) -> None:
        sealed = self._seal.close_head(head, tag)
        self._connection.execute("INSERT OR REPLACE INTO head VALUES (1, ?, ?)", (sealed.nonce, sealed.ciphertext))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise


def _sealed(session: str, nonce: object, ciphertext: object) -> Sealed:
    if not isinstance(nonce, bytes) or not isinstance(ciphertext, bytes):
        raise damaged(session)
    return Sealed(nonce, ciphertext)
