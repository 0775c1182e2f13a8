"""`facilitator run` killed with SIGKILL: it goes on at the same step, at the present second, with every agreed word."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests import needed
from tests.e2e.live import ROOT, Run, running
from tests.e2e.test_terminal import terminal
from tests.pulse import PulseServer

pytestmark = [pytest.mark.e2e]

CONFIG = """
[voice]
enabled = false
[audio]
call_input = "call.monitor"
"""
PEOPLE = ("--participant", "Camille=client", "--participant", "Nour=consultant")
CONTRACT = "Dans cette séance, aidez-moi à dire non sans m'excuser."
PLAN = "J'appelle Nour.\nJe dis non une fois."


async def killed(run: Run) -> None:
    run.process.send_signal(signal.SIGKILL)
    assert await run.process.wait() == -signal.SIGKILL


async def state(run: Run) -> dict[str, Any]:
    async with run._http.get(f"{run.api}/state") as answer:
        shot: dict[str, Any] = await answer.json()
        return shot


def kept(tmp_path: Path) -> str:
    (path,) = (tmp_path / "data").rglob("*.session")
    return path.stem


def as_before(before: dict[str, Any], shot: dict[str, Any], seconds: float) -> None:
    """Assert that `shot` shows what `before` did, `seconds` later."""
    same = ("phase", "listening", "step", "who", "planned_seconds", "records", "steps", "following")
    assert {name: shot[name] for name in same} == {name: before[name] for name in same}
    assert shot["elapsed_seconds"] == pytest.approx(before["elapsed_seconds"] + seconds, abs=1.0)
    assert shot["ends_at"] == pytest.approx(before["ends_at"], abs=0.01)
    assert shot["at"] == pytest.approx(before["at"] + seconds, abs=1.0)


async def test_a_killed_session_goes_on_where_it_was(tmp_path: Path, pulse: PulseServer) -> None:
    """Killed right after the contract was agreed, again in the plan, again in the last step."""
    await asyncio.sleep(2.2)
    async with running(pulse, tmp_path, CONFIG, "--duration", "60", *PEOPLE) as run:
        await run.command("start")
        assert not (tmp_path / "data").exists(), "something was kept before consent"
        await run.command("consent")
        for _ in range(3):
            await run.command("next")
        await run.command("extend", minutes=2)
        await run.command("mark_contract", text=CONTRACT)
        before, at = await state(run), time.monotonic()
        await killed(run)
    assert before["records"]["contract"]["agreed"]
    name = kept(tmp_path)
    raw = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert [word for word in ("excuser", "Camille", "Nour") if word.encode() in raw] == []

    await asyncio.to_thread((tmp_path / "ready.json").unlink)
    async with running(pulse, tmp_path, CONFIG, "--resume", name) as run:
        as_before(before, await state(run), time.monotonic() - at)
        assert "resumed" in {warning["code"] for warning in (await state(run))["warnings"]}
        for _ in range(2):
            await run.command("next")
        await run.command("edit_plan", text=PLAN)
        before, at = await state(run), time.monotonic()
        await killed(run)

    await asyncio.to_thread((tmp_path / "ready.json").unlink)
    async with running(pulse, tmp_path, CONFIG, "--resume", name) as run:
        shot = await state(run)
        as_before(before, shot, time.monotonic() - at)
        assert shot["records"]["contract"]["text"] == CONTRACT
        assert shot["records"]["plan"]["text"] == PLAN
        await run.command("edit_plan", undo=True)
        await run.command("edit_plan", text=PLAN, agreed_by="Camille")
        await run.command("next")
        await run.command("end")
        await run.wait_for("session_ended")
        await run.command("deliver", folder=str(tmp_path / "out"))
        await asyncio.wait_for(run.process.wait(), 15)
    assert CONTRACT in await asyncio.to_thread((tmp_path / "out" / "contract.md").read_text, encoding="utf-8")
    listed = await asyncio.to_thread(sessions, pulse, "list", "--json")
    assert [(one["session"], one["state"]) for one in json.loads(listed)] == [(name, "ended")]


def sessions(pulse: PulseServer, *arguments: str) -> str:
    command = [sys.executable, "-m", "facilitator", "sessions", *arguments]
    return subprocess.run(command, cwd=ROOT, env=pulse.environment, check=True, capture_output=True, text=True).stdout


async def test_without_a_terminal_an_unfinished_session_is_said_in_one_line(tmp_path: Path, pulse: PulseServer) -> None:
    config = "[voice]\nenabled = false\n[listening]\nenabled = false\n"
    async with running(pulse, tmp_path, config, "--duration", "60") as run:
        await run.command("start")
        await killed(run)
    name, ready = kept(tmp_path), tmp_path / "ready2.json"
    arguments = ("run", "--config", str(tmp_path / "config.toml"), "--ready-file", str(ready))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "facilitator", *arguments,
        cwd=ROOT, env=pulse.environment, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    while not await asyncio.to_thread(ready.exists):
        assert process.returncode is None
        await asyncio.sleep(0.05)
    known = json.loads(ready.read_text())
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {known['token']}"}) as http,
        http.get(f"{known['api_url']}/state") as answer,
    ):
        assert (await answer.json())["phase"] == "ready"
    process.terminate()
    _, said = await asyncio.wait_for(process.communicate(), 10)
    text = " ".join(said.decode().split())
    assert f"The session {name} was not finished: `facilitator run --resume {name}` takes it up again." in text


def test_in_a_terminal_the_animator_is_asked(tmp_path: Path) -> None:
    with terminal(tmp_path) as screen:
        screen.wait_for("étape suivante")
        screen.press("n")
        screen.wait_for("Accueil  prévu : cinq minutes")
        time.sleep(1.1)
        screen.press("n")
        screen.wait_for("Exposé  prévu : cinq minutes")
    with terminal(tmp_path) as screen:
        screen.wait_for("was not finished. Resume it? [Y/n]")
        screen.send(b"\n")
        screen.wait_for("La séance reprend là où elle en était")
        screen.wait_for("Exposé")
    with terminal(tmp_path) as screen:
        screen.wait_for("Resume it? [Y/n]")
        screen.send(b"n\n")
        screen.wait_for("It stays where it is")
        screen.wait_for("étape suivante")
        screen.press("n")
        screen.wait_for("Accueil  prévu : cinq minutes")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of 96 kB; skips where none can be mounted."""
    with needed.disk(tmp_path / "disk", "-t", "tmpfs", "-o", "size=96k", "none") as folder:
        yield folder


async def test_a_full_disk_is_told_within_two_seconds_and_the_meeting_goes_on(
    tmp_path: Path, pulse: PulseServer, small_disk: Path
) -> None:
    config = f'[voice]\nenabled = false\n[listening]\nenabled = false\n[privacy]\nfolder = "{small_disk}"\n'
    async with running(pulse, tmp_path, config, "--duration", "60") as run:
        await run.command("start")
        for number in range(30):
            await run.command("edit_contract", text=f"{number} " + "mot " * 1500)
            asked = time.monotonic()
            if "store_full" in {line.get("code") for line in run.lines}:
                break
        await run.wait_for("warning", code="store_full", seconds=2.0)
        assert time.monotonic() - asked < 2.0
        await run.command("next")
        shot = await state(run)
        assert shot["step"] == "presentation"
        assert shot["records"]["contract"]["text"].startswith(f"{number} ")


async def test_a_session_on_a_disk_that_became_read_only_goes_on_in_memory_and_says_so(
    tmp_path: Path, pulse: PulseServer, small_disk: Path
) -> None:
    config = f'[voice]\nenabled = false\n[listening]\nenabled = false\n[privacy]\nfolder = "{small_disk}"\n'
    async with running(pulse, tmp_path, config, "--duration", "60", *PEOPLE) as run:
        await run.command("start")
        await run.command("next")
        await run.command("edit_contract", text=CONTRACT)
        before, at = await state(run), time.monotonic()
        await killed(run)
    (path,) = small_disk.glob("*.session")
    await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,ro", small_disk], check=True)
    content = path.read_bytes()
    await asyncio.to_thread((tmp_path / "ready.json").unlink)
    async with running(pulse, tmp_path, config, "--resume", path.stem) as run:
        ready = time.monotonic()
        as_before(before, await state(run), time.monotonic() - at)
        while "store_failed" not in {warning["code"] for warning in (await state(run))["warnings"]}:
            assert time.monotonic() < ready + 2.0
        await run.command("next")
        await run.command("edit_contract", text="Autrement.")
        assert (await state(run))["records"]["contract"]["text"] == "Autrement."
        await run.command("end")
        refused = await run.command("purge", status=422, confirm=True)
        assert refused["error"] == "Tout n'a pas pu être détruit de cette séance : recommencer."
    assert path.read_bytes() == content
