"""Sounds of a call that are nobody's turn: coughs, keys, laughter, chimes, music on hold. Mono float32 at 16 kHz.

All are made by computation and drawn anew each time; no recording is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from speech.ports import RATE_HZ, Samples
from tools.demo_model.sounds import tune

Generator = np.random.Generator


def cough(rng: Generator) -> Samples:
    """Return one to three coughs: bursts of noise through a throat, now and then with a little voice."""
    parts: list[Samples] = []
    for _ in range(int(rng.integers(1, 4))):
        count = int(rng.uniform(0.12, 0.35) * RATE_HZ)
        t = np.arange(count) / RATE_HZ
        course = np.minimum(1, t / rng.uniform(0.004, 0.02)) * np.exp(-t * rng.uniform(8, 18))
        air = rng.standard_normal(count)
        if rng.random() < 0.5:
            pitch = rng.uniform(90, 280) * (1 - t * rng.uniform(0, 1.5))
            air = air + rng.uniform(0.5, 3) * np.sign(np.sin(2 * np.pi * np.cumsum(pitch) / RATE_HZ))
        parts += [_throat(air, rng) * course, np.zeros(int(rng.uniform(0.05, 0.3) * RATE_HZ))]
    return _levelled(np.concatenate(parts))


def keys(rng: Generator) -> Samples:
    """Return typing for 0.5 to 8 s: clicks of two strokes each, in bursts."""
    count = int(rng.uniform(0.5, 8) * RATE_HZ)
    made = np.zeros(count + RATE_HZ)
    at = 0
    while at < count:
        for delay, loud in ((0, 1.0), (int(rng.uniform(0.05, 0.12) * RATE_HZ), rng.uniform(0.2, 0.7))):
            length = int(rng.uniform(0.004, 0.02) * RATE_HZ)
            burst = rng.standard_normal(length) * np.exp(-np.arange(length) / (0.25 * length))
            made[at + delay : at + delay + length] += burst * loud * rng.uniform(0.5, 1)
        at += int(rng.choice([rng.uniform(0.08, 0.25), rng.uniform(0.4, 1.2)], p=[0.9, 0.1]) * RATE_HZ)
    return _levelled(_coloured(made[:count], rng))


def laughter(rng: Generator, *, longest_seconds: float = 2.5) -> Samples:
    """Return laughter: voiced or breathy bursts, four to six a second, falling in pitch and strength."""
    count = int(rng.uniform(0.4, longest_seconds) * RATE_HZ)
    t = np.arange(count) / RATE_HZ
    pitch = (
        rng.uniform(120, 420) * (1 - rng.uniform(0, 0.15) * t) * (1 + 0.05 * np.sin(2 * np.pi * rng.uniform(4, 6) * t))
    )
    voiced = np.zeros(count)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    for k in range(1, 16):
        voiced += np.sin(k * phase) / k
    air = voiced * rng.uniform(0.2, 1) + rng.standard_normal(count) * rng.uniform(0.1, 0.6)
    pulse = np.clip(np.sin(2 * np.pi * rng.uniform(3.8, 6.2) * t + rng.uniform(0, 6)) + rng.uniform(-0.2, 0.3), 0, None)
    return _levelled(_throat(air, rng) * pulse * np.exp(-t * rng.uniform(0, 1.0)))


def chime(rng: Generator) -> Samples:
    """Return a notification: one to four struck tones."""
    parts = []
    for _ in range(int(rng.integers(1, 5))):
        count = int(rng.uniform(0.08, 0.4) * RATE_HZ)
        t = np.arange(count) / RATE_HZ
        pitch = rng.uniform(350, 2200)
        tone = sum(np.sin(2 * np.pi * pitch * k * t) / k**2 for k in range(1, 4))
        parts.append(tone * np.exp(-t * rng.uniform(3, 15)))
    return _levelled(np.concatenate(parts))


def music(rng: Generator) -> Samples:
    """Return music on hold, 3 to 15 s."""
    count = int(rng.uniform(3, 15) * RATE_HZ)
    fade = np.minimum(1, np.minimum(np.arange(count), np.arange(count)[::-1]) / (0.2 * RATE_HZ))
    return _levelled(tune(count, rng) * fade)


BURSTS: Mapping[str, Callable[[Generator], Samples]] = {
    "cough": cough,
    "keys": keys,
    "laughter": laughter,
    "chime": chime,
    "music": music,
}


def _throat(air: Samples, rng: Generator) -> Samples:
    """Shape a sound by three to four resonances."""
    spectrum = np.fft.rfft(air)
    hertz = np.fft.rfftfreq(len(air), 1 / RATE_HZ)
    shape = np.full(len(hertz), 0.03)
    for middle in (rng.uniform(350, 900), rng.uniform(900, 1900), rng.uniform(2100, 3200), rng.uniform(3200, 4800)):
        width = rng.uniform(120, 500)
        shape += rng.uniform(0.2, 1) / (1 + ((hertz - middle) / width) ** 2)
    return np.fft.irfft(spectrum * shape, len(air))


def _coloured(sound: Samples, rng: Generator) -> Samples:
    spectrum = np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE_HZ)
    middle = rng.uniform(1500, 5000)
    return np.fft.irfft(spectrum / (1 + ((hertz - middle) / rng.uniform(800, 3000)) ** 2), len(sound))


def _levelled(sound: Samples) -> Samples:
    """Return `sound` with an RMS of 1 over its louder half."""
    power = np.sort(sound.astype(np.float64) ** 2)[len(sound) // 2 :]
    return (sound / (np.sqrt(power.mean()) + 1e-9)).astype(np.float32)
