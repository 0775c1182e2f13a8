"""Who says what when in a step that one person holds: the sounds, where each is speech, and what of it is an event.

Truth is by sound, as bench/voices.py finds speech in each clean recording. Definitions and due times are SPEECH.md's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.voices import FADE, LEVEL, Voice, stretches
from speech.ports import RATE_HZ, Samples
from tools.floor_model.bursts import BURSTS, laughter

DUE_SECONDS = {"talk_over": 1.0, "cut": 1.5, "intrusion": 1.5}
ONSET_SECONDS = 1.0
"""A flag is right when it says that the other voice began so near to where it did."""
Phrase = tuple[Samples, NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Rate:
    """How much happens.

    Attributes:
        name: for tables.
        events: interruptions; seconds from the end of one to the next, on average.
        answers: acknowledgements and laughs, likewise.
        least_gap: seconds between any two of them at least.
        long_pauses: share of the holder's pauses that last 3 to 20 s.
        first: seconds at the start without any.
        repeats: whether the holder's recordings may be used more than once.
    """

    name: str
    events: float
    answers: float
    least_gap: float = 2.2
    long_pauses: float = 0.08
    first: float = 5.0
    repeats: bool = True


DENSE = Rate("dense", events=7.0, answers=10.0, repeats=False)
REALISTIC = Rate("realistic", events=240.0, answers=100.0, long_pauses=0.12, first=15.0)
ALONE = Rate("holder alone", events=np.inf, answers=np.inf, long_pauses=0.12)
TRAINING = Rate("training", events=5.0, answers=8.0, least_gap=1.0, first=2.5, repeats=False)


@dataclass(frozen=True, slots=True)
class Truth:
    """An event: its kind (`backchannel`, or a key of `DUE_SECONDS`), onset and end in seconds, and who it was."""

    kind: str
    onset: float
    end: float
    who: str
    silence: float = 0.0
    """Seconds since the holder was last heard, at the onset."""


@dataclass(slots=True)
class Scene:
    """A step: each person's sound and where it is speech; the holder's name is ""."""

    length: int
    tracks: dict[str, Samples] = field(default_factory=dict)
    speaking: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    truth: list[Truth] = field(default_factory=list)

    def put(self, name: str, at: int, sound: Samples, mask: NDArray[np.bool_] | None) -> None:
        """Add a sound of `name` from sample `at`; None as mask: it is no speech."""
        track = self.tracks.setdefault(name, np.zeros(self.length, np.float32))
        speaking = self.speaking.setdefault(name, np.zeros(self.length, np.bool_))
        count = min(len(sound), self.length - at)
        if count > 0:
            track[at : at + count] += sound[:count]
            if mask is not None:
                speaking[at : at + count] |= mask[:count]

    def cut(self, length: int) -> None:
        """Drop everything from sample `length` on."""
        self.length = length
        self.tracks = {name: track[:length] for name, track in self.tracks.items()}
        self.speaking = {name: mask[:length] for name, mask in self.speaking.items()}
        self.truth = [event for event in self.truth if event.end * RATE_HZ < length - RATE_HZ]

    @property
    def others(self) -> NDArray[np.bool_]:
        """Where anybody but the holder speaks."""
        masks = [mask for name, mask in self.speaking.items() if name]
        return np.any(masks, axis=0) if masks else np.zeros(self.length, np.bool_)


def play(
    rng: np.random.Generator,
    holder: Voice,
    others: list[tuple[str, Voice]],
    *,
    seconds: float,
    rate: Rate,
    bursts: float = 0.0,
    other_first: bool = False,
) -> Scene:
    """Return a scene.

    Args:
        rng: draws everything.
        holder: who holds the floor.
        others: the listeners' names and voices.
        seconds: about how long; shorter when the holder's recordings may not be repeated and end.
        rate: how much happens.
        bursts: sounds a minute that are nobody's turn.
        other_first: whether somebody else says 2 to 5 s before the holder: no event, nobody held the floor yet.
    """
    score = _Score(rng, holder, others, rate)
    score.fill(seconds, other_first=other_first)
    score.burst(bursts)
    return score.scene


class _Score:
    def __init__(self, rng: np.random.Generator, holder: Voice, others: list[tuple[str, Voice]], rate: Rate) -> None:
        self.rng, self.rate, self.holder, self.others = rng, rate, holder, others

    def fill(self, seconds: float, *, other_first: bool) -> None:
        """Lay everything down."""
        rng, rate = self.rng, self.rate
        self.scene = Scene(int((seconds + 30) * RATE_HZ))
        self.scene.put("", 0, np.zeros(1, np.float32), None)
        self._at = int(rng.uniform(0.2, 0.8) * RATE_HZ)
        if other_first and (said := self._bit(rng.uniform(2.0, 5.0))) is not None:
            self.scene.put(said[0], self._at, said[1], said[2])
            self._at += len(said[1]) + int(rng.uniform(0.3, 1.2) * RATE_HZ)
        begin = self._at / RATE_HZ + rate.first
        self._next_event, self._next_answer = begin + _wait(rng, rate.events), begin + _wait(rng, rate.answers)
        self._kind = self._draw()
        for sound, mask in self._phrases(self.holder):
            if self._at > seconds * RATE_HZ:
                break
            self._phrase(sound * np.float32(10 ** (rng.normal(0, 2.0) / 20)), mask)
        self.scene.cut(min(self.scene.length, self._at))

    def _phrases(self, holder: Voice) -> Iterator[Phrase]:
        while True:
            yield from holder.phrases(self.rng)
            if not self.rate.repeats:
                return

    def _draw(self) -> str:
        return ("talk_over", "cut", "intrusion")[self.rng.choice(3, p=[0.36, 0.32, 0.32])]

    def _bit(self, seconds: float) -> tuple[str, Samples, NDArray[np.bool_]] | None:
        name, voice = self.others[self.rng.integers(len(self.others))]
        bit = voice.bit(self.rng, seconds)
        return None if bit is None else (name, bit, np.ones(len(bit), np.bool_))

    def _event(self, kind: str, at: int, seconds: float, last_heard: float) -> int | None:
        """Have somebody speak from sample `at`; return where it ends, None when nobody has such a bit."""
        said = self._bit(seconds)
        if said is None:
            return None
        name, sound, mask = said
        self.scene.put(name, at, sound, mask)
        end = at + len(sound)
        silence = max(0.0, at / RATE_HZ - last_heard)
        self.scene.truth.append(Truth(kind, at / RATE_HZ, end / RATE_HZ, name, silence))
        return end

    def _phrase(self, sound: Samples, mask: NDArray[np.bool_]) -> None:
        """Lay down one phrase of the holder and what happens in it and after it."""
        rng, at = self.rng, self._at
        end_seconds = (at + len(sound)) / RATE_HZ
        busy, pause = at + len(sound), self._pause()
        if self._next_event < end_seconds:
            sound, until, resume = self._interrupt(sound, mask)
            mask = mask[: len(sound)]
            if until is not None:
                busy = max(at + len(sound), until) if resume is None else max(busy if resume else 0, until)
                pause = rng.uniform(0.2, 1.0) if resume is False else pause
                self._next_event = busy / RATE_HZ + self.rate.least_gap + _wait(rng, self.rate.events)
                self._next_answer = max(self._next_answer, busy / RATE_HZ + self.rate.least_gap)
            self._kind = self._draw()
        elif self._next_answer < end_seconds:
            onset = at + int(rng.uniform(0.1, len(sound) / RATE_HZ + 0.3) * RATE_HZ)
            done = self._answer(onset, at + len(sound))
            self._next_answer = (done or onset) / RATE_HZ + self.rate.least_gap + _wait(rng, self.rate.answers)
            self._next_event = max(self._next_event, (done or onset) / RATE_HZ + self.rate.least_gap)
            busy = max(busy, done or 0)
        self.scene.put("", at, sound, mask)
        self._at = busy + int(pause * RATE_HZ)

    def _pause(self) -> float:
        rng = self.rng
        return float(rng.uniform(3, 20) if rng.random() < self.rate.long_pauses else rng.uniform(0.4, 1.4))

    def _answer(self, onset: int, held_until: int) -> int | None:
        """Have somebody acknowledge, or laugh, for less than a second."""
        rng = self.rng
        last = min(onset, held_until) / RATE_HZ
        if rng.random() < 0.2:
            name, _ = self.others[rng.integers(len(self.others))]
            sound = laughter(rng, longest_seconds=0.8) * np.float32(LEVEL)
            self.scene.put(name, onset, sound, np.ones(len(sound), np.bool_))
            end = onset + len(sound)
            self.scene.truth.append(Truth("backchannel", onset / RATE_HZ, end / RATE_HZ, name))
            return end
        return self._event("backchannel", onset, rng.uniform(0.25, 0.8), last)

    def _interrupt(self, sound: Samples, mask: NDArray[np.bool_]) -> tuple[Samples, int | None, bool | None]:
        """Return the phrase, perhaps cut short; where the event ends; False when the holder waits for it, else None."""
        rng, at, kind = self.rng, self._at, self._kind
        if kind == "intrusion":
            lead = rng.uniform(0.2, 0.9) if rng.random() < 0.75 else rng.uniform(1, 14)
            held = (at + len(sound)) / RATE_HZ
            return sound, self._event(kind, int((held + lead) * RATE_HZ), rng.uniform(1.8, 6.0), held), False
        if kind == "cut":
            margin = RATE_HZ // 2
            room = [(a + margin, b - margin) for a, b in stretches(mask, 0.12, 1.1) if b - a > 2 * margin]
            if not room:
                return sound, None, None
            first, final = room[rng.integers(len(room))]
            onset = int(rng.integers(first, final))
            until = self._event(kind, at + onset, rng.uniform(1.8, 6.0), (at + onset) / RATE_HZ)
            if until is None:
                return sound, None, None
            sound = sound[: onset + round(rng.uniform(0.15, 0.45) * RATE_HZ)].copy()
            sound[-FADE:] *= np.linspace(1, 0, FADE, dtype=np.float32)
            return sound, until, False
        last = [(a + RATE_HZ // 10, b - round(1.3 * RATE_HZ)) for a, b in stretches(mask, 0.25, 1.5)]
        room = [(a, b) for a, b in last if a < b]
        if not room:
            return sound, None, None
        first, final = room[rng.integers(len(room))]
        onset = at + int(rng.integers(first, final))
        return sound, self._event(kind, onset, rng.uniform(1.3, 6.0), onset / RATE_HZ), None

    def burst(self, a_minute: float) -> None:
        """Scatter sounds that are nobody's turn over the whole scene, some in the holder's own track."""
        rng, scene = self.rng, self.scene
        names = [name for name, _ in self.others]
        for _ in range(rng.poisson(a_minute * scene.length / RATE_HZ / 60)):
            kind = list(BURSTS)[rng.choice(5, p=[0.32, 0.26, 0.2, 0.17, 0.05])]
            sound = BURSTS[kind](rng) * np.float32(LEVEL * 10 ** (rng.uniform(-14, 2) / 20))
            mine = kind in ("cough", "keys", "laughter") and rng.random() < 0.5
            name = "" if mine else names[rng.integers(len(names))]
            if kind == "laughter" and not mine:
                continue  # another's laugh is a voice: `_answer` has those
            scene.put(name, int(rng.integers(scene.length)), sound, None)


def _wait(rng: np.random.Generator, mean: float) -> float:
    return float(rng.exponential(mean)) if np.isfinite(mean) else np.inf
