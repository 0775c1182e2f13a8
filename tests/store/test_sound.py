"""Sound that waits to be written down: read back whole, bound to its session, and gone once it is written down."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from facilitator.errors import KeyMissingError, StoreDamagedError, StoreError
from facilitator.store.file import Entry, SessionStore
from facilitator.store.folder import Sessions
from facilitator.store.keeping import Keeping, Storing
from facilitator.store.keys import FileVault, Keys
from facilitator.store.sound import About, KeptSound
from tests.store.meetings import chosen, in_contract

NAME = "2026-11-24-0930-a1b2"


def sound(name: str = "u001", seconds: float = 2.0) -> KeptSound:
    samples = np.random.default_rng(3).uniform(-0.5, 0.5, round(16_000 * seconds)).astype(np.float32)
    about = About(id=name, channel="call", record="contract", step="contract", started_at=61.0, ended_at=63.0)
    return KeptSound(about, samples)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys([FileVault(tmp_path / "keys")])


@pytest.fixture
def store(tmp_path: Path, keys: Keys) -> SessionStore:
    return SessionStore.create(tmp_path / "sessions", NAME, keys)


def ciphertext(path: Path) -> bytes:
    connection = sqlite3.connect(path)
    try:
        return bytes(connection.execute("SELECT ciphertext FROM sounds").fetchone()[0])
    finally:
        connection.close()


def test_sound_is_as_it_was_to_one_sixteenth_bit() -> None:
    found = KeptSound.from_bytes(sound().to_bytes())
    assert found is not None
    assert found.about == sound().about
    assert np.abs(found.samples - sound().samples).max() <= 2**-15
    for broken in (b"", b"{}\n", sound().to_bytes()[:-1], sound().to_bytes()[1:]):
        assert KeptSound.from_bytes(broken) is None


def test_sound_comes_back_and_nothing_of_it_is_in_clear(store: SessionStore, keys: Keys) -> None:
    assert store.sounds() == ()
    data = sound().to_bytes()
    store.keep_sound(data)
    store.append(Entry("text", b"1"))
    store.mark()
    store.close()
    raw = store.path.read_bytes()
    assert data[-4000:-3900] not in raw
    assert b"contract" not in raw
    assert b"u001" not in raw
    again = SessionStore.open(store.path.parent, NAME, keys)
    assert again.sounds() == (1,)
    assert again.sound(1) == data
    again.close()


def test_written_down_sound_is_overwritten_with_the_stroke_that_brings_its_text(
    store: SessionStore, keys: Keys
) -> None:
    store.keep_sound(sound().to_bytes())
    store.close()
    sealed = ciphertext(store.path)
    assert sealed[2000:2100] in store.path.read_bytes()
    again = SessionStore.open(store.path.parent, NAME, keys)
    again.keep_sound(sound("u002").to_bytes())
    again.append(Entry("text", b"words"), instead_of=1)
    assert again.sounds() == (2,)
    again.append(instead_of=2)
    assert again.sounds() == ()
    again.forget_sounds()
    assert keys.find_sound_key(NAME) is None
    assert [entry.payload for entry in again.read()] == [b"words"]
    again.close()
    raw = store.path.read_bytes()
    assert [place for place in range(0, len(sealed) - 64, 512) if sealed[place : place + 64] in raw] == []
    assert [path.name for path in store.path.parent.iterdir()] == [store.path.name]


def test_a_failed_append_keeps_the_sound(store: SessionStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.keep_sound(sound().to_bytes())
    with monkeypatch.context() as patch:
        patch.setattr(SessionStore, "_put_head", lambda *_: (_ for _ in ()).throw(sqlite3.OperationalError("no")))
        with pytest.raises(StoreError):
            store.append(Entry("text", b"words"), instead_of=1)
    assert store.sounds() == (1,)
    assert list(store.read()) == []
    store.close()


def test_sound_of_another_place_or_session_or_without_its_key_does_not_open(store: SessionStore, keys: Keys) -> None:
    store.keep_sound(sound().to_bytes())
    store.close()
    connection = sqlite3.connect(store.path)
    connection.execute("UPDATE sounds SET place=2")
    connection.commit()
    connection.close()
    again = SessionStore.open(store.path.parent, NAME, keys)
    for place in (1, 2):
        with pytest.raises(StoreDamagedError):
            again.sound(place)
    again.keep_sound(b"whole")
    assert again.sound(3) == b"whole"
    keys.destroy_sound_key(NAME)
    with pytest.raises(KeyMissingError):
        again.sound(3)
    again.close()


def test_a_purge_destroys_the_key_of_the_sound_too(tmp_path: Path, keys: Keys) -> None:
    sessions = Sessions(tmp_path / "sessions", keys)
    store = sessions.create(chosen().began)
    store.keep_sound(sound().to_bytes())
    store.close()
    sessions.purge(store.session)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_a_live_session_keeps_sound_before_it_says_so(tmp_path: Path, keys: Keys) -> None:
    told: list[str] = []
    sessions = Sessions(tmp_path / "sessions", keys)
    keeping = Keeping(Storing(sessions, chosen()), told.append)
    assert not await keeping.keep_sound(sound()), "nothing is kept before consent"
    keeping.note(in_contract().durable())
    assert await keeping.keep_sound(sound())
    await keeping.close(ended=False)
    store, kept = sessions.open(sessions.names()[0])
    assert (store.sounds(), kept.waiting) == ((1,), 1)
    store.close()
    assert told == []
    assert [(one.state, one.waiting) for one in sessions.listed()] == [("unfinished", 1)]


async def test_sound_that_cannot_be_kept_is_told(tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    keeping = Keeping(Storing(Sessions(tmp_path / "sessions", keys), chosen()), told.append)
    keeping.note(in_contract().durable())
    monkeypatch.setattr(Keys, "make_sound_key", lambda *_: (_ for _ in ()).throw(StoreError("No.")))
    assert not await keeping.keep_sound(sound())
    assert told == ["store_failed"]
    await keeping.close(ended=False)
