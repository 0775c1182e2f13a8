"""Why a live channel gives nothing: told by what the system says and by zeros to the bit, never by loudness.

Rules:

- A channel that carries any sound, were it noise, is well. People who listen politely and mute are no fault.
- A call into which a program plays is well, even if it plays zeros: everybody may have muted.
- A microphone that its owner muted in the system after it was heard is well: that was meant.
- A microphone that went dead and came back by itself has a switch: it is not told again.
- What a cause rests on is told as soon as it changes, and that it is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speech.ports import Samples

_RATE_HZ = 16_000
SILENT_SECONDS = 8.0
"""Zeros so long are no pause between two sounds; with the devices' own delays it is told within 10 s."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What the system says of a device in use, as far as it explains silence.

    Attributes:
        muted: the device, our stream of it, or all that plays into it is muted or turned down to nothing.
        playing: whether a program plays into the output that the device listens to; None for what listens to none.
        elsewhere: while nothing plays there, the monitor of an output into which a program plays; "" for none.
    """

    muted: bool = False
    playing: bool | None = None
    elsewhere: str = ""


class Silence(StrEnum):
    """What is wrong with a channel that gives nothing but zeros."""

    REFUSED = "refused"
    """Zeros from the first sample where the system asks for a permission."""
    MUTED = "muted"
    NOTHING_PLAYS = "nothing_plays"
    """No program plays into the output that is listened to."""
    WRONG_DEVICE = "wrong_device"
    """No program plays there, and one plays into another output."""
    NO_SOUND = "no_sound"
    """There was never any sound, and nobody tells why."""
    DEAD = "dead"
    """There was sound, and then none at all."""
    OVER = "over"
    """Nothing is known to be wrong any more."""


class SilenceWatch:
    """Watches one channel. Counts samples, reads no clock.

    Args:
        microphone: whether the channel is one person's microphone, which is never silent to the bit; else a call.
        refusable: whether the system gives zeros to a program that may not listen (macOS, Windows).
    """

    def __init__(self, *, microphone: bool, refusable: bool) -> None:
        self._microphone = microphone
        self._refusable = refusable
        self._zeros = 0
        self._carried = False
        self._switched = False
        self._told = Silence.OVER

    def reopened(self) -> None:
        """The device was opened again: zeros count from now on."""
        self._zeros = 0

    def hear(self, samples: Samples, condition: Condition | None) -> Silence | None:
        """Return what there is to tell after the next samples of the channel; None for nothing new.

        Args:
            samples: mono, at 16 kHz.
            condition: what the system says of the device; None where it says nothing.
        """
        if samples.any():
            self._zeros, self._carried = 0, True
            self._switched |= self._told is Silence.DEAD
            return self._tell(Silence.OVER)
        self._zeros += len(samples)
        if self._zeros < SILENT_SECONDS * _RATE_HZ:
            return None
        return self._tell(self._cause(condition or Condition()))

    def _tell(self, cause: Silence) -> Silence | None:
        if cause is self._told:
            return None
        self._told = cause
        return cause

    def _cause(self, condition: Condition) -> Silence:
        if condition.muted:
            return Silence.OVER if self._microphone and self._carried else Silence.MUTED
        if condition.playing is not None and not self._microphone:
            if condition.playing:
                return Silence.OVER
            return Silence.WRONG_DEVICE if condition.elsewhere else Silence.NOTHING_PLAYS
        if not self._carried:
            return Silence.REFUSED if self._microphone and self._refusable else Silence.NO_SOUND
        return Silence.DEAD if self._microphone and not self._switched else Silence.OVER
