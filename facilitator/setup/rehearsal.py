"""Trying the voice before a session: one sentence through the chosen output, or through the participants' page.

The page's tabs are the session's own (`stagevoice.py`), on a clock of their own; what they show is the session as it
will be when it is ready. Nothing is said to be heard before it was played to its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from facilitator.core import events as ev
from facilitator.core.session import Session
from facilitator.core.stage import StageView
from facilitator.core.state import Settings
from facilitator.stagevoice import StageVoice
from facilitator.timeline import LiveClock, Timeline
from facilitator.wording import Language
from speech.errors import SinkLostError, SynthesisError
from speech.own_voice import OwnVoice
from speech.ports import AudioSink, Sound

SinkOpener = Callable[[str], AudioSink]


class Rehearsal:
    """The participants' page before the session, and the voice that is tried.

    Args:
        ready: the session that the page shows: what was chosen, and its words.
        open_sink: opens an output device by its name.
        on_change: called when something else is so: the tabs may play or no longer, the sentence begins or ends.

    Attributes:
        state: of the sentence: `idle`, `playing`, `played`; `failed`, it was not heard to its end; `locked`, no tab may
            play; `none`, the computer has no voice.
    """

    def __init__(
        self, ready: Callable[[], tuple[Settings, Language]], open_sink: SinkOpener, on_change: Callable[[], None]
    ) -> None:
        self._ready = ready
        self._open_sink = open_sink
        self._on_change = on_change
        self._clock = LiveClock()
        self._timeline = Timeline(self._clock)
        self._speaking: str | None = None
        self._ended: asyncio.Future[bool] | None = None
        self._saying: asyncio.Task[None] | None = None
        self.state = "idle"
        self._number = 0
        self._running: asyncio.Task[None] | None = None
        self.tabs = StageVoice(self._timeline, self._clock, OwnVoice(), self, used=True)

    def start(self) -> None:
        """Have the page's tabs answered."""
        self._running = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while True:
            at, callback = await self._timeline.next(lambda: None)
            if callback is not None:
                callback(at)

    async def close(self) -> None:
        """Fall silent."""
        if self._saying is not None:
            self._saying.cancel()
        await self.silence()
        await self.tabs.close()
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self._timeline.cancel()

    def say(self, device: str | None, text: str, rendering: Awaitable[Sound]) -> None:
        """Have a sentence said: on an output device, or by the participants' page where `device` is None."""
        self.state = "playing"
        self._saying = asyncio.get_running_loop().create_task(self._say(device, text, rendering))
        self.changed()

    def forget(self) -> None:
        """What became of the last sentence means nothing any more."""
        if self.state != "playing":
            self.state = "idle"

    async def silence(self) -> None:
        """Wait until the sentence that is being said has ended."""
        if self._saying is not None:
            await asyncio.gather(self._saying, return_exceptions=True)

    async def _say(self, device: str | None, text: str, rendering: Awaitable[Sound]) -> None:
        outcome = "failed"
        try:
            sound = await rendering
            played = await (self._by_stage(text, sound) if device is None else self._by_device(device, sound))
            if played:
                outcome = "played"
            elif device is None and self.tabs.player is None:
                outcome = "locked"
        except SynthesisError:
            outcome = "none"
        finally:
            self.state = outcome
            self.changed()

    async def _by_device(self, device: str, sound: Sound) -> bool:
        sink = self._open_sink(device)
        try:
            return (await sink.play(sound, on_started=lambda _: None)).completed
        except SinkLostError:
            return False
        finally:
            await sink.close()

    async def _by_stage(self, text: str, sound: Sound) -> bool:
        if self.tabs.player is None:
            return False
        self._number += 1
        self._ended = asyncio.get_running_loop().create_future()
        self._speaking = text
        self.tabs.play(f"try{self._number}", sound, self._clock.now())
        self.changed()
        try:
            return await self._ended
        finally:
            self._ended = self._speaking = None
            self.tabs.stop(0.0)

    # --- what the tabs tell and ask ---

    def give(self, event: ev.Event) -> None:
        """Take what became of the sentence."""
        if isinstance(event, ev.PromptEnded | ev.PromptFailed) and self._ended is not None and not self._ended.done():
            self._ended.set_result(isinstance(event, ev.PromptEnded) and event.completed)

    def changed(self) -> None:
        """Another tab plays, or none; or something else is said."""
        self._on_change()

    def stage(self) -> StageView:
        """Return what the page shows: the session that will be, ready."""
        settings, language = self._ready()
        return replace(Session(settings, language).stage(0.0), speaking=self._speaking)
