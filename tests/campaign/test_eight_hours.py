"""Eight hours in virtual time: memory, handles, threads and tasks stay flat, and time does not drift."""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import Any

import pytest

from facilitator.store.contents import TEXT
from tests.campaign.ports import Disk
from tests.campaign.session import Held, Outcome, hold
from tests.campaign.virtual import ZERO, VirtualLoop
from tests.campaign.world import CALL, MICROPHONE, STEPS, Command, World, draw
from tests.slopes import EVERY_SECONDS, MOST_MEGABYTES_AN_HOUR, handles, resident_megabytes, slope, threads

HOURS = 8.0
MOST_DRIFT_SECONDS = 0.02
TASKS_IN_HAND = 6
"""That come and go: an utterance, a prompt, a block of each channel."""
SETTLED_HOURS = 0.5
"""Until then the program still fills what it keeps for good: prompts rendered ahead, the first step's words."""


class Forgetful(list[Any]):
    """Keeps nothing of what the tests would look at."""

    def append(self, one: Any) -> None:
        """Forget it."""


class LastOnly(Disk):
    """Keeps the last record of each kind and name, as a resume looks at."""

    def append(self, *entries: Any) -> None:
        super().append(*entries)
        self.entries[:] = {(one.kind, one.kind == TEXT and one.payload[:24]): one for one in self.entries}.values()


def _world(loop: VirtualLoop, hours: float) -> World:
    world = draw(8, loop)
    world.frames, world.output, world.listens, world.reader = 16, "device", True, True
    world.keeps_sound, world.faults = False, []
    length = hours * 3600
    world.steps = {step: length / len(STEPS) for step in STEPS}
    spoken = {CALL: (2.0, 5.0), MICROPHONE: (40.0, 43.0)}
    world.voices = {
        channel: [(at + begin, at + end) for at in range(0, round(length) + 60, 8 if channel == CALL else 60)]
        for channel, (begin, end) in spoken.items()
    }
    step = length / len(STEPS)
    steps = [Command(1.0 + step * (place + 1), "next") for place in range(len(STEPS) - 1)]
    world.commands = [Command(0.5, "consent"), Command(1.0, "start"), *steps]
    world.quiet_at = 1.0 + length
    return world


class Long(Held):
    """A session whose process is looked at every ten seconds."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome, 0)
        self.samples: list[tuple[float, float, int, int, int, float]] = []

    async def hold(self) -> None:
        watching = asyncio.create_task(self._watch())
        await super().hold()
        watching.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            if len(self.samples) % 30 == 0:
                gc.collect()
            loop = self.world.loop
            drift = abs(self.live.snapshot().at - (loop.now - ZERO))
            tasks = len(asyncio.all_tasks())
            hours = (loop.now - ZERO) / 3600
            self.samples.append((hours, resident_megabytes(), handles(), threads(), tasks, drift))


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc")
@pytest.mark.parametrize("hours", [HOURS])
def test_eight_hours_leave_no_trace(hours: float, capsys: pytest.CaptureFixture[str]) -> None:
    loop = VirtualLoop()
    world = _world(loop, hours)
    outcome = Outcome(world, LastOnly(world))
    outcome.told = outcome.answers = world.sounds = world.plays = Forgetful()
    held = Long(outcome)
    assert hold(held, loop, None)
    assert outcome.failures == []
    settled = [one for one in held.samples if one[0] > SETTLED_HOURS]
    grows = slope([one[0] for one in settled], [one[1] for one in settled])
    counts = {name: [one[place] for one in settled] for place, name in ((2, "handles"), (3, "threads"), (4, "tasks"))}
    drift = max(one[5] for one in held.samples)
    spans = ", ".join(f"{name} {min(many)} to {max(many)}" for name, many in counts.items())
    with capsys.disabled():
        print(f"\n{settled[-1][0]:.1f} h: memory {grows} MB an hour, {spans}, drift {1000 * drift:.2f} ms")  # noqa: T201
    assert grows.upper <= MOST_MEGABYTES_AN_HOUR
    assert drift <= MOST_DRIFT_SECONDS
    assert [min(counts[name]) for name in ("handles", "threads")] == [
        max(counts[name]) for name in ("handles", "threads")
    ]
    assert slope([one[0] for one in settled], counts["tasks"]).upper <= 0.0
    assert max(counts["tasks"]) - min(counts["tasks"]) <= TASKS_IN_HAND
