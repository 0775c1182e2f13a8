"""An output device as a sink, held by a child process: a PortAudio that hangs or dies costs one prompt, no more."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from speech.devices import (
    DEFAULT,
    device_command,
    device_environment,
    end_process,
    kill_process,
    list_devices,
    start_process,
)
from speech.errors import SinkLostError
from speech.playback.child import Asked, in_time, next_report, second, send_stop
from speech.playback.protocol import HEADER, IDLE_SECONDS, PLAY
from speech.ports import Played, Sound

_OPEN_SECONDS = 10.0
_LATE_SECONDS = 1.7
"""A report this much overdue means that the child hangs; killing it must fit into the 2 s promised."""
_MUTE_SECONDS = 3 * IDLE_SECONDS
"""A child that plays nothing and says nothing so long hangs: stopped, it would be noticed by the next prompt alone."""
_RETRY_SECONDS = 2.0
"""How often a lost microphone is looked for."""
_CANCEL_FADE_SECONDS = 0.1


class DeviceSink:
    """Plays prompts on one output device, and carries a microphone there. Constructing it starts nothing.

    Args:
        device_name: a name of `list_devices`, or `default`.
        microphone: what is carried too, mixed with the prompts, while the device is open; None for none.
    """

    def __init__(self, device_name: str = DEFAULT, microphone: str | None = None) -> None:
        self._name = device_name
        self._microphone = microphone
        self._process: asyncio.subprocess.Process | None = None
        self._opening: asyncio.Task[asyncio.subprocess.Process] | None = None
        self._listening: dict[asyncio.subprocess.Process, asyncio.Task[None]] = {}
        self._reports: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._looking: asyncio.Task[None] | None = None
        self._ids = itertools.count(1)
        self._asked: list[Asked] = []
        self._one_at_a_time = asyncio.Lock()
        self.underflows = 0
        """Times the device ran out of sound since its stream was opened, as far as PortAudio tells."""
        self.on_lost: Callable[[], None] = _nobody
        """Called whenever the device cannot be opened, goes away or hangs, also while nothing is played."""
        self.on_muted: Callable[[bool], None] = _nobody
        """Called when the device is muted in the system, also if it is when it opens, and when that is over."""
        self.on_carried: Callable[[bool], None] = _nobody
        """Called when the microphone is lost, also if it is when the device opens, and when it is carried again."""
        self._served = False
        self._muted = False
        self._carried = True

    async def open(self) -> None:
        """Open the device now, so that the first prompt need not wait for it (0.5 to 2 s). Open, nothing happens.

        Raises:
            SinkLostError: it cannot be opened.
        """
        if self._open_child() is None:
            async with self._one_at_a_time:
                await self._ready()

    @property
    def is_open(self) -> bool:
        """Whether a prompt can begin at once, as far as known."""
        return self._open_child() is not None

    async def play(self, sound: Sound, *, on_started: Callable[[float], None]) -> Played:
        """Play `sound` and return when it has left the device or was stopped; a second call waits for the first.

        Args:
            sound: what to play, at its own rate.
            on_started: called once with the time in `time.monotonic()` seconds at which the first sample left; never
                when the prompt was stopped before.

        Raises:
            SinkLostError: the device went away or hung; the next call opens it again.
        """
        asked = Asked(next(self._ids), asyncio.get_running_loop().create_future())
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
            send_stop(asked, fade_seconds)

    async def close(self) -> None:
        """Give the device back at once. Closing twice does nothing; playing again opens it again."""
        children = [self._let_go()]  # a prompt that still plays ends as lost
        async with self._one_at_a_time:
            children.append(self._let_go())
            if self._opening is not None:
                await asyncio.wait((self._opening,))
            for child in children:
                if child is not None:
                    await self._end(child)
        if self._looking is not None:
            self._looking.cancel()

    def use(self, device_name: str) -> None:
        """Play on another device from the next opening on. What plays now, or opens, is lost with the old one."""
        self._name, self._served = device_name, False
        self._let_go()

    def _let_go(self) -> asyncio.subprocess.Process | None:
        """Kill the child, or stop opening one: what becomes of it from here on is no loss. Return it."""
        if self._opening is not None:
            self._opening.cancel()
        process, self._process = self._process, None
        if process is not None:
            kill_process(process)
        return process

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Kill a child and give back its pipes; nobody reads its reports any more."""
        kill_process(process)
        listening = self._listening.pop(process, None)
        if listening is not None and listening is not asyncio.current_task():
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        await end_process(process)

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
        environment = device_environment(self._name, "output")
        carried: tuple[str, ...] = ()
        if self._microphone is not None:
            carried, environment = (self._microphone,), environment | device_environment(self._microphone, "input")
        try:
            process = await start_process(
                device_command("speech.playback.worker", self._name, "output", *carried, wait=self._served), environment
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
            await self._end(process)
            raise
        self._reports = asyncio.Queue()
        self._listening[process] = asyncio.create_task(self._listen(process, self._reports))
        return process

    def _opened(self, opening: asyncio.Task[asyncio.subprocess.Process]) -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # whoever waited has it; perhaps nobody did any more

    async def _listen(self, process: asyncio.subprocess.Process, reports: asyncio.Queue[dict[str, Any] | None]) -> None:
        """Take a child's reports until its end, also while it plays nothing: it leaves when its device is gone."""
        try:
            while True:
                report = await self._report(process, time.monotonic() + _MUTE_SECONDS)
                if "id" in report:
                    reports.put_nowait(report)
        except (OSError, TimeoutError, ValueError):
            reports.put_nowait(None)
        async with self._one_at_a_time:
            if self._process is process:
                await self._give_up(process)

    async def _play(self, asked: Asked, sound: Sound, on_started: Callable[[float], None]) -> Played:
        async with self._one_at_a_time:
            process = await self._ready()
            if asked.stopped.done():
                return _unheard()
            asked.child = process
            try:
                return await self._play_on(process, asked.id, sound, on_started)
            except asyncio.CancelledError:
                send_stop(asked, _CANCEL_FADE_SECONDS)
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
            report = await self._reported(min(due, time.monotonic()) + _LATE_SECONDS)
            if report.get("id") != id_:
                continue
            if "started" in report:
                started_at = second(report["started"])
                due = started_at + sound.seconds
                on_started(started_at)
            elif "ended" in report:
                self.underflows = int(report["underflows"])
                ended_at = second(report["ended"])
                completed = report["completed"] is True
                return Played(ended_at if started_at is None else started_at, ended_at, completed=completed)

    async def _reported(self, deadline: float) -> dict[str, Any]:
        """Return the next report of a prompt.

        Raises:
            OSError: the child ended, or its device did.
            TimeoutError: nothing came by `deadline` (`time.monotonic()` seconds).
        """
        report = await in_time(self._reports.get, deadline)
        if report is None:
            raise ConnectionError
        return report

    async def _report(self, process: asyncio.subprocess.Process, deadline: float) -> dict[str, Any]:
        """Return the child's next report, once told to `on_muted` or `on_carried` if it is for them.

        Raises:
            OSError, TimeoutError, ValueError: as `next_report` does.
        """
        report = await next_report(process, deadline)
        if "muted" in report:
            self._served = True
            if report["muted"] != self._muted:
                self._muted = report["muted"]
                self.on_muted(self._muted)
        if "carried" in report and report["carried"] != self._carried:
            self._carried = report["carried"] is True
            self.on_carried(self._carried)
        if not self._carried and self._looking is None:
            self._looking = asyncio.create_task(self._look_for_microphone())
        return report

    async def _look_for_microphone(self) -> None:
        """Open the device again, while nothing is played, as soon as the microphone is there again."""
        while not self._carried:
            await asyncio.sleep(_RETRY_SECONDS)
            found = [one for one in await asyncio.to_thread(list_devices) if one.kind == "input"]
            there = any(
                one.name == self._microphone or (one.is_default and self._microphone == DEFAULT) for one in found
            )
            if there and not self._asked and self._opening is None:
                async with self._one_at_a_time:
                    child = self._let_go()
                    if child is not None:
                        await self._end(child)
                    with suppress(SinkLostError):
                        await self._ready()
        self._looking = None

    async def _give_up(self, process: asyncio.subprocess.Process) -> None:
        """End a child that is lost, and tell it unless `close` was what ended it."""
        if self._process is process:
            self._process = None
            self.on_lost()
        await self._end(process)


def _nobody(*_: object) -> None:
    """Nobody asked to be told."""


def _unheard() -> Played:
    now = time.monotonic()
    return Played(now, now, completed=False)
