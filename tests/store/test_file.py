"""One session's file: what is read is what was written, or nothing is read and a plain sentence says why."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from facilitator.errors import (
    KeyMissingError,
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreVersionError,
)
from facilitator.store.file import Entry, SessionStore
from facilitator.store.keys import FileVault, Keys
from facilitator.store.sealing import SCHEMA, Head
from facilitator.store.sqlite import connect, is_held

NAME = "2026-11-24-0930-a1b2"
WORDS = "Aidez-moi à dire non à Camille."
ENTRIES = [Entry("chosen", b"{}"), Entry("text", WORDS.encode()), Entry("course", b"a"), Entry("course", b"b")]


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys([FileVault(tmp_path / "keys")])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sessions"


@pytest.fixture
def path(folder: Path, keys: Keys) -> Path:
    """Return the file of a small session, let go of but not closed for good."""
    store = SessionStore.create(folder, NAME, keys)
    store.append(*ENTRIES[:2])
    for entry in ENTRIES[2:]:
        store.append(entry)
    store.mark()
    store.close()
    return store.path


def read(folder: Path, keys: Keys, name: str = NAME) -> list[Entry]:
    store = SessionStore.open(folder, name, keys)
    try:
        return list(store.read())
    finally:
        store.close()


def sentence(error: StoreError) -> str:
    said = str(error)
    assert said.endswith(".")
    assert "\n" not in said
    assert "Camille" not in said
    return said


@pytest.fixture
def refused(folder: Path, keys: Keys, path: Path) -> Callable[[], StoreError]:
    """Return what opens the store and returns the refusal; the file is left as it is."""

    def attempt() -> StoreError:
        before = path.read_bytes()
        with pytest.raises(StoreError) as caught:
            read(folder, keys)
        assert path.read_bytes() == before
        sentence(caught.value)
        return caught.value

    return attempt


def test_what_was_appended_is_read_in_order(folder: Path, keys: Keys, path: Path) -> None:
    assert read(folder, keys) == ENTRIES
    store = SessionStore.open(folder, NAME, keys)
    store.append(Entry("course", b"c"))
    store.mark()
    store.close(for_good=True)
    again = SessionStore.open(folder, NAME, keys)
    assert list(again.read()) == [*ENTRIES, Entry("course", b"c")]
    assert again.closed
    with pytest.raises(StoreError, match="over"):
        again.append(Entry("course", b"d"))
    again.close(for_good=True)


@pytest.mark.skipif(os.name != "posix", reason="rights are of POSIX")
def test_only_the_user_may_read_it(tmp_path: Path, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for file in (tmp_path / "keys").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_no_word_of_it_is_on_the_disk(path: Path) -> None:
    raw = path.read_bytes().replace(b"ciphertext", b"")  # the name of a column
    assert [word for word in ("dire", "Camille") if word.encode() in raw] == []
    assert NAME.encode() not in raw


def test_every_connection_is_as_safe_as_it_is_meant_to_be(path: Path) -> None:
    connection = connect(path, NAME)
    pragmas = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "secure_delete")}
    assert pragmas == {"synchronous": 3, "secure_delete": 1}
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
    connection.close()


def test_a_connection_that_does_not_keep_its_promises_is_refused(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=wal")
    connection.close()
    with pytest.raises(StoreError, match="journal_mode"):
        connect(path, NAME)


def test_a_session_that_is_being_held_is_told_from_others(folder: Path, keys: Keys, path: Path) -> None:
    assert not is_held(path)
    store = SessionStore.open(folder, NAME, keys)
    assert is_held(path)
    with pytest.raises(StoreBusyError):
        SessionStore.open(folder, NAME, keys)
    store.close()
    assert not is_held(path)


def test_every_byte_that_flips_is_noticed_or_holds_nothing(
    folder: Path, keys: Keys, path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Each byte of the file flipped: refused, or what is read is what was written (padding, counters)."""
    whole = path.read_bytes()
    noticed = harmless = 0
    for place in range(len(whole)):
        if not any(whole[max(0, place - 40) : place + 40]):
            continue  # deep within padding: all the same
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        path.write_bytes(changed)
        try:
            assert read(folder, keys) == ENTRIES
            harmless += 1
        except StoreError as error:
            sentence(error)
            noticed += 1
        for other in path.parent.glob(f"{path.name}-*"):
            other.unlink()
    sealed = sum(len(entry.payload) + 28 for entry in ENTRIES) + 9 + 28
    record_property("flips noticed", noticed)
    record_property("flips in bytes that hold nothing", harmless)
    assert noticed >= sealed


def rows(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    "statements",
    [
        ["DELETE FROM records WHERE sequence = 4"],
        ["DELETE FROM records WHERE sequence = 2"],
        ["DELETE FROM records"],
        ["DELETE FROM head"],
        ["UPDATE records SET sequence = 9 WHERE sequence = 4"],
        ["UPDATE records SET nonce = 'text'"],
        ["UPDATE records SET nonce = x'00' WHERE sequence = 1"],
        ["UPDATE records SET ciphertext = x'00' WHERE sequence = 1"],
        ["INSERT INTO records SELECT 5, nonce, ciphertext FROM records WHERE sequence = 4"],
        ["INSERT INTO head SELECT 2, nonce, ciphertext FROM head"],
        ["UPDATE head SET nonce = x'000000000000000000000000'"],
        [
            "UPDATE records SET sequence = 9 WHERE sequence = 3",
            "UPDATE records SET sequence = 3 WHERE sequence = 4",
            "UPDATE records SET sequence = 4 WHERE sequence = 9",
        ],
        ["DROP TABLE head"],
        ["DROP TABLE records"],
        ["PRAGMA application_id = 5"],
        ["PRAGMA user_version = 0"],
    ],
)
def test_records_swapped_doubled_dropped_or_cut_off_are_noticed(
    refused: Callable[[], StoreError], path: Path, statements: list[str]
) -> None:
    rows(path, *statements)
    assert isinstance(refused(), StoreDamagedError)


def test_an_old_copy_is_noticed(folder: Path, keys: Keys, path: Path, refused: Callable[[], StoreError]) -> None:
    old = path.read_bytes()
    store = SessionStore.open(folder, NAME, keys)
    store.append(Entry("course", b"c"))
    store.mark()
    store.close()
    path.write_bytes(old)
    error = refused()
    assert isinstance(error, StoreDamagedError)
    assert "older copy" in str(error)


def test_a_head_that_counts_otherwise_or_a_gap_is_noticed_even_with_the_key(
    folder: Path, keys: Keys, path: Path, refused: Callable[[], StoreError]
) -> None:
    whole = path.read_bytes()
    store = SessionStore.open(folder, NAME, keys)
    store._put_head(Head(9, closed=False), store._tag)
    store.close()
    assert isinstance(refused(), StoreDamagedError)
    path.write_bytes(whole)
    store = SessionStore.open(folder, NAME, keys)
    store._count += 1
    store.append(Entry("course", b"c"))
    store.close()
    assert isinstance(refused(), StoreDamagedError)


def test_a_file_that_is_further_than_its_mark_is_right(folder: Path, keys: Keys, path: Path) -> None:
    """The mark follows the file: killed between the two, nothing is lost."""
    store = SessionStore.open(folder, NAME, keys)
    store.append(Entry("course", b"c"))
    store.close()
    assert len(read(folder, keys)) == 5


def test_a_record_of_another_session_is_noticed(folder: Path, keys: Keys, path: Path) -> None:
    other = SessionStore.create(folder, "2026-11-24-1000-ffff", keys)
    other.close()
    shutil.copy(path, other.path)
    with pytest.raises(StoreDamagedError):
        read(folder, keys, "2026-11-24-1000-ffff")


def test_a_file_cut_short_or_emptied_is_noticed(path: Path, refused: Callable[[], StoreError]) -> None:
    whole = path.read_bytes()
    last = len(whole.rstrip(b"\0")) - 1  # a zero at the end is read as it was, also where it is missing
    for length in (0, 1, 100, 4096, len(whole) - 4096, last):
        path.write_bytes(whole[:length])
        assert isinstance(refused(), StoreDamagedError)


def test_a_store_that_could_not_be_made_leaves_nothing_beside_it(
    folder: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(store: SessionStore) -> None:
        store.path.with_name(f"{NAME}.session-journal").write_bytes(bytes(512))
        raise StoreError("It failed, and so did taking the journal away.")

    monkeypatch.setattr(SessionStore, "_begin", begin)
    with pytest.raises(StoreError):
        SessionStore.create(folder, NAME, keys)
    assert list(folder.iterdir()) == []


def test_without_its_key_nothing_is_read(tmp_path: Path, refused: Callable[[], StoreError]) -> None:
    shutil.rmtree(tmp_path / "keys")
    assert isinstance(refused(), KeyMissingError)


@pytest.mark.parametrize(
    ("what", "text"), [("key", "no hex"), ("key", "ab"), ("mark", "x:y"), ("mark", "1:00"), ("mark", "")]
)
def test_a_damaged_key_or_mark_is_noticed(
    tmp_path: Path, refused: Callable[[], StoreError], what: str, text: str
) -> None:
    (tmp_path / "keys" / f"{NAME}.{what}").write_text(text)
    assert isinstance(refused(), StoreDamagedError)


def test_another_key_opens_nothing(tmp_path: Path, refused: Callable[[], StoreError]) -> None:
    (tmp_path / "keys" / f"{NAME}.key").write_text("ab" * 32)
    assert isinstance(refused(), StoreDamagedError)


@pytest.mark.parametrize(("version", "says"), [(SCHEMA + 1, "A newer"), (SCHEMA - 1, "An older"), (99, "A newer")])
def test_a_store_of_another_version_is_left_alone_and_told(
    path: Path, refused: Callable[[], StoreError], version: int, says: str
) -> None:
    rows(path, f"PRAGMA user_version = {version}")
    whole = path.read_bytes()
    error = refused()
    assert isinstance(error, StoreVersionError)
    assert str(error).startswith(f"{says} facilitator wrote the session")
    assert path.read_bytes() == whole


def test_a_session_is_not_begun_where_it_cannot_be_kept(tmp_path: Path, keys: Keys) -> None:
    (tmp_path / "sessions").write_text("a file, no folder")
    with pytest.raises(StoreError):
        SessionStore.create(tmp_path / "sessions", NAME, keys)
    with pytest.raises(KeyMissingError):
        keys.find(NAME)


def test_a_session_is_not_begun_without_its_key(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "keys").write_text("a file, no folder")
    with pytest.raises(StoreError):
        SessionStore.create(folder, NAME, Keys([FileVault(tmp_path / "keys")]))
    assert list(folder.iterdir()) == []


def test_a_full_disk_is_told_and_what_was_there_stays(folder: Path, keys: Keys, path: Path) -> None:
    store = SessionStore.open(folder, NAME, keys)
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFullError) as caught:
        store.append(Entry("text", WORDS.encode()), Entry("text", bytes(100_000)))
    sentence(caught.value)
    store._connection.execute("PRAGMA max_page_count = 100000")
    store.append(Entry("text", bytes(100_000)))
    store.mark()
    store.close()
    assert read(folder, keys) == [*ENTRIES, Entry("text", bytes(100_000))]


def test_a_stolen_store_tells_times_and_sizes_alone(path: Path) -> None:
    """What is not encrypted: how many records there are, and how long each is."""
    connection = sqlite3.connect(path)
    shapes = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    found = connection.execute("SELECT sequence, nonce, ciphertext FROM records ORDER BY sequence").fetchall()
    heads = connection.execute("SELECT id, length(nonce), length(ciphertext) FROM head").fetchall()
    connection.close()
    assert shapes == {"records", "head"}
    assert [(sequence, len(nonce), len(sealed) - 16) for sequence, nonce, sealed in found] == [
        (place, 12, len(entry.kind) + 1 + len(entry.payload)) for place, entry in enumerate(ENTRIES, 1)
    ]
    raw = path.read_bytes().replace(b"ciphertext", b"")  # the name of a column
    assert [word for word in (*(entry.kind for entry in ENTRIES), WORDS) if word.encode() in raw] == []
    assert heads == [(1, 12, 9 + 16)]
