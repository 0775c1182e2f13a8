"""What the animator is told of the sound devices, in the session's words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from facilitator.call import MICROPHONE_CHANNEL, MIXED_CHANNEL
from facilitator.config import BROWSER, TRACKS
from facilitator.core import events as ev
from facilitator.timeline import Timeline
from facilitator.wording import Language
from speech.devices import DEFAULT, Device, Kind, list_devices
from speech.silence import Condition, Silence

VOICE = "voice_output"
AWAY_SECONDS = 10.0
"""A device that stays away so long may not come back by itself: another one is offered."""


class Told(Protocol):
    """Who is told of the devices in use; `device` is a channel, or `VOICE`."""

    def dropped(self, channel: str, seconds: float) -> None:
        """`seconds` of a channel's sound were lost."""
        ...

    def silent(self, channel: str, silence: Silence, condition: Condition | None) -> None:
        """A channel carries nothing, for this reason; or that is over."""
        ...

    def away(self, device: str) -> None:
        """A device was lost `AWAY_SECONDS` ago, and is not back."""
        ...

    def muted(self, *, muted: bool) -> None:
        """The output of the voice is muted, or no longer."""
        ...


class DeviceWords:
    """Tells it as warnings.

    Args:
        timeline: runs what takes time.
        language: the words.
        give: takes the events.
        chosen: each device in use, by channel, or `VOICE`; it may change.
    """

    def __init__(
        self,
        timeline: Timeline,
        language: Language,
        give: Callable[[ev.Event], None],
        chosen: Mapping[str, str | None],
    ) -> None:
        self._timeline = timeline
        self._language = language
        self._give = give
        self._chosen = chosen

    def dropped(self, channel: str, seconds: float) -> None:
        """Tell how much is missing."""
        seconds = max(1, round(seconds))
        self._warn("capture_dropped", "capture_dropped", seconds=seconds, device=self._language.device(channel))

    def silent(self, channel: str, silence: Silence, condition: Condition | None) -> None:
        """Tell why, and what to do."""
        part = _part(channel)
        if silence is Silence.OVER:
            self._warn(f"{part}_back", f"{part}_back")
            return
        elsewhere = "" if condition is None else condition.elsewhere
        self._warn(f"{part}_silent", f"{part}_{silence}", device=self._chosen.get(channel) or "", elsewhere=elsewhere)

    def away(self, device: str) -> None:
        """Offer another device; a page is to be shared again, and a bot has none in its place."""
        used = self._chosen.get(device)
        if used == BROWSER:
            self._warn(f"{_part(device)}_away", "share_away")
        elif used != TRACKS:
            self._timeline.work(self._offer(device))

    def muted(self, *, muted: bool) -> None:
        """Tell that nobody hears the voice, or that it is heard again."""
        code = "voice_muted" if muted else "voice_back"
        self._warn(code, code)

    def carried(self, *, carried: bool) -> None:
        """Tell that the animator's microphone no longer goes into the call, or goes again."""
        code = "carried_back" if carried else "carried_lost"
        self._warn(code, code)

    async def _offer(self, device: str) -> None:
        found = another(await asyncio.to_thread(list_devices), device, self._chosen.get(device) or DEFAULT)
        name, part = self._language.device(device), _part(device)
        if found is None:
            key = "call_away" if part == MIXED_CHANNEL else "device_away"  # a call has no plug: it plays elsewhere
            self._warn(f"{part}_away", key, device=name)
        else:
            self._warn(f"{part}_away", "device_away_other", device=name, other=found.description)
            now = self._timeline.clock.now()
            self._give(ev.DeviceOffered(at=now, device=device, name=found.name, description=found.description))

    def _warn(self, code: str, key: str, **values: object) -> None:
        message = self._language.plain(f"interface.warnings.{key}", **values)
        self._give(ev.Warned(at=self._timeline.clock.now(), code=code, message=message))


def _part(device: str) -> str:
    """Return the part of the session that a device is; a participant's own track is one of the call."""
    if device == VOICE:
        return "voice"
    return device if device == MICROPHONE_CHANNEL else MIXED_CHANNEL


def another(devices: tuple[Device, ...], device: str, lost: str) -> Device | None:
    """Return what may stand in for a device that is lost; None where there is nothing of its kind.

    Args:
        devices: those that are there.
        device: the channel, or `VOICE`.
        lost: the name that was in use.
    """
    kind: Kind = "output" if device == VOICE else "input"
    fit = [
        one
        for one in devices
        if one.kind == kind and one.name != lost and (kind == "output" or one.is_monitor == (device == MIXED_CHANNEL))
    ]
    return next((one for one in fit if one.is_default), fit[0] if fit else None)
