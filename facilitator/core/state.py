"""What a session holds while it lasts, and the few things that every part of it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from facilitator.core import actions as do
from facilitator.core import facts
from facilitator.core.agenda import Agenda, TimeChange
from facilitator.core.courtesy import Voice, Withhold
from facilitator.core.ears import Ears
from facilitator.core.events import SpeechStarted
from facilitator.core.evidence import Evidence, Kind, find
from facilitator.core.floor import Floor
from facilitator.core.mixed import MixedFloor
from facilitator.core.notices import Offer, PrivateCue, WarningView
from facilitator.core.process import Cue, Participant, Process, Rights, Step
from facilitator.core.record import Record
from facilitator.core.tally import FactsView, HeardView, Tally
from facilitator.core.transitions import Listening, Phase
from facilitator.core.wording import Wording

CUE_SECONDS = 20.0
"""How long a private cue, and what takes a change of the time back, stays before it leaves by itself."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is chosen before a session.

    Attributes:
        process: the method.
        seconds: planned seconds by id of the steps to hold, in their order.
        participants: everybody present, as far as their names are known.
        language: two letters.
        listens: False for a session with voice and time only.
        channels: those whose sound must come for silence to mean anything; none in a replay, which misses none.
        spoken_reminders: whether an interruption is answered aloud without the animator asking.
        timed_cues_when_deaf: whether timed cues are spoken while nothing is heard.
        replies_allowed: True when the client may answer during consultation.
        mixed: the channel that carries everybody who has none of their own; None when there is none.
        kept: whether the session is written to the disk.
        cue_probability: how likely a suspicion on `mixed` must be to be told, 0 to 1; None without a detector.
    """

    process: Process
    seconds: Mapping[str, float]
    participants: tuple[Participant, ...]
    language: str
    listens: bool = True
    channels: tuple[str, ...] = ()
    spoken_reminders: bool = False
    timed_cues_when_deaf: bool = False
    replies_allowed: bool = False
    mixed: str | None = None
    cue_probability: float | None = None
    kept: bool = False

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """Names of the people by role, in order."""
        return names_by_role(self.process, self.participants)


class State:
    """Everything about one session. Only `Session.receive` lets anything change it.

    Attributes:
        now: session second of the last event.
        started_at: when the first step was held, session seconds.
        cues: private cues that have not left yet.
        silence_shown: when the last silence that was shown had become one, session seconds.
        warnings: what the animator was told, the last of each code.
        actions: what is to be done and has not been taken yet.
        floor: the floor that is being watched by channels apart; None where nobody is heard apart.
        mixed: the floor that is being watched on the mixed call; None where it is not. Never both.
        lost: devices that do not answer.
        offers: what may stand in for those that stay away.
        detector_failed: whether the mixed call's detector is of no use any more.
        grant: record and place of the step whose sound may reach the recognizer; None when none may.
        cues_done: timed cues that have fallen due, by place of the step.
        overran: places of the steps that were shown to have run over.
        time_change: the last change of the steps' lengths while it can be taken back.
        opened: places of the steps whose opening was asked for: none is said twice.
        step_at: when the present step was entered.
        handing_over: whether the runner still has to hand over what a closed grant held.
        rereading: whether a final pass is under way, which the session's end waits for.
        tally: how long who was heard, by step.
        facts_shown: whether everybody sees the facts about the steps before; never in another step than this one.
        prompts: how many prompts were asked for.
        forgotten: whether what was written down was purged: nothing is written down any more.
    """

    def __init__(self, settings: Settings, wording: Wording) -> None:
        self.settings = settings
        self.wording = wording
        steps = tuple(settings.process.step(step_id) for step_id in settings.seconds)
        self.agenda = Agenda(steps, settings.seconds)
        self.voice = Voice(timed_cues_when_deaf=settings.timed_cues_when_deaf)
        self.ears = Ears()
        self.records = {name: Record() for name in settings.process.records}
        self.people_by_channel = {p.channel: p for p in settings.participants if p.channel is not None}
        self.phase = Phase.READY
        self.listening = Listening.UNASKED if settings.listens else Listening.NEVER
        self.now = 0.0
        self.started_at = 0.0
        self.cues: list[PrivateCue] = []
        self.silence_shown: float | None = None
        self.warnings: dict[str, WarningView] = {}
        self.actions: list[do.Action] = []
        self.floor: Floor | None = None
        self.mixed: MixedFloor | None = None
        self.lost: set[str] = set()
        self.offers: dict[str, Offer] = {}
        self.detector_failed = False
        self.grant: tuple[str, int] | None = None
        self.cues_done: set[tuple[int, Cue]] = set()
        self.overran: set[int] = set()
        self.time_change: TimeChange | None = None
        self.opened: set[int] = set()
        self.step_at = 0.0
        self.handing_over = False
        self.rereading = False
        self.tally = Tally()
        self.facts_shown = False
        self.prompts = 0
        self.forgotten = False

    @property
    def capturing(self) -> bool:
        """Whether the session may hear."""
        return self.listening is Listening.ON

    @property
    def deaf(self) -> bool:
        """Whether somebody may be speaking without the session hearing it."""
        return not self.capturing or not self.ears.hears(self.settings.channels)

    @property
    def hears_everybody(self) -> bool:
        """Whether nobody can speak unheard, as far as the session was told who is there."""
        people = self.settings.participants
        apart = bool(people) and all(person.channel is not None for person in people)
        return not self.deaf and (apart or self.settings.mixed is not None)

    @property
    def step(self) -> Step:
        """The present step; the first one before the start."""
        return self.agenda.step

    def owner(self, record: str) -> str:
        """Return who agrees to a record: their names, else their role."""
        owner = self.settings.process.records[record].owner
        return ", ".join(self.settings.names[owner]) or owner

    def open(self, record: str) -> bool:
        """Whether a record may still change at the present step."""
        until = self.settings.process.records[record].open_until
        last = None if until is None else self.agenda.index_of(until)
        return last is None or self.agenda.index <= last

    def words(self, key: str, *, seconds: float = 0.0, words: str = "", holder: str | None = None) -> str:
        """Return the words for `key` with this session's names; `holder` is the present step's unless told."""
        return self.wording.text(
            key, names=self.settings.names, holder=holder or self.step.holder, seconds=seconds, words=words
        )

    def publish(self, fact: Callable[..., facts.Fact], **values: Any) -> None:
        """State that something happened, now."""
        self.actions.append(do.Publish(fact=fact(at=self.now, **values)))

    def show(self, kind: str, text: str, action: str, key: str = "", seconds: float = 0.0) -> None:
        """Show something to the animator alone, for a while."""
        until = self.now + CUE_SECONDS
        self.cues.append(PrivateCue(kind, text, at=self.now, until=until, action=action, key=key, seconds=seconds))

    def withdraw(self, kind: str) -> None:
        """Show no cue of `kind` any more: what it told is over."""
        cues = [cue for cue in self.cues if cue.kind != kind]
        if cues != self.cues:
            self.cues = cues
            self.actions.append(do.Refresh())

    def ask(self, cue: Cue, key: str, text: str, due_at: float) -> None:
        """Queue something to say."""
        courtesy = self.settings.process.courtesy[cue]
        held = self.step.rights is Rights.HOLD
        self.prompts += 1
        prompt = do.Prompt(
            id=f"{self.prompts:02d}-{self.step.id}-{cue.value}",
            step=self.step.id,
            cue=cue,
            key=key,
            text=text,
            due_at=due_at,
            deadline_at=due_at + courtesy.deadline_seconds,
            silence_seconds=courtesy.held_silence_seconds if held else courtesy.silence_seconds,
        )
        self.voice.ask(prompt, self.now)
        self.actions.append(do.Prepare(prompt=prompt))

    def ask_key(self, cue: Cue, key: str, *, seconds: float = 0.0, due_at: float | None = None) -> None:
        """Queue the language's words for `key`, due now unless told."""
        self.ask(cue, key, self.words(key, seconds=seconds), self.now if due_at is None else due_at)

    def ask_reminder(self) -> None:
        """Queue the invitation to let the holder finish."""
        self.ask_key(Cue.REMINDER, f"steps.{self.step.id}.reminder")

    def flag(self, kind: str, started_at: float, *, evidence: Kind, who: str | None, confidence: float) -> None:
        """State that somebody's listening is broken, and show it."""
        self.publish(
            facts.InterruptionFlagged,
            step=self.step.id,
            kind=kind,
            started_at=started_at,
            evidence=evidence.value,
            who=who,
            confidence=confidence,
        )
        self.show(kind, self.words(f"private.{kind}"), "remind")
        if self.settings.spoken_reminders:
            self.ask_reminder()

    def withhold(self, dropped: list[Withhold]) -> None:
        """State that prompts were not spoken, and show them."""
        for one in dropped:
            prompt = one.prompt
            self.publish(
                facts.PromptWithheld,
                id=prompt.id,
                step=prompt.step,
                cue=prompt.cue.value,
                text=prompt.text,
                due_at=prompt.due_at,
                reason=one.reason,
            )
            self.show("withheld", prompt.text, "say")
            self.voice.last = prompt

    def facts(self) -> tuple[FactsView, ...]:
        """Return what can be told of each step that was held, but for the present one and those without a holder."""
        held = [(place, step) for place, step in enumerate(self.agenda.steps) if place != self.agenda.index]
        return tuple(
            FactsView(
                title=self.words(f"steps.{step.id}.title"),
                planned_seconds=self.settings.seconds[step.id],
                seconds=self.agenda.used(place),
                heard=self._heard_in(step),
            )
            for place, step in held
            if step.holder is not None and self.agenda.used(place)
        )

    def _heard_in(self, step: Step) -> tuple[HeardView, ...]:
        seconds = dict.fromkeys(self.settings.process.roles, 0.0)
        group = 0.0
        for channel, heard in self.tally.of(step.id).items():
            person = self.people_by_channel.get(channel)
            if person is not None:
                seconds[person.role] += heard
            elif channel == self.settings.mixed:
                group = heard
        roles = [HeardView(self.words(f"roles.{role}.unnamed"), heard) for role, heard in seconds.items() if heard]
        return (*([HeardView(self.words("language.nobody"), group)] if group else []), *roles)

    def evidence(self, step: Step) -> Evidence | None:
        """Return how an interruption of `step` is told while the session runs and listens; None when it cannot be."""
        settings = self.settings
        return find(
            step,
            settings.process,
            settings.participants,
            mixed=settings.mixed,
            detects=settings.cue_probability is not None and not self.detector_failed,
            replies_allowed=settings.replies_allowed,
        )

    def forget(self) -> None:
        """Hold nothing any more of what was written down or said."""
        self.records = {name: Record() for name in self.records}
        self.cues.clear()
        self.voice.last = None
        self.tally = Tally()
        self.forgotten = True

    def hold_floor(self) -> None:
        """Watch the floor of the present step from now on, by the evidence there is, and no longer what was before."""
        self.leave_floor()
        counts = self.phase is Phase.RUNNING and self.capturing
        self.tally.turn(self.step.id if counts else None, self.now, self.ears.speech_on)
        if not counts or (found := self.evidence(self.step)) is None:
            return
        if found.kind is Kind.OVERLAP:
            assert self.settings.mixed is not None
            assert self.settings.cue_probability is not None
            self.mixed = MixedFloor(self.now, self.settings.mixed, self.settings.cue_probability)
            self.actions.append(do.WatchFloor(channel=self.mixed.channel, at=self.now))
            return
        self.floor = Floor(self.now, found.holders, found.listeners, replies=self.step.replies)
        for channel, since in self.ears.speech_on.items():  # somebody may be speaking already
            self.floor.hear(SpeechStarted(at=self.now, channel=channel, since=since))

    def leave_floor(self) -> None:
        """Watch no floor any more."""
        self.floor = None
        if self.mixed is not None:
            self.actions.append(do.LeaveFloor(channel=self.mixed.channel))
            self.mixed = None


def names_by_role(process: Process, participants: Iterable[Participant]) -> dict[str, tuple[str, ...]]:
    """Return the names of the people who have each role of `process`, in order."""
    people = tuple(participants)
    return {role: tuple(person.name for person in people if person.role == role) for role in process.roles}
