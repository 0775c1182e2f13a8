"""One person's microphone and our voice, made into one sound: pure, sample by sample, no device and no clock.

Rules:

- The microphone is a person: it is carried as it is, and never lowered. It is the voice that gives way: it is lowered
  while the person speaks, and the meeting ends it if they go on.
- Microphone and output have clocks of their own. What lies between the two is kept short by resampling a little faster
  or slower, which nobody hears; only a device that stalled costs sound, and it is counted.
- Nothing clicks: what stops fades, what begins fades in, a gain moves sample by sample.
- Nothing ever leaves full scale, and what is well below it leaves as it came.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import soxr

from speech.ports import Samples

KNEE = 0.8
"""Amplitude below which the limiter changes nothing (2 dB under full scale)."""
DUCKED = 10 ** (-9 / 20)
"""What the voice is lowered to while the person speaks: 9 dB less, still understood."""
SPEAKING = 10 ** (-40 / 20)
"""A microphone louder than this (RMS of a block) speaks: 14 dB under the -26 dBov of ITU-T P.56's nominal speech."""
HELD_SECONDS = 0.3
"""The voice stays lowered between two words."""
ATTACK_SECONDS, RELEASE_SECONDS = 0.02, 0.25
"""Time constants by which the voice is lowered and comes back."""
_FADE_SECONDS = 0.003
_MARGIN_SECONDS, _MOST_MARGIN_SECONDS = 0.01, 0.04
"""Least sound that is to be left after each block; a hole adds to it, up to the second."""
_MARGIN_STEP_SECONDS = 0.004
_LOOK_SECONDS = 1.0
"""The pace is set anew so often, by the least that was left meanwhile."""
_CORRECTION_SECONDS = 3.0
"""What is too much or too little is made up for in about so long."""
_MOST_OFF = 0.002
"""The pace is never further from the true one: a thirtieth of a semitone. Sound cards differ by 0.0001 or so."""
_MOST_LATE_SECONDS = 0.04
"""So much more than the margin is not made up for: it is left out at once."""


def limit(samples: Samples) -> Samples:
    """Return `samples` within [-1, 1]: unchanged up to `KNEE`, bent smoothly above."""
    size = np.abs(samples)
    over = KNEE + (1 - KNEE) * np.tanh((size - KNEE) / (1 - KNEE))
    limited: Samples = np.where(size > KNEE, np.copysign(over, samples), samples).astype(np.float32)
    return limited


class Ducker:
    """The gain of the voice while a person may speak.

    Args:
        rate_hz: of the samples.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._gain = 1.0
        self._held = 0

    def gain(self, person: Samples) -> Samples:
        """Return the voice's gain at each sample of the person's next block."""
        count = len(person)
        loud = count > 0 and float(np.sqrt(np.mean(person**2))) > SPEAKING
        self._held = round(HELD_SECONDS * self._rate_hz) if loud else max(0, self._held - count)
        wanted, seconds = (DUCKED, ATTACK_SECONDS) if self._held else (1.0, RELEASE_SECONDS)
        moves = np.exp(-np.arange(1, count + 1) / (seconds * self._rate_hz))
        gains = wanted + (self._gain - wanted) * moves
        if count:
            self._gain = float(gains[-1])
        return gains.astype(np.float32)


class Elastic:
    """Sound on its way from one clock to another. One thread puts, one takes.

    Args:
        from_hz: rate of what is put.
        to_hz: rate of what is taken.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._to_hz = to_hz
        self._from_hz = from_hz
        self._resampler = soxr.ResampleStream(from_hz * (1 + _MOST_OFF), to_hz, 1, dtype="float32", vr=True)
        self._resampler.set_io_ratio(from_hz, to_hz)
        self._coming: deque[Samples] = deque()
        self._buffer: Samples = np.empty(0, dtype=np.float32)
        self._margin = round(_MARGIN_SECONDS * to_hz)
        self._fade = round(_FADE_SECONDS * to_hz)
        self._flows = False
        self._last = np.float32(0.0)
        self._least: int | None = None
        self._looked = 0
        self.gaps = 0
        """Times that too little was there, once it flowed."""
        self.skipped_seconds = 0.0
        """Sound left out, because it would have come late."""

    @property
    def waiting_seconds(self) -> float:
        """Sound that is here and not taken yet."""
        return len(self._buffer) / self._to_hz

    def put(self, samples: Samples) -> None:
        """Take the next samples; they become the buffer's own."""
        self._coming.append(samples)

    def take(self, count: int) -> Samples:
        """Return the next `count` samples; silence where there are none."""
        self._receive()
        if not self._flows:
            if len(self._buffer) < count + self._margin:
                return np.zeros(count, dtype=np.float32)
            self._buffer = self._buffer[-(count + self._margin) :]  # what came before is late already
            self._flows, self._least, self._looked = True, None, 0
            block = self._cut(count)
            block[: self._fade] *= np.linspace(0, 1, min(self._fade, count), dtype=np.float32)
        elif len(self._buffer) < count:
            return self._run_dry(count)
        else:
            block = self._cut(count)
        self._last = block[-1] if count else self._last
        self._keep_pace(count)
        return block

    def _receive(self) -> None:
        fresh = [self._resampler.resample_chunk(self._coming.popleft()) for _ in range(len(self._coming))]
        if fresh:
            self._buffer = np.concatenate([self._buffer, *fresh])

    def _cut(self, count: int) -> Samples:
        block, self._buffer = self._buffer[:count].copy(), self._buffer[count:]
        return block

    def _run_dry(self, count: int) -> Samples:
        """Return what is left, fading; nothing follows until there is enough again."""
        left = self._buffer
        end = left[-1] if len(left) else self._last
        begin = max(0, len(left) - self._fade)
        block = np.concatenate([left, np.full(count - len(left), end, dtype=np.float32)])
        block *= np.clip(1 - (np.arange(1, count + 1, dtype=np.float32) - begin) / self._fade, 0, 1)
        self._buffer, self._last, self._flows = left[:0], np.float32(0.0), False
        self.gaps += 1
        self._margin = min(
            self._margin + round(_MARGIN_STEP_SECONDS * self._to_hz), round(_MOST_MARGIN_SECONDS * self._to_hz)
        )
        return block

    def _keep_pace(self, count: int) -> None:
        """Set the pace, from time to time, by the least that was left after a block."""
        left = len(self._buffer)
        self._least = left if self._least is None else min(self._least, left)
        self._looked += count
        if self._looked < _LOOK_SECONDS * self._to_hz:
            return
        seconds = (self._least - self._margin) / self._to_hz
        if seconds > _MOST_LATE_SECONDS:
            self._leave_out(self._least - self._margin)
            seconds = 0.0
        off = min(_MOST_OFF, max(-_MOST_OFF, seconds / _CORRECTION_SECONDS))
        self._resampler.set_io_ratio(self._from_hz * (1 + off), self._to_hz, round(_FADE_SECONDS * self._from_hz))
        self._least, self._looked = None, 0

    def _leave_out(self, count: int) -> None:
        fade = min(self._fade, len(self._buffer) - count)
        rising = np.linspace(0, 1, fade, dtype=np.float32)
        joined = self._buffer[:fade] * (1 - rising) + self._buffer[count : count + fade] * rising
        self._buffer = np.concatenate([joined, self._buffer[count + fade :]])
        self.skipped_seconds += count / self._to_hz


class Mixer:
    """A person's microphone and the voice together. One thread puts, one mixes.

    Args:
        from_hz: rate of the microphone.
        to_hz: rate of the voice and of what leaves.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self.microphone = Elastic(from_hz, to_hz)
        self._ducker = Ducker(to_hz)

    def put(self, samples: Samples) -> None:
        """Take the microphone's next samples, mono in [-1, 1]."""
        self.microphone.put(samples)

    def mix(self, voice: Samples) -> Samples:
        """Return the voice's next samples with the microphone's, within [-1, 1]."""
        person = self.microphone.take(len(voice))
        return limit(person + voice * self._ducker.gain(person))
