"""A live session without devices: what it shows while its disk is slow, and after its computer slept."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from facilitator.live import Live
from facilitator.store import keeping
from facilitator.store.file import Entry, SessionStore
from facilitator.store.folder import Sessions
from facilitator.store.keeping import Storing
from facilitator.store.keys import FileVault, Keys
from tests.deviceless import being_held, without_devices
from tests.store.meetings import CONTRACT, chosen


class Disk:
    """A disk that takes what it is given only while `free` is set."""

    def __init__(self) -> None:
        self.free, self.asked = threading.Event(), threading.Event()
        self.free.set()

    async def hold_up(self, live: Live, name: str, values: dict[str, Any]) -> asyncio.Task[Any]:
        """Have a command done until what it changes waits for the disk."""
        self.asked.clear()
        self.free.clear()
        asked = asyncio.create_task(live.command(name, values))
        assert await asyncio.to_thread(self.asked.wait, 10)
        return asked


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
    sessions = Sessions(tmp_path / "sessions", Keys([FileVault(tmp_path / "keys")]))
    found = Live(without_devices(tmp_path, storing=Storing(sessions, chosen())))
    async with being_held(found):
        await found.command("start", {})
        yield found
        disk.free.set()


async def consult(live: Live, contract: str) -> None:
    """Agree on a contract, and go to the step whose stage shows it."""
    await live.command("mark_contract", {"text": contract, "agreed_by": "Camille"})
    while live.stage().shows != "contract":
        await live.command("next", {})


async def test_the_agreed_contract_stays_on_the_stage_while_something_else_is_written(live: Live, disk: Disk) -> None:
    await consult(live, CONTRACT)
    assert live.stage().contract == CONTRACT
    asked = await disk.hold_up(live, "extend", {"minutes": 1})
    assert live.stage().contract == CONTRACT
    disk.free.set()
    await asked
    assert live.stage().contract == CONTRACT


async def test_another_contract_is_on_the_stage_once_it_is_on_the_disk(live: Live, disk: Disk) -> None:
    await consult(live, CONTRACT)
    other = "Aidez-moi à choisir."
    asked = await disk.hold_up(live, "mark_contract", {"text": other, "agreed_by": "Camille"})
    assert live.stage().contract == CONTRACT
    disk.free.set()
    await asked
    assert live.stage().contract == other


async def test_a_first_contract_is_not_on_the_stage_before_it_is_on_the_disk(live: Live, disk: Disk) -> None:
    while live.stage().shows != "contract":
        await live.command("next", {})
    asked = await disk.hold_up(live, "mark_contract", {"text": CONTRACT, "agreed_by": "Camille"})
    assert live.stage().contract is None
    disk.free.set()
    await asked
    assert live.stage().contract == CONTRACT
