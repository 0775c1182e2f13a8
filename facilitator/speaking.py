"""Speaking: prompts rendered ahead of time, played when the core says so.

Rules:

- What the session may come to say is rendered before it starts, and again when the agenda changes.
- A prompt is announced to the core as ready only once it is sound in memory: it then starts at the very moment at which
  the core finds silence.
- What holds a name or words of the session never reaches the disk.
- An engine that fails or hangs costs the prompt at hand, never the session. A disk that hangs costs time: it is read in
  a thread of its own, so that nothing else waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Protocol

import numpy as np

from facilitator.core import events as ev
from facilitator.core.actions import Prompt
from facilitator.core.courtesy import FADE_SECONDS
from facilitator.device_words import AWAY_SECONDS, VOICE, Told
from facilitator.monitoring import Monitor
from facilitator.timeline import LiveClock, Timeline
from facilitator.wording import Language
from speech.aside import Aside
from speech.errors import AudioFileError, SinkLostError, SynthesisError
from speech.own_voice import OwnVoice
from speech.playback.device import DeviceSink
from speech.ports import RATE_HZ, Sound
from speech.sound import fade_out, resample
from speech.synthesis.cache import DISK_SECONDS, PromptCache, load_recording

Receive = Callable[[ev.Event], None]
_Words = tuple[str, str]
"""A prompt's key and text: two keys with one text may have two recordings."""


class Mouth(Protocol):
    """Where prompts are played."""

    def play(self, prompt_id: str, sound: Sound, at: float) -> None:
        """Play now, `at` session seconds, and report `PromptStarted` and then `PromptEnded`, or `PromptFailed`."""
        ...

    def stop(self, fade_seconds: float) -> None:
        """Fade what is playing."""
        ...

    async def close(self) -> None:
        """Give the device back."""
        ...


class DeviceMouth:
    """Plays on an output device. Its loss is told once, whatever shows it, and it is opened again as soon as it can be.

    Args:
        timeline: runs the playback beside the loop.
        clock: tells the session time of what the device reports.
        sink: the device.
        own: told what is being said, so that it is known where it comes back.
        receive: told what becomes of each prompt, and of the device.
        told: who is told that the device stays away, or is muted.
        monitor: where the animator hears each prompt too; None where they hear the device itself.
    """

    RETRY_SECONDS = 1.0
    START_SECONDS = 1.8
    """A prompt that has not begun so long after its cue will not soon: the device is told lost within 2 s."""

    def __init__(
        self,
        timeline: Timeline,
        clock: LiveClock,
        sink: DeviceSink,
        own: OwnVoice,
        receive: Receive,
        *,
        told: Told,
        monitor: Monitor | None = None,
    ) -> None:
        self._timeline = timeline
        self._clock = clock
        self._sink = sink
        self._own = own
        self._receive = receive
        self._preparing: tuple[str, asyncio.Task[None]] | None = None
        self._told = told
        self._monitor = monitor
        self._aside = Aside()
        self._again = asyncio.Event()
        self._reopening: asyncio.Task[None] | None = None
        sink.on_lost = self._lost
        sink.on_muted = lambda muted: told.muted(muted=muted)

    def play(self, prompt_id: str, sound: Sound, at: float) -> None:  # noqa: ARG002  the device tells the true start
        """Start a prompt."""
        self._preparing = prompt_id, self._timeline.work(self._play(prompt_id, sound))

    async def _play(self, prompt_id: str, sound: Sound) -> None:
        late = asyncio.get_running_loop().call_later(self.START_SECONDS, self._lost)

        def started(instant: float) -> None:
            late.cancel()
            at = self._clock.from_monotonic(instant)
            self._own.started(said, at)
            self._receive(ev.PromptStarted(at=at, prompt_id=prompt_id))

        try:
            said = await self._aside.within(
                self.START_SECONDS, partial(resample, sound.samples, sound.rate_hz, RATE_HZ)
            )
            self._preparing = None  # from here on the sink can stop it
            if self._monitor is not None:
                self._monitor.play(sound)
            played = await self._sink.play(sound, on_started=started)
        except Exception:  # noqa: BLE001  a prompt that never ended would be the last one
            self._preparing = None
            now = self._clock.now()
            self._own.stopped(now)
            if self._monitor is not None:
                self._monitor.stop(FADE_SECONDS)
            self._receive(ev.PromptFailed(at=now, prompt_id=prompt_id, reason="voice_failed"))
            return
        finally:
            late.cancel()
        ended = self._clock.from_monotonic(played.ended_at)
        self._own.stopped(ended)
        self._receive(ev.PromptEnded(at=ended, prompt_id=prompt_id, completed=played.completed))

    def stop(self, fade_seconds: float) -> None:
        """Fade what is playing; what has not begun ends at once, unheard."""
        if self._preparing is None:
            self._sink.stop(fade_seconds)
            if self._monitor is not None:
                self._monitor.stop(fade_seconds)
            return
        (prompt_id, task), self._preparing = self._preparing, None
        task.cancel()
        self._timeline.soon(
            lambda at: self._receive(ev.PromptEnded(at=at, prompt_id=prompt_id, completed=False)),
        )

    def _lost(self) -> None:
        """Tell that the device is gone, unless that is known, and see to its return."""
        if self._reopening is None:
            self._timeline.soon(lambda at: self._receive(ev.DeviceLost(at=at, device=VOICE)))
            self._reopening = self._timeline.work(self._reopen())

    def use(self, name: str) -> None:
        """Play on another device, which is opened at once."""
        self._sink.use(name)
        self._again.set()

    async def open(self) -> None:
        """Open the devices, so that the first prompt need not wait."""
        if self._monitor is not None:
            self._timeline.work(self._monitor.open())
        with suppress(SinkLostError):  # told by `_lost`
            await self._sink.open()

    async def _reopen(self) -> None:
        away = asyncio.get_running_loop().call_later(AWAY_SECONDS, self._told.away, VOICE)
        try:
            while True:
                with suppress(Exception):
                    await self._sink.open()
                    break
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._again.wait(), self.RETRY_SECONDS)
                self._again.clear()
        finally:
            away.cancel()
        self._reopening = None
        self._timeline.soon(lambda at: self._receive(ev.DeviceRecovered(at=at, device=VOICE)))

    async def close(self) -> None:
        """Give the device back."""
        if self._reopening is not None:
            self._reopening.cancel()
        if self._monitor is not None:
            await self._monitor.close()
        await self._sink.close()


class Speaker:
    """Renders prompts ahead and plays them.

    Args:
        timeline: runs what takes time.
        cache: renders; None for a session without a voice.
        language: says which words are private, and where the animator's own recordings are.
    """

    def __init__(self, timeline: Timeline, cache: PromptCache | None, language: Language) -> None:
        self._timeline = timeline
        self._cache = cache
        self._language = language
        self._disk = Aside()
        self._ready: dict[_Words, Sound] = {}
        self._rendering: dict[_Words, asyncio.Task[Sound]] = {}
        self._said: dict[str, Sound] = {}
        self._mouth: Mouth | None = None
        self._receive: Receive = _nobody

    def connect(self, receive: Receive, mouth: Mouth | None) -> None:
        """Play through `mouth`, and tell `receive` what becomes of each prompt."""
        self._receive = receive
        self._mouth = mouth

    async def render_ahead(
        self, prompts: Iterable[tuple[str, str]], on_progress: Callable[[int, int], None] | None = None
    ) -> list[str]:
        """Render what may be said.

        Args:
            prompts: key and words of each.
            on_progress: called with (done, total) after each one.

        Returns:
            The sentences that say what could not be rendered, each once; none where nothing is, for want of a voice.
        """
        if self._cache is None:
            return []
        wanted = [words for words in prompts if words not in self._ready]
        done, failures = 0, []

        async def one(words: _Words) -> None:
            nonlocal done
            try:
                await self._render(words)
            except (SynthesisError, AudioFileError) as error:
                failures.append(str(error))
            except Exception as defect:  # noqa: BLE001  it costs this prompt
                failures.append(f"A prompt could not be made ({type(defect).__name__}): please report it.")
            done += 1
            if on_progress is not None:
                on_progress(done, len(wanted))

        await asyncio.gather(*(one(words) for words in wanted))
        return list(dict.fromkeys(failures))

    async def _render(self, words: _Words) -> None:
        """Have `words` ready; calls for the same ones share one rendering."""
        task = self._rendering.get(words)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._sound(*words))
            self._rendering[words] = task
            task.add_done_callback(lambda _: self._rendering.pop(words, None))
        self._ready[words] = await asyncio.shield(task)

    async def _sound(self, key: str, text: str) -> Sound:
        own: Sound | None = None
        with suppress(TimeoutError):  # the engine says it, then
            own = await self._disk.within(DISK_SECONDS, partial(self._recorded, key))
        if own is not None:
            return own
        if self._cache is None:
            raise SynthesisError("This session has no voice.")
        return await self._cache.render(text, private=self._language.is_private(key))

    def _recorded(self, key: str) -> Sound | None:
        path = self._language.recording(key)
        return None if path is None else load_recording(path)

    def prepare(self, prompt: Prompt) -> None:
        """See to it that `prompt` can start at once, and report `PromptReady`, or `PromptFailed`."""
        if self._mouth is None:
            self._timeline.soon(partial(self._fail, prompt.id, "voice_off"))
        elif (prompt.key, prompt.text) in self._ready:
            self._timeline.soon(lambda at: self._receive(ev.PromptReady(at=at, prompt_id=prompt.id)))
        else:
            self._timeline.work(self._prepare(prompt))

    async def _prepare(self, prompt: Prompt) -> None:
        now = self._timeline.clock.now
        try:
            await self._render((prompt.key, prompt.text))
        except Exception:  # noqa: BLE001  a prompt of which nothing is told would wait for ever
            self._fail(prompt.id, "voice_failed", now())
        else:
            self._receive(ev.PromptReady(at=now(), prompt_id=prompt.id))

    def _fail(self, prompt_id: str, reason: str, at: float) -> None:
        self._receive(ev.PromptFailed(at=at, prompt_id=prompt_id, reason=reason))

    def speak(self, prompt: Prompt, at: float) -> None:
        """Play a prompt that is ready."""
        assert self._mouth is not None  # `prepare` announces nothing without one
        sound = self._ready[prompt.key, prompt.text]
        self._said = {prompt.id: sound}
        self._mouth.play(prompt.id, sound, at)

    def stop(self, fade_seconds: float) -> None:
        """Fade what is being said."""
        if self._mouth is not None:
            self._mouth.stop(fade_seconds)

    def spoken(self, prompt_id: str, seconds: float, *, completed: bool) -> Sound:
        """Return the last prompt as it was heard: the first `seconds` of it, faded out unless it was `completed`."""
        sound = self._said[prompt_id]
        if completed:
            return sound
        heard = sound.samples[: round(seconds * sound.rate_hz)]
        fade = min(len(heard), round(FADE_SECONDS * sound.rate_hz))
        body, tail = heard[: len(heard) - fade], heard[len(heard) - fade :]
        return Sound(np.concatenate([body, fade_out(tail, sound.rate_hz, FADE_SECONDS)]), sound.rate_hz)

    async def close(self) -> None:
        """Fall silent and forget what was rendered."""
        if self._mouth is not None:
            await self._mouth.close()
        tasks = tuple(self._rendering.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._ready.clear()
        if self._cache is not None:
            self._cache.forget_private()


def _nobody(_event: ev.Event) -> None:
    """Nobody is told yet."""
