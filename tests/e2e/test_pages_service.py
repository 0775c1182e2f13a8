"""The pages' side of a real `facilitator run`: found again after a kill, and the voice through the stage."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.live import ROOT, Run, running
from tests.pulse import PulseServer

pytestmark = pytest.mark.e2e

SILENT = """
[voice]
enabled = false
[audio]
voice_output = "none"
[listening]
enabled = false
"""
ON_STAGE = """
[audio]
voice_output = "stage"
[listening]
enabled = false
"""
BACK_SECONDS = 5.0
"""From when the service answers again to when a page that tries twice a second is right again."""


class Page:
    """A page without a browser: its link exchanged for a cookie, which it sends as a browser does."""

    def __init__(self, http: aiohttp.ClientSession, start: str) -> None:
        self.http = http
        self.start = start

    async def feed(self, path: str) -> aiohttp.ClientWebSocketResponse:
        return await self.http.ws_connect(f"{self.start}{path}")


@asynccontextmanager
async def page(url: str) -> AsyncIterator[Page]:
    address, _, ticket = url.partition("#")
    start = address.removesuffix("/stage").removesuffix("/")
    jar = aiohttp.CookieJar(unsafe=True)  # keeps cookies of 127.0.0.1, as browsers do
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"Origin": start}) as http:
        async with http.get(address) as answer:
            assert answer.status == 200
            assert b"<script" in await answer.read()
        async with http.post(f"{start}/api/session", json={"ticket": ticket}) as answer:
            assert answer.status == 200
        yield Page(http, start)


async def first(socket: aiohttp.ClientWebSocketResponse, kind: str, seconds: float = 10.0) -> dict[str, Any]:
    async with asyncio.timeout(seconds):
        while True:
            line: dict[str, Any] = await socket.receive_json()
            if line["type"] == kind:
                return line


async def again(page: Page, path: str, kind: str) -> dict[str, Any]:
    """Try until the feed is there, as the pages do."""
    while True:
        try:
            return await first(await page.feed(path), kind)
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.1)


async def test_killed_and_resumed_both_pages_are_right_again(tmp_path: Path, pulse: PulseServer) -> None:
    async with running(pulse, tmp_path, SILENT, "--duration", "60") as run:
        console_url, stage_url = run.known["console_url"], run.known["stage_url"]
        await run.command("start")
        await run.command("next")
        before, at = await run.command("extend", minutes=2), time.monotonic()
        async with page(console_url) as console, page(stage_url) as stage:
            assert (await first(await stage.feed("/api/stage"), "stage"))["step"] == "presentation"
            async with console.http.post(f"{console.start}/api/session", json={"ticket": "spent"}) as answer:
                assert answer.status == 401
            run.process.send_signal(signal.SIGKILL)
            await run.process.wait()
            (kept,) = (tmp_path / "data").rglob("*.session")
            await asyncio.to_thread((tmp_path / "ready.json").unlink)
            async with running(pulse, tmp_path, SILENT, "--resume", kept.stem) as resumed:
                answers = time.monotonic()
                shot = await again(console, "/api/events", "snapshot")
                view = await again(stage, "/api/stage", "stage")
                assert time.monotonic() - answers < BACK_SECONDS
                passed = time.monotonic() - at
                assert shot["step"] == view["step"] == "presentation"
                assert shot["elapsed_seconds"] == pytest.approx(before["elapsed_seconds"] + passed, abs=1.0)
                assert view["remaining_seconds"] == pytest.approx(before["left_seconds"] - passed, abs=1.0)
                async with console.http.post(f"{console.start}/api/commands", json={"command": "next"}) as answer:
                    assert answer.status == 200
                assert resumed.known["api_url"] == run.known["api_url"]
                assert resumed.known["token"] != run.known["token"]
    raw = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert b"facilitator_" not in raw


async def test_another_session_on_the_same_port_knows_no_cookie_of_this_one(tmp_path: Path, pulse: PulseServer) -> None:
    async with running(pulse, tmp_path, SILENT) as run:
        url, port = run.known["console_url"], int(run.known["api_url"].split(":")[2].split("/")[0])
        async with page(url) as console:
            run.process.terminate()
            await run.process.wait()
            async with (
                running(pulse, tmp_path, f"{SILENT}[web]\nport = {port}\n"),
                console.http.get(f"{console.start}/api/state") as answer,
            ):
                assert answer.status == 401
                assert "new link" in (await answer.json())["error"]


async def stage_plays(run: Run, page: Page, wavs: list[bytes], starts: list[float]) -> None:
    """Do what the stage's page does: unlock, fetch each prompt, start it on time, tell when."""
    socket = await page.feed("/api/stage")
    await socket.send_json({"unlocked": True})
    async for message in socket:
        line = json.loads(message.data)
        if line["type"] != "prompt":
            continue
        cued = time.monotonic()
        async with page.http.get(f"{page.start}{line['url']}") as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            wavs.append(await answer.read())
        await asyncio.sleep(cued + line["start_in_seconds"] - time.monotonic())
        starts.append(run.now())
        await socket.send_json({"played": line["id"], "started_at": run.now()})


async def test_the_voice_is_heard_through_the_unlocked_stage(tmp_path: Path, pulse: PulseServer) -> None:
    wavs: list[bytes] = []
    starts: list[float] = []
    async with running(pulse, tmp_path, ON_STAGE, "--duration", "60") as run:
        assert (await run.command("start"))["stage"] == {"open": 0, "sound": "locked"}
        withheld = await run.wait_for("prompt_withheld", step="welcome")
        assert withheld["reason"] == "stage_locked"
        async with page(run.known["stage_url"]) as stage:
            playing = asyncio.create_task(stage_plays(run, stage, wavs, starts))
            async with asyncio.timeout(10):
                while run.snapshot["stage"] != {"open": 1, "sound": "on"}:
                    await asyncio.sleep(0.02)
            await run.command("next")
            spoken = await run.wait_for("prompt_spoken", step="presentation", cue="opening")
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
    with wave.open(io.BytesIO(wavs[0])) as file:
        seconds = file.getnframes() / file.getframerate()
    assert spoken["completed"]
    assert spoken["started_at"] == pytest.approx(starts[0], abs=0.3)
    assert spoken["ended_at"] - spoken["started_at"] == pytest.approx(seconds, abs=0.3)


@pytest.mark.parametrize("browse", [True, False])
def test_the_console_opens_in_the_browser_of_a_screen_unless_told_otherwise(tmp_path: Path, browse: bool) -> None:
    """`$BROWSER` is what Python's own webbrowser starts."""
    opened, browser, ready = tmp_path / "opened", tmp_path / "browser", tmp_path / "ready.json"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.part\nmv {opened}.part {opened}\n')
    browser.chmod(0o700)
    config = tmp_path / "config.toml"
    config.write_text(f"{SILENT}[privacy]\nstore = false\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "facilitator", "run", *(() if browse else ("--no-browser",)), "--config", str(config),
         "--ready-file", str(ready)],
        cwd=ROOT, stdin=subprocess.DEVNULL, env={**os.environ, "DISPLAY": ":99", "BROWSER": str(browser)},
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 20
        while not (ready.exists() and (opened.exists() or not browse)):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        known = json.loads(ready.read_text())
        process.terminate()
        assert process.wait(10) == 0
        assert opened.exists() is browse
        if browse:
            link = opened.read_text().strip()
            assert link.partition("#")[0] == known["console_url"].partition("#")[0]
            assert link != known["console_url"], "a link opens once: the script's is its own"
    finally:
        process.kill()
        process.wait()
