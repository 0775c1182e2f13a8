"""Whose voices train the network, whose choose its thresholds, and whose are only measured with.

The sketch that this model grew from (docs/floor-model.md) was trained on 87 of the LibriSpeech speakers and on the
FLEURS clips; those train here too. The other 38 and the five speakers of test-other, who have ten recordings each, are
halved by a hash of their names into `tuning` and `test`. The French voice of the asterisk prompts is only tested with.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import numpy as np

from bench.voices import Voice
from speech.ports import RATE_HZ
from speech.sound import resample

PARTS = ("train", "tuning", "test")
FRENCH = Path("/usr/share/asterisk/sounds/fr_CA_f_June")
"""Debian's asterisk-core-sounds-fr-wav: one French-Canadian woman, 353 prompts at 8 kHz."""
_HELD_OUT = 38
_SKETCH_SEED = 7
_LEAST_BYTES = 40_000
"""A prompt of 2.5 s; most are single words."""


class People:
    """The speakers of the test-data folder, in three parts."""

    def __init__(self, folder: Path) -> None:
        single = _by_speaker(folder / "librispeech" / "train-clean-100")
        several = _by_speaker(folder / "librispeech" / "test-other")
        names = sorted(single)
        order = np.random.default_rng(_SKETCH_SEED).permutation(len(names))
        kept = {names[i] for i in order[:_HELD_OUT]}
        self._files = {**single, **several}
        self.long = frozenset(several)
        self._part = {name: "train" for name in names if name not in kept}
        self._part |= {name: _half(name) for name in kept | self.long}
        for path in sorted((folder / "fleurs").glob("*.ogg")):
            self._files[path.stem] = [path]
            self._part[path.stem] = "train"
        french = [path for path in sorted(FRENCH.glob("*.wav")) if path.stat().st_size > _LEAST_BYTES]
        if french:
            self._files["june"] = french
            self._part["june"] = "french"

    def names(self, part: str) -> list[str]:
        """Return the speakers of `train`, `tuning`, `test` or `french`."""
        return sorted(name for name, own in self._part.items() if own == part)

    @functools.cache  # noqa: B019  it lives as long as its process
    def voice(self, name: str) -> Voice:
        """Return a speaker's voice, read at its first use."""
        return Voice(tuple(self._files[name]))


def faster(voice: Voice, factor: float) -> Voice:
    """Return a voice as of another speaker: played `factor` times as fast, pitch and formants with it."""
    other = Voice(())
    for samples, mask in voice.takes:
        changed = resample(samples, round(RATE_HZ * factor), RATE_HZ)
        at = np.minimum((np.arange(len(changed)) * factor).astype(np.int64), len(mask) - 1)
        other.takes.append((changed, mask[at]))
    return other


def pitch_hz(voice: Voice) -> float:
    """Return a voice's usual pitch, roughly: the median of the strongest repetitions between 70 and 400 Hz."""
    found = []
    low, high = RATE_HZ // 400, RATE_HZ // 70
    for samples, mask in voice.takes[:2]:
        for at in range(0, len(samples) - 1024, 2048):
            if mask[at : at + 1024].all():
                spectrum = np.fft.rfft(samples[at : at + 1024], 2048)
                likeness = np.fft.irfft(np.abs(spectrum) ** 2)
                best = low + int(np.argmax(likeness[low:high]))
                if likeness[best] > 0.4 * likeness[0]:
                    found.append(RATE_HZ / best)
    return float(np.median(found)) if found else 150.0


def _by_speaker(folder: Path) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*.flac")):
        files.setdefault(path.name.split("-")[0], []).append(path)
    return files


def _half(name: str) -> str:
    return ("tuning", "test")[hashlib.sha256(name.encode()).digest()[0] % 2]
