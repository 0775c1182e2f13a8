"""Sessions go when their days are over, or once delivered where that is wanted; each one that goes is told."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

import pytest

from facilitator.clocks import START, running_seconds
from facilitator.config import Config, PrivacyConfig, SessionConfig
from facilitator.languages import load_language
from facilitator.retention import destroyed_line, purge, purge_due
from facilitator.store import folder as module
from facilitator.store.contents import Chosen, Delivery, chosen_entry, course_entry, delivery_entry, text_entry
from facilitator.store.file import Entry, SessionStore
from facilitator.store.folder import Destroyed, Sessions
from facilitator.store.keys import FileVault, Keys
from tests.store.meetings import BEGAN, chosen, in_contract

HANDED = Delivery(id="", content="c", recipient="", state="folder", wall=1.0)


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path / "sessions", Keys([FileVault(tmp_path / "keys")]))


def keep(
    sessions: Sessions,
    *,
    days: float = 0,
    here: bool = False,
    ended: bool = False,
    what: Chosen | None = None,
    after: tuple[Entry, ...] = (),
) -> SessionStore:
    """Return the store of a session that was last written so many days ago; `here`, a moment ago in truth."""
    durable, wall = in_contract().durable(), (dt.datetime.now(tz=dt.UTC) - dt.timedelta(days=days)).timestamp()
    store = sessions.create(BEGAN)
    running = running_seconds() if here else None
    course = json.loads(course_entry(durable.at, wall, durable.course, running).payload)
    course["course"]["phase"] = "ended" if ended else course["course"]["phase"]
    texts = [text_entry(name, record) for name, record in durable.records.items()]
    store.append(chosen_entry(what or chosen()), *texts, Entry("course", json.dumps(course).encode()), *after)
    store.mark()
    os.utime(store.path, (wall, wall))
    return store


def config(**privacy: object) -> Config:
    return Config(privacy=PrivacyConfig.model_validate(privacy))


def test_a_session_goes_after_its_days_and_not_before(sessions: Sessions) -> None:
    old, young = keep(sessions, days=7.01), keep(sessions, days=6.99)
    old.close()
    young.close()
    (line,) = purge_due(sessions, config())
    assert line.startswith(f"La séance {old.session} a été détruite le ")
    assert sessions.names() == [young.session]
    (line,) = purge_due(sessions, config(days=6))
    assert young.session in line
    assert list(purge_due(sessions, config(days=1))) == []


@pytest.mark.skipif(not START, reason="this system does not tell its starts apart")
def test_a_clock_that_is_set_right_destroys_nothing_that_was_just_held(sessions: Sessions) -> None:
    keep(sessions, days=2500, here=True).close()
    assert list(purge_due(sessions, config())) == []
    assert len(sessions.names()) == 1


def test_one_from_before_the_program_is_left_and_told(sessions: Sessions) -> None:
    store = keep(sessions, days=2500)
    store.close()
    (line,) = purge_due(sessions, config())
    assert line.startswith(f"The session {store.session} was held while the computer's clock was wrong, ")
    assert sessions.names() == [store.session]


def test_one_that_is_held_or_asked_for_stays(sessions: Sessions) -> None:
    held, asked = keep(sessions, days=30), keep(sessions, days=30)
    asked.close()
    assert list(purge_due(sessions, config(), but=asked.session)) == []
    assert set(sessions.names()) == {held.session, asked.session}
    held.close()


def test_one_that_cannot_be_read_is_as_old_as_its_file(sessions: Sessions) -> None:
    for days in (8, 1):
        store = keep(sessions, days=days)
        store.close()
        sessions.keys.destroy(store.session)
    assert len(list(purge_due(sessions, config()))) == 1
    assert sessions.names() == [store.session]


@pytest.mark.parametrize(
    ("ended", "after", "goes"),
    [
        (True, (delivery_entry(HANDED),), True),
        (True, (delivery_entry(HANDED.model_copy(update={"state": "sent"})),), True),
        (True, (delivery_entry(HANDED.model_copy(update={"state": "unknown"})),), False),
        (True, (), False),
        (False, (delivery_entry(HANDED),), False),
        (True, (delivery_entry(HANDED), *(text_entry(*one) for one in in_contract().durable().records.items())), False),
    ],
)
def test_where_that_is_wanted_one_that_is_over_and_delivered_as_it_stands_goes(
    sessions: Sessions, ended: bool, after: tuple[Entry, ...], goes: bool
) -> None:
    keep(sessions, ended=ended, after=after).close()
    assert list(purge_due(sessions, config())) == []
    assert len(list(purge_due(sessions, config(destroy_delivered=True)))) == goes
    assert len(sessions.names()) == (not goes)


def test_one_whose_sound_waits_is_not_delivered_yet(sessions: Sessions) -> None:
    store = keep(sessions, ended=True, after=(delivery_entry(HANDED),))
    store.keep_sound(b"some")
    store.close()
    assert list(purge_due(sessions, config(destroy_delivered=True))) == []
    store, _ = sessions.open(store.session)
    store.forget_sounds()
    store.close()
    assert len(list(purge_due(sessions, config(destroy_delivered=True)))) == 1


def test_one_that_should_have_gone_and_did_not_is_told(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(sessions, days=8).close()

    def refuse(path: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(module, "destroy_file", refuse)
    (line,) = purge_due(sessions, config())
    assert "could not be removed (Input/output error)" in line


@pytest.mark.parametrize(
    ("process", "language", "start"),
    [
        ("codev", "en", "The session "),
        ("/gone/process", "en", "The session "),
        ("codev", "fr", "La séance "),
        ("codev", "xx", "La séance "),
    ],
)
def test_the_line_is_in_the_sessions_language(sessions: Sessions, process: str, language: str, start: str) -> None:
    what = chosen().model_copy(update={"process": process, "language": language})
    store = keep(sessions, what=what)
    store.close()
    assert purge(sessions, store.session, config()).startswith(start)


def test_where_it_cannot_be_read_the_line_is_in_the_configurations_language(sessions: Sessions) -> None:
    store = keep(sessions)
    store.close()
    sessions.keys.destroy(store.session)
    english = Config(session=SessionConfig(language="en"))
    assert purge(sessions, store.session, english).startswith("The session ")


def test_the_line_says_what_was_destroyed_and_when() -> None:
    at = dt.datetime(2026, 11, 24, 18, 5, 9, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    said = destroyed_line(Destroyed("2026-11-24-0930-a1b2", at), load_language("codev"))
    assert said.startswith(
        "La séance 2026-11-24-0930-a1b2 a été détruite le 24 novembre 2026 à 18:05:09 (UTC+0100) : sa clé"
    )
    assert "(UTC):" in destroyed_line(Destroyed("x", at.astimezone(dt.UTC)), load_language("codev", "en"))
