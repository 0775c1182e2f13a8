"""Hearing a call live: channels captured from devices, through losses of a device, without our own voice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from facilitator.core import events as ev
from facilitator.hearing import Ear, Hearing
from facilitator.timeline import LiveClock, Timeline
from facilitator.watching import Watch
from speech.errors import SourceLostError
from speech.own_voice import OwnVoice, OwnVoiceFilter
from speech.ports import RATE_HZ, AudioSource, Block

SILENT_SECONDS = 20.0
"""A channel that has carried nothing but zeros for so long since it opened is probably the wrong one."""
RETRY_SECONDS = 1.0
"""How often a device that went away is tried again."""


class LiveHearing(Hearing):
    """Channels captured from devices: opened by `start`, closed at once by `stop`."""

    def __init__(
        self,
        timeline: Timeline,
        clock: LiveClock,
        channels: Sequence[tuple[Ear, Callable[[], AudioSource]]],
        own: OwnVoice,
        *,
        on_dropped: Callable[[str, float], None],
        on_silent: Callable[[str], None],
        watch: Watch | None = None,
    ) -> None:
        """Prepare to capture; nothing is opened yet.

        Args:
            timeline: where what is heard is told.
            clock: tells a block's session time.
            channels: each ear with what opens the source of its sound.
            own: what our voice says, which is taken out where it comes back.
            on_dropped: told the channel and the seconds of sound that were lost.
            on_silent: told a channel that opened and has carried nothing at all since, not even noise.
            watch: what tells other voices on the mixed channel; nothing here ever waits for it.
        """
        super().__init__(timeline, [ear for ear, _ in channels], watch)
        self._clock = clock
        self._channels = tuple((ear, make, OwnVoiceFilter(own)) for ear, make in channels)
        self._own = own
        self._on_dropped = on_dropped
        self._on_silent = on_silent
        self._tasks: list[asyncio.Task[None]] = []
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Open the devices."""
        super().start()
        self._tasks = [self._timeline.work(self._capture(*channel)) for channel in self._channels]
        if self._watch is not None and self._watching is None:
            self._watching = self._timeline.work(self._watch.follow())

    def stop(self) -> None:
        """Close the devices at once."""
        super().stop()
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """Stop, and wait until every device was given back."""
        self.stop()
        tasks = [*self._tasks, *([] if self._watching is None else [self._watching])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await super().close()

    async def _capture(self, ear: Ear, make: Callable[[], AudioSource], own: OwnVoiceFilter) -> None:
        """Capture one channel for as long as listening lasts, through losses of its device."""
        source, lost, opened, dropped, zeros = make(), False, False, 0.0, 0.0
        try:
            while True:
                try:
                    block = await source.read()
                except SourceLostError:
                    if not lost:
                        self._tell(ear, ear.finish())
                        self._report(ev.DeviceLost(at=self._clock.now(), device=ear.channel))
                    lost, opened, zeros = True, False, 0.0
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                if block is None:
                    break
                if lost:
                    lost = False
                    self._report(ev.DeviceRecovered(at=self._clock.now(), device=ear.channel))
                if not opened:
                    opened = True
                    self._report(ev.ChannelOpened(at=self._clock.now(), channel=ear.channel))
                if source.dropped_seconds > dropped:
                    self._on_dropped(ear.channel, source.dropped_seconds - dropped)
                    dropped = source.dropped_seconds
                zeros = self._watch_zeros(ear.channel, block, zeros)
                cleaned = await self._cleaned(block, own)
                await self._take([(ear, cleaned)], own_voice=self._may_be_ours(cleaned))
        finally:
            with suppress(SourceLostError):
                await source.close()

    def _watch_zeros(self, channel: str, block: Block, zeros: float) -> float:
        """Return the seconds of zeros since the channel opened, infinite once it carried a sound or was reported.

        Zeros to the bit, never loudness: people who listen politely and mute are no fault.
        """
        if block.samples.any():
            return float("inf")
        if zeros < SILENT_SECONDS <= zeros + len(block.samples) / RATE_HZ:
            self._on_silent(channel)
        return zeros + len(block.samples) / RATE_HZ

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
        if self._listener is not None:
            self._listener.receive(event)
