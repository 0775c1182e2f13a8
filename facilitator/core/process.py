"""The method as data: steps, who holds the floor, minutes, cues, what is written down.

A process is read from `process.toml` by the catalog. Nothing in the code knows a step by its name: a second process
needs no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from facilitator.core.errors import ProcessError

RULES = "rules"
"""What a step shows that is no record: the objectives, the roles and the rules."""
FACTS = "facts"
"""What a step shows that is no record: facts about the steps before, once the animator has them shown."""


class Rights(StrEnum):
    """Who may speak in a step."""

    FREE = "free"
    """Anybody; the holder only leads."""
    EXCHANGE = "exchange"
    """Questions and answers between everybody."""
    HOLD = "hold"
    """The holder's role speaks, the others listen. Interruptions exist only here."""
    ROUND = "round"
    """Each in turn, the holder's role first."""


class Cue(StrEnum):
    """Why a prompt is spoken; the names are those of `events.jsonl`."""

    OPENING = "opening"
    REMAINING = "remaining"
    ENDED = "ended"
    REMINDER = "reminder"
    READ_BACK = "read_back"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Courtesy:
    """When one kind of prompt may be spoken.

    Attributes:
        silence_seconds: silence needed on every channel before it starts.
        held_silence_seconds: the same while one role holds the floor.
        deadline_seconds: from the moment it is due; past it the prompt is withheld.
    """

    silence_seconds: float
    held_silence_seconds: float
    deadline_seconds: float


@dataclass(frozen=True, slots=True)
class Silence:
    """When the animator alone is told of a silence, in a step that somebody holds.

    Attributes:
        seconds: how long nobody's voice was heard.
        prompt: key of what the voice may then be asked to say, one of the process's prompts; None for nothing.
    """

    seconds: float
    prompt: str | None = None


@dataclass(frozen=True, slots=True)
class Overrun:
    """When the animator alone is told that a step has run over.

    Attributes:
        seconds: how long past its end.
        minutes: what may then be given with one key.
    """

    seconds: float
    minutes: float


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a process.

    Attributes:
        id: its name in files and events.
        holder: the role that holds the floor; None when nobody does (a break).
        rights: who may speak.
        minutes: planned minutes by length of the meeting in minutes; 0 means not held at that length.
        written_down: name of the record that this step's words go to, or None.
        cues: False for a step without any prompt.
        replies: True when a listener who speaks is answering (`reply`) rather than interrupting.
        follow_up: True where a client who brings the plan of another session reports back on it: it is shown then.
        shows: what everybody sees beside it: `RULES`, `FACTS`, or the name of a record, once agreed; None for nothing.
    """

    id: str
    holder: str | None
    rights: Rights
    minutes: Mapping[int, float]
    written_down: str | None = None
    cues: bool = True
    replies: bool = False
    follow_up: bool = False
    shows: str | None = None


@dataclass(frozen=True, slots=True)
class RecordRule:
    """How one written-down text is handled.

    Attributes:
        owner: the role whose text it is, and who agrees to it.
        open_until: id of the last step in which it may be re-worded; None: to the end.
    """

    owner: str
    open_until: str | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """A whole meeting process.

    Attributes:
        id: its name in files and commands.
        roles: every role, in the order in which people are listed.
        may_always_speak: roles that are never flagged (the animator).
        steps: in the order in which they are held.
        courtesy: for each kind of prompt, when it may be spoken.
        remaining_minutes: "n minutes left" cues, longest first; a step gets the first that leaves it long enough.
        remaining_share: the longest share of a step that may be left when its remaining cue falls due, 0 to 1.
        records: how each written-down text is handled.
        prompts: keys of the prompts that the animator may have said at any time.
        silence: when a silence is shown; None: never.
        overrun: when a step that has run over is shown; None: never.

    Raises:
        ProcessError: the data contradicts itself.
    """

    id: str
    roles: tuple[str, ...]
    may_always_speak: frozenset[str]
    steps: tuple[Step, ...]
    courtesy: Mapping[Cue, Courtesy]
    remaining_minutes: tuple[float, ...]
    remaining_share: float
    records: Mapping[str, RecordRule] = field(default_factory=dict)
    prompts: tuple[str, ...] = ()
    silence: Silence | None = None
    overrun: Overrun | None = None

    def __post_init__(self) -> None:
        if not self.steps:
            raise ProcessError("the process has no steps; give it at least one")
        ids = [step.id for step in self.steps]
        for name in ids:
            if ids.count(name) > 1:
                raise ProcessError(f"two steps are called {name!r}; give each step its own id")
        for step in self.steps:
            self._check_step(step)
        for name, rule in self.records.items():
            if rule.owner not in self.roles:
                raise ProcessError(f"the record {name!r} belongs to {rule.owner!r}, which is not a role")
            if rule.open_until is not None and rule.open_until not in ids:
                raise ProcessError(f"the record {name!r} stays open until {rule.open_until!r}, which is not a step")
        if self.silence is not None and self.silence.prompt not in {None, *self.prompts}:
            raise ProcessError(f"[silence] would have {self.silence.prompt!r} said, which is not one of the prompts")
        missing = [cue.value for cue in Cue if cue not in self.courtesy]
        if missing:
            raise ProcessError(f"[courtesy] lacks {', '.join(missing)}; each kind of prompt needs its own")

    def _check_step(self, step: Step) -> None:
        if step.holder is None and step.cues:
            raise ProcessError(f"nobody holds the step {step.id!r}; give it a holder, or `cues = false` for a break")
        if step.holder is not None and step.holder not in self.roles:
            raise ProcessError(f"the step {step.id!r} is held by {step.holder!r}, which is not a role")
        if step.holder is None and step.rights is not Rights.FREE:
            raise ProcessError(f"nobody holds the step {step.id!r}, so its rights can only be 'free'")
        if step.written_down is not None and step.written_down not in self.records:
            raise ProcessError(f"the step {step.id!r} is written down in {step.written_down!r}, which is no record")
        if step.shows not in {None, RULES, FACTS, *self.records}:
            raise ProcessError(f"the step {step.id!r} shows {step.shows!r}: not {RULES!r}, {FACTS!r}, nor a record")
        if not step.minutes or any(minutes < 0 for minutes in step.minutes.values()):
            raise ProcessError(f"the step {step.id!r} needs minutes of 0 or more for at least one length of meeting")

    def step(self, step_id: str) -> Step:
        """Return the step called `step_id`.

        Raises:
            ProcessError: no step has that name.
        """
        for step in self.steps:
            if step.id == step_id:
                return step
        known = ", ".join(step.id for step in self.steps)
        raise ProcessError(f"there is no step {step_id!r} in {self.id!r}; its steps are {known}")

    @property
    def durations(self) -> tuple[int, ...]:
        """Lengths of meeting in minutes for which every step has its minutes, ascending."""
        common = set(self.steps[0].minutes)
        for step in self.steps[1:]:
            common &= set(step.minutes)
        return tuple(sorted(common))

    def plan(self, duration_minutes: int) -> dict[str, float]:
        """Share a meeting's minutes out among the steps.

        A length without its own table takes the nearest table in proportion, in half minutes, the longest step taking
        what is left over so that the sum is exact.

        Args:
            duration_minutes: length of the whole meeting.

        Returns:
            Planned seconds by step id, in order, without the steps that are not held.

        Raises:
            ProcessError: a length without its own table is too short for every step to have a minute.
        """
        if not self.durations:
            raise ProcessError(f"no length of meeting has minutes for every step of {self.id!r}")
        table = min(self.durations, key=lambda known: (abs(known - duration_minutes), known))
        minutes = {step.id: float(step.minutes[table]) for step in self.steps if step.minutes[table] > 0}
        if duration_minutes != table:
            ratio = duration_minutes / sum(minutes.values())
            minutes = {name: round(value * ratio * 2) / 2 for name, value in minutes.items()}
            longest = max(minutes, key=lambda name: minutes[name])
            minutes[longest] += duration_minutes - sum(minutes.values())
            if any(value < 1 for value in minutes.values()):
                raise ProcessError(f"{duration_minutes} minutes are too short: each step needs at least one minute")
        return {name: value * 60 for name, value in minutes.items()}

    def remaining_seconds(self, planned_seconds: float) -> float | None:
        """Return how long before its end a step's "n minutes left" cue falls due; None for a step too short for one."""
        for minutes in self.remaining_minutes:
            if minutes * 60 <= planned_seconds * self.remaining_share:
                return minutes * 60
        return None


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody in the meeting.

    Attributes:
        name: as people say it.
        role: one of the process's roles.
        channel: the channel that carries this person's voice alone; None when it is only in the mixed call.
    """

    name: str
    role: str
    channel: str | None = None
