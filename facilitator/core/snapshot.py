"""What is shown of a session at one moment: plain values, all that a page or a terminal needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from facilitator.core import health
from facilitator.core.health import PartView
from facilitator.core.notices import PrivateCue, WarningView
from facilitator.core.process import FACTS, Rights, Step
from facilitator.core.stage import shown_listening
from facilitator.core.state import State
from facilitator.core.tally import FactsView
from facilitator.core.transitions import Listening, Phase


@dataclass(frozen=True, slots=True)
class StepView:
    """A step of the agenda.

    Attributes:
        id: its name.
        title: as shown.
        seconds: its planned seconds.
        when: `past`, `present` or `to_come`.
        interruptions: by what one is told while the session listens: `track`, `channel`, `overlap`, or None.
    """

    id: str
    title: str
    seconds: float
    when: str
    interruptions: str | None


@dataclass(frozen=True, slots=True)
class ItemView:
    """An item of a text, as in `items.Item`; `offered` is a day that its words name, for a human to accept, or ""."""

    text: str
    who: str = ""
    first_step: str = ""
    done_when: str = ""
    due: str = ""
    offered: str = ""


@dataclass(frozen=True, slots=True)
class RecordView:
    """A written-down text as it stands; `agreed_at` is seconds after the session's start.

    `undoable` says whether the last correction can be taken back, `open` whether the text may still change; `owner` is
    who agrees to it: names, else a role.
    """

    text: str
    agreed: bool
    agreed_by: str
    agreed_at: float | None
    corrections: tuple[Mapping[str, object], ...]
    outstanding: int
    lost: int
    utterances: tuple[Mapping[str, object], ...]
    items: tuple[ItemView, ...] = ()
    undoable: bool = False
    title: str = ""
    owner: str = ""
    open: bool = True


@dataclass(frozen=True, slots=True)
class FollowUpView:
    """The plan of another session that its client brought back: of which day, as `2026-11-24`, whose, and its items."""

    on: str
    people: tuple[str, ...]
    items: tuple[ItemView, ...]


@dataclass(frozen=True, slots=True)
class RebudgetView:
    """The offer to end on time: how late as things stand, the new seconds by step, how late even so."""

    late_seconds: float
    steps: Mapping[str, float]
    still_late_seconds: float


@dataclass(frozen=True, slots=True)
class TimeChangeView:
    """What can be taken back: the seconds that the step was given, 0 for new lengths of those to come; until when."""

    seconds: float
    until: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The session at session second `at`. Times that run are to be counted on from `at` while `phase` is `running`.

    `interruptions` is by what one is told right now: `track`, `channel`, `overlap`, or None when none is. `reminder` is
    what the voice would say to let the holder finish, None where nobody holds the floor; `sayable` the keys of what it
    may be asked to say; `channels` what the session hears when it listens, and `lost` the devices that do not answer.
    `health` is how each part of the sound, and of what is kept, stands. `follow_up` is a plan to report back on, in a
    step that has room for it. `time_change` is the last change of the time while it can be taken back.
    `facts` is what everybody may be shown of the steps before, in a step that shows them.
    """

    at: float
    phase: str
    listening: str
    process: str
    language: str
    step: str
    title: str
    who: str
    holder: str | None
    rights: str
    written_down: str | None
    interruptions: str | None
    planned_seconds: float
    elapsed_seconds: float
    left_seconds: float
    overrun_seconds: float
    ends_at: float
    expected_end: float
    following: str | None
    steps: tuple[StepView, ...]
    speaking: str | None
    pending: tuple[str, ...]
    cues: tuple[PrivateCue, ...]
    warnings: tuple[WarningView, ...]
    records: Mapping[str, RecordView]
    rebudget: RebudgetView | None
    time_change: TimeChangeView | None = None
    follow_up: FollowUpView | None = None
    reminder: str | None = None
    sayable: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    health: tuple[PartView, ...] = ()
    facts: tuple[FactsView, ...] = ()
    facts_shown: bool = False


def take(state: State, at: float) -> Snapshot:
    """Return what is to be shown of `state` at session second `at`."""
    agenda, step = state.agenda, state.step
    offer = agenda.rebudget(at) if state.phase in {Phase.RUNNING, Phase.PAUSED} else None
    left = agenda.left(at)
    return Snapshot(
        at=at,
        phase=state.phase.value,
        listening=shown_listening(state).value,
        process=state.settings.process.id,
        language=state.settings.language,
        step=step.id,
        title=state.words(f"steps.{step.id}.title"),
        who=state.words(f"steps.{step.id}.who"),
        holder=step.holder,
        rights=step.rights.value,
        written_down=step.written_down,
        interruptions=_told_by(state, step) if state.floor is not None or state.mixed is not None else None,
        planned_seconds=agenda.visit_planned,
        elapsed_seconds=agenda.elapsed(at),
        left_seconds=left,
        overrun_seconds=max(0.0, -left),
        ends_at=agenda.ends_at(at),
        expected_end=agenda.expected_end(at),
        following=agenda.following.id if agenda.following else None,
        steps=tuple(_step_view(state, index) for index in range(len(agenda.steps))),
        speaking=state.voice.speaking.text if state.voice.speaking else None,
        pending=tuple(prompt.text for prompt in state.voice.pending),
        cues=tuple(cue for cue in state.cues if cue.until > at),
        warnings=tuple(state.warnings.values()),
        records={name: _record_view(state, name) for name in state.records},
        rebudget=None if offer is None else RebudgetView(offer.late_seconds, offer.steps, offer.still_late_seconds),
        time_change=_time_change(state, at),
        reminder=state.words(f"steps.{step.id}.reminder") if step.rights is Rights.HOLD else None,
        sayable=state.settings.process.prompts,
        channels=state.settings.channels if state.settings.listens else (),
        lost=tuple(sorted(state.lost)),
        health=health.take(state),
        facts=state.facts() if step.shows == FACTS else (),
        facts_shown=state.facts_shown,
    )


def _time_change(state: State, at: float) -> TimeChangeView | None:
    change = state.time_change
    return None if change is None or change.until <= at else TimeChangeView(change.seconds, change.until)


def _step_view(state: State, index: int) -> StepView:
    step, here = state.agenda.steps[index], state.agenda.index
    when = "present" if index == here else "past" if index < here else "to_come"
    title = state.words(f"steps.{step.id}.title")
    return StepView(step.id, title, state.agenda.planned(index), when, _told_by(state, step))


def _told_by(state: State, step: Step) -> str | None:
    evidence = state.evidence(step) if state.listening is not Listening.NEVER else None
    return None if evidence is None else evidence.kind.value


def _record_view(state: State, name: str) -> RecordView:
    record = state.records[name]
    return RecordView(
        text=record.text,
        agreed=record.agreement is not None and record.draft is None,
        agreed_by=record.agreement.agreed_by if record.agreement else "",
        agreed_at=record.agreement.at - state.started_at if record.agreement else None,
        corrections=tuple(
            {"at": c.at, "before": c.before, "after": c.after, "undone": c.undone} for c in record.corrections
        ),
        outstanding=len(record.outstanding),
        lost=record.lost,
        utterances=tuple(
            {
                "id": u.id,
                "text": u.text,
                "who": u.who,
                "started_at": u.started_at,
                "stage": u.stage,
                "earlier": u.earlier,
            }
            for u in record.spoken
        ),
        items=tuple(ItemView(i.text, i.who, i.first_step, i.done_when, i.due) for i in record.items),
        undoable=bool(record.undoable),
        title=state.words(f"documents.{name}.title"),
        owner=state.owner(name),
        open=state.open(name),
    )
