"""Hearing a call live: channels captured from devices, through losses of a device, without our own voice."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from facilitator.call import MICROPHONE_CHANNEL
from facilitator.core import events as ev
from facilitator.device_words import AWAY_SECONDS, Told
from facilitator.hearing import Ear, Hearing
from facilitator.timeline import LiveClock, Timeline
from facilitator.watching import Watch
from speech.errors import SourceLostError
from speech.own_voice import OwnVoice, OwnVoiceFilter
from speech.ports import RATE_HZ, AudioSource, Block
from speech.silence import SilenceWatch

RETRY_SECONDS = 1.0
"""How often a device that cannot be opened is tried again; one that was just lost is at once."""
_REFUSABLE = sys.platform in {"darwin", "win32"}
"""Where a program that may not listen is given zeros."""


class LiveHearing(Hearing):
    """Channels captured from devices: opened by `start`, closed at once by `stop`."""

    def __init__(
        self,
        timeline: Timeline,
        clock: LiveClock,
        channels: Sequence[tuple[Ear, Callable[[], AudioSource]]],
        own: OwnVoice,
        *,
        told: Told,
        watch: Watch | None = None,
    ) -> None:
        """Prepare to capture; nothing is opened yet.

        Args:
            timeline: where what is heard is told.
            clock: tells a block's session time.
            channels: each ear with what opens the source of its sound.
            own: what our voice says, which is taken out where it comes back.
            told: who is told what becomes of the devices.
            watch: what tells other voices on the mixed channel; nothing here ever waits for it.
        """
        super().__init__(timeline, [ear for ear, _ in channels], watch)
        self._clock = clock
        self._channels = tuple((ear, make, OwnVoiceFilter(own)) for ear, make in channels)
        self._own = own
        self._told = told
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Open the devices."""
        super().start()
        self._tasks = {one[0].channel: self._timeline.work(self._capture(*one)) for one in self._channels}
        if self._watch is not None and self._watching is None:
            self._watching = self._timeline.work(self._watch.follow())

    def stop(self) -> None:
        """Close the devices at once."""
        super().stop()
        for task in self._tasks.values():
            task.cancel()

    def reopen(self, channel: str) -> None:
        """Open the source of a lost channel anew, if anything is listened to: it is another device now."""
        task = self._tasks.get(channel)
        if task is not None and not task.done():
            task.cancel()
            (ear,) = (one for one in self._channels if one[0].channel == channel)
            self._tasks[channel] = self._timeline.work(self._capture(*ear, lost=True))

    async def close(self) -> None:
        """Stop, and wait until every device was given back."""
        self.stop()
        tasks = [*self._tasks.values(), *([] if self._watching is None else [self._watching])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await super().close()

    async def _capture(
        self, ear: Ear, make: Callable[[], AudioSource], own: OwnVoiceFilter, *, lost: bool = False
    ) -> None:
        """Capture one channel for as long as listening lasts, through losses of its device; it may begin `lost`."""
        source = make()
        line = _Line(ear.channel, source, self._told, self._report, self._clock, lost=lost)
        try:
            while True:
                try:
                    block = await source.read()
                    if block is None:
                        break
                    cleaned = await self._cleaned(block, own)
                    await self._take([(ear, cleaned)], own_voice=self._may_be_ours(cleaned))
                    line.gave(block)
                except Exception as failure:  # noqa: BLE001  whatever fails here, this channel alone is not heard
                    await asyncio.sleep(self._lose(ear, line, failure))
        finally:
            line.close()
            await source.close()

    def _lose(self, ear: Ear, line: _Line, failure: Exception) -> float:
        """Tell that a channel is lost, whatever else fails of it; return in how many seconds to try again."""
        gone = isinstance(failure, SourceLostError)
        with suppress(Exception):  # a detector that failed may fail again
            self._tell(ear, ear.finish())
        if not gone:
            with suppress(Exception):
                ear.renew(self._clock.now())
        return line.lost(at_once=gone)

    async def _cleaned(self, captured: Block, own: OwnVoiceFilter) -> Block:
        """Return a block at its session time, without our own voice."""
        block = Block(captured.samples, self._clock.from_monotonic(captured.at))
        if not self._may_be_ours(block):
            return own.clean(block)
        return await asyncio.to_thread(own.clean, block)

    def _may_be_ours(self, block: Block) -> bool:
        """Whether anything we said may come back in `block`, which is at its session time."""
        return self._own.may_be_heard(block.at, block.at + len(block.samples) / RATE_HZ)

    def _report(self, event: ev.Event) -> None:
        try:
            if self._listener is not None:
                self._listener.receive(event)
        except Exception as defect:  # noqa: BLE001  the session's, which whoever runs it tells: this channel is heard
            self._timeline.fail(defect)


class _Line:
    """What is told of one channel's device while it is in use."""

    def __init__(
        self,
        channel: str,
        source: AudioSource,
        told: Told,
        report: Callable[[ev.Event], None],
        clock: LiveClock,
        *,
        lost: bool,
    ) -> None:
        self._channel = channel
        self._source = source
        self._told = told
        self._report = report
        self._clock = clock
        self._silence = SilenceWatch(microphone=channel == MICROPHONE_CHANNEL, refusable=_REFUSABLE)
        self._dropped = 0.0
        self._open = False
        self._lost = lost
        self._away: asyncio.TimerHandle | None = None

    def gave(self, block: Block) -> None:
        """The device gave sound."""
        if not self._open:
            self._silence.reopened()
        changed = self._silence.hear(block.samples, self._source.condition)
        if not self._open:
            self._open = True
            if self._lost:
                self._lost = False
                self.close()
                self._report(ev.DeviceRecovered(at=self._clock.now(), device=self._channel))
            self._report(ev.ChannelOpened(at=self._clock.now(), channel=self._channel))
        if self._source.dropped_seconds > self._dropped:
            self._told.dropped(self._channel, self._source.dropped_seconds - self._dropped)
            self._dropped = self._source.dropped_seconds
        if changed is not None:
            self._told.silent(self._channel, changed, self._source.condition)

    def lost(self, *, at_once: bool) -> float:
        """Tell that the device is lost; return in how many seconds to try again, 0 where that may be `at_once`."""
        retry_seconds = 0.0 if self._open and at_once else RETRY_SECONDS
        self._open = False
        if self._away is None:
            self._away = asyncio.get_running_loop().call_later(AWAY_SECONDS, self._told.away, self._channel)
        if not self._lost:
            self._lost = True
            self._report(ev.DeviceLost(at=self._clock.now(), device=self._channel))
        return retry_seconds

    def close(self) -> None:
        """Tell nothing more of a device that stays away."""
        if self._away is not None:
            self._away.cancel()
            self._away = None
