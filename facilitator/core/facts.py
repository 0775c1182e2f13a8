"""What a session states as having happened: one line of `events.jsonl` each.

The line's `type` is the class's name in snake case. Frozen; `at` is when it was decided, in session seconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that happened, decided at session time `at`, seconds."""

    at: float

    @property
    def type(self) -> str:
        """The line's `type`: the class's name in snake case."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self).__name__).lower()

    def to_line(self) -> dict[str, Any]:
        """Return the keys and values of the line, times rounded to milliseconds."""
        line: dict[str, Any] = {"type": self.type}
        for entry in fields(self):
            value = getattr(self, entry.name)
            line[entry.name] = round(value, 3) if isinstance(value, float) else value
        return line


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted(Fact):
    """The session began."""

    process: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Fact):
    """The session is over."""

    process: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentGiven(Fact):
    """Listening was agreed to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPaused(Fact):
    """The step's time stands still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionResumed(Fact):
    """The step's time runs again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListeningPaused(Fact):
    """All capture stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListeningResumed(Fact):
    """Capture runs again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted(Fact):
    """A step began; `seconds` is its planned length, or what is left of it after `back`."""

    step: str
    holder: str | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepExtended(Fact):
    """A step got `seconds` more; below 0, an extension was taken back."""

    step: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEnded(Fact):
    """A step is over after `seconds`, pauses not counted, of which `overrun_seconds` past its planned length."""

    step: str
    seconds: float
    overrun_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaRebudgeted(Fact):
    """The remaining steps were given new lengths: seconds by step id."""

    steps: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSpoken(Fact):
    """A prompt was said, whole or in part."""

    id: str
    step: str
    cue: str
    text: str
    due_at: float
    started_at: float
    ended_at: float
    completed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptWithheld(Fact):
    """A prompt was not said, and the animator sees it instead; `reason` is a key of the languages' `reasons`."""

    id: str
    step: str
    cue: str
    text: str
    due_at: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptionFlagged(Fact):
    """Somebody's listening is broken; `started_at` is when the other voice began."""

    step: str
    kind: str
    started_at: float
    evidence: str
    who: str | None
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UtteranceTranscribed(Fact):
    """An utterance's text, for now (`partial`, `live`) or for good (`final_pass`)."""

    id: str
    stage: str
    replaces: tuple[str, ...]
    step: str
    text: str
    started_at: float
    ended_at: float
    who: str | None
    role: str | None
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAgreed(Fact):
    """A record's text was agreed by `agreed_by`; the line's type is `contract_agreed` or `plan_agreed`."""

    record: str
    text: str
    agreed_by: str

    @property
    def type(self) -> str:
        """The record's name, then `_agreed`."""
        return f"{self.record}_agreed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLost(Fact):
    """A device went away."""

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRecovered(Fact):
    """A device came back."""

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTaken(Fact):
    """From now on the device is another one: `name`."""

    device: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged(Fact):
    """Nothing of what was written down is held any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warning(Fact):  # noqa: A001  the interface names this line `warning`
    """Something that the animator was told."""

    code: str
    message: str
