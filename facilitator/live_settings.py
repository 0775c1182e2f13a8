"""What a live session is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from facilitator.core.mixed import CUE_PROBABILITY
from facilitator.core.process import Participant, Process
from facilitator.delivery.account import Account
from facilitator.followup import FollowUp
from facilitator.store.keeping import Storing
from facilitator.wording import Language
from speech.ports import OtherVoiceDetector, Recognizer
from speech.synthesis.cache import PromptCache


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """What a live session needs.

    Attributes:
        process: the method.
        seconds: planned seconds by step id.
        language: the words.
        participants: as far as names are known; the animator's channel is the microphone.
        call_input: device that carries the call's sound; None for none.
        microphone_input: the animator's own microphone; None for none.
        voice_output: where prompts are played, a device or `STAGE`; None shows them only.
        voice_monitor: output on which the animator hears them too; None for none.
        microphone_to_call: microphone that is mixed with the prompts into `voice_output`; None for none.
        cache: renders the prompts; None for a session without a voice.
        recognizer: writes down; None when there is no model.
        listens: False for a session with voice and time only.
        detector: tells other voices on the call; None for none.
        cue_probability: from which probability on they are told.
        spoken_reminders, timed_cues_when_deaf, replies_allowed: as in the configuration.
        folder: where documents go when no other folder is named.
        storing: where the session is kept, and what it goes on from; None keeps nothing.
        account: sends the documents to the client; None writes the message into a file.
        follow_up: a plan that a client brought back; None for none.
        destroy_delivered: whether what is kept is destroyed as soon as the session is over and delivered.
        keeps_sound: whether what cannot be written down is kept as sound, for `facilitator transcribe`.
    """

    process: Process
    seconds: dict[str, float]
    language: Language
    participants: tuple[Participant, ...]
    call_input: str | None
    microphone_input: str | None
    voice_output: str | None
    cache: PromptCache | None
    recognizer: Recognizer | None
    listens: bool
    spoken_reminders: bool
    timed_cues_when_deaf: bool
    replies_allowed: bool
    folder: Path
    detector: OtherVoiceDetector | None = None
    storing: Storing | None = None
    account: Account | None = None
    follow_up: FollowUp | None = None
    keeps_sound: bool = False
    destroy_delivered: bool = False
    voice_monitor: str | None = None
    microphone_to_call: str | None = None
    cue_probability: float = CUE_PROBABILITY["balanced"]
