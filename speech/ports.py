"""The Protocols that every adapter of `speech` fulfils, and the few values that pass between them.

Sound is mono float32 in [-1, 1] at `RATE_HZ`. It travels in blocks of a whole number of `FRAME`s, because the speech
detector hears frame by frame. Audio logic counts samples; only a live adapter reads a clock, and it says which.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from speech.silence import Condition

RATE_HZ = 16_000
FRAME = 512
"""Samples in one detector frame: 32 ms. Silero VAD was trained on this length at 16 kHz."""
FRAME_SECONDS = FRAME / RATE_HZ
INAUDIBLE = 2.0**-11
"""Sound whose samples all stay below it (66 dB under full scale) is what a muted call leaves: never a voice."""

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive sound of one channel.

    Attributes:
        samples: mono float32 in [-1, 1] at `RATE_HZ`; a whole number of `FRAME`s.
        at: time of the first sample in seconds: the position in a file, `time.monotonic()` for a device.
    """

    samples: Samples
    at: float


class AudioSource(Protocol):
    """One channel of sound, read in order."""

    @property
    def dropped_seconds(self) -> float:
        """Sound lost since the source opened because nobody took it in time, seconds."""
        ...

    @property
    def condition(self) -> Condition | None:
        """What the system says of the device; None where it says nothing."""
        ...

    async def read(self) -> Block | None:
        """Return the next block, or None at the end.

        Raises:
            SourceLostError: the device went away; the source may be opened again.
        """
        ...

    async def close(self) -> None:
        """Stop capturing at once. Closing twice does nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Played:
    """What a sink did with one prompt. Times are `time.monotonic()` seconds.

    Attributes:
        started_at: when the first sample left the sound card (as near as the system tells).
        ended_at: when the last sample did, or the end of the fade.
        completed: False when the prompt was stopped before its end.
    """

    started_at: float
    ended_at: float
    completed: bool


class AudioSink(Protocol):
    """Plays one prompt at a time."""

    async def play(self, sound: Sound, *, on_started: Callable[[float], None]) -> Played:
        """Play `sound` and return when it has ended or was stopped.

        Args:
            sound: what to play, at its own rate.
            on_started: called once with the true start in `time.monotonic()` seconds.

        Raises:
            SinkLostError: the device went away or hung; the sink may be used again.
        """
        ...

    def stop(self, fade_seconds: float) -> None:
        """Fade what is playing to silence within `fade_seconds`. Without anything playing it does nothing."""
        ...

    async def close(self) -> None:
        """Give the device back. Closing twice does nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Sound:
    """A rendered prompt: mono float32 in [-1, 1] at `rate_hz`."""

    samples: Samples
    rate_hz: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate_hz


class SpeechDetector(Protocol):
    """Says how likely each frame of one channel holds speech. Carries its state from call to call."""

    def score(self, samples: Samples) -> NDArray[np.float32]:
        """Return one probability in [0, 1] for each frame of `samples`.

        Args:
            samples: a whole number of `FRAME`s of mono float32; the next ones of the stream, in order.

        Raises:
            BlockSizeError: not a whole number of frames; the stream's state is unchanged.
        """
        ...

    def reset(self) -> None:
        """Forget everything heard, as for a new stream."""
        ...


@dataclass(frozen=True, slots=True)
class OtherVoice:
    """On one mixed channel, somebody else than the holder seems to have spoken long enough for an interruption.

    Attributes:
        kind: `talk_over`, `cut` or `intrusion`, as the definitions of the floor have it.
        since: when the other voice began, seconds of the stream.
        at: end of the sound that decided it, seconds of the stream.
        probability: how likely it is an interruption, 0 to 1, calibrated.
    """

    kind: str
    since: float
    at: float
    probability: float


class OtherVoiceDetector(Protocol):
    """Tells on one mixed channel that another than the holder speaks. What it keeps of a voice ends with the step.

    No two calls come at once, and none on the loop, but they may come from different threads.
    """

    def start(self) -> None:
        """A step begins in which one person holds the floor: forget every voice, and listen."""
        ...

    def stop(self) -> None:
        """Forget every voice, and listen no more."""
        ...

    def hear(self, block: Block, speech: NDArray[np.float32], *, own_voice: bool = False) -> list[OtherVoice]:
        """Return what is suspected after `block`, the surest last; the same voice may come again, more or less sure.

        It computes for some 20 ms a quarter of a second of speech.

        Args:
            block: the next sound of the channel; a gap in its times counts as silence.
            speech: probability of speech of each of its frames.
            own_voice: whether our own voice may sound in it; such sound is nobody's.
        """
        ...


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a recognizer wrote down of one utterance.

    Attributes:
        text: what was said, trimmed; empty when nothing was.
        confidence: mean probability of the tokens, 0 to 1.
    """

    text: str
    confidence: float


class Recognizer(Protocol):
    """Writes utterances down, one at a time, in the order they are given."""

    async def start(self) -> None:
        """Get ready, so that the first utterance need not wait. Twice does nothing.

        Raises:
            RecognizerError: the engine cannot get ready now; an utterance may be given all the same.
        """
        ...

    async def transcribe(
        self, samples: Samples, *, language: str, hotwords: str = "", careful: bool = False
    ) -> Transcript:
        """Return what is said in `samples`.

        Args:
            samples: one utterance, mono float32 at `RATE_HZ`, at most 30 s.
            language: two letters, such as "fr".
            hotwords: names and terms to expect, separated by spaces; may be empty.
            careful: a larger search, for a final pass.

        Raises:
            RecognizerError: the engine failed or died; the utterance may be given again.
        """
        ...

    async def close(self) -> None:
        """End the engine. Closing twice does nothing."""
        ...


class Synthesizer(Protocol):
    """Turns text into sound."""

    @property
    def identity(self) -> str:
        """Engine, voice and settings in one line: two equal identities render a text alike (the cache relies on it)."""
        ...

    async def render(self, text: str) -> Sound:
        """Return `text` as sound.

        Raises:
            SynthesisError: the engine failed, hung or has no such voice; another text may still work.
        """
        ...
