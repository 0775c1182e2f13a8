"""A real `run` killed with SIGKILL again and again, at points that are awaited, and taken up again each time.

A point is the answer to a command, or the first change of the session's file while a command is being done: amid the
stroke that writes it. Between two commands nothing is written, so there is nothing else to meet.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.live import Run, running

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
]

CONFIG = "[voice]\nenabled = false\n[listening]\nenabled = false\n"
PEOPLE = ("--duration", "60", "--participant", "Camille=client", "--participant", "Nour=consultant")
CHANGE_SECONDS = 5.0
"""A command that changes anything is written down long before."""
Command = tuple[str, dict[str, Any]]


def commands(number: int) -> list[Command]:
    """Return a whole session, with words of its own."""
    return [
        ("start", {}),
        ("extend", {"minutes": 1}),
        *[("next", {})] * 3,
        ("edit_contract", {"text": f"Aidez-moi à dire non, {number}."}),
        ("mark_contract", {"text": f"Dans cette séance, aidez-moi à dire non, {number}."}),
        ("extend", {"minutes": 2}),
        *[("next", {})] * 2,
        ("edit_plan", {"text": f"J'appelle Nour, {number}."}),
        ("edit_plan", {"text": f"J'appelle Nour, {number}.\nJe dis non.", "agreed_by": "Camille"}),
        ("next", {}),
    ]


class Home:
    """A user of their own, as `running` wants it.

    Attributes:
        notes: where it is noted which ready files there are.
    """

    def __init__(self, folder: Path) -> None:
        homes = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CONFIG", "CACHE", "DATA", "STATE")}
        keyring = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
        self.notes = folder / "state" / "codev-facilitator" / "ready"
        self.environment = {**os.environ, **homes, **keyring}


@dataclass
class Shown:
    """What a session showed, and when."""

    shot: dict[str, Any]
    at: float = field(default_factory=time.monotonic)

    @property
    def lasting(self) -> dict[str, Any]:
        """Return what must not depend on the process."""
        names = ("phase", "step", "who", "planned_seconds", "records", "steps", "ends_at")
        return {name: self.shot[name] for name in names}


async def look(run: Run) -> Shown:
    async with run._http.get(f"{run.api}/state") as answer:
        return Shown(await answer.json())


def change(folder: Path, before: tuple[int, int]) -> None:
    """Return when the sessions' folder or a file in it has changed."""
    deadline = time.monotonic() + CHANGE_SECONDS
    while written(folder) == before:
        assert time.monotonic() < deadline, "nothing was written"


def written(folder: Path) -> tuple[int, int]:
    try:
        return folder.stat().st_mtime_ns, max((path.stat().st_mtime_ns for path in folder.iterdir()), default=0)
    except FileNotFoundError:
        return 0, 0


async def kill_now(run: Run) -> None:
    run.process.send_signal(signal.SIGKILL)
    assert await run.process.wait() == -signal.SIGKILL


class Meeting:
    """One session that is killed at every command, and what it must show when it is taken up again."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder = folder
        self.home = Home(folder)
        self.left = commands(number)
        self.sessions = folder / "data" / "codev-facilitator" / "sessions"
        self.before: Shown | None = None
        self.doing: Command | None = None
        self.checked = 0

    async def take_up(self, *, kill: bool, amid: bool) -> bool:
        """Begin or take up the session and check it; then kill it after a command or amid it; return whether it was."""
        await asyncio.to_thread((self.folder / "ready.json").unlink, missing_ok=True)
        names = [path.stem for path in self.sessions.glob("*.session")]
        arguments = PEOPLE if self.before is None else ("--resume", *names)
        async with running(self.home, self.folder, CONFIG, *arguments) as run:
            shown = await look(run)
            if self.before is not None:
                self.check(self.before, shown)
                self.checked += 1
            if not kill or not self.left:
                return False
            if amid:
                self.before, self.doing = shown, self.left[0]
                await self._kill_amid(run, *self.left[0])
            else:
                name, values = self.left.pop(0)
                await run.command(name, **values)
                self.before, self.doing = await look(run), None
                await kill_now(run)
            return True

    async def _kill_amid(self, run: Run, name: str, values: dict[str, Any]) -> None:
        known = await asyncio.to_thread(written, self.sessions)
        changed = asyncio.create_task(asyncio.to_thread(change, self.sessions, known))
        doing = asyncio.create_task(run.command(name, **values))
        await changed
        await kill_now(run)
        await asyncio.gather(doing, return_exceptions=True)

    def check(self, before: Shown, now: Shown) -> None:
        """Assert that it shows what it showed, at the present second; killed amid a command, all of that or nothing."""
        assert now.shot["at"] == pytest.approx(before.shot["at"] + now.at - before.at, abs=1.0)
        if self.doing is None:
            assert now.lasting == before.lasting
            return
        if now.lasting == before.lasting:
            return  # the stroke was not whole: the command is done again
        name, values = self.left.pop(0)
        records, steps = dict(before.shot["records"]), [step["id"] for step in now.shot["steps"]]
        if "text" in values:
            record = "contract" if "contract" in name else "plan"
            assert now.shot["records"][record]["text"] == values["text"]
            records[record] = now.shot["records"][record]
        assert now.shot["records"] == records
        assert steps.index(now.shot["step"]) == steps.index(before.shot["step"]) + (name == "next")


async def kill_often(folder: Path, kills: int, seed: int) -> dict[str, int]:
    """Kill sessions so many times; return which points were met, and how often one was taken up again and right."""
    chance = random.Random(seed)
    counts = {"after an answer": 0, "amid a writing": 0, "sessions": 0, "taken up again": 0}
    killed = 0
    while killed < kills:
        own = folder / f"s{killed}"
        await asyncio.to_thread(own.mkdir)
        meeting = Meeting(own, killed)
        counts["sessions"] += 1
        while meeting.left and killed < kills:
            amid = chance.random() < 0.5 and meeting.before is not None
            if await meeting.take_up(kill=True, amid=amid):
                counts["amid a writing" if amid else "after an answer"] += 1
                killed += 1
        await meeting.take_up(kill=False, amid=False)
        counts["taken up again"] += meeting.checked
    return counts


@pytest.mark.parametrize(
    ("kills", "seed"), [(4, 1), *(pytest.param(50, seed, marks=pytest.mark.soak) for seed in (2, 3, 4, 5))]
)
async def test_a_session_that_is_killed_goes_on_where_it_was(
    tmp_path: Path, kills: int, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = await kill_often(tmp_path, kills, seed)
    with capsys.disabled():
        sys.stderr.write("".join(f"\n  kills {name}: {count}" for name, count in counts.items()) + "\n")
    assert counts["after an answer"] + counts["amid a writing"] == kills
    assert counts["taken up again"] >= kills
    assert counts["amid a writing"] > 0
