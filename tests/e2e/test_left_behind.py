"""What a killed `run` could not take away is removed by the next one, and nothing of one that lives."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.live import running, served
from tests.e2e.test_killed import Home

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/shm, and SIGKILL ends a service anywhere"),
]

CONFIG = """
[audio]
voice_output = "stage"
[listening]
enabled = false
"""
MADE_SECONDS = 20.0
PEOPLE = ("--participant", "Philiberte=client")


def folders(parent: Path, names: str) -> Iterator[Path]:
    for name in names:
        (parent / name).mkdir()
        yield parent / name


def private(pid: int) -> set[Path]:
    """Return the private memory directories that a process made."""
    return set(Path("/dev/shm").glob(f"codev-speech-{pid}-*"))


async def made(pid: int) -> set[Path]:
    """Wait until a process has a private memory directory, which it makes for its first prompt with a name in it."""
    deadline = time.monotonic() + MADE_SECONDS
    while not (found := await asyncio.to_thread(private, pid)):
        assert time.monotonic() < deadline, "no prompt with a name was rendered"
        await asyncio.sleep(0.05)
    return found


async def test_what_a_killed_one_left_goes_with_the_next_start_and_a_living_ones_stays(tmp_path: Path) -> None:
    home = Home(tmp_path)
    killed_in, living_in, next_in = folders(tmp_path, "abc")
    async with served(home, living_in, CONFIG, *PEOPLE) as living:
        lives = await made(living.process.pid)
        async with running(home, killed_in, CONFIG, *PEOPLE) as run:
            pid = run.process.pid
            await made(pid)
            half_written = killed_in / f".ready.json.{pid}"  # as a kill amid the writing leaves it
            await asyncio.to_thread(half_written.write_text, "{")
            run.process.send_signal(signal.SIGKILL)
            await run.process.wait()
        left = json.loads(await asyncio.to_thread((killed_in / "ready.json").read_text))
        assert left["pid"] == pid
        async with served(home, next_in, CONFIG, *PEOPLE):
            assert [path.name for path in await asyncio.to_thread(os.scandir, killed_in)] == ["config.toml"]
            assert await asyncio.to_thread(private, pid) == set()
            assert json.loads(await asyncio.to_thread((living_in / "ready.json").read_text)) == living.known
            assert await asyncio.to_thread(private, living.process.pid) == lives
    assert await asyncio.to_thread(os.listdir, home.notes) == []
