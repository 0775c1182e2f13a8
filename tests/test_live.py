"""A live session without devices: what it shows while its disk is slow, and after its computer slept."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from facilitator.catalog import load_process
from facilitator.languages import load_language
from facilitator.live import Live
from facilitator.live_settings import LiveSettings
from facilitator.store import keeping
from facilitator.store.file import Entry, SessionStore
from facilitator.store.folder import Sessions
from facilitator.store.keeping import Storing
from facilitator.store.keys import FileVault, Keys
from tests.store.meetings import CONTRACT, chosen


class Disk:
    """A disk that takes what it is given only while `free` is set."""

    def __init__(self) -> None:
        self.free, self.asked = threading.Event(), threading.Event()
        self.free.set()

    async def held(self) -> None:
        """Wait until something waits for the disk."""
        assert await asyncio.to_thread(self.asked.wait, 10)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Return the disk of the session, which no wait makes slow."""
    found, append = Disk(), SessionStore.append

    def wait(store: SessionStore, *entries: Entry) -> None:
        found.asked.set()
        found.free.wait(10)
        append(store, *entries)

    monkeypatch.setattr(SessionStore, "append", wait)
    monkeypatch.setattr(keeping, "LATE_SECONDS", 30.0)
    return found


@pytest.fixture
async def live(tmp_path: Path, disk: Disk) -> AsyncIterator[Live]:
    """Return a session that is being held, and kept."""
    process = load_process("codev")
    found = Live(
        LiveSettings(
            process=process,
            seconds=process.plan(60),
            language=load_language("codev", "fr", "tu", listens=False),
            participants=(),
            call_input=None,
            microphone_input=None,
            voice_output=None,
            cache=None,
            recognizer=None,
            listens=False,
            spoken_reminders=False,
            timed_cues_when_deaf=False,
            replies_allowed=False,
            folder=tmp_path / "documents",
            storing=Storing(Sessions(tmp_path / "sessions", Keys([FileVault(tmp_path / "keys")])), chosen()),
        )
    )
    holding = asyncio.create_task(found.run())
    await found.command("start", {})
    yield found
    disk.free.set()
    holding.cancel()
    with suppress(asyncio.CancelledError):
        await holding
    await found.close()


async def consult(live: Live, contract: str) -> None:
    """Agree on a contract, and go to the step whose stage shows it."""
    await live.command("mark_contract", {"text": contract, "agreed_by": "Camille"})
    while live.stage().shows != "contract":
        await live.command("next", {})


async def test_the_agreed_contract_stays_on_the_stage_while_something_else_is_written(live: Live, disk: Disk) -> None:
    await consult(live, CONTRACT)
    assert live.stage().contract == CONTRACT
    disk.asked.clear()
    disk.free.clear()
    asked = asyncio.create_task(live.command("extend", {"minutes": 1}))
    await disk.held()
    assert live.stage().contract == CONTRACT
    disk.free.set()
    await asked
    assert live.stage().contract == CONTRACT


async def test_another_contract_is_on_the_stage_once_it_is_on_the_disk(live: Live, disk: Disk) -> None:
    await consult(live, CONTRACT)
    other = "Aidez-moi à choisir."
    disk.asked.clear()
    disk.free.clear()
    asked = asyncio.create_task(live.command("mark_contract", {"text": other, "agreed_by": "Camille"}))
    await disk.held()
    assert live.stage().contract == CONTRACT
    disk.free.set()
    await asked
    assert live.stage().contract == other


async def test_a_first_contract_is_not_on_the_stage_before_it_is_on_the_disk(live: Live, disk: Disk) -> None:
    while live.stage().shows != "contract":
        await live.command("next", {})
    disk.asked.clear()
    disk.free.clear()
    asked = asyncio.create_task(live.command("mark_contract", {"text": CONTRACT, "agreed_by": "Camille"}))
    await disk.held()
    assert live.stage().contract is None
    disk.free.set()
    await asked
    assert live.stage().contract == CONTRACT
