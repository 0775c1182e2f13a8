"""What the session wants done. Frozen, in the imperative; the runner does them in order."""

from __future__ import annotations

from dataclasses import dataclass

from facilitator.core.facts import Fact
from facilitator.core.process import Cue


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Something for the voice to say.

    Attributes:
        id: unique in the session.
        step: id of the step it belongs to.
        cue: why it is said.
        key: its key in the languages' files, or "" for free words (then it is private to the session).
        text: the words.
        due_at: when it fell due, session seconds.
        deadline_at: past it the prompt is withheld, session seconds.
        silence_seconds: silence that must precede it.
    """

    id: str
    step: str
    cue: Cue
    key: str
    text: str
    due_at: float
    deadline_at: float
    silence_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepare:
    """Have this prompt's sound at hand, and report `PromptReady`, or `PromptFailed`."""

    prompt: Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Speak:
    """Play this prompt now, and report `PromptStarted` and `PromptEnded`, or `PromptFailed`."""

    prompt: Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class StopSpeaking:
    """Fade the prompt that is playing within `fade_seconds`."""

    prompt_id: str
    fade_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Write this fact down and show it."""

    fact: Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """Show the snapshot anew: nothing happened that is published, but it shows something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartListening:
    """Open the capture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopListening:
    """Close the capture at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UseDevice:
    """Open `name` in place of `device`, from now on."""

    device: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenGrant:
    """From `at` on, sound of `step` may reach the recognizer for `record`."""

    record: str
    step: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseGrant:
    """From `at` on, no sound may reach the recognizer, even in the middle of a word."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchFloor:
    """From `at` on, one person holds the floor on this mixed channel: report every `OtherVoiceHeard` there."""

    channel: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveFloor:
    """Report no other voice any more, and forget at once what every voice was like."""

    channel: str


Action = (
    Prepare
    | Speak
    | StopSpeaking
    | Publish
    | Refresh
    | StartListening
    | StopListening
    | OpenGrant
    | CloseGrant
    | WatchFloor
    | LeaveFloor
    | UseDevice
)
