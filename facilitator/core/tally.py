"""What the group may look back on: the time that each step took, and how long each role was heard in it.

Rules:

- By role and step, never by name, in the order of the steps and roles: nothing is ranked, and no flag is counted.
- Only what was heard while the session ran counts. On a mixed call the group is one voice; a microphone of their own
  tells the animator apart. A voice whose role is not known is not counted.
- The present step is not told: it is not over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from facilitator.core import events as ev

Stretch = tuple[str, str, float]
"""A step's id, a channel, and how many seconds were heard there."""


@dataclass(frozen=True, slots=True)
class HeardView:
    """How long a role was heard, in seconds: its name as in a sentence."""

    role: str
    seconds: float


@dataclass(frozen=True, slots=True)
class FactsView:
    """What a step that was held can be told of: its title, its planned and its actual seconds, and who was heard."""

    title: str
    planned_seconds: float
    seconds: float
    heard: tuple[HeardView, ...]


class Tally:
    """How long somebody was heard, by step and channel."""

    def __init__(self, kept: Iterable[Stretch] = ()) -> None:
        self._seconds = {(step, channel): seconds for step, channel, seconds in kept}
        self._step: str | None = None
        self._open: dict[str, float] = {}

    def turn(self, step: str | None, at: float, speech_on: Iterable[str]) -> None:
        """Count for `step` from session second `at` on, where somebody may be speaking already; None: for nothing."""
        for channel in tuple(self._open):
            self._close(channel, at)
        self._step = step
        self._open = {} if step is None else dict.fromkeys(speech_on, at)

    def hear(self, event: ev.ChannelEvent) -> None:
        """Take an event of speech."""
        match event:
            case ev.SpeechStarted() if self._step is not None:
                self._open[event.channel] = event.since
            case ev.SpeechEnded() if event.channel in self._open:
                self._close(event.channel, event.since)

    def _close(self, channel: str, at: float) -> None:
        assert self._step is not None  # else nothing is open
        place = (self._step, channel)
        self._seconds[place] = self._seconds.get(place, 0.0) + max(0.0, at - self._open.pop(channel))

    def of(self, step: str) -> Mapping[str, float]:
        """Return how many seconds each channel was heard in a step that is over."""
        return {channel: seconds for (name, channel), seconds in self._seconds.items() if name == step}

    def kept(self) -> tuple[Stretch, ...]:
        """Return all that is needed to go on from here."""
        return tuple((step, channel, seconds) for (step, channel), seconds in sorted(self._seconds.items()))
