"""A voice that raises or does not begin costs its prompt, and is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from facilitator import speaking
from facilitator.core import events as ev
from facilitator.core.actions import Prompt
from facilitator.core.process import Cue
from facilitator.live import Live
from facilitator.speaking import DeviceMouth, Speaker
from facilitator.store.folder import Sessions
from facilitator.store.keys import Keys
from facilitator.timeline import LiveClock, Timeline
from speech.errors import SynthesisError
from speech.own_voice import OwnVoice
from speech.ports import RATE_HZ, Played, Sound
from speech.synthesis.cache import PromptCache
from tests.campaign.virtual import ZERO, VirtualLoop, virtually
from tests.delivery.held import settings
from tests.fakes import FakeSynthesizer, FakeTold
from tests.test_supervising import SECRET, WORDS, runner_of


def prompt(name: str) -> Prompt:
    return Prompt(
        id=name,
        step="welcome",
        cue=Cue.CUSTOM,
        key="",
        text=name,
        due_at=0.0,
        deadline_at=10.0,
        silence_seconds=0.6,
    )


class BadSink:
    """Begins late, or raises what no sink should."""

    def __init__(self, *, begins: float = 0.0, fails: bool = False) -> None:
        self.on_lost: Callable[[], None] = lambda: None
        self._begins = begins
        self._fails = fails

    async def open(self) -> None:
        await asyncio.sleep(self._begins)

    async def play(self, sound: Sound, *, on_started: Callable[[float], None]) -> Played:
        if self._fails:
            raise ZeroDivisionError(SECRET)
        await asyncio.sleep(self._begins)
        loop = asyncio.get_running_loop()
        on_started(loop.time())
        return Played(loop.time(), loop.time(), completed=True)

    def stop(self, fade_seconds: float) -> None: ...

    async def close(self) -> None: ...


SOUND = Sound(np.zeros(RATE_HZ, dtype=np.float32), RATE_HZ)


def said(sink: BadSink) -> list[ev.Event]:
    clock, events = LiveClock(), list[ev.Event]()
    timeline = Timeline(clock)
    mouth = DeviceMouth(timeline, clock, sink, OwnVoice(), events.append, told=FakeTold())
    runner = runner_of(timeline, None)
    asyncio.get_running_loop().create_task(runner.run())
    mouth.play("p", SOUND, 0.0)
    return events


@virtually
async def test_a_voice_that_does_not_begin_is_told_lost_within_2_s_and_back_when_it_does(loop: VirtualLoop) -> None:
    events = said(BadSink(begins=9.0))
    await asyncio.sleep(30)
    assert [type(event) for event in events] == [ev.DeviceLost, ev.PromptStarted, ev.PromptEnded, ev.DeviceRecovered]
    assert events[0].at <= 2.0


@virtually
async def test_whatever_the_output_raises_costs_one_prompt(loop: VirtualLoop) -> None:
    events = said(BadSink(fails=True))
    await asyncio.sleep(5)
    assert [type(event) for event in events] == [ev.PromptFailed]


@virtually
async def test_whatever_preparing_a_prompt_raises_costs_that_prompt(loop: VirtualLoop) -> None:
    def broken(*_: object) -> None:
        raise MemoryError

    with patch.object(speaking, "resample", broken):
        events = said(BadSink())
        await asyncio.sleep(5)
    assert [type(event) for event in events] == [ev.PromptFailed]


@virtually
async def test_a_prompt_that_is_never_prepared_is_told_within_2_s(loop: VirtualLoop) -> None:
    with patch.object(speaking, "resample", lambda *_: loop.work.spend(1000)):
        events = said(BadSink())
        await asyncio.sleep(5)
    assert [type(event) for event in events] == [ev.DeviceLost, ev.PromptFailed, ev.DeviceRecovered]
    assert max(event.at for event in events) <= 2.0


class HungDisk:
    """Words whose recordings are on a disk that never answers."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def recording(self, key: str) -> None:
        self._loop.work.spend(100_000)

    def is_private(self, key: str) -> bool:
        return True


@virtually
async def test_a_disk_that_hangs_costs_time_once_and_no_prompt(loop: VirtualLoop) -> None:
    timeline, events = Timeline(LiveClock()), list[ev.Event]()
    asyncio.get_running_loop().create_task(runner_of(timeline, None).run())
    speaker = Speaker(timeline, PromptCache(Path("/nonexistent"), FakeSynthesizer()), HungDisk(loop))
    mouth = DeviceMouth(timeline, LiveClock(), BadSink(), OwnVoice(), events.append, told=FakeTold())
    speaker.connect(events.append, mouth)
    assert await speaker.render_ahead([("", str(number)) for number in range(40)]) == []
    assert loop.now - ZERO < 5
    speaker.prepare(prompt("new"))
    speaker.speak(prompt("1"), 0.0)
    await asyncio.sleep(1)
    assert [type(event) for event in events] == [ev.PromptReady, ev.PromptStarted, ev.PromptEnded]


class BrokenVoice(FakeSynthesizer):
    async def render(self, text: str, *, private: bool = False) -> Sound:
        raise ZeroDivisionError(SECRET)

    def forget_private(self) -> None: ...


@virtually
async def test_whatever_the_speech_engine_raises_costs_one_prompt(loop: VirtualLoop) -> None:
    timeline, events = Timeline(LiveClock()), list[ev.Event]()
    speaker = Speaker(timeline, BrokenVoice(), WORDS)
    speaker.connect(
        events.append, mouth=DeviceMouth(timeline, LiveClock(), BadSink(), OwnVoice(), events.append, told=FakeTold())
    )
    speaker.prepare(prompt("p"))
    (told,) = await speaker.render_ahead([("", "p")])
    await asyncio.sleep(1)
    assert [type(event) for event in events] == [ev.PromptFailed]
    assert SECRET not in told


class FailingVoice(FakeSynthesizer):
    async def render(self, text: str) -> Sound:
        raise SynthesisError("The voice engine stopped: choose another voice in [voice].")


@pytest.mark.parametrize(("cache", "state"), [(None, "well"), (FailingVoice(), "wrong")])
async def test_a_voice_that_fails_is_told_in_the_language_of_the_session_and_none_is_no_failure(
    tmp_path: Path, cache: FakeSynthesizer | None, state: str
) -> None:
    made = None if cache is None else PromptCache(tmp_path, cache)
    live = Live(settings(tmp_path, Sessions(tmp_path, Keys([])), storing=None, cache=made))
    await live._prepare()
    (voice,) = (part for part in live.snapshot().health if part.part == "voice")
    words = live.settings.language.plain("interface.warnings.voice_failed")
    assert (voice.state, voice.words) == (state, words if state == "wrong" else "")
    await live.close()
