"""A network that knows voices by the pitch of a tone, and calls made of such voices."""

from __future__ import annotations

import numpy as np

from speech.interruptions.network import FRAMES, HALF, LEAD, STEP, Scores
from speech.ports import FRAME, RATE_HZ, Block, Samples

VOICES = {"holder": 300.0, "other": 700.0, "third": 1100.0}
"""The pitch of each voice, Hz."""
_WIDTH = 540
_LEVEL = 0.02


class FakeToneNetwork:
    """Takes the strongest tone of the primer for the holder, and every other tone for somebody else."""

    def __init__(self) -> None:
        self.calls = 0
        self.forgotten = 0
        turns = np.outer(np.arange(_WIDTH) / RATE_HZ, list(VOICES.values())) * 2 * np.pi
        self._waves = np.concatenate([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32) * 2 / _WIDTH

    def _levels(self, sound: Samples) -> np.ndarray:
        """Return the amplitude of each tone around each frame, shape [FRAMES, voices]."""
        padded = np.pad(sound, _WIDTH // 2)
        around = np.lib.stride_tricks.sliding_window_view(padded, _WIDTH)
        parts = around[LEAD : LEAD + STEP * FRAMES : STEP] @ self._waves
        return np.hypot(*np.split(parts, 2, axis=1))

    def score(self, primer: Samples, recent: Samples) -> Scores:
        assert primer.shape == recent.shape == (HALF,)
        self.calls += 1
        holder = int(self._levels(primer).mean(axis=0).argmax())
        sounding = self._levels(recent) > _LEVEL
        others = np.delete(sounding, holder, axis=1).any(axis=1)
        return np.where(np.stack([sounding[:, holder], others], axis=1), 4.0, -4.0).astype(np.float32)

    def forget(self) -> None:
        self.forgotten += 1


def call(seconds: float, *turns: tuple[str, float, float]) -> Samples:
    """Return a call of `seconds`, in whole frames, in which each (voice, start, end) of `turns` sounds.

    Each voice trembles a little, so that no two stretches of it are alike.
    """
    time = np.arange(round(seconds * RATE_HZ) // FRAME * FRAME) / RATE_HZ
    sound = np.zeros(len(time))
    for voice, start, end in turns:
        tone = 0.1 * np.sin(2 * np.pi * VOICES[voice] * time) * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * time))
        sound += np.where((time >= start) & (time < end), tone, 0.0)
    return sound.astype(np.float32)


def speech_of(sound: Samples) -> np.typing.NDArray[np.float32]:
    """Return a probability of speech for each frame: 1 where it sounds."""
    return (np.abs(sound).reshape(-1, FRAME).max(axis=1) > 0.01).astype(np.float32)


def blocks(sound: Samples, frames: int = 4, *, at: float = 0.0) -> list[tuple[Block, np.typing.NDArray[np.float32]]]:
    """Return `sound` cut into blocks of so many frames, each with its probabilities of speech."""
    size = frames * FRAME
    parts = [(start, sound[start : start + size]) for start in range(0, len(sound), size)]
    return [(Block(part, at + start / RATE_HZ), speech_of(part)) for start, part in parts]
