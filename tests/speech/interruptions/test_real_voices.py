"""The shipped model on recorded voices that it was not trained with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from speech.capture.files import read_audio
from speech.detection import SileroDetector
from speech.interruptions.detector import LIKELY, PrimedDetector
from speech.ports import FRAME, RATE_HZ, Block, OtherVoice, Samples
from speech.sound import resample
from tests.conftest import ROOT

HOLDER, OTHER = "1688", "1998"
BLOCK = 4 * FRAME


def recorded(test_data: Path, speaker: str, seconds: float) -> Samples:
    """Return so many seconds of one reader, recordings in a row at one level with half a second between them."""
    parts: list[Samples] = []
    for path in sorted((test_data / "librispeech" / "test-other" / speaker).glob("*.flac")):
        sound = read_audio(path)
        samples = resample(sound.samples, sound.rate_hz, RATE_HZ)
        parts += [samples * np.float32(0.05 / samples.std()), np.zeros(RATE_HZ // 2, dtype=np.float32)]
    return np.concatenate(parts)[: round(seconds * RATE_HZ) // BLOCK * BLOCK]


def likely(sound: Samples) -> list[OtherVoice]:
    detector, silero = PrimedDetector(ROOT / "models" / "floor"), SileroDetector()
    detector.start()
    voices: list[OtherVoice] = []
    for start in range(0, len(sound), BLOCK):
        part = sound[start : start + BLOCK]
        voices += detector.hear(Block(part, start / RATE_HZ), silero.score(part))
    return [voice for voice in voices if voice.probability >= LIKELY]


def test_a_holder_who_speaks_alone_for_a_minute_is_not_suspected(test_data: Path) -> None:
    assert likely(recorded(test_data, HOLDER, 60.0)) == []


def test_somebody_who_talks_over_the_holder_is_found_once(test_data: Path) -> None:
    at = 20.0
    sound = recorded(test_data, HOLDER, 30.0)
    other = recorded(test_data, OTHER, 4.0)[RATE_HZ // 2 :]
    start = round(at * RATE_HZ)
    sound[start : start + len(other)] += other
    voices = likely(sound)
    assert len({voice.since for voice in voices}) == 1
    assert voices[0].since == pytest.approx(at, abs=0.7)
    assert voices[0].at < at + 2.5
    assert voices[-1].kind == "talk_over"
