"""Our own voice coming back: found in what is captured, and taken out.

A prompt that is played may return in a captured channel: from loudspeakers, or because the call's sound holds it. It is
known beforehand, so it is looked for by matching, never by muting: where it does not come back, nothing is changed.

Rules:

- The delay of a path is found once, when half a second of prompt gives it twice, and kept while it goes on matching.
- What comes back is the prompt through a short filter, learnt from all that came back so far.
- Blocks that the filter explains but for a quarter of their energy are our voice alone: they become silence. Otherwise
  what is left after the subtraction is passed on: somebody speaks over us.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speech.ports import RATE_HZ, Block, Samples

REMEMBERED = 4
"""Prompts that may still be coming back."""
LONGEST_DELAY_SECONDS = 1.0
"""From leaving the device to being captured: call applications take 0.1 to 0.4 s, Bluetooth up to 0.3 s more."""
EARLIEST_SECONDS = 0.1
"""The device's own times may be off by so much: a prompt may seem to come back before it left."""
WINDOW_SECONDS = 0.512
TAPS = 512
"""Length of the fitted filter, samples: 32 ms hold the early part of a room."""
BEFORE_TAPS = 64
"""Taps before the delay that was found, since it is only the strongest path's."""
FOUND_SHARE = 0.5
"""Share of the last half second that the filter must explain for our voice to have come back; another voice stays
below 0.3, most of which is the freedom that so many taps have."""
KEPT_SHARE = 0.35
REFIT_SECONDS = 0.128
ALONE_SHARE = 0.25
"""Share of the energy of the last blocks that is left, below which nobody else is heard in them: a voice 6 dB fainter
than ours as it comes back. Measured in digital loops and rooms: 0.16 leaves up to 0.5 s of us, and finds no more."""
ALONE_BLOCKS = 4
LOUD = 0.1
FOUND_SAMPLES = 1600
"""Loud samples (over a tenth of the peak) without which a path is not sought: a few explain anything."""
KEPT_OF_BEFORE = 0.8
"""How much an eighth of a second keeps of what was learnt before it: a path is learnt over 0.6 s, since the delay of
sound servers and call applications drifts (by 0.3 ms in 10 s through PulseAudio's loopback)."""
RIDGE = 1e-3
"""Holds the filter to its strongest path alone at pitches that our voice has not had yet, as a share of its power."""
GAP_SECONDS = 0.02
"""A block so far from the end of the one before does not follow it."""
QUIET = 1e-4
"""RMS below which a stretch is too faint to be matched."""


@dataclass(slots=True)
class _Playing:
    """A prompt that was played: its sound at `RATE_HZ`, when it began, and when it was stopped; None: not stopped."""

    samples: Samples
    started_at: float
    stopped_at: float | None = None


class OwnVoice:
    """What we said lately, on the clock of the captured blocks. One for all channels."""

    def __init__(self) -> None:
        self._played: tuple[_Playing, ...] = ()  # replaced, never changed: channels read it in threads

    def started(self, samples: Samples, at: float) -> None:
        """Note that a prompt, mono float32 at `RATE_HZ`, began to leave the device at `at` seconds."""
        self._played = (*self._played, _Playing(samples, at))[-REMEMBERED:]

    def stopped(self, at: float) -> None:
        """Note that what was playing had left, or had been faded, by `at` seconds."""
        if self._played and self._played[-1].stopped_at is None:
            self._played[-1].stopped_at = at

    def may_be_heard(self, begin: float, end: float) -> bool:
        """Whether anything we said may come back between `begin` and `end` seconds."""
        return any(
            prompt.started_at - EARLIEST_SECONDS < end
            and begin < (_end(prompt) if prompt.stopped_at is None else prompt.stopped_at) + LONGEST_DELAY_SECONDS
            for prompt in self._played
        )

    def between(self, begin: float, count: int) -> Samples:
        """Return the `count` samples that we were saying from `begin` seconds on."""
        said = np.zeros(count, dtype=np.float32)
        for prompt in self._played:
            first = round((begin - prompt.started_at) * RATE_HZ)
            last = len(prompt.samples)
            if prompt.stopped_at is not None:
                last = min(last, max(0, round((prompt.stopped_at - prompt.started_at) * RATE_HZ)))
            source = slice(max(0, first), min(last, first + count))
            if source.start < source.stop:
                said[source.start - first : source.stop - first] += prompt.samples[source]
        return said


class _Path:
    """The way from the device back to one channel: a delay, and a filter learnt from all that came by it."""

    def __init__(self, delay: int) -> None:
        self.delay = delay
        self._auto: NDArray[np.float64] = np.zeros(TAPS)
        self._cross: NDArray[np.float64] = np.zeros(TAPS)
        self._filter: NDArray[np.float64] = np.zeros(TAPS)

    def learn(self, said: Samples, heard: Samples) -> None:
        """Fit the filter, by least squares, to `heard` and what came before; `said` is `TAPS - 1` samples longer."""
        size = 1 << (len(said) + TAPS).bit_length()
        spectrum = np.fft.rfft(said.astype(np.float64), size)
        padded = np.concatenate([np.zeros(TAPS - 1), heard.astype(np.float64)])
        auto = np.fft.irfft(np.abs(spectrum) ** 2, size)[:TAPS]
        cross = np.fft.irfft(np.fft.rfft(padded, size) * np.conj(spectrum), size)[:TAPS]
        self._auto = KEPT_OF_BEFORE * self._auto + auto
        self._cross = KEPT_OF_BEFORE * self._cross + cross
        ridge = RIDGE * self._auto[0] + 1e-9
        row = self._auto.copy()
        row[0] += ridge
        wanted = self._cross.copy()
        strongest = int(np.argmax(np.abs(wanted)))
        wanted[strongest] += ridge * wanted[strongest] / (self._auto[0] + 1e-9)
        self._filter = _toeplitz_solved(row, wanted)

    def echo(self, said: Samples) -> Samples:
        """Return how `said`, `TAPS - 1` samples longer, comes back."""
        return np.convolve(said, self._filter, mode="valid").astype(np.float32)

    def explains(self, said: Samples, heard: Samples) -> float:
        """Return the share of the energy of `heard` that `said` explains, at most 1."""
        return 1 - _energy(heard - self.echo(said)) / max(_energy(heard), 1e-12)


class OwnVoiceFilter:
    """Takes our voice out of one channel's blocks."""

    def __init__(self, own: OwnVoice) -> None:
        self._own = own
        self._heard: Samples = np.zeros(0, dtype=np.float32)
        self._energies: deque[tuple[float, float]] = deque(maxlen=ALONE_BLOCKS)
        self._path: _Path | None = None
        self._delay_before: int | None = None
        self._end: float | None = None
        self._fitted_at = float("-inf")

    def restart(self) -> None:
        """Forget what was heard; the path is kept, for the next prompt comes back the same way."""
        self._heard = np.zeros(0, dtype=np.float32)
        self._energies.clear()
        self._fitted_at = float("-inf")
        self._delay_before = self._end = None

    def clean(self, block: Block) -> Block:
        """Return `block` without our voice; the very same block where our voice is not in it."""
        count = len(block.samples)
        if not self._own.may_be_heard(block.at, block.at + count / RATE_HZ):
            self.restart()
            return block
        if self._end is None or abs(block.at - self._end) > GAP_SECONDS:
            self.restart()
            self._end = block.at
        self._end = end = self._end + count / RATE_HZ  # counted: a block's own time is a little unsteady
        self._heard = np.concatenate([self._heard, block.samples])[-max(round(WINDOW_SECONDS * RATE_HZ), count) :]
        if end - self._fitted_at >= REFIT_SECONDS:
            self._fitted_at = end
            self._fit(end)
        if self._path is None:
            return block
        left = block.samples - self._path.echo(self._said(end, count, self._path.delay))
        self._energies.append((_energy(block.samples), _energy(left)))
        before, after = (sum(energies) for energies in zip(*self._energies, strict=True))
        if after >= before:
            return block
        return Block(np.zeros_like(left) if after < ALONE_SHARE * before else left, block.at)

    def _fit(self, end: float) -> None:
        """Learn from the last half second; find the path where none is known, or it no longer fits."""
        if _rms(self._heard) < QUIET:
            return
        path = self._path
        if path is None:
            self._path = self._found(end)
            return
        said = self._said(end, len(self._heard), path.delay)
        if path.explains(said, self._heard) >= KEPT_SHARE:
            count = min(len(self._heard), round(REFIT_SECONDS * RATE_HZ))
            path.learn(said[-(count + TAPS - 1) :], self._heard[-count:])
        else:
            self._path = self._learnt(end, path.delay) or self._found(end) or path

    def _found(self, end: float) -> _Path | None:
        """Return the path by which our voice is coming back now, or None."""
        delay, before = self._find(end), self._delay_before
        self._delay_before = delay
        again = before is not None and abs(before - delay) <= BEFORE_TAPS
        return self._learnt(end, delay) if again else None

    def _learnt(self, end: float, delay: int) -> _Path | None:
        """Return the path learnt from the last half second for about this delay; None where it explains too little."""
        said = self._said(end, len(self._heard), delay)
        loud = np.abs(self._heard) > LOUD * np.abs(self._heard).max()
        if _rms(said) < QUIET or np.count_nonzero(loud) < FOUND_SAMPLES:
            return None
        path = _Path(delay)
        path.learn(said, self._heard)
        return path if path.explains(said, self._heard) >= FOUND_SHARE else None

    def _said(self, end: float, count: int, delay: int) -> Samples:
        """Return what we said for the last `count` samples before `end`, with what the filter needs around it."""
        begin = end - (count + delay + TAPS - 1 - BEFORE_TAPS) / RATE_HZ
        return self._own.between(begin, count + TAPS - 1)

    def _find(self, end: float) -> int:
        """Return the delay in samples at which the last half second is most like what we said."""
        count = len(self._heard)
        early, late = round(EARLIEST_SECONDS * RATE_HZ), round(LONGEST_DELAY_SECONDS * RATE_HZ)
        said = self._own.between(end - (count + late) / RATE_HZ, count + early + late)
        size = 1 << (len(said) + count).bit_length()
        cross = np.fft.rfft(said, size) * np.conj(np.fft.rfft(self._heard, size))
        sharp = np.fft.irfft(cross / np.sqrt(np.abs(cross) + 1e-9), size)  # half way to phase alone: rooms blur it
        return late - int(np.argmax(np.abs(sharp[: early + late + 1])))


def _toeplitz_solved(row: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve the symmetric Toeplitz system with this first row, by Levinson's recursion.

    A general solver takes as long on a quiet machine, and many times as long on a busy one, whose cores its threads
    wait for.
    """
    count = len(row)
    forward = np.zeros(count)
    found = np.zeros(count)
    forward[0] = 1 / row[0]
    found[0] = wanted[0] / row[0]
    for size in range(1, count):
        back = row[size:0:-1]
        error = float(np.dot(back, forward[:size]))
        scale = 1 / (1 - error * error)
        longer = np.zeros(size + 1)
        longer[:size] = forward[:size]
        longer[1:] -= error * forward[:size][::-1]
        forward[: size + 1] = scale * longer
        missing = wanted[size] - float(np.dot(back, found[:size]))
        found[: size + 1] += missing * forward[: size + 1][::-1]
    return found


def _energy(samples: Samples) -> float:
    return float(np.sum(samples.astype(np.float64) ** 2))


def _rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) if len(samples) else 0.0


def _end(prompt: _Playing) -> float:
    return prompt.started_at + len(prompt.samples) / RATE_HZ
