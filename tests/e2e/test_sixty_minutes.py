"""An hour of a real session on real devices: memory, handles and threads stay flat, and time does not drift.

`FACILITATOR_SOAK_MINUTES` makes it shorter, for a first look; what it says of memory is then worth less.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.live import Run, running
from tests.e2e.test_live import PEOPLE, said_by
from tests.pulse import PulseServer
from tests.slopes import EVERY_SECONDS, MOST_MEGABYTES_AN_HOUR, handles, resident_megabytes, slope, threads

MINUTES = float(os.environ.get("FACILITATOR_SOAK_MINUTES", "60"))
STEP_MINUTES = (5, 5, 13, 5, 17, 7, 8)
"""Of `MINUTES`, what each step has of an hour: the minutes of codev's shortest session."""
ENDS = [sum(STEP_MINUTES[: place + 1]) / 60 for place in range(len(STEP_MINUTES))]
VISIT_SECONDS = 30.0
"""Each step is visited once before the hour: what a first visit loads stays, and is no leak (some 1 MB a step)."""
SETTLED_SHARE = 0.2
"""Until then the program still fills what it keeps for good: prompts rendered ahead, the first pages."""
MOST_DRIFT_SECONDS = 0.02
CONFIG = """
[audio]
call_input = "call.monitor"
voice_output = "vmic"
"""
PAUSE_SECONDS = 6.0

pytestmark = [pytest.mark.e2e, pytest.mark.soak, pytest.mark.asyncio]


async def drift(run: Run) -> float:
    """Return by how much session time is off, seconds; as near as the fastest of some answers tells."""
    before = run.zero
    await run.set_zero()
    off, run.zero = run.zero - before, before
    return abs(off)


async def talking(pulse: PulseServer, wav: Path, length: float) -> None:
    while True:
        pulse.start_playing("call", wav)
        await asyncio.sleep(length + PAUSE_SECONDS)


async def visit(run: Run) -> None:
    """Go through every step, and back to the first."""
    for _ in STEP_MINUTES[1:]:
        await asyncio.sleep(VISIT_SECONDS)
        await run.command("next")
    await asyncio.sleep(VISIT_SECONDS)
    for _ in STEP_MINUTES[1:]:
        await run.command("back")


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc")
async def test_an_hour_leaves_no_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples: list[tuple[float, float, int, int]] = []
    with PulseServer() as pulse:
        wav, length = await said_by(tmp_path, "Je voudrais dire comment cela se passe, et ce que nous avons essayé.")
        async with running(pulse, tmp_path, CONFIG, "--duration", "60", *PEOPLE) as run:
            await run.command("consent")
            await run.command("start")
            speaking = asyncio.create_task(talking(pulse, wav, length))
            await visit(run)
            began = time.monotonic()
            moved = 0
            while (at := time.monotonic() - began) < MINUTES * 60:
                await asyncio.sleep(EVERY_SECONDS)
                if at > ENDS[moved] * MINUTES * 60:
                    moved += 1
                    await run.command("next")
                pid = run.process.pid
                samples.append((at / 3600, resident_megabytes(pid), handles(pid), threads(pid)))
            off = await drift(run)
            speaking.cancel()
            lost = run.all("device_lost")
            defects = run.all("warning", code="defect")
    settled = samples[round(len(samples) * SETTLED_SHARE) :]
    hours = [one[0] for one in settled]
    grows = slope(hours, [one[1] for one in settled])
    half = len(samples) // 2
    second = slope([one[0] for one in samples[half:]], [one[1] for one in samples[half:]])
    counts = {name: [one[place] for one in settled] for place, name in ((2, "handles"), (3, "threads"))}
    last = [[one[1] for one in samples if one[0] * 60 <= end * MINUTES][-1] for end in ENDS]
    steps = ", ".join(f"{megabytes:.1f}" for megabytes in last)
    spans = ", ".join(f"{name} {min(many)} to {max(many)}" for name, many in counts.items())
    with capsys.disabled():
        print(f"\n{MINUTES:.0f} min: memory {grows} MB an hour, at the steps' ends {steps} MB")
        print(f"its second half alone: {second}; {spans}, drift {1000 * off:.1f} ms, {len(lost)} losses")
    assert off <= MOST_DRIFT_SECONDS
    assert [slope(hours, many).lower <= 0.0 for many in counts.values()] == [True, True]
    assert grows.upper <= MOST_MEGABYTES_AN_HOUR
    assert (lost, defects) == ([], [])  # of a device: where others keep the computer busy, its process is late
