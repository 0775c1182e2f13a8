"""An output device as a sink, held by a child process: a PortAudio that hangs or dies costs one prompt, no more."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from speech.devices import DEFAULT, device_environment, end_process, kill_process, worker_command
from speech.errors import SinkLostError
from speech.playback.protocol import HEADER, PLAY, STOP
from speech.ports import Played, Sound

_OPEN_SECONDS = 10.0
_LATE_SECONDS = 1.7
"""A report this much overdue means that the child hangs; killing it must fit into the 2 s promised."""
_GRACE_SECONDS = 0.1
_CANCEL_FADE_SECONDS = 0.1


class DeviceSink:
    """Plays prompts on one output device. Constructing it starts nothing.

    Args:
        device_name: a name of `list_devices`, or `default`.
    """

    def __init__(self, device_name: str = DEFAULT) -> None:
        self._name = device_name
        self._process: asyncio.subprocess.Process | None = None
        self._ids = itertools.count(1)
        self._playing: int | None = None
        self._stopped = False
        self._one_at_a_time = asyncio.Lock()
        self.underflows = 0
        """Times the device ran out of sound since its stream was opened, as far as PortAudio tells."""

    async def open(self) -> None:
        """Open the device now, so that the first prompt need not wait for it (0.5 to 2 s).

        Raises:
            SinkLostError: it cannot be opened.
        """
        async with self._one_at_a_time:
            await self._ready()

    async def play(self, sound: Sound, *, on_started: Callable[[float], None]) -> Played:
        """Play `sound` and return when it has left the device or was stopped; a second call waits for the first.

        Args:
            sound: what to play, at its own rate.
            on_started: called once with the time in `time.monotonic()` seconds at which the first sample left.

        Raises:
            SinkLostError: the device went away or hung; the next call opens it again.
        """
        async with self._one_at_a_time:
            id_ = next(self._ids)
            self._playing, self._stopped = id_, False
            try:
                process = await self._ready()
                if self._stopped:
                    now = time.monotonic()
                    return Played(now, now, completed=False)
                return await self._play(process, id_, sound, on_started)
            except asyncio.CancelledError:
                self.stop(_CANCEL_FADE_SECONDS)
                raise
            except (OSError, TimeoutError, ValueError):
                await self._give_up()
                raise SinkLostError(
                    f"The sound output {self._name} went away or hung: check it, then play the prompt again."
                ) from None
            finally:
                self._playing = None

    def stop(self, fade_seconds: float) -> None:
        """Fade what is playing, so that silence has left within `fade_seconds` (what is on its way takes 0.1 s)."""
        self._stopped = True
        if self._playing is not None and self._process is not None and self._process.stdin is not None:
            with suppress(OSError, RuntimeError):
                self._process.stdin.write(HEADER.pack(STOP, self._playing, fade_seconds, 0))

    async def close(self) -> None:
        """Give the device back at once. Closing twice does nothing; playing again opens it again."""
        if self._process is not None:
            kill_process(self._process)  # a prompt that still plays ends as lost
        async with self._one_at_a_time:
            await self._give_up()

    async def _ready(self) -> asyncio.subprocess.Process:
        if self._process is not None:
            if self._process.returncode is None:
                return self._process
            await self._give_up()
        self._process = await asyncio.create_subprocess_exec(
            *worker_command("speech.playback.worker", self._name),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=device_environment(self._name, "output"),
        )
        try:
            await _report(self._process, time.monotonic() + _OPEN_SECONDS)
        except (OSError, TimeoutError, ValueError):
            await self._give_up()
            raise SinkLostError(f"The sound output {self._name} cannot be opened: choose another one.") from None
        except asyncio.CancelledError:
            await self._give_up()
            raise
        return self._process

    async def _play(
        self, process: asyncio.subprocess.Process, id_: int, sound: Sound, on_started: Callable[[float], None]
    ) -> Played:
        assert process.stdin is not None
        data = np.asarray(sound.samples, dtype="<f4").tobytes()
        process.stdin.write(HEADER.pack(PLAY, id_, sound.rate_hz, len(data)) + data)
        started_at: float | None = None
        due = time.monotonic()
        while True:
            # A child that lives reports several times a second: a silent one is found long before the prompt's end.
            report = await _report(process, min(due, time.monotonic()) + _LATE_SECONDS)
            if report.get("id") != id_:
                continue
            if "started" in report:
                started_at = float(report["started"])
                due = started_at + sound.seconds
                on_started(started_at)
            elif "ended" in report and started_at is not None:
                self.underflows = report["underflows"]
                return Played(started_at, float(report["ended"]), completed=report["completed"])

    async def _give_up(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await end_process(process)


async def _report(process: asyncio.subprocess.Process, deadline: float) -> dict[str, Any]:
    """Return the child's next report.

    Raises:
        OSError: it died or lost its device.
        TimeoutError: nothing came by `deadline` (`time.monotonic()` seconds).
        ValueError: what came is no report.
    """
    assert process.stdout is not None
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            line = await process.stdout.readline()
    except TimeoutError:  # were we late ourselves, then the report is there by now
        async with asyncio.timeout(_GRACE_SECONDS):
            line = await process.stdout.readline()
    if not line:
        raise ConnectionError
    report: dict[str, Any] = json.loads(line)
    if "lost" in report:
        raise ConnectionError
    return report
