"""A capture device as a source, held by a child process: a PortAudio that hangs or dies costs nothing else.

Closing kills the child: from then on this device is not heard. No sound touches a disk.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections import deque

import numpy as np

from speech.capture.protocol import CONDITION, HEADER, LONGEST_BYTES
from speech.devices import DEFAULT, device_command, device_environment, end_process, kill_process, start_process
from speech.errors import SourceLostError
from speech.ports import RATE_HZ, Block
from speech.silence import Condition
from speech.soundserver import NO_DEVICE, WAIT_SECONDS

_START_SECONDS = 8.0
"""A busy computer takes seconds to start a process."""
_SILENT_SECONDS = 1.0
"""A device that gives no frames this long is gone: a silent one gives zeros."""
_GRACE_SECONDS = 0.1
_KEPT_SECONDS = 60.0
"""Sound kept for a reader that lags; beyond it the oldest is dropped and counted."""


class DeviceSource:
    """Live sound of one device; `Block.at` is in `time.monotonic()` seconds. The first read opens the device.

    Args:
        device_name: a name of `list_devices`, or `default`.
    """

    def __init__(self, device_name: str = DEFAULT) -> None:
        self._name = device_name
        self._process: asyncio.subprocess.Process | None = None
        self._pump: asyncio.Task[None] | None = None
        self._blocks: deque[Block] = deque()
        self._kept_samples = 0
        self._news = asyncio.Event()
        self._closed = False
        self._dropped_here = 0.0
        self._dropped_there = 0.0
        self._dropped_before = 0.0
        self._condition: Condition | None = None
        self._served = False

    @property
    def dropped_seconds(self) -> float:
        """Sound lost since the source was made, by the device or because nobody took it in time, seconds."""
        return self._dropped_here + self._dropped_there + self._dropped_before

    @property
    def condition(self) -> Condition | None:
        """What the sound server last said of the device; None where none answers."""
        return self._condition

    async def read(self) -> Block | None:
        """Return the next block, or None once closed.

        Raises:
            SourceLostError: the device cannot be opened, went away, gave no frames for 1 s, or the sound server put us
                on another one; the next read waits some seconds for its return and opens it again.
        """
        if self._pump is None and not self._closed:
            self._pump = asyncio.create_task(self._receive())
        while not self._blocks and not self._closed:
            assert self._pump is not None
            if self._pump.done():
                pump, self._pump = self._pump, None
                pump.result()
            self._news.clear()
            await self._news.wait()
        if self._closed:
            return None
        block = self._blocks.popleft()
        self._kept_samples -= len(block.samples)
        return block

    async def close(self) -> None:
        """Stop capturing at once and forget what was not read. Closing twice does nothing."""
        self._closed = True
        if self._process is not None:
            kill_process(self._process)
        self._blocks.clear()
        self._news.set()
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def _receive(self) -> None:
        """Run one child and take what it gives until it is lost."""
        try:
            process = self._process = await self._start()
            try:
                await self._take_frames(process)
            finally:
                returned = process.returncode
                await end_process(process)
                self._dropped_before += self._dropped_there
                self._dropped_there = 0.0
            if NO_DEVICE in (returned, process.returncode):
                raise SourceLostError(f"The sound input {self._name} cannot be opened: choose another one.")
            raise SourceLostError(f"The sound input {self._name} went away or hung: check it, then listen again.")
        finally:
            self._news.set()

    async def _start(self) -> asyncio.subprocess.Process:
        try:
            return await start_process(
                device_command("speech.capture.worker", self._name, "input", wait=self._served),
                device_environment(self._name, "input"),
            )
        except OSError:
            raise SourceLostError(
                f"The sound input {self._name} could not be started: close other programs, then listen again."
            ) from None

    async def _take_frames(self, process: asyncio.subprocess.Process) -> None:
        """Return when the child has ended, hung or sent what is no frame."""
        within = _START_SECONDS + (WAIT_SECONDS if self._served else 0.0)
        while True:
            try:
                kind, at, dropped_seconds, count = HEADER.unpack(await _exactly(process, HEADER.size, within))
                if count > LONGEST_BYTES or not (math.isfinite(at) and 0 <= dropped_seconds < math.inf):
                    return
                data = await _exactly(process, count, _SILENT_SECONDS)
                if kind == CONDITION:
                    self._condition, self._served = Condition(**json.loads(data)), True
                    continue
                samples = np.clip(np.frombuffer(data, dtype="<f4"), -1.0, 1.0).astype(np.float32)
            except (EOFError, TimeoutError, OSError, ValueError, TypeError):
                return
            within = _SILENT_SECONDS
            self._dropped_there = dropped_seconds
            self._keep(Block(np.nan_to_num(samples, copy=False), at))  # what is no number would deafen the detectors

    def _keep(self, block: Block) -> None:
        self._blocks.append(block)
        self._kept_samples += len(block.samples)
        while self._kept_samples > _KEPT_SECONDS * RATE_HZ:
            oldest = len(self._blocks.popleft().samples)
            self._kept_samples -= oldest
            self._dropped_here += oldest / RATE_HZ
        self._news.set()


async def _exactly(process: asyncio.subprocess.Process, count: int, within_seconds: float) -> bytes:
    """Return the child's next `count` bytes.

    Raises:
        EOFError: it ended.
        TimeoutError: they did not come in time.
    """
    assert process.stdout is not None
    try:
        async with asyncio.timeout(within_seconds):
            return await process.stdout.readexactly(count)
    except TimeoutError:  # were we late ourselves, then they are there by now
        async with asyncio.timeout(_GRACE_SECONDS):
            return await process.stdout.readexactly(count)
