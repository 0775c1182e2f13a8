"""Eight hours in virtual time: memory, handles, threads and tasks stay flat, and time does not drift."""

from __future__ import annotations

import asyncio
import gc
import sys
from itertools import accumulate, cycle, pairwise
from typing import Any

import pytest

from facilitator.store.contents import TEXT
from speech.ports import RATE_HZ
from speech.recognition.segmenter import PADDING_SECONDS
from tests.campaign.ports import Disk
from tests.campaign.session import Held, Outcome, Told, hold
from tests.campaign.virtual import ZERO, VirtualLoop
from tests.campaign.world import CALL, MICROPHONE, STEPS, Command, Fault, World, draw
from tests.slopes import EVERY_SECONDS, MOST_MEGABYTES_AN_HOUR, handles, resident_megabytes, slope, threads

HOURS = 8.0
MOST_DRIFT_SECONDS = 0.02
TASKS_IN_HAND = 50
"""That come and go: an utterance, a prompt, a block of each channel, and two for each connection of a flood."""
SETTLED_HOURS = 0.5
"""Until then the program still fills what it keeps for good: prompts rendered ahead."""
WRITTEN, WRITTEN_HOURS = ("contract", "synthesis"), 1 / 3
"""The longest that a school gives to the contract, and to the plan; the other steps share the rest."""
BESIDE_MEGABYTES = 5.0
"""What else a step that is written down may take, beside the sound of its speech, which is held to its end."""
DOINGS_SECONDS = 120.0
DOINGS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("say", {"key": "rules"}),
    ("pause", {}),
    ("resume", {}),
    ("extend", {"seconds": 60.0}),
    ("remind", {}),
    ("say", {"text": "Encore un mot."}),
    ("hush", {}),
    ("listening_pause", {}),
    ("listening_resume", {}),
    ("say", {}),
    ("rebudget", {}),
    ("no_such", {}),
)
"""What the animator does all day, one each `DOINGS_SECONDS`."""
MOMENTS_SECONDS = 600.0
MOMENTS = ("reader_gone", "api_malformed", "api_flood")
"""What happens to the service all day, one each `MOMENTS_SECONDS`."""


class Forgetful(list[Any]):
    """Keeps nothing of what the tests would look at."""

    def append(self, one: Any) -> None:
        """Forget it."""


class Losses(Forgetful):
    """Keeps of what is told the devices that were lost: none should be."""

    def append(self, one: Told) -> None:
        if one.line["type"] == "device_lost":
            list.append(self, one)


class LastOnly(Disk):
    """Keeps the last record of each kind and name, as a resume looks at."""

    def append(self, *entries: Any) -> None:
        super().append(*entries)
        self.entries[:] = {(one.kind, one.kind == TEXT and one.payload[:24]): one for one in self.entries}.values()


def _world(loop: VirtualLoop, hours: float) -> World:
    world = draw(8, loop)
    world.frames, world.output, world.listens, world.reader = 16, "device", True, True
    world.keeps_sound = world.shares = False
    length = hours * 3600
    written = WRITTEN_HOURS * 3600
    other = (length - len(WRITTEN) * written) / (len(STEPS) - len(WRITTEN))
    world.steps = {step: written if step in WRITTEN else other for step in STEPS}
    spoken = {CALL: (2.0, 5.0), MICROPHONE: (40.0, 43.0)}
    world.voices = {
        channel: [(at + begin, at + end) for at in range(0, round(length) + 60, 8 if channel == CALL else 60)]
        for channel, (begin, end) in spoken.items()
    }
    ends = list(accumulate(world.steps.values()))
    doings = [
        Command(DOINGS_SECONDS * (1 + place), name, values)
        for place, (name, values) in zip(range(round(length / DOINGS_SECONDS) - 1), cycle(DOINGS), strict=False)
    ]
    steps = [Command(1.0 + end, "next") for end in ends[:-1]]
    world.commands = sorted([Command(0.5, "consent"), Command(1.0, "start"), *steps, *doings], key=lambda one: one.at)
    moments = [MOMENTS_SECONDS * (1 + place) + 7.0 for place in range(round(length / MOMENTS_SECONDS) - 1)]
    world.faults = [Fault(MOMENTS[place % len(MOMENTS)], at, at, 0.5) for place, at in enumerate(moments)]
    world.quiet_at = 1.0 + length
    return world


def _sound_megabytes(world: World, start: float, end: float) -> float:
    """Return how much sound of speech there is from `start` to `end`."""
    voices = [voice for voices in world.voices.values() for voice in voices if start <= voice[0] < end]
    return sum(last - first + 2 * PADDING_SECONDS for first, last in voices) * RATE_HZ * 4 / 1e6


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
    outcome.told = losses = Losses()
    outcome.answers = world.sounds = world.plays = Forgetful()
    held = Long(outcome)
    assert hold(held, loop, None)
    assert (outcome.failures, losses) == ([], [])
    settled = [one for one in held.samples if one[0] > SETTLED_HOURS]
    grows = slope([one[0] for one in settled], [one[1] for one in settled])
    counts = {name: [one[place] for one in settled] for place, name in ((2, "handles"), (3, "threads"), (4, "tasks"))}
    drift = max(one[5] for one in held.samples)
    when = dict(zip(STEPS, pairwise([0.0, *accumulate(world.steps.values())]), strict=True))
    memory = {step: [one[1] for one in settled if start < one[0] * 3600 < end] for step, (start, end) in when.items()}
    rises = {step: max(many) - min(many) for step, many in memory.items()}
    last = {step: many[-1] for step, many in memory.items()}
    spans = ", ".join(f"{name} {min(many)} to {max(many)}" for name, many in counts.items())
    with capsys.disabled():
        print(f"\n{settled[-1][0]:.1f} h: memory {grows} MB an hour, {spans}, drift {1000 * drift:.2f} ms")
        print("within each step, MB: " + ", ".join(f"{step} {rise:.1f}" for step, rise in rises.items()))
        print("at its end, MB: " + ", ".join(f"{step} {megabytes:.1f}" for step, megabytes in last.items()))
    assert grows.upper <= MOST_MEGABYTES_AN_HOUR
    for step in WRITTEN:
        assert rises[step] <= _sound_megabytes(world, *when[step]) + BESIDE_MEGABYTES
    assert drift <= MOST_DRIFT_SECONDS
    assert [min(counts[name]) for name in ("handles", "threads")] == [
        max(counts[name]) for name in ("handles", "threads")
    ]
    assert slope([one[0] for one in settled], counts["tasks"]).upper <= 0.0
    assert max(counts["tasks"]) - min(counts["tasks"]) <= TASKS_IN_HAND
