"""A disk that is really full, or became read-only: it is told, and what was there stays and is read."""

from __future__ import annotations

import itertools
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from facilitator.errors import StoreError, StoreFullError
from facilitator.store.file import Entry, SessionStore
from facilitator.store.keys import FileVault, Keys
from tests import needed
from tests.store.test_file import ENTRIES, NAME, read


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys([FileVault(tmp_path / "keys")])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of 64 kB; skips where none can be mounted."""
    with needed.disk(tmp_path / "disk", "-t", "tmpfs", "-o", "size=64k", "none") as folder:
        yield folder


def read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)


def test_on_a_disk_that_became_read_only_a_session_is_read_and_writing_is_told(small_disk: Path, keys: Keys) -> None:
    store = SessionStore.create(small_disk, NAME, keys)
    store.append(*ENTRIES)
    store.mark()
    store.close()
    before = store.path.read_bytes()
    read_only(small_disk)
    store = SessionStore.open(small_disk, NAME, keys)
    assert list(store.read()) == ENTRIES
    with pytest.raises(StoreError, match="cannot be written"):
        store.append(Entry("course", b"c"))
    store.close()
    assert store.path.read_bytes() == before


def test_on_such_a_disk_a_stroke_that_was_broken_off_is_refused(small_disk: Path, keys: Keys) -> None:
    store = SessionStore.create(small_disk, NAME, keys)
    store.append(*ENTRIES)
    store.mark()
    store.close()
    small_disk.joinpath(f"{store.path.name}-journal").write_bytes(b"page")
    read_only(small_disk)
    with pytest.raises(StoreError, match="cannot be written or read"):
        SessionStore.open(small_disk, NAME, keys)


def test_a_disk_that_is_really_full_is_told_and_what_was_there_stays(small_disk: Path, keys: Keys) -> None:
    store = SessionStore.create(small_disk, NAME, keys)
    written = itertools.count()

    def fill() -> None:
        while True:
            store.append(Entry("course", bytes(3000)))
            next(written)

    with pytest.raises(StoreFullError):
        fill()
    store.close()
    kept = len(read(small_disk, keys))
    assert kept == next(written)
    assert kept > 2


def test_a_store_that_could_not_be_made_is_closed_at_once(
    tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[sqlite3.Connection] = []

    def fail(store: SessionStore) -> None:
        opened.append(store._connection)
        raise sqlite3.OperationalError

    monkeypatch.setattr(SessionStore, "_begin", fail)
    with pytest.raises(StoreError):
        SessionStore.create(tmp_path / "sessions", NAME, keys)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[0].execute("SELECT 1")
