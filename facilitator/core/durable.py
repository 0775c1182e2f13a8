"""What of a session outlives its process, and how a session goes on from it in another.

Rules:

- Kept are the meeting's course and what was written down, as they stand: not the events that led there. The events of
  voices come many times a second, and a mark waits for them: without them events fed again would agree to other words.
- Who speaks, the floor and the voice begin anew.
- No cue comes twice. A prompt that was waiting, or being said, is shown to the animator and not said by itself.
- Sound that was not written down is gone: its utterance counts as lost, and a mark that waited for it is told to the
  animator and forgotten, since what it meant was never known.
- Time has gone on meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from facilitator.core import actions as do
from facilitator.core import due, facts
from facilitator.core.agenda import TimeChange, Times
from facilitator.core.courtesy import Withhold
from facilitator.core.notices import WarningView
from facilitator.core.process import Cue
from facilitator.core.record import Record
from facilitator.core.state import State
from facilitator.core.tally import Stretch, Tally
from facilitator.core.transitions import Listening, Phase

MARK_LOST = "mark_lost"


@dataclass(frozen=True, slots=True)
class Course:
    """Where the meeting is; the fields are those of `State` and of its agenda and voice.

    Attributes:
        waiting: prompts that were not said to their end.
        last: what "say again" means.
        heard: how long who was heard, by step.
    """

    phase: Phase
    listening: Listening
    started_at: float
    step_at: float
    times: Times
    cues_done: tuple[tuple[int, Cue], ...]
    opened: tuple[int, ...]
    prompts: int
    waiting: tuple[do.Prompt, ...]
    last: do.Prompt | None
    heard: tuple[Stretch, ...] = ()
    overran: tuple[int, ...] = ()
    time_change: TimeChange | None = None


@dataclass(frozen=True, slots=True)
class Durable:
    """All that outlives the process: the course, and each record by name, at session second `at`."""

    at: float
    course: Course
    records: Mapping[str, Record]


def take(state: State) -> Durable:
    """Return what is to be kept of `state`; it does not change with it."""
    voice = state.voice
    speaking = () if voice.speaking is None else (voice.speaking,)
    course = Course(
        phase=state.phase,
        listening=state.listening,
        started_at=state.started_at,
        step_at=state.step_at,
        times=state.agenda.times(),
        cues_done=tuple(sorted(state.cues_done)),
        opened=tuple(sorted(state.opened)),
        prompts=state.prompts,
        waiting=(*speaking, *voice.pending),
        last=voice.last,
        heard=state.tally.kept(),
        overran=tuple(sorted(state.overran)),
        time_change=state.time_change,
    )
    return Durable(state.now, course, {name: record.kept() for name, record in state.records.items()})


def restore(state: State, kept: Durable, at: float) -> None:
    """Have a new `state` of the same steps go on from `kept` at session second `at`."""
    course = kept.course
    state.now = max(at, kept.at)
    state.phase = course.phase
    if state.settings.listens and course.listening is not Listening.NEVER:
        state.listening = course.listening
    state.started_at, state.step_at = course.started_at, course.step_at
    state.agenda.restore(course.times)
    state.cues_done, state.opened = set(course.cues_done), set(course.opened)
    state.overran, state.time_change = set(course.overran), course.time_change
    state.prompts = course.prompts
    state.voice.last = course.last
    state.tally = Tally(course.heard)
    state.records.update({name: kept.records[name].kept() for name in state.records if name in kept.records})
    if state.phase is Phase.ENDED:
        return
    if state.capturing:
        state.actions.append(do.StartListening())
        state.ears.forget(state.now)
    marks = [record.interrupt() for record in state.records.values()]
    if any(marks):
        message = state.words(f"interface.warnings.{MARK_LOST}")
        state.warnings[MARK_LOST] = WarningView(code=MARK_LOST, message=message, at=state.now)
        state.publish(facts.Warning, code=MARK_LOST, message=message)
    state.withhold([Withhold(prompt, "interrupted") for prompt in course.waiting])
    state.hold_floor()
    due.settle(state)
