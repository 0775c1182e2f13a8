"""The material of labelled calls: real voices with what of them is speech, rooms and noises.

What counts as speech is what a voice detector finds on a clean recording, trimmed by its energy. Speakers are split
into two halves by a hash of their names: thresholds may be chosen on `tuning`, figures are published of `test`.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speech.capture.files import read_audio
from speech.detection import SileroDetector
from speech.ports import FRAME, RATE_HZ, Samples
from speech.sound import resample

LEVEL = 0.03
"""RMS of each voice's speech before gains, 0 to 1: -30 dBFS leaves room for 9 dB more."""
QUIETEST = 0.178
"""Share of a voice's RMS below which sound is no speech for the truth: 15 dB down, where the loudest noise lies."""
FADE = RATE_HZ // 50

Stretches = list[tuple[int, int]]


def stretches(mask: NDArray[np.bool_], gap_seconds: float, least_seconds: float) -> Stretches:
    """Return where `mask` is true, gaps up to `gap_seconds` filled, stretches under `least_seconds` left out."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))).reshape(-1, 2)
    found: Stretches = []
    for start, end in edges.tolist():
        if found and start - found[-1][1] <= gap_seconds * RATE_HZ:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return [(start, end) for start, end in found if end - start >= least_seconds * RATE_HZ]


def speech_mask(samples: Samples) -> NDArray[np.bool_]:
    """Return which samples of a clean recording are speech: the detector's frames, trimmed by their energy."""
    whole = len(samples) // FRAME * FRAME
    mask = np.repeat(SileroDetector().score(samples[:whole]) >= 0.5, FRAME)
    mask = np.concatenate([mask, np.zeros(len(samples) - whole, dtype=np.bool_)])
    if not mask.any():
        return mask
    power = np.cumsum(np.concatenate([np.zeros(FADE), samples.astype(np.float64) ** 2, np.zeros(FADE)]))
    around = (power[FADE : FADE + len(samples)] - power[: len(samples)]) / FADE  # the 20 ms up to each sample
    after = (power[2 * FADE : 2 * FADE + len(samples)] - power[FADE : FADE + len(samples)]) / FADE
    floor = QUIETEST**2 * float(np.mean(samples[mask].astype(np.float64) ** 2))
    return mask & (np.maximum(around, after) > floor)


class Voice:
    """One speaker: recordings at one level, and where they are speech."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        self.takes: list[tuple[Samples, NDArray[np.bool_]]] = []
        for file in files:
            sound = read_audio(file)
            samples = resample(sound.samples, sound.rate_hz, RATE_HZ)
            samples = samples * np.float32(0.05 / (np.sqrt(np.mean(samples**2)) + 1e-9))  # some are very quiet
            mask = speech_mask(samples)
            if mask.sum() >= RATE_HZ:
                self.takes.append((samples * np.float32(LEVEL / np.sqrt(np.mean(samples[mask] ** 2))), mask))

    def phrases(self, rng: np.random.Generator) -> Iterator[tuple[Samples, NDArray[np.bool_]]]:
        """Yield all material once in phrases of 1.5 to 7 s, cut at natural pauses."""
        for take in rng.permutation(len(self.takes)):
            samples, mask = self.takes[take]
            parts = stretches(mask, 0.12, 0.1)
            first = 0
            while first < len(parts):
                start, wanted = parts[first][0], rng.uniform(1.5, 7.0) * RATE_HZ
                last = first
                while (
                    last + 1 < len(parts)
                    and parts[last + 1][0] - parts[last][1] < 0.7 * RATE_HZ
                    and parts[last][1] - start < wanted
                ):
                    last += 1
                end = parts[last][1]
                yield samples[start:end], mask[start:end]
                first = last + 1

    def bit(self, rng: np.random.Generator, seconds: float) -> Samples | None:
        """Return so many seconds of speech, from one onset to one end, with no gap inside over 0.3 s."""
        length = round(seconds * RATE_HZ)
        for take in rng.permutation(len(self.takes)):
            samples, mask = self.takes[take]
            starts = [
                start
                for whole, end in stretches(mask, 0.3, seconds)
                for start in (whole + part[0] for part in stretches(mask[whole:end], 0.08, 0.1))
                if start + length <= end and mask[start + length - FADE : start + length].all()
            ]
            if starts:
                start = starts[rng.integers(len(starts))]
                bit = samples[start : start + length].copy()
                bit[-FADE:] *= np.linspace(1, 0, FADE, dtype=np.float32)
                return bit
        return None


class Library:
    """The recordings of a test-data folder: speakers of two halves, rooms and noises."""

    def __init__(self, folder: Path) -> None:
        files: dict[str, list[Path]] = {}
        for path in sorted((folder / "librispeech").rglob("*.flac")):
            files.setdefault(path.name.split("-")[0], []).append(path)
        for path in sorted((folder / "fleurs").glob("*.ogg")):
            files[path.stem] = [path]
        self._files = {name: tuple(paths) for name, paths in sorted(files.items())}
        self._folder = folder / "acoustics"

    def speakers(self, half: str) -> list[str]:
        """Return the names of the speakers of `tuning` or `test`."""
        halves = {name: hashlib.sha256(name.encode()).digest()[0] % 2 for name in self._files}
        return [name for name, odd in halves.items() if odd == (half == "test")]

    @functools.cache  # noqa: B019  a library lives as long as its process
    def voice(self, name: str) -> Voice:
        """Return a speaker's voice, read at its first use."""
        return Voice(self._files[name])

    @functools.cached_property
    def _noises(self) -> list[Samples]:
        return [_sound(path) for path in sorted(self._folder.glob("noise*.wav"))]

    @functools.cached_property
    def _rooms(self) -> list[Samples]:
        rooms = [_sound(path) for path in sorted(self._folder.glob("rir*.wav"))]
        return [room[max(0, int(np.argmax(np.abs(room))) - 16) :] for room in rooms]

    def noise(self, rng: np.random.Generator, length: int) -> Samples:
        """Return noise of RMS 1: a recorded one, or a coloured random one."""
        if rng.random() < 0.3 or not self._noises:
            noise = _coloured(rng, length)
        else:
            recorded = self._noises[rng.integers(len(self._noises))]
            noise = np.resize(np.roll(recorded, rng.integers(len(recorded))), length)
        return (noise / np.sqrt(np.mean(noise.astype(np.float64) ** 2))).astype(np.float32)

    def room(self, rng: np.random.Generator) -> Samples:
        """Return the response of a room, of energy 1: a recorded one, or a made one of 0.15 to 0.5 s."""
        if rng.random() < 0.5 and self._rooms:
            response = self._rooms[rng.integers(len(self._rooms))]
        else:
            length = int(rng.uniform(0.15, 0.5) * RATE_HZ)
            response = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
            response *= 10 ** (-rng.uniform(4, 14) / 20) / np.sqrt(np.sum(response**2))
            response[0] = 1.0
        return (response / np.sqrt(np.sum(response**2))).astype(np.float32)


def _sound(path: Path) -> Samples:
    sound = read_audio(path)
    return resample(sound.samples, sound.rate_hz, RATE_HZ)


def _coloured(rng: np.random.Generator, length: int) -> NDArray[np.float64]:
    """Return noise between white and strongly low, a minute of it over and over."""
    spectrum = np.fft.rfft(rng.standard_normal(min(length, 60 * RATE_HZ)))
    angles = np.linspace(0, np.pi, len(spectrum))
    spectrum /= np.abs(1 - rng.uniform(0, 0.95) * np.exp(-1j * angles))
    return np.resize(np.fft.irfft(spectrum), length)


def in_room(samples: Samples, response: Samples) -> Samples:
    """Return `samples` as heard in a room, by convolution in blocks."""
    size = 1 << (2 * len(response)).bit_length()
    step = size - len(response) + 1
    spectrum = np.fft.rfft(response, size)
    heard = np.zeros(len(samples) + size, dtype=np.float32)
    for start in range(0, len(samples), step):
        block = samples[start : start + step]
        if block.any():
            heard[start : start + size] += np.fft.irfft(np.fft.rfft(block, size) * spectrum, size).astype(np.float32)
    return heard[: len(samples)]
