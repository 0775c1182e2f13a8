"""Labelled calls from real speech: one track a person, somebody who holds the floor, others who listen or do not.

Truth is by sound, as bench/voices.py finds speech in each clean recording, never what a script says. Everything follows
from one seed.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.voices import FADE, LEVEL, Library, Voice, in_room, stretches
from speech.ports import RATE_HZ, Samples
from speech.sound import write_flac

FLOOR = 0.0002
"""RMS of the noise that every track has, as a microphone does: -74 dBFS."""
EVERY_SECONDS = 2.8
"""From the end of one event to the next, on average: much denser than people are."""
FLAGGED = ("talk_over", "cut", "intrusion", "reply")
LISTENING_PLAN = ("backchannel", "backchannels", "talk_over", "cut", "intrusion", "animator")
LISTENING_ODDS = (0.16, 0.08, 0.25, 0.23, 0.22, 0.06)
CONSULTING_PLAN = ("backchannel", "backchannels", "reply", "among_holders", "animator")
CONSULTING_ODDS = (0.22, 0.1, 0.45, 0.17, 0.06)
NAMES = ("Camille", "Thomas", "Nadia", "Karim", "Inès", "Hugo", "Salomé", "Isabelle")
CLIENT, ANIMATOR = NAMES[0], NAMES[-1]
HELD = ("presentation", "synthesis")


@dataclass(frozen=True, slots=True)
class Condition:
    """How a call sounds.

    Attributes:
        name: for tables.
        gain_db: each person's level differs by up to so much, either way.
        snr_db: least and most of a person's speech over the noise of the own track; None for hardly any noise.
        rooms: whether each person sits in a room that is heard.
    """

    name: str
    gain_db: float = 0.0
    snr_db: tuple[float, float] | None = None
    rooms: bool = False


CLEAN = Condition("clean")
GAINS = Condition("gains", gain_db=9)
NOISE = Condition("noise", gain_db=9, snr_db=(15, 30))
ROOMS = Condition("rooms", gain_db=9, snr_db=(15, 30), rooms=True)
CONDITIONS = (CLEAN, GAINS, NOISE, ROOMS)


@dataclass(frozen=True, slots=True)
class Truth:
    """What really happened.

    Attributes:
        kind: `backchannel`, or one of `FLAGGED`.
        who: whose voice it was.
        onset: second at which that voice began.
        end: second at which it ended.
        due: second at which the definition of the kind is met; None for a backchannel.
    """

    kind: str
    who: str
    onset: float
    end: float
    due: float | None


@dataclass(frozen=True, slots=True)
class LabelledCall:
    """A call on disk and what happens in it."""

    path: Path
    condition: Condition
    seconds: float
    truth: tuple[Truth, ...]


@dataclass(slots=True)
class _Person:
    """Somebody in the call: a voice for what is said into others' words, several for what is said at length."""

    name: str
    role: str
    voices: list[Voice]
    sounds: list[tuple[int, Samples]] = field(default_factory=list)
    phrases: Iterator[tuple[Samples, NDArray[np.bool_]]] = field(init=False)

    def talk(self, rng: np.random.Generator) -> None:
        """Have an endless supply of phrases."""

        def endless() -> Iterator[tuple[Samples, NDArray[np.bool_]]]:
            while True:
                for voice in self.voices:
                    yield from voice.phrases(rng)

        self.phrases = endless()


class _Score:
    """The call as it grows: who says what when, in samples, and what of it is an event."""

    def __init__(self, rng: np.random.Generator, people: list[_Person]) -> None:
        self.rng = rng
        self.people = {person.name: person for person in people}
        self.client, self.animator = self.people[CLIENT], self.people[ANIMATOR]
        self.consultants = [person for person in people if person.role == "consultant"]
        self.truth: list[Truth] = []
        self.at = RATE_HZ // 2
        self._next_event = 0

    def hold(self, until: int, *, consulting: bool) -> None:
        """Have the client, or in consultation the consultants in turn, hold the floor until a sample."""
        rng = self.rng
        plan, odds = (CONSULTING_PLAN, CONSULTING_ODDS) if consulting else (LISTENING_PLAN, LISTENING_ODDS)
        self._next_event = self.at + self._gap(4.0)
        wanted = self._draw(plan, odds)
        while self.at < until:
            holder = self.consultants[rng.integers(len(self.consultants))] if consulting else self.client
            phrase, mask = next(holder.phrases)
            start, resume = self.at, None
            if start + len(phrase) > self._next_event:
                phrase, done, resume = self._event(wanted, holder, phrase, mask)
                if done is not None:  # else there was no room for it: the next phrase may have some
                    self._next_event = done + self._gap(EVERY_SECONDS)
                    wanted = self._draw(plan, odds)
            level = np.float32(10 ** (rng.normal(0, 2.0) / 20))
            holder.sounds.append((start, phrase * level))
            self.at = start + len(phrase) + self._pause() if resume is None else resume
        self.at = max(self.at, self._last_end()) + RATE_HZ

    def converse(self, until: int) -> None:
        """Have everybody talk in turn, sometimes at once, until a sample: nothing of it is an interruption."""
        rng = self.rng
        while self.at < until:
            person = list(self.people.values())[rng.integers(len(self.people))]
            phrase, _ = next(person.phrases)
            person.sounds.append((self.at, phrase))
            self.at += len(phrase) + round(rng.uniform(-0.3, 1.2) * RATE_HZ)
        self.at = max(self.at, self._last_end()) + RATE_HZ

    def _draw(self, plan: tuple[str, ...], odds: tuple[float, ...]) -> str:
        return plan[self.rng.choice(len(plan), p=odds)]

    def _gap(self, seconds: float) -> int:
        return round((2.2 + self.rng.exponential(max(0.1, seconds - 2.2))) * RATE_HZ)

    def _pause(self) -> int:
        rng = self.rng
        return round((rng.uniform(3, 8) if rng.random() < 0.08 else rng.uniform(0.4, 1.4)) * RATE_HZ)

    def _last_end(self) -> int:
        return max((at + len(sound) for p in self.people.values() for at, sound in p.sounds[-4:]), default=0)

    def _event(
        self, kind: str, holder: _Person, phrase: Samples, mask: NDArray[np.bool_]
    ) -> tuple[Samples, int | None, int | None]:
        """Lay down an event in or after a phrase.

        Returns:
            The phrase, cut short by a cut; when the event is over, None when there was no room for it; when the holder
            goes on, where that is special.
        """
        rng, start = self.rng, self.at
        earliest = max(0, self._next_event - start)
        anywhere = start + round(rng.uniform(earliest, max(earliest, len(phrase)) + 1))
        other = self.client if holder is not self.client else self.consultants[rng.integers(len(self.consultants))]
        if kind == "cut":
            return self._cut(other, phrase, mask, earliest)
        if kind == "intrusion":
            lead = rng.uniform(0.2, 0.9) if rng.random() < 0.85 else rng.uniform(1, 4)
            onset = start + len(phrase) + round(lead * RATE_HZ)
            end = self._say(other, kind, onset, rng.uniform(1.8, 6.0), 1.5)
            return phrase, end, end and end + round(rng.uniform(0.3, 1.0) * RATE_HZ)
        return phrase, self._meanwhile(kind, holder, other, mask, (earliest, anywhere)), None

    def _meanwhile(
        self, kind: str, holder: _Person, other: _Person, mask: NDArray[np.bool_], at: tuple[int, int]
    ) -> int | None:
        """Lay down an event that changes nothing of what the holder says; return when it is over."""
        rng, (earliest, anywhere) = self.rng, at
        done: int | None = None
        match kind:
            case "talk_over":
                done = self._talk_over(other, mask, earliest)
            case "reply":
                done = self._say(other, kind, anywhere, rng.uniform(2.0, 6.0), 1.5)
            case "animator":
                done = self._say(self.animator, "", anywhere, rng.uniform(1.0, 4.0), None)
            case "among_holders":
                others = [person for person in self.consultants if person is not holder]
                done = self._say(others[rng.integers(len(others))], "", anywhere, rng.uniform(1.0, 5.0), None)
            case _:
                for _ in range(1 if kind == "backchannel" else rng.integers(2, 5)):
                    end = self._say(other, "backchannel", anywhere, rng.uniform(0.25, 0.8), None)
                    if end is not None:
                        done, anywhere = end, end + round(rng.uniform(1.05, 2.0) * RATE_HZ)
        return done

    def _talk_over(self, other: _Person, mask: NDArray[np.bool_], earliest: int) -> int | None:
        """Have somebody talk over the holder, who goes on for 1.3 s at least without a pause."""
        last = [(max(a + RATE_HZ // 10, earliest), b - round(1.3 * RATE_HZ)) for a, b in stretches(mask, 0.25, 1.5)]
        room = [(first, final) for first, final in last if first < final]
        if not room:
            return None
        first, final = room[self.rng.integers(len(room))]
        return self._say(
            other, "talk_over", self.at + int(self.rng.integers(first, final)), self.rng.uniform(1.3, 6), 1
        )

    def _cut(
        self, other: _Person, phrase: Samples, mask: NDArray[np.bool_], earliest: int
    ) -> tuple[Samples, int | None, int | None]:
        """Have the holder stop 0.15 to 0.45 s after somebody's onset."""
        rng = self.rng
        margin = RATE_HZ // 2
        room = [(max(a + margin, earliest), b - margin) for a, b in stretches(mask, 0.12, 1.1)]
        room = [(first, final) for first, final in room if first < final]
        if not room:
            return phrase, None, None
        first, final = room[rng.integers(len(room))]
        onset = int(rng.integers(first, final))
        stop = onset + round(rng.uniform(0.15, 0.45) * RATE_HZ)
        end = self._say(other, "cut", self.at + onset, rng.uniform(1.8, 6.0), 1.5)
        if end is None:
            return phrase, None, None
        phrase = phrase[:stop].copy()
        phrase[-FADE:] *= np.linspace(1, 0, FADE, dtype=np.float32)
        return phrase, end, end + round(rng.uniform(0.3, 1.0) * RATE_HZ)

    def _say(self, person: _Person, kind: str, onset: int, seconds: float, due_after: float | None) -> int | None:
        """Have `person` say something; return its end, None when the voice has no such bit."""
        bit = person.voices[0].bit(self.rng, seconds)
        if bit is None:
            return None
        person.sounds.append((onset, bit))
        end = onset + len(bit)
        if kind:
            due = None if due_after is None else onset / RATE_HZ + due_after
            self.truth.append(Truth(kind, person.name, onset / RATE_HZ, end / RATE_HZ, due))
        return end


def make_call(
    library: Library,
    folder: Path,
    *,
    half: str,
    seed: int,
    condition: Condition,
    plan: Mapping[str, float],
    consultants: int | None = None,
    mixed: bool = False,
) -> LabelledCall:
    """Write a call into `folder`: its recordings, CALL.toml and truth.json.

    Args:
        library: where the voices come from.
        folder: made where it is missing.
        half: the speakers, `tuning` or `test`.
        seed: everything follows from it.
        condition: how it sounds.
        plan: seconds of each step, in order.
        consultants: how many there are; 3 to 6 when None.
        mixed: one recording of everybody instead of a track each.
    """
    rng = np.random.default_rng(seed)
    people = _people(library, half, rng, consultants or int(rng.integers(3, 7)))
    score = _Score(rng, people)
    steps: list[tuple[str, float, float]] = []
    for step, seconds in plan.items():
        begins = score.at - RATE_HZ // 2
        until = begins + round(seconds * RATE_HZ)
        if step in HELD or step == "consultation":
            score.hold(until, consulting=step == "consultation")
        else:
            score.converse(until)
        steps.append((step, begins / RATE_HZ, seconds / 60))
    folder.mkdir(parents=True, exist_ok=True)
    length = score.at + RATE_HZ
    everybody = np.zeros(length if mixed else 0, dtype=np.float32)
    for person in people:
        track = _track(library, rng, person, length, condition)
        if mixed:
            everybody += track
        else:
            write_flac(folder / f"{person.name.lower()}.flac", track)
    if mixed:
        write_flac(folder / "call.flac", everybody)
    truth = tuple(sorted(score.truth, key=lambda event: event.onset))
    (folder / "CALL.toml").write_text(_toml(people, steps, mixed=mixed), encoding="utf-8")
    labels = {"seed": seed, "condition": condition.name, "truth": [asdict(event) for event in truth]}
    (folder / "truth.json").write_text(json.dumps(labels, ensure_ascii=False, indent=1), encoding="utf-8")
    return LabelledCall(folder / "CALL.toml", condition, length / RATE_HZ, truth)


def _people(library: Library, half: str, rng: np.random.Generator, consultants: int) -> list[_Person]:
    """Return the people; the client's track is read by several speakers, since no recording is long enough."""
    roles = [(CLIENT, "client", 8), *((name, "consultant", 2) for name in NAMES[1 : 1 + consultants])]
    names = iter(rng.permutation(library.speakers(half)).tolist())
    people = []
    for name, role, count in [*roles, (ANIMATOR, "animator", 1)]:
        voices: list[Voice] = []
        while len(voices) < count:
            voice = library.voice(next(names))
            if voice.takes:
                voices.append(voice)
        person = _Person(name, role, voices)
        person.talk(rng)
        people.append(person)
    return people


def _track(library: Library, rng: np.random.Generator, person: _Person, length: int, condition: Condition) -> Samples:
    track = np.zeros(length, dtype=np.float32)
    for at, sound in person.sounds:
        kept = sound[: length - at]
        track[at : at + len(kept)] += kept
    if condition.rooms:
        track = in_room(track, library.room(rng))
    gain = 10 ** (rng.uniform(-condition.gain_db, condition.gain_db) / 20)
    noise = FLOOR
    if condition.snr_db is not None:
        noise = max(FLOOR, LEVEL * gain * 10 ** (-rng.uniform(*condition.snr_db) / 20))
    track *= np.float32(gain)
    track += np.float32(noise) * library.noise(rng, length)
    return track


def _toml(people: list[_Person], steps: list[tuple[str, float, float]], *, mixed: bool) -> str:
    quoted = functools.partial(json.dumps, ensure_ascii=False)  # a JSON string is a TOML string
    lines = ['process = "codev"', 'language = "fr"', 'address = "tu"', *(['audio = "call.flac"'] if mixed else [])]
    for person in people:
        lines += ["", "[[participants]]", f"name = {quoted(person.name)}", f"role = {quoted(person.role)}"]
        lines += [] if mixed else [f"track = {quoted(person.name.lower() + '.flac')}"]
    for step, at, minutes in steps:
        lines += ["", "[[steps]]", f"id = {quoted(step)}", f"at = {at:.3f}", f"minutes = {minutes:.4f}"]
    return "\n".join(lines) + "\n"
