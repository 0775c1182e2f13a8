"""Voices for the tests: espeak-ng through its command, and noise."""

from __future__ import annotations

import functools
import io
import subprocess
import wave

import numpy as np
import soxr

from speech.ports import RATE_HZ, Samples

VOICES = {"fr": "fr+f2", "en": "en-gb+m3"}


@functools.lru_cache(maxsize=64)
def _speak(text: str, voice: str, words_per_minute: int) -> Samples:
    command = ["espeak-ng", "-v", voice, "-s", str(words_per_minute), "--stdout", "--stdin"]
    wav = subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout
    with wave.open(io.BytesIO(wav)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)
        rate = file.getframerate()
    sound: Samples = soxr.resample(pcm.astype(np.float32) / 32768, rate, RATE_HZ).astype(np.float32)
    return sound


def speak(text: str, language: str, *, voice: str | None = None, words_per_minute: int = 150) -> Samples:
    """Return `text` said by espeak-ng, mono float32 at `RATE_HZ`."""
    return _speak(text, voice or VOICES[language], words_per_minute).copy()


def noise(seconds: float, *, seed: int, level: float = 0.003) -> Samples:
    """Return white noise, mono float32 at `RATE_HZ`; `level` is its standard deviation."""
    return np.random.default_rng(seed).normal(0, level, round(seconds * RATE_HZ)).astype(np.float32)
