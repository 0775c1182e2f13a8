"""The sound check: how loud each chosen input is, and whether it ever carried a sound. It keeps no sound at all.

Whether an input is heard is told from zeros to the bit, never from loudness: people who listen politely are no fault.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from contextlib import suppress

import numpy as np

from facilitator.setup.view import Level
from speech.errors import SourceLostError
from speech.ports import RATE_HZ, AudioSource, Samples

LOWEST_DB = -60.0
SHOWN_SECONDS = 0.1
"""How often a level is told."""
GONE_SECONDS = 3.0
"""Zeros so long after a sound: what carried it has gone dead."""
RETRY_SECONDS = 1.0
LONGEST_SECONDS = 180.0
"""A check ends by itself after so long: nobody forgets a microphone open."""

Opener = Callable[[str], AudioSource]


class SoundCheck:
    """Listens to devices and tells levels, until it is stopped or `LONGEST_SECONDS` are over.

    Args:
        open_source: opens a device by its name.
    """

    def __init__(self, open_source: Opener) -> None:
        self._open = open_source
        self._watchers: list[Callable[[], None]] = []
        self._devices: dict[str, str] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._levels: dict[str, Level] = {}
        self._ending: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def on(self) -> bool:
        """Whether it listens."""
        return self._ending is not None

    def levels(self) -> tuple[Level, ...]:
        """Return the present level of each channel."""
        return tuple(self._levels.values())

    def watch(self, on_level: Callable[[], None], devices: Mapping[str, str] | None) -> Callable[[], None]:
        """Have `on_level` called whenever a level may be another; return what ends that.

        It starts with `devices`, unless they are None, and the last watcher to end has every device given back.
        """
        self._watchers.append(on_level)
        if devices is not None:
            self.start(devices)

        def end() -> None:
            self._watchers.remove(on_level)
            if not self._watchers:
                self.stop()

        return end

    def _changed(self) -> None:
        for on_level in tuple(self._watchers):
            on_level()

    def start(self, devices: Mapping[str, str]) -> None:
        """Listen to `devices` by channel; where it does already, what changed is opened anew."""
        if self._ending is None:
            self._ending = asyncio.get_running_loop().call_later(LONGEST_SECONDS, self.stop)
        for channel in [name for name in self._devices if devices.get(name) != self._devices[name]]:
            self._end(channel)
        for channel, device in devices.items():
            if channel not in self._tasks:
                self._devices[channel] = device
                self._levels[channel] = Level(channel=channel, db=LOWEST_DB, state="opening")
                self._tasks[channel] = asyncio.get_running_loop().create_task(self._listen(channel, device))
        self._changed()

    def stop(self) -> None:
        """Listen no more; every device is given back at once."""
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        for channel in list(self._devices):
            self._end(channel)
        self._changed()

    async def close(self) -> None:
        """Stop, and wait until every device was given back."""
        self.stop()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _end(self, channel: str) -> None:
        del self._devices[channel], self._levels[channel]
        task = self._tasks.pop(channel)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        task.cancel()

    async def _listen(self, channel: str, device: str) -> None:
        while True:
            source = self._open(device)
            try:
                await self._follow(channel, source)
            except SourceLostError:
                self._show(channel, LOWEST_DB, "lost")
            finally:
                with suppress(SourceLostError):
                    await source.close()
            await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self, channel: str, source: AudioSource) -> None:
        meter = Meter()
        while (block := await source.read()) is not None:
            if meter.take(block.samples):
                self._show(channel, meter.db, meter.state)

    def _show(self, channel: str, db: float, state: str) -> None:
        shown = Level.model_validate({"channel": channel, "db": db, "state": state})
        if shown != self._levels.get(channel):
            self._levels[channel] = shown
            self._changed()


class Meter:
    """What is known of one channel. Of its sound only a sum is held.

    Attributes:
        db: level of the last `SHOWN_SECONDS`, dB below full scale.
        state: as in `Level`: `silent`, `heard` or `gone`.
    """

    def __init__(self) -> None:
        self.db = LOWEST_DB
        self.state = "silent"
        self._sum = 0.0
        self._count = 0
        self._zeros = 0

    def take(self, samples: Samples) -> bool:
        """Measure mono float32 `samples` at `RATE_HZ`; return whether a new level is there."""
        if samples.any():
            self.state, self._zeros = "heard", 0
        else:
            self._zeros += len(samples)
            if self.state == "heard" and self._zeros >= GONE_SECONDS * RATE_HZ:
                self.state = "gone"
        self._sum += float(np.sum(np.square(samples, dtype=np.float64)))
        self._count += len(samples)
        if self._count < SHOWN_SECONDS * RATE_HZ:
            return False
        mean = self._sum / self._count
        self.db = round(max(LOWEST_DB, min(0.0, 10 * math.log10(mean))) if mean > 0 else LOWEST_DB, 1)
        self._sum, self._count = 0.0, 0
        return True
