"""How a session begins: old ones go first, and of a recent one that cannot be taken up the animator is told."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from facilitator.cli import resuming
from facilitator.cli.resuming import begin
from facilitator.config import Config, PrivacyConfig
from facilitator.errors import StoreDamagedError, StoreSilentError
from facilitator.languages import load_language
from facilitator.store.contents import chosen_entry, course_entry
from facilitator.store.folder import Sessions
from facilitator.store.keys import FileVault, Keys
from tests.store.meetings import BEGAN, chosen, in_contract


@pytest.fixture
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sessions:
    found = Sessions(tmp_path / "sessions", Keys([FileVault(tmp_path / "keys")]))
    monkeypatch.setattr(resuming, "open_sessions", lambda _: found)
    return found


def keep(sessions: Sessions, *, hours: float = 0.0) -> Path:
    """Return the file of a session that was broken off so long ago."""
    durable, wall = in_contract().durable(), time.time() - hours * 3600
    store = sessions.create(BEGAN)
    store.append(chosen_entry(chosen()), course_entry(durable.at, wall, durable.course))
    store.mark()
    store.close()
    os.utime(store.path, (wall, wall))
    return store.path


def damage(sessions: Sessions, path: Path) -> None:
    path.write_bytes(path.read_bytes()[:512] + bytes(path.stat().st_size - 512))


def age(sessions: Sessions, path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[60:64] = (99).to_bytes(4)  # SQLite's user_version
    path.write_bytes(content)


def forget(sessions: Sessions, path: Path) -> None:
    sessions.keys.destroy(path.stem)


def test_a_session_that_was_broken_off_is_named(sessions: Sessions) -> None:
    path = keep(sessions)
    begun = begin(Config(), None)
    assert begun.unfinished == (path.stem, sessions.read(path.stem))
    assert begun.notices == ()


@pytest.mark.parametrize(
    ("harm", "code"), [(damage, "unread_damaged"), (age, "unread_version"), (forget, "unread_no_key")]
)
def test_a_recent_one_that_cannot_be_taken_up_is_told_and_left_as_it_is(
    sessions: Sessions, harm: Callable[[Sessions, Path], None], code: str
) -> None:
    path = keep(sessions)
    harm(sessions, path)
    before = path.read_bytes()
    assert begin(Config(), None).notices == (code,)
    assert path.read_bytes() == before
    for language in ("fr", "en"):
        assert load_language("codev", language).has(f"interface.warnings.{code}")


def test_one_of_yesterday_is_neither_named_nor_told(sessions: Sessions) -> None:
    keep(sessions, hours=13)
    path = keep(sessions, hours=13)
    damage(sessions, path)
    wall = time.time() - 13 * 3600
    os.utime(path, (wall, wall))
    begun = begin(Config(), None)
    assert (begun.unfinished, begun.notices) == (None, ())


def test_what_is_kept_too_long_goes_before_anything_else_and_is_told(
    sessions: Sessions, capsys: pytest.CaptureFixture[str]
) -> None:
    old, asked = keep(sessions, hours=24 * 8), keep(sessions, hours=24 * 8)
    today = dt.datetime.now(tz=dt.UTC).astimezone()
    begun = begin(Config(), asked.stem)
    assert begun.store is not None
    begun.store.close()
    assert sessions.names() == [asked.stem]
    said = " ".join(capsys.readouterr().err.split())
    days = {"1er" if one.day == 1 else str(one.day) for one in (today, dt.datetime.now(tz=dt.UTC).astimezone())}
    assert any(f"La séance {old.stem} a été détruite le {day} " in said for day in days)


def test_one_that_is_asked_for_and_cannot_be_read_is_one_sentence(sessions: Sessions) -> None:
    path = keep(sessions)
    damage(sessions, path)
    with pytest.raises(StoreDamagedError, match="left as it is"):
        begin(Config(), path.stem)


def test_a_session_begins_though_the_folder_of_kept_ones_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = Sessions(tmp_path / "gone", Keys([FileVault(tmp_path / "keys")]), silent=True)
    monkeypatch.setattr(resuming, "open_sessions", lambda _: silent)
    begun = begin(Config(), None)
    assert (begun.sessions, begun.notices) == (silent, ("unread_silent",))
    for language in ("fr", "en"):
        assert load_language("codev", language).has("interface.warnings.unread_silent")
    with pytest.raises(StoreSilentError):
        begin(Config(), "2026-11-24-0930-a1b2")


def test_without_a_store_what_was_kept_before_goes_all_the_same(sessions: Sessions) -> None:
    keep(sessions, hours=24 * 8)
    young = keep(sessions)
    assert begin(Config(privacy=PrivacyConfig(store=False)), None) == resuming.Begun(None)
    assert sessions.names() == [young.stem]
