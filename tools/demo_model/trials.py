"""What the demo model is tried with: held-out sentences, speakers, noises and rooms, and how errors are counted."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soxr

from speech.capture.files import read_audio
from speech.detection import SileroDetector, SpeechGate, VoiceKind
from speech.ports import FRAME, RATE_HZ, Samples
from speech.recognition.segmenter import Segmenter
from tools.demo_model import grammar, sounds
from tools.demo_model.espeak import Espeak, Manner
from tools.demo_model.synthesize import TRAINED_VARIANTS, UNSEEN_VARIANTS, draw_manner

DATA = Path(os.environ.get("FACILITATOR_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
UNSEEN_RATES = ((110, 128), (192, 210))
"""Words a minute; training has 130 to 189."""
PADDING_SECONDS = 0.2


@dataclass(slots=True)
class Score:
    """One line of the report.

    Attributes:
        name: what was said, and how.
        calls: utterances given to the recognizer.
        words: words said; 0 where no text is the right one.
        errors: words missed, added or replaced.
        exact: calls without an error.
        texts: calls that gave any text.
        seconds: of sound.
        wrong: some that went wrong, what was said and what was written.
    """

    name: str
    calls: int = 0
    words: int = 0
    errors: int = 0
    exact: int = 0
    texts: int = 0
    seconds: float = 0.0
    wrong: list[tuple[str, str]] = field(default_factory=list)

    def add(self, said: str, written: str, seconds: float) -> None:
        """Count one call."""
        errors = word_errors(grammar.words(said), grammar.words(written))
        self.calls += 1
        self.words += len(grammar.words(said))
        self.errors += errors
        self.exact += not errors
        self.texts += bool(written)
        self.seconds += seconds
        if errors:
            self.wrong.append((said, written))

    @property
    def word_error_rate(self) -> float | None:
        """Errors by words said; None where nothing was to be written."""
        return self.errors / self.words if self.words else None


def word_errors(said: Sequence[str], written: Sequence[str]) -> int:
    """Return how many words must be added, removed or replaced to come from one to the other."""
    row = list(range(len(written) + 1))
    for i, word in enumerate(said, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(written, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (word != other))
    return row[-1]


def held_out(language: str, count: int, seed: int, *, triples: bool, known: set[tuple[str, ...]]) -> list[str]:
    """Draw different sentences that training never saw; with `triples`, for a word triple that is not in `known`."""
    rng = random.Random(seed)
    texts: dict[str, None] = {}
    while len(texts) < count:
        text = grammar.sentence(language, rng)
        if triples:
            new = [triple for triple in grammar.held_out_triples(text) if triple not in known]
            wanted = bool(new) and not grammar.held_out_by_hash(text)
        else:
            wanted = grammar.held_out_by_hash(text) and not grammar.held_out_triples(text)
        if wanted:
            texts[text] = None
    return list(texts)


class Voices:
    """espeak-ng with speakers drawn from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self._engine = Espeak()

    def manner(self, language: str, *, unseen_voice: bool = False, unseen_rate: bool = False) -> Manner:
        """Draw a speaker."""
        manner = draw_manner(language, UNSEEN_VARIANTS if unseen_voice else TRAINED_VARIANTS, self.rng)
        if not unseen_rate:
            return manner
        rate = int(self.rng.integers(*UNSEEN_RATES[int(self.rng.integers(2))]))
        return Manner(manner.voice, rate, manner.pitch, manner.pitch_range, manner.gap)

    def say(self, text: str, manner: Manner, pause_seconds: float = PADDING_SECONDS) -> Samples:
        """Return `text` with silence around it, mono float32 at `RATE_HZ`, its peak at 0.5."""
        raw = soxr.resample(self._engine.speak(text, manner).samples, self._engine.rate_hz, RATE_HZ)
        silence = np.zeros(round(pause_seconds * RATE_HZ), np.float32)
        return np.concatenate([silence, raw / (np.abs(raw).max() + 1e-9) * 0.5, silence]).astype(np.float32)


def segments(sound: Samples) -> list[Samples]:
    """Return the utterances that the product cuts out of `sound` in one grant."""
    detector, gate, segmenter = SileroDetector(), SpeechGate(), Segmenter()
    sound = np.concatenate([sound, np.zeros(RATE_HZ + FRAME - len(sound) % FRAME, np.float32)])
    segmenter.open(0.0)
    pieces = []
    for at in range(0, len(sound) - FRAME + 1, FRAME):
        frame = sound[at : at + FRAME]
        pieces.append(segmenter.add(frame, at / RATE_HZ))
        for change in gate.push(float(p) for p in detector.score(frame)):
            if change.kind is VoiceKind.STARTED:
                segmenter.speech_started(change.since)
            elif change.kind is VoiceKind.ENDED:
                pieces.append(segmenter.speech_ended(change.since))
    pieces.append(segmenter.close(len(sound) / RATE_HZ))
    return [piece.samples for piece in pieces if piece is not None]


def recording(path: Path) -> Samples:
    """Return a recording, mono float32 at `RATE_HZ`, its peak at 0.5: some of them are very quiet."""
    sound = read_audio(path)
    samples = soxr.resample(sound.samples, sound.rate_hz, RATE_HZ).astype(np.float32)
    loud: Samples = samples / (np.abs(samples).max() + 1e-9) * np.float32(0.5)
    return loud


def _recordings(pattern: str) -> list[Samples]:
    return [recording(path) for path in sorted((DATA / "acoustics").glob(pattern))]


def noises() -> list[Samples]:
    """Return recorded noises, a made one where the test data is absent."""
    made = np.random.default_rng(9)
    return _recordings("noise*.wav") or [sounds.noise(10 * RATE_HZ, made, brown=True) * np.float32(0.05)]


def rooms() -> list[Samples]:
    """Return room responses that begin with their direct sound, as loud as without the room."""
    found = _recordings("rir*.wav") or [sounds.room(np.random.default_rng(8), reverberation_seconds=0.4)]
    started = [response[max(0, int(np.argmax(np.abs(response))) - 8) :] for response in found]
    return [response / np.sqrt((response**2).sum()) for response in started]


def with_noise(sound: Samples, noise: Samples, distance_db: float, rng: np.random.Generator) -> Samples:
    """Return `sound` with a stretch of `noise`, `distance_db` under it."""
    repeated = np.tile(noise, 1 + len(sound) // len(noise))
    at = int(rng.integers(len(repeated) - len(sound) + 1))
    chosen = repeated[at : at + len(sound)]
    level = np.sqrt((sound**2).mean() / ((chosen**2).mean() + 1e-12)) * 10 ** (-distance_db / 20)
    mixed: Samples = (sound + level * chosen).astype(np.float32)
    return mixed
