"""Doubles for the parts around the core. Each is scripted beforehand; tests/test_fakes.py tests them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Sequence

import numpy as np
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError
from numpy.typing import NDArray

from facilitator.core import events as ev
from facilitator.hearing import Heard
from speech.errors import RecognizerError, SynthesisError
from speech.ports import FRAME, RATE_HZ, Block, OtherVoice, Samples, Sound, Transcript
from speech.silence import Condition, Silence

LOUD = 0.5
"""What a voiced sample of a fake recording is; everything else is 0."""


def recording(seconds: float, voices: Iterable[tuple[float, float]]) -> Samples:
    """Return a recording that is loud from each start to its end, seconds, and silent elsewhere."""
    samples = np.zeros(round(seconds * RATE_HZ), dtype=np.float32)
    for start, end in voices:
        samples[round(start * RATE_HZ) : round(end * RATE_HZ)] = LOUD
    return samples


class FakeSource:
    """Gives a recording in blocks of `frames`."""

    def __init__(self, samples: Samples, frames: int = 16) -> None:
        self._samples = samples
        self._size = frames * FRAME
        self._place = 0
        self.dropped_seconds = 0.0
        self.condition: Condition | None = None
        self.closed = False

    async def read(self) -> Block | None:
        if self.closed or self._place >= len(self._samples):
            return None
        part = self._samples[self._place : self._place + self._size]
        block = Block(np.pad(part, (0, -len(part) % FRAME)), self._place / RATE_HZ)
        self._place += self._size
        return block

    async def close(self) -> None:
        self.closed = True


class FakeDetector:
    """Says 1 for a frame that is mostly loud, else 0."""

    def score(self, samples: Samples) -> NDArray[np.float32]:
        return (np.abs(samples).reshape(-1, FRAME).mean(axis=1) > LOUD / 2).astype(np.float32)

    def reset(self) -> None:
        """Keeps nothing."""


class FakeOtherVoiceDetector:
    """Finds what it was told to find, when it has heard the sound that decides it; fails or waits where it is told.

    Attributes:
        calls: `start`, `stop`, and start, end and own voice of each block heard, in order.
    """

    def __init__(
        self,
        voices: Sequence[OtherVoice] = (),
        *,
        failing: Sequence[str] = (),
        until: threading.Event | None = None,
    ) -> None:
        """Write the script.

        Args:
            voices: what there is to find.
            failing: which of `start`, `stop` and `hear` raise.
            until: `hear` waits for it.
        """
        self._voices = voices
        self._failing = failing
        self._until = until
        self._listening = False
        self.calls: list[str | tuple[float, float, bool]] = []

    @property
    def heard(self) -> list[tuple[float, float]]:
        """Start and end of the sound that it was given, joined where it follows."""
        spans: list[tuple[float, float]] = []
        for call in self.calls:
            if isinstance(call, tuple):
                follows = bool(spans) and abs(spans[-1][1] - call[0]) < 1e-6
                spans.append((spans.pop()[0] if follows else call[0], call[1]))
        return spans

    def _note(self, name: str) -> None:
        self.calls.append(name)
        if name in self._failing:
            raise RuntimeError("The fake detector failed, and here is what Camille said.")

    def start(self) -> None:
        self._note("start")
        self._listening = True

    def stop(self) -> None:
        self._note("stop")
        self._listening = False

    def hear(self, block: Block, speech: NDArray[np.float32], *, own_voice: bool = False) -> list[OtherVoice]:
        end = block.at + len(block.samples) / RATE_HZ
        assert len(speech) * FRAME == len(block.samples)
        if self._until is not None:
            self._until.wait(10)
        if "hear" in self._failing:
            self._note("hear")
        self.calls.append((block.at, end, own_voice))
        return [voice for voice in self._voices if self._listening and block.at < voice.at <= end]


class FakeListener:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.events: list[ev.Event] = []
        self.utterances: list[Heard] = []
        self.grown: list[Heard] = []

    def receive(self, event: ev.Event) -> None:
        self.events.append(event)

    def heard(self, heard: Heard) -> None:
        self.utterances.append(heard)

    def growing(self, heard: Heard) -> None:
        self.grown.append(heard)


class FakeSynthesizer:
    """Renders a text as a tenth of a second a word; fails or hangs for the texts that it is told to."""

    identity = "fake"

    def __init__(self, *, failing: Sequence[str] = (), hanging: Sequence[str] = ()) -> None:
        self._failing = failing
        self._hanging = hanging
        self.rendered: list[str] = []

    async def render(self, text: str) -> Sound:
        self.rendered.append(text)
        await asyncio.sleep(0)
        if text in self._failing:
            raise SynthesisError("The fake engine failed.")
        if text in self._hanging:
            await asyncio.Event().wait()
        return Sound(np.full(1600 * len(text.split()), 0.1, dtype=np.float32), RATE_HZ)


class FakeRecognizer:
    """Writes down the length of each utterance; fails for the ones whose number it is told.

    Attributes:
        asked: samples, language, hotwords and care of each call.
        ready: set lets calls return; set it yourself where `waiting`.
    """

    def __init__(self, *, failing: Sequence[int] = (), waiting: bool = False) -> None:
        self._failing = failing
        self.asked: list[tuple[int, str, str, bool]] = []
        self.started = 0
        self.closed = False
        self.ready = asyncio.Event()
        if not waiting:
            self.ready.set()

    async def start(self) -> None:
        self.started += 1

    async def transcribe(
        self, samples: Samples, *, language: str, hotwords: str = "", careful: bool = False
    ) -> Transcript:
        number = len(self.asked)
        self.asked.append((len(samples), language, hotwords, careful))
        await asyncio.sleep(0)
        await self.ready.wait()
        if number in self._failing:
            raise RecognizerError("The fake recognizer failed.")
        return Transcript(text=f"{len(samples)} samples", confidence=1.0)

    async def close(self) -> None:
        self.closed = True


class FakeKeyring(KeyringBackend):
    """A keyring in memory; fails, forgets or keeps what it should not where it is told."""

    priority = 5

    def __init__(self, trouble: str = "") -> None:
        super().__init__()
        self.trouble = trouble
        self.held: dict[tuple[str, str], str] = {}

    def _may_fail(self) -> None:
        if self.trouble == "locked":
            raise KeyringLocked("Camille's keyring")
        if self.trouble == "broken":
            raise RuntimeError("the secret is 00ff")

    def get_password(self, service: str, username: str) -> str | None:
        self._may_fail()
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._may_fail()
        if self.trouble != "forgets":
            self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._may_fail()
        if (service, username) not in self.held:
            raise PasswordDeleteError("there is none")
        if self.trouble != "keeps":
            del self.held[service, username]


class FakeTold:
    """Notes what it is told of devices, in order, as short lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def dropped(self, channel: str, seconds: float) -> None:
        self.lines.append(f"{channel} dropped {seconds:.1f}")

    def silent(self, channel: str, silence: Silence, condition: Condition | None) -> None:
        self.lines.append(f"{channel} {silence}")

    def away(self, device: str) -> None:
        self.lines.append(f"{device} away")

    def muted(self, *, muted: bool) -> None:
        self.lines.append("muted" if muted else "unmuted")
