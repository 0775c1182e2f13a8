"""The world of one seeded session: who speaks when, what the animator does, and which faults come when.

Everything is drawn beforehand from the seed, so that the product's own doings change nothing of what will happen.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from speech.ports import FRAME, FRAME_SECONDS, RATE_HZ
from tests.campaign.virtual import ZERO, VirtualLoop

CALL, MICROPHONE, VOICE = "call", "microphone", "voice"
CAREFUL = "engine_hangs_careful"
"""What is met besides when a recognizer hangs in a final pass, which has more time."""
STEPS = ("welcome", "presentation", "clarification", "contract", "consultation", "synthesis", "evaluation")
FINITE = {
    "call_lost": 6.0,
    "call_hangs": 6.0,
    "call_garbage": 1.0,
    "microphone_lost": 6.0,
    "ears_crash": 3.0,
    "voice_lost": 6.0,
    "voice_hangs": 6.0,
    "render_fails": 8.0,
    "render_hangs": 8.0,
    "engine_killed": 6.0,
    "engine_hangs": 12.0,
    "engine_garbage": 4.0,
    "engine_odd": 4.0,
    "load_hangs": 10.0,
    "load_fails": 8.0,
    "floor_crash": 5.0,
    "floor_hangs": 15.0,
    "disk_slow": 8.0,
    "disk_hangs": 6.0,
    "disk_full": 15.0,
    "disk_broken": 5.0,
    "key_lost": 8.0,
    "busy": 5.0,
    "tab_gone": 5.0,
    "reader_stuck": 8.0,
    "reader_breaks": 4.0,
}
"""Kinds of fault that last, each with the most seconds that one lasts."""
WOKE = "woke"
"""Met when a sleep of the computer is over."""
MOMENTS = ("api_malformed", "api_flood", "reader_gone", "wall_set", "suspend", "killed")
"""Kinds that are over as soon as they have come."""
KINDS = (*FINITE, *MOMENTS)
LONG_SECONDS = 2.5
"""A fault of this length at least counts as persistent."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, from `start` to `end`, loop seconds since its beginning; `size` is what the kind makes of it."""

    kind: str
    start: float
    end: float
    size: float = 0.0


@dataclass(frozen=True, slots=True)
class Command:
    """What the animator does at `at`."""

    at: float
    name: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sound:
    """What a channel carried from `at` to `end`, session seconds: `voiced` frame by frame; here since `came`."""

    channel: str
    at: float
    voiced: tuple[bool, ...]
    came: float


@dataclass(slots=True, eq=False)
class Play:
    """What the output was asked to play: when, and what became of it; session seconds."""

    asked: float
    seconds: float
    started: float | None = None
    ended: float | None = None


@dataclass(slots=True)
class World:
    """What is drawn from `seed`, and what was seen of it.

    Attributes:
        fired: how many times a fault was met, by its kind.
        sounds: what the channels gave to the product.
        plays: what was played.
        met: kind and second of each call that a fault changed.
    """

    seed: int
    loop: VirtualLoop
    frames: int = 8
    listens: bool = True
    microphone: bool = True
    output: str | None = "device"
    reader: bool = False
    keeps_sound: bool = False
    shares: bool = False
    steps: dict[str, float] = field(default_factory=dict)
    voices: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    quiet_at: float = 0.0
    fired: Counter[str] = field(default_factory=Counter)
    sounds: list[Sound] = field(default_factory=list)
    plays: list[Play] = field(default_factory=list)
    met: list[tuple[str, float]] = field(default_factory=list)

    def now(self) -> float:
        """Return the seconds since the loop began, as the computer counts them: also while it sleeps."""
        return self.loop.boottime() - ZERO

    def active(self, *kinds: str) -> Fault | None:
        """Return the fault of these kinds that is on, and count it."""
        fault = self.has(*kinds)
        if fault is not None:
            self.fired[fault.kind] += 1
            self.met.append((fault.kind, self.now()))
        return fault

    def has(self, *kinds: str) -> Fault | None:
        """Return the fault of these kinds that is on."""
        now = self.loop.now - ZERO
        return next((one for one in self.faults if one.kind in kinds and one.start <= now < one.end), None)

    def thread_seconds(self) -> float:
        """Return what any work in a thread takes at least: on a busy computer more than the sound that it is about."""
        return 0.3 if self.active("busy") else 0.001

    def left(self, fault: Fault) -> float:
        """Return how long a fault is still on."""
        return max(0.001, fault.end - (self.loop.now - ZERO))

    def voiced(self, channel: str, at: float, frames: int) -> tuple[bool, ...]:
        """Return which of `frames` from loop second `at` on are voiced."""
        found = self.voices[channel]
        place = bisect_right(found, (at, float("inf"))) - 1
        last = at + frames * FRAME_SECONDS
        near = [one for one in found[max(0, place) : place + 3] if one[0] < last and one[1] > at]
        if not near:
            return (False,) * frames
        middles = [at + (index + 0.5) * FRAME_SECONDS for index in range(frames)]
        return tuple(any(begin <= middle < end for begin, end in near) for middle in middles)


_NOISE = np.random.default_rng(7).uniform(-0.5, 0.5, (8, FRAME)).astype(np.float32)
_LOUD = tuple(frame.tobytes() for frame in _NOISE)
_QUIET = np.full(FRAME, 1e-5, dtype=np.float32).tobytes()


def pcm(voiced: Sequence[bool], first: int) -> bytes:
    """Return the sound of frames of which these are voiced."""
    return b"".join(_LOUD[(first + index) % 8] if loud else _QUIET for index, loud in enumerate(voiced))


class FrameDetector:
    """In the place of `SileroDetector`: a frame with the noise of `pcm` in it is speech."""

    world: World

    def score(self, samples: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.float32]]:
        if self.world.active("ears_crash"):
            raise RuntimeError("the fake detector failed, and here is what Camille said")
        return (np.abs(samples).reshape(-1, FRAME).mean(axis=1) > 0.1).astype(np.float32)

    def reset(self) -> None:
        """Keeps nothing."""


TONE = (np.sin(np.arange(8 * RATE_HZ) * 0.3) * 0.1).astype(np.float32)
"""What every prompt sounds like, as long as it lasts."""


def draw(seed: int, loop: VirtualLoop, kinds: Sequence[str] = KINDS) -> World:
    """Draw a session."""
    rng = random.Random(seed)
    world = World(
        seed,
        loop,
        frames=rng.choice((4, 8, 8, 16)),
        listens=rng.random() < 0.92,
        microphone=rng.random() < 0.6,
        output=rng.choice(("device", "device", "device", "stage", "stage", None)),
        reader=rng.random() < 0.3,
        keeps_sound=rng.random() < 0.4,
    )
    world.shares = world.listens and random.Random(f"{seed} shares").random() < 0.2
    long = rng.random() < 0.05
    world.steps = {step: round(rng.uniform(*((20, 40) if long else (4, 9))), 2) for step in STEPS}
    length = sum(world.steps.values()) + 20
    for channel in (CALL, MICROPHONE):
        world.voices[channel] = _voices(rng, length, talks=channel == CALL)
    end = _commands(rng, world)
    _more(random.Random(f"{seed} more"), world, end)
    for _ in range(rng.randint(2, 6)):
        kind = rng.choice(kinds)
        start = round(rng.uniform(1.0, end), 3)
        if kind.startswith(("load", "engine")):  # before it is written down, nothing is asked of them
            contract = [command.at for command in world.commands if command.name == "next" and not command.values][2]
            start = round(max(1.0, contract + rng.uniform(-3.0, 5.0)), 3)
        world.faults.append(_fault(rng, kind, start))
    world.faults.sort(key=lambda fault: fault.start)
    world.quiet_at = max([end, *(fault.end for fault in world.faults)])
    return world


def _voices(rng: random.Random, length: float, *, talks: bool) -> list[tuple[float, float]]:
    found, at = [], rng.uniform(0.0, 3.0)
    while at < length:
        if not talks:
            at += rng.uniform(2.0, 15.0)
        end = at + rng.choice((rng.uniform(0.1, 0.5), rng.uniform(0.5, 2.0), rng.uniform(1.0, 6.0)))
        found.append((round(at, 3), round(end, 3)))
        at = end + rng.choice((rng.uniform(0.1, 0.6), rng.uniform(0.6, 1.5), rng.uniform(1.0, 4.0)))
    return found


def _commands(rng: random.Random, world: World) -> float:
    """Draw what the animator does; return when that is over."""
    add = world.commands.append
    if world.listens:
        add(Command(rng.uniform(0.2, 0.9), "consent"))
    add(Command(1.0, "start"))
    at = 1.0
    for count, step in enumerate(STEPS):
        length = max(1.5, world.steps[step] + rng.uniform(-3.0, 3.0))
        for _ in range(rng.randint(0, 3)):
            add(Command(at + rng.uniform(0.1, length), *_doing(rng, step)))
        if step in {"contract", "synthesis"} and rng.random() < 0.8:
            name = "contract" if step == "contract" else "plan"
            when = at + rng.uniform(0.3, 0.9) * length
            if rng.random() < 0.6:
                add(Command(when, f"edit_{name}", {"text": f"Les mots {world.seed} de {step}, à garder."}))
            add(Command(when + 0.2, f"mark_{name}"))
        at += length
        if count < len(STEPS) - 1:
            add(Command(at, "next"))
    world.commands.sort(key=lambda command: command.at)
    return at


def _more(rng: random.Random, world: World, end: float) -> None:
    """Draw what else the animator does, apart from what `_commands` draws, so that its seeds stay what they are."""
    changes = [one.at for one in world.commands if one.name in {"extend", "rebudget"}]
    more = [Command(at + rng.uniform(0.05, 22.0), "undo_time") for at in changes if rng.random() < 0.6]
    more += [Command(rng.uniform(1.0, end), *rng.choice(_RARE)) for _ in range(rng.randint(0, 3))]
    world.commands += [one for one in more if one.at < end]
    world.commands.sort(key=lambda command: command.at)


_RARE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("undo_time", {}),
    ("edit_plan", {"undo": True}),
    ("show_facts", {}),
    ("show_facts", {"shown": False}),
    ("take_device", {"device": "voice_output"}),
    ("take_device", {"device": "call"}),
)
_DOINGS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("pause", {}),
    ("resume", {}),
    ("resume", {}),
    ("back", {}),
    ("extend", {"seconds": 4.0}),
    ("say", {}),
    ("say", {"key": "rules"}),
    ("say", {"text": "Encore un mot."}),
    ("remind", {}),
    ("hush", {}),
    ("listening_pause", {}),
    ("listening_resume", {}),
    ("listening_resume", {}),
    ("edit_contract", {"undo": True}),
    ("read_back", {"record": "contract"}),
    ("rebudget", {}),
    ("no_such", {}),
    ("next", {"if_step": "break"}),
)


def _doing(rng: random.Random, step: str) -> tuple[str, dict[str, Any]]:
    if step in {"contract", "clarification"} and rng.random() < 0.3:
        return rng.choice((("mark_contract", {}), ("edit_contract", {"text": f"Mot {rng.randint(1, 99)}."})))
    return rng.choice(_DOINGS)


def _fault(rng: random.Random, kind: str, start: float) -> Fault:
    if kind.startswith("render"):  # prompts are rendered ahead
        start = round(rng.choice((0.0, 0.0, start)), 3)
    if kind in FINITE:
        return Fault(kind, start, round(start + rng.uniform(0.2, FINITE[kind]), 3))
    size = {"suspend": rng.uniform(0.5, 30.0), "wall_set": rng.uniform(-7200, 7200), "killed": rng.uniform(0.5, 20)}
    return Fault(kind, start, start, round(size.get(kind, rng.random()), 3))
