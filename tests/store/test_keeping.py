"""A live session is written as it goes; where it cannot be, the meeting goes on and the animator knows within 2 s."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from facilitator.clocks import running_seconds
from facilitator.core import events as ev
from facilitator.errors import StoreError, StoreFullError
from facilitator.store import keeping as module
from facilitator.store.contents import Door
from facilitator.store.file import Entry, SessionStore
from facilitator.store.folder import Destroyed, Sessions
from facilitator.store.keeping import Keeping, Storing
from facilitator.store.keys import FileVault, Keys
from tests.conftest import ROOT
from tests.store.meetings import CONTRACT, chosen, in_contract, session

LATE_SECONDS, PATIENT_SECONDS = module.LATE_SECONDS, 30.0


class Kept:
    """A keeping under test, and what the animator was told with when."""

    def __init__(self, folder: Path) -> None:
        self.sessions = Sessions(folder / "sessions", Keys([FileVault(folder / "keys")]))
        self.told: list[str] = []
        self.keeping = Keeping(Storing(self.sessions, chosen()), self.told.append)

    async def told_within(self, code: str, seconds: float = PATIENT_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while code not in self.told:
            assert time.monotonic() < deadline, self.told
            await asyncio.sleep(0.01)


@pytest.fixture
async def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kept]:
    """Return a keeping that calls no disk slow, however busy others keep it, unless the test is about that."""
    monkeypatch.setattr(module, "LATE_SECONDS", PATIENT_SECONDS)
    found = Kept(tmp_path)
    yield found
    await found.keeping.close(ended=False)


def failing(monkeypatch: pytest.MonkeyPatch, failure: Callable[[], BaseException | None]) -> None:
    """Have `append` raise what `failure` gives, and write where it gives None."""
    append = SessionStore.append

    def fail(store: SessionStore, *entries: Entry) -> None:
        raised = failure()
        if raised is not None:
            raise raised
        append(store, *entries)

    monkeypatch.setattr(SessionStore, "append", fail)


def waiting(until: threading.Event) -> None:
    """Be a disk that does not answer for a while."""
    until.wait(10)


async def test_nothing_is_kept_before_consent_and_the_session_from_then_on(kept: Kept) -> None:
    meeting = session()
    meeting.receive(ev.StartAsked(at=0.0))
    kept.keeping.note(meeting.durable())
    await kept.keeping.flush()
    assert kept.sessions.names() == []
    meeting.receive(ev.ConsentGiven(at=5.0))
    kept.keeping.note(meeting.durable())
    await kept.keeping.flush()
    await kept.keeping.close(ended=False)
    assert kept.sessions.read(kept.sessions.names()[0]).durable == meeting.durable()
    assert kept.told == []


async def test_a_session_that_never_listens_is_kept_from_its_start(kept: Kept) -> None:
    meeting = session(listens=False)
    kept.keeping.note(meeting.durable())
    await kept.keeping.flush()
    assert kept.sessions.names() == []
    meeting.receive(ev.StartAsked(at=0.0))
    kept.keeping.note(meeting.durable())
    await kept.keeping.flush()
    assert len(kept.sessions.names()) == 1


async def test_where_its_pages_are_answered_is_kept_with_a_session(kept: Kept) -> None:
    door = Door(port=8123, key="ab" * 32)
    kept.keeping.remember(door)
    await kept.keeping.flush()
    assert kept.sessions.names() == [], "alone it is nothing to keep"
    kept.keeping.note(in_contract().durable())
    await kept.keeping.close(ended=False)
    (name,) = kept.sessions.names()
    store, found = kept.sessions.open(name)
    assert found.chosen.door == door
    moved = Keeping(Storing(kept.sessions, found.chosen, store, found), kept.told.append)
    moved.remember(Door(port=8124, key=door.key))
    moved.note(in_contract().durable())
    await moved.close(ended=False)
    again = kept.sessions.read(name).chosen.door
    assert again is not None
    assert again.port == 8124


async def test_only_what_changed_is_written(kept: Kept) -> None:
    meeting = in_contract()
    kept.keeping.note(meeting.durable())
    kept.keeping.note(meeting.durable())
    meeting.receive(ev.Tick(at=61.0))
    kept.keeping.note(meeting.durable())
    meeting.receive(ev.RecordEdited(at=62.0, record="contract", text="Autrement."))
    kept.keeping.note(meeting.durable())
    await kept.keeping.close(ended=True)
    store, found = kept.sessions.open(kept.sessions.names()[0])
    kinds = [entry.kind for entry in store.read()]
    assert kinds == ["chosen", "text", "text", "course", "text", "course"]
    assert store.closed
    store.close()
    assert found.durable.records["contract"].text == "Autrement."


async def test_the_loop_never_waits_and_the_order_is_kept(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    wrote = threading.Event()
    failing(monkeypatch, partial(waiting, wrote))
    meeting = in_contract()
    started = time.monotonic()
    order: list[str] = []
    kept.keeping.after(lambda: order.append("before"))
    kept.keeping.note(meeting.durable())
    kept.keeping.after(lambda: order.append("first"))
    meeting.receive(ev.NextAsked(at=70.0))
    kept.keeping.note(meeting.durable())
    kept.keeping.after(lambda: order.append("second"))
    assert time.monotonic() - started < 0.2
    await asyncio.sleep(0.1)
    assert order == ["before"], "told before it was on the disk"
    wrote.set()
    await kept.keeping.flush()
    assert order == ["before", "first", "second"]


async def test_a_text_is_shown_once_it_is_on_the_disk(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    wrote = threading.Event()
    failing(monkeypatch, partial(waiting, wrote))
    meeting = in_contract()
    before = session().snapshot(0.0).records
    assert kept.keeping.shown(before) is before
    kept.keeping.note(meeting.durable())
    after = meeting.snapshot(60.0).records
    assert after["contract"].text == CONTRACT
    assert kept.keeping.shown(after) is before
    wrote.set()
    await kept.keeping.flush()
    assert kept.keeping.shown(after) is after


@pytest.mark.parametrize("failure", [StoreError("No."), RuntimeError("a defect"), sqlite3.OperationalError("no")])
async def test_a_failure_is_told_once_and_the_meeting_goes_on(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    failing(monkeypatch, lambda: failure)
    meeting = in_contract()
    order: list[str] = []
    kept.keeping.note(meeting.durable())
    kept.keeping.after(lambda: order.append("told all the same"))
    await kept.told_within("store_failed")
    meeting.receive(ev.NextAsked(at=70.0))
    kept.keeping.note(meeting.durable())
    await kept.keeping.flush()
    assert order == ["told all the same"]
    assert kept.told == ["store_failed"]
    after = meeting.snapshot(70.0).records
    assert kept.keeping.shown(after) is after


async def test_a_failing_disk_is_not_said_to_be_full_and_not_tried_again(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    answers = iter([StoreError("No."), None])
    failing(monkeypatch, lambda: next(answers))
    meeting = in_contract()
    kept.keeping.note(meeting.durable())
    meeting.receive(ev.NextAsked(at=70.0))
    kept.keeping.note(meeting.durable())
    await kept.told_within("store_failed")
    await kept.keeping.flush()
    await asyncio.sleep(0.05)
    kept.keeping.note(meeting.durable())
    await kept.keeping.close(ended=True)
    assert kept.told == ["store_failed"]
    assert next(answers) is None, "it was tried again"


async def test_a_full_disk_is_told_and_tried_again_whole(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    full = True
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.2)
    failing(monkeypatch, lambda: StoreFullError("Full.") if full else None)
    meeting = in_contract()
    kept.keeping.note(meeting.durable())
    meeting.receive(ev.NextAsked(at=70.0))
    noted = running_seconds()
    kept.keeping.note(meeting.durable())
    await kept.told_within("store_full")
    await kept.keeping.flush()
    assert kept.told == ["store_full"]
    full = False  # and nothing more happens in the meeting
    await kept.told_within("store_back")
    await kept.keeping.close(ended=False)
    found = kept.sessions.read(kept.sessions.names()[0])
    assert found.durable == meeting.durable()
    assert found.now() - found.durable.at >= running_seconds() - noted - 0.1, "the wait for the disk counts"


async def test_a_disk_that_hangs_is_told_and_nobody_waits(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LATE_SECONDS", LATE_SECONDS)
    wrote = threading.Event()
    failing(monkeypatch, partial(waiting, wrote))
    meeting = in_contract()
    order: list[str] = []
    kept.keeping.note(meeting.durable())
    kept.keeping.after(lambda: order.append("told all the same"))
    await kept.told_within("store_slow", 2.0)
    await kept.keeping.flush()
    assert order == ["told all the same"]
    meeting.receive(ev.NextAsked(at=70.0))
    kept.keeping.note(meeting.durable())
    await asyncio.wait_for(kept.keeping.flush(), 0.5)
    after = meeting.snapshot(70.0).records
    assert kept.keeping.shown(after) is after
    wrote.set()


async def test_a_key_that_is_gone_is_told(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(store: SessionStore) -> None:
        raise StoreError("The keyring does not answer.")

    monkeypatch.setattr(SessionStore, "mark", refuse)
    kept.keeping.note(in_contract().durable())
    await kept.told_within("store_key")


async def test_a_key_that_somebody_removed_is_told_as_what_it_means(kept: Kept, tmp_path: Path) -> None:
    meeting = in_contract()
    kept.keeping.note(meeting.durable())
    await kept.keeping.flush()
    assert kept.told == []
    (name,) = kept.sessions.names()
    kept.sessions.keys.destroy(name)
    meeting.receive(ev.NextAsked(at=70.0))
    kept.keeping.note(meeting.durable())
    await kept.told_within("store_failed")
    assert list((tmp_path / "keys").iterdir()) == [], "a mark without a key"


async def test_a_purge_that_the_disk_does_not_answer_is_not_said_to_be_done(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    destroy = Sessions.destroy

    def slow(sessions: Sessions, session: str) -> Destroyed:
        waiting(answers)
        return destroy(sessions, session)

    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.05)
    monkeypatch.setattr(Sessions, "destroy", slow)
    kept.keeping.note(in_contract().durable())
    await kept.keeping.flush()
    with pytest.raises(StoreError, match="does not answer"):
        await kept.keeping.purge()
    answers.set()
    monkeypatch.setattr(module, "CLOSE_SECONDS", 5.0)
    assert await kept.keeping.purge() is not None
    assert kept.sessions.names() == []


async def test_a_disk_that_hangs_delays_no_exit_of_the_program(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys, threading\n"
        "from pathlib import Path\n"
        "from facilitator.store import keeping\n"
        "from tests.store.test_keeping import Kept, in_contract\n"
        "keeping.CLOSE_SECONDS = 0.05\n"
        "keeping.SessionStore.append = lambda *_, **__: threading.Event().wait()\n"
        "async def main():\n"
        "    kept = Kept(Path(sys.argv[1]))\n"
        "    kept.keeping.note(in_contract().durable())\n"
        "    await kept.keeping.close(ended=True)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(tmp_path), cwd=ROOT)
    try:
        assert await asyncio.wait_for(process.wait(), 20) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_store_that_cannot_be_made_is_told(kept: Kept) -> None:
    kept.sessions.folder.write_text("a file, no folder")
    kept.keeping.note(in_contract().durable())
    await kept.told_within("store_failed")
    assert kept.sessions.folder.read_text() == "a file, no folder"


async def test_without_a_store_everything_is_told_at_once() -> None:
    keeping = Keeping(None, lambda code: None)
    order: list[int] = []
    keeping.note(in_contract().durable())
    keeping.after(lambda: order.append(1))
    assert order == [1]
    await keeping.close(ended=True)


async def test_what_goes_on_is_appended_to_its_own_store(kept: Kept) -> None:
    meeting = in_contract()
    kept.keeping.note(meeting.durable())
    await kept.keeping.close(ended=False)
    name = kept.sessions.names()[0]
    store, before = kept.sessions.open(name)
    keeping = Keeping(Storing(kept.sessions, before.chosen, store, before), kept.told.append)
    again = session()
    again.restore(before.durable, 90.0)
    again.receive(ev.NextAsked(at=95.0))
    keeping.note(again.durable())
    await keeping.close(ended=False)
    assert kept.sessions.names() == [name]
    found = kept.sessions.read(name)
    assert (found.begun, found.durable) == (2, again.durable())
