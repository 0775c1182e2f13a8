"""What a session receives: what the animator asked, what was heard, what became of a prompt.

Frozen, in the past tense, each with `at`, the session time in seconds at which it became known. Time never goes back:
an event with an earlier `at` than the last one is taken as happening now. `transitions.py` says which are legal when.
"""

from __future__ import annotations

from dataclasses import dataclass

from facilitator.core.items import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that became known at session time `at`, seconds."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick(Event):
    """The deadline that the session asked for has come."""


# --- the animator asked ---


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAsked(Event):
    """Hold the first step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextAsked(Event):
    """Go to the next step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackAsked(Event):
    """Take the last step change back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseAsked(Event):
    """Stop the step's time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeAsked(Event):
    """Let the step's time run again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendAsked(Event):
    """Give the step more time: `seconds`, above 0."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAsked(Event):
    """End the session; asked a second time, without the closing words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentGiven(Event):
    """Everybody present agreed that the assistant listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListeningPauseAsked(Event):
    """Stop all capture at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListeningResumeAsked(Event):
    """Listen again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HushAsked(Event):
    """Silence the voice at once and drop what it was about to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTakeAsked(Event):
    """Take what is offered in place of the lost `device`."""

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SayAsked(Event):
    """Have the voice say `text`, or the process's prompt `key` (`rules`, …); with neither, the last prompt again."""

    text: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemindAsked(Event):
    """Have the voice invite everybody to let the holder finish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBackAsked(Event):
    """Have the voice read a record's text."""

    record: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMarked(Event):
    """This is the text everybody agrees on.

    Attributes:
        record: name of the record.
        utterances: ids of the utterances meant; empty for the draft, else the utterance just said.
        whole: all that was said is meant, unless there is a draft.
        agreed_by: who agreed; empty for the record's owner.
    """

    record: str
    utterances: tuple[str, ...] = ()
    whole: bool = False
    agreed_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEdited(Event):
    """A record's text was corrected by hand; it is then to be agreed again.

    One is given: `text`; `items`, all its lines with what is added to them; or ids of `utterances` that become items
    after those that there are.
    """

    record: str
    text: str = ""
    items: tuple[Item, ...] = ()
    utterances: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionUndone(Event):
    """The last correction of a record's text was taken back."""

    record: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RebudgetAsked(Event):
    """Share the remaining time out so that the meeting ends on time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeChangeUndone(Event):
    """The last extension, or sharing out of the remaining time, was taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsAsked(Event):
    """Show everybody the facts about the steps before, or no longer."""

    shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeAsked(Event):
    """Forget what was written down; what was kept of it on the disk is destroyed already."""


# --- what was heard ---


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelEvent(Event):
    """Something heard on one channel."""

    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOpened(ChannelEvent):
    """Sound comes on the channel, from `at` on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceRose(ChannelEvent):
    """A voiced frame after unvoiced ones. It may be a click, or the start of speech; `since` is its first sample."""

    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceFell(ChannelEvent):
    """An unvoiced frame after voiced ones. Speech may go on; `since` is the end of the last voiced frame."""

    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted(ChannelEvent):
    """Somebody speaks, since `since`."""

    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechEnded(ChannelEvent):
    """Speech stopped at `since`."""

    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherVoiceHeard(ChannelEvent):
    """On a mixed channel, somebody else than the holder seems to break the listening.

    Attributes:
        since: when the other voice began, session seconds.
        kind: `talk_over`, `cut` or `intrusion`.
        probability: how likely it is, 0 to 1, calibrated. The same voice may come again, more or less likely.
    """

    since: float
    kind: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorFailed(ChannelEvent):
    """What tells other voices on this mixed channel has failed, for the rest of the session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UtteranceHeard(ChannelEvent):
    """An utterance of `step` is to be written down for `record`; its first words may have come before (`partial`)."""

    id: str
    record: str
    step: str
    started_at: float
    ended_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UtteranceWritten(ChannelEvent):
    """An utterance's text is known.

    Attributes:
        id, record, step, started_at, ended_at: as in `UtteranceHeard`.
        stage: `partial`, `live` or `final_pass`.
        text: what was said; "" when nothing was, None when it cannot be written down.
        replaces: ids of utterances that this one stands for.
    """

    id: str
    record: str
    step: str
    stage: str
    text: str | None
    started_at: float
    ended_at: float
    replaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalPassBegan(Event):
    """What a closed grant let through is being read once more; its texts will follow, and nothing waits but the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalPassEnded(Event):
    """All that was to be read once more was, or was given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioEnded(Event):
    """The recording is over, and the session with it."""


# --- what became of a prompt, and of the machinery ---


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptReady(Event):
    """A prompt's sound is at hand: it can start at once."""

    prompt_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptStarted(Event):
    """A prompt's first sound left the device at `at`."""

    prompt_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptEnded(Event):
    """A prompt's last sound left the device at `at`; not `completed` when it was stopped."""

    prompt_id: str
    completed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptFailed(Event):
    """A prompt could not be spoken: `reason` is a key of the languages' `reasons`."""

    prompt_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputerSlept(Event):
    """The computer slept until `at`: what was said meanwhile was not heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLost(Event):
    """A device went away. Named like a channel, no sound comes there until `ChannelOpened`."""

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRecovered(Event):
    """A device came back."""

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceOffered(Event):
    """Another device may stand in for one that stays away: `name` opens it, `description` is what people call it."""

    device: str
    name: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned(Event):
    """Something is wrong that the animator must know: `code`, and a `message` in the session's language."""

    code: str
    message: str
