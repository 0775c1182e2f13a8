"""Who is heard right now, channel by channel: what the courtesy of the voice needs to know."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from facilitator.core import events as ev

NEVER = float("-inf")
WAKE_SECONDS = 1.0
"""A device that did not outlive a sleep of the computer is told lost within so long; till then silence says nothing."""


@dataclass(slots=True)
class _Channel:
    voiced: bool = False
    last_voice_at: float = NEVER
    speech_since: float | None = None


@dataclass(slots=True)
class Ears:
    """What is heard on each channel, as the events of voice and speech tell."""

    _channels: dict[str, _Channel] = field(default_factory=dict)
    _opened: set[str] = field(default_factory=set)
    _since: float = NEVER

    def _channel(self, name: str) -> _Channel:
        return self._channels.setdefault(name, _Channel())

    def hear(self, event: ev.ChannelEvent) -> None:
        """Take one event of voice or speech."""
        state = self._channel(event.channel)
        match event:
            case ev.ChannelOpened():
                self._opened.add(event.channel)
                self._since = max(self._since, event.at)
            case ev.VoiceRose():
                state.voiced = True
            case ev.VoiceFell():
                state.voiced = False
                state.last_voice_at = max(state.last_voice_at, event.since)
            case ev.SpeechStarted():
                state.speech_since = event.since
            case ev.SpeechEnded():
                state.speech_since = None

    def forget(self, at: float) -> None:
        """Capture starts or stops: of what was before `at`, nothing is known of any channel."""
        self._channels.clear()
        self._opened.clear()
        self._since = at

    def wake(self, at: float) -> None:
        """The computer slept until `at`: its sleep was no silence. A voice that was heard is, until it falls."""
        self._since = max(self._since, at + WAKE_SECONDS)

    def close(self, channel: str) -> None:
        """No sound comes on `channel` any more: its silence says nothing."""
        self._opened.discard(channel)

    def hears(self, channels: Collection[str]) -> bool:
        """Whether sound comes on each of `channels`."""
        return self._opened.issuperset(channels)

    @property
    def silent_since(self) -> float | None:
        """End of the last voiced frame on any channel, or from when on silence counts; None while a voice is heard."""
        if any(state.voiced for state in self._channels.values()):
            return None
        return max([self._since, *(state.last_voice_at for state in self._channels.values())])

    @property
    def speaking_since(self) -> float | None:
        """Start of the oldest speech whose voice is heard right now; None when there is none."""
        starts = [s.speech_since for s in self._channels.values() if s.voiced and s.speech_since is not None]
        return min(starts, default=None)

    @property
    def speech_on(self) -> dict[str, float]:
        """Start of the speech that has not ended, by channel."""
        return {name: s.speech_since for name, s in self._channels.items() if s.speech_since is not None}
