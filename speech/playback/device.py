"""An output device as a sink, held by a child process: a PortAudio that hangs or dies costs one prompt, no more."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from speech.confinement import NOWHERE
from speech.devices import DEFAULT, device_command, device_environment, end_process, kill_process
from speech.errors import SinkLostError
from speech.playback.protocol import HEADER, PLAY, STOP
from speech.ports import Played, Sound

_OPEN_SECONDS = 10.0
_LATE_SECONDS = 1.7
"""A report this much overdue means that the child hangs; killing it must fit into the 2 s promised."""
_GRACE_SECONDS = 0.1
_CANCEL_FADE_SECONDS = 0.1


@dataclass(eq=False, slots=True)
class _Asked:
    """A prompt from the call of `play` to its return.

    Attributes:
        id: its number for the child.
        stopped: done once a stop was asked for.
        child: what plays it; None as long as none of it was handed over.
    """

    id: int
    stopped: asyncio.Future[None]
    child: asyncio.subprocess.Process | None = None


class DeviceSink:
    """Plays prompts on one output device. Constructing it starts nothing.

    Args:
        device_name: a name of `list_devices`, or `default`.
    """

    def __init__(self, device_name: str = DEFAULT) -> None:
        self._name = device_name
        self._process: asyncio.subprocess.Process | None = None
        self._opening: asyncio.Task[asyncio.subprocess.Process] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._ids = itertools.count(1)
        self._asked: list[_Asked] = []
        self._one_at_a_time = asyncio.Lock()
        self.underflows = 0
        """Times the device ran out of sound since its stream was opened, as far as PortAudio tells."""
        self.on_lost: Callable[[], None] = _nobody
        """Called whenever the device cannot be opened, goes away or hangs, also while nothing is played."""
        self.on_muted: Callable[[bool], None] = _nobody
        """Called when the device is muted in the system, also if it is when it opens, and when that is over."""
        self._served = False
        self._muted = False

    async def open(self) -> None:
        """Open the device now, so that the first prompt need not wait for it (0.5 to 2 s). Open, nothing happens.

        Raises:
            SinkLostError: it cannot be opened.
        """
        if self._open_child() is None:
            async with self._one_at_a_time:
                await self._ready()

    async def play(self, sound: Sound, *, on_started: Callable[[float], None]) -> Played:
        """Play `sound` and return when it has left the device or was stopped; a second call waits for the first.

        Args:
            sound: what to play, at its own rate.
            on_started: called once with the time in `time.monotonic()` seconds at which the first sample left; never
                when the prompt was stopped before.

        Raises:
            SinkLostError: the device went away or hung; the next call opens it again.
        """
        asked = _Asked(next(self._ids), asyncio.get_running_loop().create_future())
        self._asked.append(asked)
        playing = asyncio.create_task(self._play(asked, sound, on_started))
        try:
            await asyncio.wait((playing, asked.stopped), return_when=asyncio.FIRST_COMPLETED)
            if asked.child is None and not playing.done():
                return _unheard()
            return await playing
        finally:
            self._asked.remove(asked)
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)

    def stop(self, fade_seconds: float) -> None:
        """Fade what is playing, so that silence has left within `fade_seconds` (what is on its way takes 0.1 s).

        What was asked for and does not play yet ends at once, unheard, even while the device opens.
        """
        for asked in self._asked:
            if not asked.stopped.done():
                asked.stopped.set_result(None)
            _send_stop(asked, fade_seconds)

    async def close(self) -> None:
        """Give the device back at once. Closing twice does nothing; playing again opens it again."""
        children = [self._let_go()]  # a prompt that still plays ends as lost
        async with self._one_at_a_time:
            children.append(self._let_go())
            if self._opening is not None:
                await asyncio.wait((self._opening,))
            for child in children:
                if child is not None:
                    await end_process(child)

    def _let_go(self) -> asyncio.subprocess.Process | None:
        """Kill the child, or stop opening one: what becomes of it from here on is no loss. Return it."""
        if self._opening is not None:
            self._opening.cancel()
        process, self._process = self._process, None
        if process is not None:
            kill_process(process)
        return process

    def _open_child(self) -> asyncio.subprocess.Process | None:
        """Return the child whose device is open and which lives, as far as known."""
        process = self._process
        return process if self._opening is None and process is not None and process.returncode is None else None

    async def _ready(self) -> asyncio.subprocess.Process:
        """Return a child whose device is open. Whoever stops waiting leaves the opening under way for the next one.

        Raises:
            SinkLostError: it cannot be opened, or was closed meanwhile.
        """
        process = self._open_child()
        if process is not None:
            return process
        if self._opening is None:
            if self._process is not None:
                await self._give_up(self._process)
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(self._opened)
        opening = self._opening
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            if not opening.cancelled():
                raise
            raise SinkLostError(f"The sound output {self._name} was closed: open it again.") from None

    async def _open(self) -> asyncio.subprocess.Process:
        try:
            process = await asyncio.create_subprocess_exec(
                *device_command("speech.playback.worker", self._name, "output", wait=self._served),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=device_environment(self._name, "output"),
                cwd=NOWHERE,
            )
        except OSError:
            self.on_lost()
            raise SinkLostError(
                f"The sound output {self._name} could not be started: close other programs, then try again."
            ) from None
        self._process = process
        try:
            until = time.monotonic() + _OPEN_SECONDS
            while "ready" not in await self._report(process, until):
                pass
        except (OSError, TimeoutError, ValueError):
            await self._give_up(process)
            raise SinkLostError(f"The sound output {self._name} cannot be opened: choose another one.") from None
        except asyncio.CancelledError:
            await end_process(process)
            raise
        self._watching = asyncio.create_task(self._watch(process))
        return process

    def _opened(self, opening: asyncio.Task[asyncio.subprocess.Process]) -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # whoever waited has it; perhaps nobody did any more

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Note the end of a child that plays nothing: it leaves by itself when its device is gone."""
        await process.wait()
        async with self._one_at_a_time:
            if self._process is process:
                await self._give_up(process)

    async def _play(self, asked: _Asked, sound: Sound, on_started: Callable[[float], None]) -> Played:
        async with self._one_at_a_time:
            process = await self._ready()
            if asked.stopped.done():
                return _unheard()
            asked.child = process
            try:
                return await self._play_on(process, asked.id, sound, on_started)
            except asyncio.CancelledError:
                _send_stop(asked, _CANCEL_FADE_SECONDS)
                raise
            except (OSError, TimeoutError, ValueError, TypeError, LookupError):
                await self._give_up(process)
                raise SinkLostError(
                    f"The sound output {self._name} went away or hung: check it, then play the prompt again."
                ) from None

    async def _play_on(
        self, process: asyncio.subprocess.Process, id_: int, sound: Sound, on_started: Callable[[float], None]
    ) -> Played:
        assert process.stdin is not None
        data = np.asarray(sound.samples, dtype="<f4").tobytes()
        process.stdin.write(HEADER.pack(PLAY, id_, sound.rate_hz, len(data)) + data)
        started_at: float | None = None
        due = time.monotonic()
        while True:
            # A child that lives reports several times a second: a silent one is found long before the prompt's end.
            report = await self._report(process, min(due, time.monotonic()) + _LATE_SECONDS)
            if report.get("id") != id_:
                continue
            if "started" in report:
                started_at = _second(report["started"])
                due = started_at + sound.seconds
                on_started(started_at)
            elif "ended" in report:
                self.underflows = int(report["underflows"])
                ended_at = _second(report["ended"])
                completed = report["completed"] is True
                return Played(ended_at if started_at is None else started_at, ended_at, completed=completed)

    async def _report(self, process: asyncio.subprocess.Process, deadline: float) -> dict[str, Any]:
        """Return the child's next report, once told to `on_muted` if it is for that.

        Raises:
            OSError, TimeoutError, ValueError: as `_next_report` does.
        """
        report = await _next_report(process, deadline)
        if "muted" in report:
            self._served = True
            if report["muted"] != self._muted:
                self._muted = report["muted"]
                self.on_muted(self._muted)
        return report

    async def _give_up(self, process: asyncio.subprocess.Process) -> None:
        """End a child that is lost, and tell it unless `close` was what ended it."""
        if self._process is process:
            self._process = None
            self.on_lost()
        await end_process(process)


def _nobody(*_: object) -> None:
    """Nobody asked to be told."""


def _unheard() -> Played:
    now = time.monotonic()
    return Played(now, now, completed=False)


def _send_stop(asked: _Asked, fade_seconds: float) -> None:
    if asked.child is not None and asked.child.stdin is not None:
        with suppress(OSError, RuntimeError):
            asked.child.stdin.write(HEADER.pack(STOP, asked.id, fade_seconds, 0))


def _second(told: float) -> float:
    """Return a time that a child told.

    Raises:
        ValueError, TypeError: it is none.
    """
    if not math.isfinite(told):
        raise ValueError
    return float(told)


async def _next_report(process: asyncio.subprocess.Process, deadline: float) -> dict[str, Any]:
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
    report = json.loads(line)
    if not isinstance(report, dict):
        raise ValueError  # noqa: TRY004  as for a line that is no JSON
    if "lost" in report:
        raise ConnectionError
    return report
