"""What the core's tests stand on: codev as plain data, words that show their key, and a meeting run without a clock."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from facilitator.core import actions as do
from facilitator.core import events as ev
from facilitator.core import facts
from facilitator.core.process import Courtesy, Cue, Overrun, Participant, Process, RecordRule, Rights, Silence, Step
from facilitator.core.session import Session
from facilitator.core.state import Settings

FRAME = 0.032
"""Seconds of one frame of the detector: a change of voice is known at the end of a frame."""
CONFIRMED = 3 * FRAME
"""How long after its onset speech is confirmed."""
HANGOVER = 0.4
"""How long after its end speech is known to have ended."""
CLIENT, BENOIT, DALIA, ANIMATOR = "camille", "benoit", "dalia", "ana"
"""Channels of the people of `PEOPLE`."""
PEOPLE = (
    Participant("Camille", "client", CLIENT),
    Participant("Benoît", "consultant", BENOIT),
    Participant("Dalia", "consultant", DALIA),
    Participant("Ana", "animator", ANIMATOR),
)


def table(sixty: float, ninety: float, hundred_twenty: float) -> dict[int, float]:
    return {60: sixty, 90: ninety, 120: hundred_twenty}


def codev(**changes: Any) -> Process:
    """Return the method as prompts/codev/process.toml has it."""
    short = Courtesy(silence_seconds=0.6, held_silence_seconds=0.6, deadline_seconds=10)
    timed = Courtesy(silence_seconds=0.8, held_silence_seconds=1.5, deadline_seconds=30)
    values: dict[str, Any] = {
        "id": "codev",
        "roles": ("client", "consultant", "animator"),
        "may_always_speak": frozenset({"animator"}),
        "steps": (
            Step("welcome", "animator", Rights.FREE, table(5, 10, 12), shows="rules"),
            Step("presentation", "client", Rights.HOLD, table(5, 8, 10)),
            Step("clarification", "consultant", Rights.EXCHANGE, table(13, 20, 28)),
            Step("contract", "client", Rights.EXCHANGE, table(5, 8, 10), written_down="contract"),
            Step("break", None, Rights.FREE, table(0, 0, 5), cues=False),
            Step("consultation", "consultant", Rights.HOLD, table(17, 25, 30), replies=True, shows="contract"),
            Step("synthesis", "client", Rights.HOLD, table(7, 9, 10), written_down="plan"),
            Step("evaluation", "client", Rights.ROUND, table(8, 10, 15), shows="facts"),
        ),
        "courtesy": {
            Cue.OPENING: short,
            Cue.REMAINING: timed,
            Cue.ENDED: timed,
            Cue.REMINDER: Courtesy(silence_seconds=0.3, held_silence_seconds=0.3, deadline_seconds=3),
            Cue.READ_BACK: short,
            Cue.CUSTOM: short,
        },
        "remaining_minutes": (5, 2, 1, 0.5),
        "remaining_share": 0.4,
        "records": {"contract": RecordRule("client", open_until="consultation"), "plan": RecordRule("client")},
        "prompts": ("rules", "objectives", "silence"),
        "silence": Silence(30, "silence"),
        "overrun": Overrun(60, 2),
    }
    return Process(**(values | changes))


class FakeWording:
    """Words that show everything they were made from."""

    def text(
        self,
        key: str,
        *,
        names: Mapping[str, tuple[str, ...]],
        holder: str | None,
        seconds: float = 0.0,
        words: str = "",
    ) -> str:
        who = "+".join(names.get(holder or "", ())) or holder or "nobody"
        return f"{key} for {who}, {seconds:g} s" + (f": {words}" if words else "")


def settings(seconds: Mapping[str, float] | None = None, **changes: Any) -> Settings:
    """Return a session's settings: codev in 60 minutes with `PEOPLE`, unless told."""
    process = changes.pop("process", None) or codev()
    values: dict[str, Any] = {
        "process": process,
        "seconds": process.plan(60) if seconds is None else seconds,
        "participants": PEOPLE,
        "language": "fr",
    }
    return Settings(**(values | changes))


@dataclass
class Meeting:
    """A session with a voice device, driven as the runner drives it: a `Tick` at each deadline, no clock.

    Attributes:
        prompt_seconds: how long the device takes to say a prompt; None: it never answers by itself.
        latency_seconds: from `Speak` to the first sound.
        ready_seconds: from `Prepare` to the sound at hand; None: it never is.
        now: session seconds that have passed.
        done: every action, with when it was taken.
    """

    settings: Settings = field(default_factory=settings)
    prompt_seconds: float | None = 2.0
    latency_seconds: float = 0.05
    ready_seconds: float | None = 0.0
    now: float = 0.0
    done: list[tuple[float, do.Action]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session = Session(self.settings, FakeWording())
        self._queue: list[tuple[float, int, ev.Event]] = []
        self._order = itertools.count()
        self._ends: dict[str, int] = {}
        self._cancelled: set[int] = set()

    def plan(self, events: Iterable[ev.Event]) -> Meeting:
        """Have `events` arrive at their times."""
        for event in events:
            self._push(event)
        return self

    def _push(self, event: ev.Event) -> int:
        number = next(self._order)
        heapq.heappush(self._queue, (event.at, number, event))
        return number

    def send(self, *events: ev.Event) -> Meeting:
        """Bring events to the session now, in order; what was due before has happened."""
        for event in events:
            self.until(event.at, inclusive=False)
            self._receive(event)
            self._answer()
        return self

    def _answer(self) -> None:
        """Let the device answer what it can answer at once."""
        while self._queue and self._queue[0][0] <= self.now:
            self._take()

    def _take(self) -> None:
        _, number, event = heapq.heappop(self._queue)
        if number not in self._cancelled:
            self._receive(event)

    def until(self, at: float, *, inclusive: bool = True) -> Meeting:
        """Let time pass to `at`."""
        stuck, last = 0, self.now
        while True:
            deadline = self.session.next_deadline()
            assert deadline is None or deadline >= self.now - 1e-9, "a deadline in the past"
            planned = self._queue[0][0] if self._queue else None
            times = [time for time in (deadline, planned) if time is not None]
            first = min(times, default=None)
            if first is None or first > at or (not inclusive and first >= at):
                break
            stuck, last = (stuck + 1, last) if first <= last else (0, first)
            assert stuck <= 30, f"no progress at {first}"
            if planned is not None and planned == first:
                self._take()
            else:
                self._receive(ev.Tick(at=first))
        self.now = max(self.now, at)
        return self

    def _receive(self, event: ev.Event) -> None:
        self.now = max(self.now, event.at)
        self.session.receive(event)
        for action in self.session.take_actions():
            self.done.append((self.now, action))
            self._perform(action)

    def _perform(self, action: do.Action) -> None:
        if isinstance(action, do.Prepare) and self.ready_seconds is not None:
            self._push(ev.PromptReady(at=self.now + self.ready_seconds, prompt_id=action.prompt.id))
        if self.prompt_seconds is None:
            return
        if isinstance(action, do.Speak):
            start = self.now + self.latency_seconds
            prompt_id = action.prompt.id
            self._push(ev.PromptStarted(at=start, prompt_id=prompt_id))
            end = ev.PromptEnded(at=start + self.prompt_seconds, prompt_id=prompt_id, completed=True)
            self._ends[prompt_id] = self._push(end)
        elif isinstance(action, do.StopSpeaking):
            self._cancelled.add(self._ends[action.prompt_id])
            self._push(
                ev.PromptEnded(at=self.now + action.fade_seconds, prompt_id=action.prompt_id, completed=False),
            )

    @property
    def facts(self) -> list[facts.Fact]:
        """Every fact, in order."""
        return [action.fact for _, action in self.done if isinstance(action, do.Publish)]

    def types(self) -> list[str]:
        """Types of every fact, in order."""
        return [fact.type for fact in self.facts]

    def of(self, kind: type[Any]) -> list[Any]:
        """Every fact of one class, in order."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def acted(self, kind: type[Any]) -> list[tuple[float, Any]]:
        """Every action of one class with when it was taken."""
        return [(at, action) for at, action in self.done if isinstance(action, kind)]

    def spoke(self) -> list[tuple[float, str, str]]:
        """When the voice was told to say what: time, step, cue."""
        return [(at, action.prompt.step, action.prompt.cue.value) for at, action in self.acted(do.Speak)]

    def withheld(self) -> list[tuple[float, str, str, str]]:
        """What was withheld: time, step, cue, reason."""
        return [(fact.at, fact.step, fact.cue, fact.reason) for fact in self.of(facts.PromptWithheld)]

    def flags(self) -> list[facts.InterruptionFlagged]:
        return self.of(facts.InterruptionFlagged)


def go(step: str, at: float = 0.0, *, consent: bool = True, **changes: Any) -> Meeting:
    """Return a meeting that has come to `step` by session second `at`, its openings said or dropped."""
    meeting = Meeting(**changes)
    if consent:
        meeting.send(ev.ConsentGiven(at=at))
    meeting.send(ev.StartAsked(at=at))
    while meeting.session.step_id != step:
        meeting.send(ev.NextAsked(at=at))
    return meeting


def heard(voices: Mapping[str, Sequence[tuple[float, float]]]) -> list[ev.Event]:
    """Turn a timeline of who speaks when into the detector's events, as a perfect detector would tell it.

    Args:
        voices: for each channel, onset and end of every stretch of voice in session seconds, in order.
    """
    events: list[ev.Event] = []
    for channel, stretches in voices.items():
        speech = False
        for place, (onset, end) in enumerate(stretches):
            events.append(ev.VoiceRose(at=onset + FRAME, channel=channel, since=onset))
            if not speech and end - onset >= CONFIRMED:
                events.append(ev.SpeechStarted(at=onset + CONFIRMED, channel=channel, since=onset))
                speech = True
            events.append(ev.VoiceFell(at=end + FRAME, channel=channel, since=end))
            following = stretches[place + 1][0] if place + 1 < len(stretches) else float("inf")
            if speech and following + FRAME > end + HANGOVER:
                events.append(ev.SpeechEnded(at=end + HANGOVER, channel=channel, since=end))
                speech = False
    return sorted(events, key=lambda event: event.at)


def joined(voice: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Join stretches of voice into speech as the detector does."""
    turns: list[tuple[float, float]] = []
    for onset, end in voice:
        if turns and onset + FRAME <= turns[-1][1] + HANGOVER:
            turns[-1] = (turns[-1][0], end)
        elif end - onset >= CONFIRMED:
            turns.append((onset, end))
    return turns


def utterance(number: int, text: str | None, at: float, **changes: Any) -> ev.UtteranceWritten:
    """Return an utterance of the contract that became known at `at`, said by the client two seconds earlier."""
    values: dict[str, Any] = {
        "at": at,
        "channel": CLIENT,
        "id": f"u{number}",
        "record": "contract",
        "step": "contract",
        "stage": "live",
        "text": text,
        "started_at": at - 2.0,
        "ended_at": at - 1.0,
    }
    return ev.UtteranceWritten(**(values | changes))


def outstanding(number: int, at: float, **changes: Any) -> ev.UtteranceHeard:
    """Return an utterance of the contract that was given to the recognizer at `at`."""
    values: dict[str, Any] = {
        "at": at,
        "channel": CLIENT,
        "id": f"u{number}",
        "record": "contract",
        "step": "contract",
        "started_at": at - 2.0,
        "ended_at": at - 1.0,
    }
    return ev.UtteranceHeard(**(values | changes))
