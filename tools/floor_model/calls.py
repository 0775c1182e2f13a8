"""Labelled calls on one mixed channel: who is in them, how they sound, what is true."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from bench.voices import Library
from speech.ports import Samples
from tools.floor_model.line import CONDITIONS, Condition, mixed
from tools.floor_model.people import People
from tools.floor_model.scene import ALONE, DENSE, REALISTIC, Scene, play

RATES = {rate.name: rate for rate in (DENSE, REALISTIC, ALONE)}
_SECONDS = {DENSE.name: 90.0, REALISTIC.name: 600.0, ALONE.name: 600.0}
_OTHER_FIRST = 0.15
"""Share of calls in which the first voice is not the holder's."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which call: everything follows from it.

    Attributes:
        part: `tuning`, `test` or `french`: whose voice holds the floor.
        rate: a name of `RATES`.
        condition: how it sounds.
        number: of the call among its like; the holders take turns.
    """

    part: str
    rate: str
    condition: Condition
    number: int

    @property
    def seed(self) -> tuple[int, ...]:
        """Where its random numbers begin."""
        return (
            ("tuning", "test", "french").index(self.part),
            list(RATES).index(self.rate),
            CONDITIONS.index(self.condition),
            self.number,
        )


@dataclass(frozen=True, slots=True)
class Call:
    """A call: its sound, and the scene that is true of it."""

    wanted: Wanted
    sound: Samples
    scene: Scene


def make(wanted: Wanted, people: People, library: Library) -> Call:
    """Return a call of two to eight voices.

    A dense one uses no recording of its holder twice, so that most last 20 s, and those of the speakers with ten
    recordings 90 s. Ten minutes are only read by the latter, over and over.
    """
    rng = np.random.default_rng(wanted.seed)
    rate = RATES[wanted.rate]
    names = people.names(wanted.part)
    long = [name for name in names if name in people.long] or names
    single = [name for name in names if name not in long]
    dense = rate is DENSE
    pool = long if not dense or wanted.number % 3 == 0 or not single else single
    holder = pool[(wanted.number // 3 if dense else wanted.number) % len(pool)]
    listeners = [name for name in people.names("test" if wanted.part == "french" else wanted.part) if name != holder]
    count = int(rng.integers(1, 8))
    if dense and holder in single:  # 14 s of voice: what happens must happen soon
        rate = dataclasses.replace(rate, first=3.0, events=2.5, answers=5.0)
    others = [(name, people.voice(name)) for name in rng.permutation(listeners)[:count].tolist()]
    scene = play(
        rng,
        people.voice(holder),
        [(name, voice) for name, voice in others if voice.takes],
        seconds=_SECONDS[rate.name],
        rate=rate,
        bursts=wanted.condition.bursts,
        other_first=rate is not ALONE and bool(rng.random() < _OTHER_FIRST),
    )
    return Call(wanted, mixed(scene.tracks, scene.speaking, wanted.condition, library, rng), scene)
