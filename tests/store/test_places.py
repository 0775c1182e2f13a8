"""Where `[privacy] folder` changes, what was kept in the folder before is still found, listed, due and destroyed."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from facilitator.config import Config
from facilitator.errors import StoreSilentError
from facilitator.retention import purge, purge_due
from facilitator.store import folder as places
from facilitator.store.folder import Sessions, open_sessions
from tests.test_retention import keep


@pytest.fixture(autouse=True)
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where it is noted which folders were used."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "codev-facilitator" / "folders"


def noted(notes: Path) -> set[str]:
    return {note.read_text(encoding="utf-8") for note in notes.glob("*")}


def kept(sessions: Sessions, *, days: float = 0) -> str:
    store = keep(sessions, days=days)
    store.close()
    return store.session


def test_a_session_in_a_former_folder_is_destroyed_once_its_days_are_over(tmp_path: Path, notes: Path) -> None:
    """Reproduced: it was never looked at again, and stayed for ever."""
    first, second = tmp_path / "one", tmp_path / "two"
    old, young = kept(open_sessions(first), days=8), kept(open_sessions(second))
    assert noted(notes) == {str(first), str(second)}
    for now in (None, tmp_path / "three"):
        assert open_sessions(now).names() == sorted([old, young])
    (line,) = purge_due(open_sessions(), Config())
    assert old in line
    assert list(first.iterdir()) == []
    assert open_sessions(tmp_path / "three").names() == [young]
    assert noted(notes) == {str(second)}, "a folder that holds none any more is forgotten"


def hanging(monkeypatch: pytest.MonkeyPatch, folder: Path) -> threading.Event:
    """Have looking into `folder` hang until the event that is returned."""
    gate, iterdir = threading.Event(), Path.iterdir

    def hangs(path: Path) -> Iterator[Path]:
        if path == folder:
            gate.wait(20)
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", hangs)
    monkeypatch.setattr(places, "LOOK_SECONDS", 0.05)
    return gate


def test_a_former_folder_that_hangs_is_passed_over_and_not_forgotten(
    tmp_path: Path, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, young = kept(open_sessions(tmp_path / "gone")), kept(open_sessions(tmp_path / "here"))
    with monkeypatch.context() as patch:
        gate = hanging(patch, tmp_path / "gone")
        assert open_sessions(tmp_path / "here").names() == [young]
        gate.set()
    assert str(tmp_path / "gone") in noted(notes)
    assert open_sessions(tmp_path / "here").names() == sorted([old, young])


def test_a_folder_in_use_that_hangs_is_said_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = kept(open_sessions(tmp_path / "gone"))
    gate = hanging(monkeypatch, tmp_path / "gone")
    sessions = open_sessions(tmp_path / "gone")
    for ask in (sessions.names, sessions.listed, lambda: sessions.open(name), lambda: sessions.purge(name)):
        with pytest.raises(StoreSilentError, match="gone, does not answer: see to its disk"):
            ask()
    gate.set()


def test_it_is_found_listed_read_and_purged_by_its_name(tmp_path: Path, notes: Path) -> None:
    """Reproduced: `purge` said that there was none."""
    name = kept(open_sessions(tmp_path / "one"))
    sessions = open_sessions(tmp_path / "two")
    assert [(one.session, one.state) for one in sessions.listed()] == [(name, "unfinished")]
    assert sessions.unfinished() == (name, sessions.read(name))
    assert name in purge(sessions, name, Config())
    assert list((tmp_path / "one").iterdir()) == []
    assert open_sessions().names() == []
    assert noted(notes) == set()


def test_the_users_data_folder_is_always_looked_into(tmp_path: Path, notes: Path) -> None:
    name = kept(open_sessions())
    assert open_sessions(tmp_path / "one").names() == [name]
    assert not notes.exists(), "it needs no note"


def test_a_folder_used_before_there_were_notes_is_noted_as_long_as_it_is_in_use(tmp_path: Path, notes: Path) -> None:
    name = kept(Sessions(tmp_path / "one", open_sessions().keys))
    open_sessions(tmp_path / "one")
    assert open_sessions().names() == [name]
    assert noted(notes) == {str(tmp_path / "one")}


def test_a_disk_that_is_not_plugged_in_is_not_forgotten(tmp_path: Path, notes: Path) -> None:
    disk = tmp_path / "disk"
    name = kept(open_sessions(disk))
    disk.rename(tmp_path / "away")
    assert open_sessions().names() == []
    (tmp_path / "away").rename(disk)
    assert open_sessions().names() == [name]


@pytest.mark.parametrize("content", [b"", b"not/absolute", b"/a\0b", b"/" + b"x" * 5_000, b"/nowhere", b"\xff"])
def test_a_note_that_says_nothing_hurts_nobody(tmp_path: Path, notes: Path, content: bytes) -> None:
    notes.mkdir(parents=True)
    (notes / "0123456789abcdef").write_bytes(content)
    sessions = open_sessions(tmp_path / "one")
    name = kept(sessions)
    assert sessions.names() == [name]
    sessions.purge(name)
    assert sessions.names() == []


def test_of_two_copies_both_go(tmp_path: Path) -> None:
    first = open_sessions(tmp_path / "one")
    name = kept(first)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / f"{name}.session").write_bytes((tmp_path / "one" / f"{name}.session").read_bytes())
    sessions = open_sessions(tmp_path / "two")
    assert sessions.read(name).chosen.began.tzinfo is not None
    assert sessions.purge(name).at <= dt.datetime.now(tz=dt.UTC)
    assert [path for one in ("one", "two") for path in (tmp_path / one).iterdir()] == []
