"""What happens to speech on its way, and sounds that are no speech. All mono float32 at 16 kHz."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from speech.ports import RATE_HZ, Samples

Generator = np.random.Generator
_LOUDEST, _FAINTEST = -0.05, -1.3
"""Powers of ten of a sound's peak."""


@dataclass(frozen=True, slots=True)
class Path:
    """The way from a mouth to the recognizer.

    Attributes:
        tilt: weight of the sample before: positive is dull, negative is sharp.
        response: the room's, after the direct sound at its start; None for none.
        band_hz: what passes; None for everything.
        peak: the sound's loudest sample afterwards.
        noise_db: how far the noise lies under the speech; None for none.
        brown: whether the noise is low rather than white.
    """

    tilt: float = 0.0
    response: Samples | None = None
    band_hz: tuple[float, float] | None = None
    peak: float = 0.5
    noise_db: float | None = None
    brown: bool = False


def draw_path(rng: Generator) -> Path:
    """Draw the way of one speaker in one place."""
    return Path(
        tilt=rng.uniform(-0.5, 0.5) if rng.random() < 0.5 else 0.0,
        response=room(rng) if rng.random() < 0.5 else None,
        band_hz=(rng.uniform(200, 350), rng.uniform(3200, 3600)) if rng.random() < 0.4 else None,
        peak=10 ** rng.uniform(_FAINTEST, _LOUDEST),
        noise_db=rng.uniform(10, 50) if rng.random() < 0.7 else None,
        brown=bool(rng.random() < 0.5),
    )


def room(rng: Generator, *, reverberation_seconds: float | None = None) -> Samples:
    """Return a made-up room response: the direct sound, a few reflections, then noise that dies away."""
    duration = rng.uniform(0.15, 0.9) if reverberation_seconds is None else reverberation_seconds
    count = int(duration * RATE_HZ)
    fall = 10 ** (-3 * np.arange(count) / count)
    tail = rng.standard_normal(count) * fall
    tail[: int(rng.uniform(0.002, 0.015) * RATE_HZ)] = 0.0
    early = rng.integers(16, int(0.06 * RATE_HZ), rng.integers(0, 13))
    tail[early] += rng.choice((-1.0, 1.0), len(early)) * rng.uniform(1, 8, len(early)) * fall[early]
    tail *= 10 ** (-rng.uniform(-2, 12) / 20) / (np.sqrt((tail**2).sum()) + 1e-9)
    tail[0] = 1.0
    return tail.astype(np.float32)


def sent(samples: Samples, path: Path, rng: Generator) -> Samples:
    """Return `samples` as they arrive over `path`, equally long."""
    heard: Any = samples
    if path.tilt:
        heard = heard + path.tilt * np.concatenate([[0], heard[:-1]])
    if path.response is not None:
        heard = _convolved(heard, path.response)
    if path.band_hz is not None:
        heard = band(heard, path.band_hz)
    heard = heard / (np.abs(heard).max() + 1e-9) * path.peak
    if path.noise_db is not None:
        level = np.sqrt((heard**2).mean()) * 10 ** (-path.noise_db / 20)
        heard = heard + level * noise(len(heard), rng, brown=path.brown)
    arrived: Samples = heard.astype(np.float32)
    return arrived


def band(samples: Samples, limits_hz: tuple[float, float]) -> Samples:
    """Return what of `samples` lies between two frequencies, as a telephone passes it."""
    spectrum = np.fft.rfft(samples)
    frequencies = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    low, high = limits_hz
    spectrum *= np.clip((frequencies - low + 50) / 100, 0, 1) * np.clip((high - frequencies + 100) / 200, 0, 1)
    passed: Samples = np.fft.irfft(spectrum, len(samples)).astype(np.float32)
    return passed


def noise(count: int, rng: Generator, *, brown: bool = False) -> Samples:
    """Return noise with a standard deviation of 1, white or low."""
    white = rng.standard_normal(count).astype(np.float32)
    if brown:
        white = _convolved(white, (0.95 ** np.arange(80)).astype(np.float32))
        white /= white.std() + 1e-9
    return white


def no_speech(rng: Generator) -> Samples:
    """Draw silence, noise, tones, sirens, chords, tunes or clicks, 0.4 to 12 s."""
    count = int(rng.uniform(0.4, 12) * RATE_HZ)
    kind = rng.integers(10)
    if kind == 0:
        made = np.zeros(count, np.float32)
    elif kind <= 2:
        made = noise(count, rng, brown=kind == 1)
    elif kind == 3:
        made = _tone(count, rng, [float(rng.uniform(60, 4000))])
    elif kind == 4:
        made = _siren(count, rng)
    elif kind == 5:
        made = _tone(count, rng, [float(f) for f in rng.uniform(80, 1500, rng.integers(2, 6))])
    elif kind == 6:
        made = _clicks(count, rng)
    else:
        made = tune(count, rng)
    made = made / (np.abs(made).max() + 1e-9) * np.float32(10 ** rng.uniform(-4 if kind <= 2 else -2, -0.05))
    if rng.random() < 0.3:
        made = made + noise(count, rng) * np.float32(10 ** rng.uniform(-5, -2))
    drawn: Samples = made.astype(np.float32)
    return drawn


def tune(count: int, rng: Generator) -> Samples:
    """Return music-like sound: notes and chords of a scale with partials and a struck or blown course."""
    made = np.zeros(count, np.float32)
    root = rng.uniform(80, 300)
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16, 17, 19])
    at = 0
    while at < count:
        length = min(int(rng.choice([0.12, 0.25, 0.5, 1.0]) * rng.uniform(0.8, 1.2) * RATE_HZ), count - at)
        if rng.random() < 0.88:
            notes = rng.choice(scale, rng.integers(1, 4), replace=False)
            sound = _tone(length, rng, [float(root * 2 ** (note / 12)) for note in notes])
            t = np.arange(length) / RATE_HZ
            made[at : at + length] += sound * np.exp(-t * rng.uniform(0, 6)) * np.minimum(1, t * rng.uniform(20, 400))
        at += length
    return made


def _tone(count: int, rng: Generator, pitches_hz: list[float]) -> Samples:
    t = np.arange(count) / RATE_HZ
    made = np.zeros(count)
    partials = int(rng.integers(1, 9)) if rng.random() < 0.7 else 1
    sway = 1 + rng.uniform(0, 0.01) * np.sin(2 * np.pi * rng.uniform(3, 7) * t) / (2 * np.pi)
    for pitch in pitches_hz:
        for k in range(1, partials + 1):
            if pitch * k < RATE_HZ / 2 - 100:
                made += np.sin(2 * np.pi * pitch * k * t * sway + rng.uniform(0, 6)) * rng.uniform(0.3, 1) / k
    return made.astype(np.float32)


def _siren(count: int, rng: Generator) -> Samples:
    t = np.arange(count) / RATE_HZ
    middle = rng.uniform(200, 1500)
    pitch = middle * (1 + rng.uniform(0.05, 0.6) * np.sin(2 * np.pi * rng.uniform(0.2, 5) * t))
    made = np.sin(2 * np.pi * np.cumsum(pitch) / RATE_HZ)
    if rng.random() < 0.5:
        made *= np.sign(np.sin(2 * np.pi * rng.uniform(0.5, 5) * t)) > 0
    return made.astype(np.float32)


def _clicks(count: int, rng: Generator) -> Samples:
    made = np.zeros(count, np.float32)
    for at in rng.integers(0, count, int(rng.integers(1, 40))):
        length = min(int(rng.uniform(0.002, 0.08) * RATE_HZ), count - int(at))
        burst = rng.standard_normal(length) * np.exp(-np.arange(length) / (0.3 * length + 1))
        made[at : at + length] += (burst * rng.uniform(0.2, 1)).astype(np.float32)
    return made


def _convolved(samples: Samples, response: Samples) -> Samples:
    size = 1 << (len(samples) + len(response) - 1).bit_length()
    product = np.fft.rfft(samples, size) * np.fft.rfft(response, size)
    heard: Samples = np.fft.irfft(product, size)[: len(samples)].astype(np.float32)
    return heard
