"""All the sessions of a user: what each holds, what is known without a key, and how one is destroyed."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from facilitator.errors import KeyMissingError, NoSessionError, StoreBusyError, StoreDamagedError, StoreError
from facilitator.store import folder as module
from facilitator.store.contents import chosen_entry, course_entry, fold, text_entry
from facilitator.store.file import Entry, SessionStore
from facilitator.store.folder import Sessions, open_sessions
from facilitator.store.keys import FileVault, Keys
from tests.store.meetings import BEGAN, CONTRACT, chosen, in_contract


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path / "sessions", Keys([FileVault(tmp_path / "keys")]))


def keep(sessions: Sessions, *, wall: float = 1000.0, began: dt.datetime = BEGAN) -> SessionStore:
    durable = in_contract().durable()
    store = sessions.create(began)
    texts = [text_entry(name, record) for name, record in durable.records.items()]
    store.append(chosen_entry(chosen()), *texts, course_entry(durable.at, wall, durable.course))
    store.mark()
    return store


def test_a_session_comes_back_as_it_was(sessions: Sessions) -> None:
    store = keep(sessions)
    store.close()
    kept = sessions.read(store.session)
    assert kept.durable == in_contract().durable()
    assert kept.chosen == chosen()
    assert (kept.begun, kept.ended) == (1, False)
    assert kept.durable.records["contract"].text == CONTRACT


def test_session_time_goes_on_from_the_computers_and_never_back(sessions: Sessions) -> None:
    store = keep(sessions, wall=1000.0)
    store.close()
    kept = sessions.read(store.session)
    assert kept.now(1000.0) == kept.durable.at == 60.0
    assert kept.now(1090.5) == 150.5
    assert kept.now(500.0) == 60.0
    assert kept.written_at == dt.datetime.fromtimestamp(1000, tz=dt.UTC)


def test_its_name_says_when_and_nothing_else(sessions: Sessions) -> None:
    store = keep(sessions)
    store.close()
    assert re.fullmatch(r"2026-11-24-0930-[0-9a-f]{4}", store.session)


def test_each_session_is_listed_with_its_state(sessions: Sessions, tmp_path: Path) -> None:
    assert sessions.listed() == []
    names = []
    for minute in range(3):
        store = keep(sessions, began=BEGAN + dt.timedelta(minutes=minute))
        names.append(store.session)
        if minute < 2:
            store.close()
    (tmp_path / "keys" / f"{names[0]}.key").unlink()
    found = sessions.listed()
    assert [(one.session, one.state) for one in found] == list(
        zip(names, ["no_key", "unfinished", "held"], strict=True)
    )
    assert all(one.size > 4096 for one in found)
    (sessions.folder / f"{names[1]}.session").write_bytes(bytes(9000))
    assert sessions.listed()[1].state == "damaged"
    store.close()


def test_the_last_session_that_is_not_over_is_offered(sessions: Sessions) -> None:
    assert sessions.unfinished() is None
    first, second = (keep(sessions, began=BEGAN + dt.timedelta(minutes=minute)) for minute in (0, 1))
    first.close()
    assert sessions.unfinished() == (first.session, sessions.read(first.session))  # the second one is held
    second.close()
    found = sessions.unfinished()
    assert found is not None
    assert found[0] == second.session


def test_a_purge_destroys_the_key_then_the_file_and_says_when(sessions: Sessions, tmp_path: Path) -> None:
    store = keep(sessions)
    with pytest.raises(StoreBusyError):
        sessions.purge(store.session)
    store.close()
    before = dt.datetime.now(tz=dt.UTC)
    destroyed = sessions.purge(store.session)
    assert destroyed.session == store.session
    assert before <= destroyed.at <= dt.datetime.now(tz=dt.UTC)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    with pytest.raises(NoSessionError):
        sessions.purge(store.session)


def test_a_purge_destroys_what_sqlite_left_beside_the_file(sessions: Sessions, tmp_path: Path) -> None:
    store = keep(sessions)
    store.close()
    for end in ("-journal", "-wal", "-shm"):
        store.path.with_name(store.path.name + end).write_bytes(b"page")
    sessions.destroy(store.session)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_purge_needs_no_key_nor_a_whole_file(sessions: Sessions, tmp_path: Path) -> None:
    store = keep(sessions)
    store.close()
    store.path.write_bytes(b"no database")
    (tmp_path / "keys" / f"{store.session}.key").unlink()
    sessions.purge(store.session)
    assert sessions.names() == []


def test_a_purge_that_did_not_reach_its_end_says_how_far_it_came(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = keep(sessions)
    store.close()

    def refuse(path: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(module, "destroy_file", refuse)
        with pytest.raises(StoreError, match=r"key .* is destroyed.* could not be removed .*by hand"):
            sessions.purge(store.session)
    with pytest.raises(KeyMissingError):
        sessions.keys.find(store.session)
    assert sessions.purge(store.session).session == store.session


def test_a_purge_that_broke_off_after_the_file_was_removed_can_be_brought_to_its_end(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = keep(sessions)
    store.close()

    def refuse(folder: Path) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(module, "sync_folder", refuse)
        with pytest.raises(StoreError, match="is destroyed"):
            sessions.destroy(store.session)
    assert sessions.names() == []
    assert sessions.destroy(store.session).session == store.session


def test_a_session_that_is_not_there_is_one_sentence(sessions: Sessions) -> None:
    store = keep(sessions)
    store.close()
    for name in ("x", "../keys/x", store.session[:-1]):
        with pytest.raises(NoSessionError, match="There is no session"):
            sessions.read(name)


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [Entry("chosen", b"{}")],
        [Entry("course", b'{"at": 1}')],
        [Entry("chosen", chosen_entry(chosen()).payload)],
        [Entry("text", b'{"name": "contract", "record": {"text": "Camille"}')],
    ],
)
def test_records_that_come_to_nothing_are_one_sentence_without_words(entries: list[Entry]) -> None:
    with pytest.raises(StoreDamagedError) as caught:
        fold("2026-11-24-0930-a1b2", entries)
    assert "Camille" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_kind_that_a_later_facilitator_added_is_passed_over() -> None:
    durable = in_contract().durable()
    entries = [chosen_entry(chosen()), course_entry(1.0, 2.0, durable.course), Entry("sound", b"?")]
    assert fold("x", entries).durable.course == durable.course


def test_sessions_are_in_the_users_data_and_keys_apart_from_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert open_sessions().folder == tmp_path / "data" / "codev-facilitator" / "sessions"
    assert open_sessions(tmp_path / "own").folder == tmp_path / "own"
    vault = open_sessions().keys.used
    if isinstance(vault, FileVault):
        assert vault.folder == tmp_path / "state" / "codev-facilitator" / "keys"
