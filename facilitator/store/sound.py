"""The sound of a written-down step that waits for a recognizer: what was heard, when, and under which grant."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from speech.ports import Samples
from speech.sound import from_pcm16, to_pcm16


class About(BaseModel):
    """What is known of the sound; the fields are those of `core.events.UtteranceWritten`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str
    channel: str
    record: str
    step: str
    started_at: float
    ended_at: float


@dataclass(frozen=True, slots=True)
class KeptSound:
    """One utterance that nobody wrote down yet; `samples` are mono float32 in [-1, 1] at 16 kHz."""

    about: About
    samples: Samples

    def to_bytes(self) -> bytes:
        """Return it as it is kept: one line of JSON, then 16-bit PCM, little-endian."""
        return self.about.model_dump_json().encode() + b"\n" + to_pcm16(self.samples).astype("<i2").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> KeptSound | None:
        """Return what `to_bytes` made; None where it is nothing of the kind."""
        head, _, pcm = data.partition(b"\n")
        try:
            return cls(About.model_validate_json(head), from_pcm16(pcm))
        except (ValidationError, ValueError):  # the latter: half a sample
            return None
