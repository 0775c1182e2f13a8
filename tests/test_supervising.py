"""Whatever raises or hangs costs its own part; the animator knows within 2 s, and the clock goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from facilitator.capturing import LiveHearing
from facilitator.core import events as ev
from facilitator.core.actions import OpenGrant
from facilitator.hearing import Ear, Heard, Hearing
from facilitator.languages import load_language
from facilitator.runner import LONGEST_PAUSE_SECONDS, Runner
from facilitator.scribe import LATE, LOADED, LOADING, NOT_LOADED, Scribe
from facilitator.speaking import Speaker
from facilitator.supervising import Defects, watch_sleep
from facilitator.timeline import LiveClock, Timeline
from speech.errors import RecognizerError
from speech.own_voice import OwnVoice
from speech.ports import RATE_HZ, Samples, Transcript
from speech.recognition.segmenter import Utterance
from tests.campaign.virtual import VirtualLoop, virtually
from tests.fakes import FakeDetector, FakeListener, FakeRecognizer, FakeSource, FakeTold, recording
from tests.store.meetings import session

WORDS = load_language("codev", "fr", "tu")
GRANT = OpenGrant(record="contract", step="contract", at=0.0)
SECRET = "what Camille said"


def runner_of(timeline: Timeline, on_defect: Callable[[Exception], None] | None) -> Runner:
    return Runner(
        session=session(),
        timeline=timeline,
        language=WORDS,
        hearing=Hearing(timeline, ()),
        speaker=Speaker(timeline, None, WORDS),
        scribe=Scribe(timeline, None, WORDS, ""),
        on_defect=on_defect,
    )


def breaks(_at: float) -> None:
    raise ZeroDivisionError(SECRET)


@virtually
async def test_a_defect_in_what_was_due_stops_nothing(loop: VirtualLoop) -> None:
    timeline, defects, done = Timeline(LiveClock()), list[Exception](), list[float]()
    holding = asyncio.create_task(runner_of(timeline, defects.append).run())

    async def failing() -> None:
        raise KeyError(SECRET)

    timeline.at(1.0, breaks)
    timeline.work(failing())
    timeline.at(2.0, done.append)
    await asyncio.sleep(3)
    assert [type(defect) for defect in defects] == [KeyError, ZeroDivisionError]
    assert done == [pytest.approx(2.0)]
    assert not holding.done()


@virtually
async def test_what_fails_for_ever_takes_a_turn_a_second_and_no_more(loop: VirtualLoop) -> None:
    timeline, defects = Timeline(LiveClock()), list[Exception]()
    runner = runner_of(timeline, defects.append)

    def again(at: float) -> None:
        timeline.at(at, again)
        raise ZeroDivisionError

    timeline.at(0.0, again)
    holding = asyncio.create_task(runner.run())
    await asyncio.sleep(100)
    assert 100 <= len(defects) * LONGEST_PAUSE_SECONDS < 110
    holding.cancel()


@virtually
async def test_a_replay_does_not_go_on_from_a_defect(loop: VirtualLoop) -> None:
    timeline = Timeline(LiveClock())
    timeline.at(0.0, breaks)
    with pytest.raises(ZeroDivisionError):
        await runner_of(timeline, None).run()


@virtually
async def test_a_session_that_a_command_ends_is_over_at_once(loop: VirtualLoop) -> None:
    runner = runner_of(Timeline(LiveClock()), None)
    holding = asyncio.create_task(runner.run())
    await asyncio.sleep(1)
    runner.receive(ev.EndAsked(at=runner.now()))
    await asyncio.wait_for(holding, 0.1)


@virtually
async def test_each_kind_of_defect_is_told_once_without_its_text(loop: VirtualLoop) -> None:
    told: list[tuple[str, str]] = []
    defects = Defects(WORDS, lambda *what: told.append(what))
    broken = defects.contained(lambda: breaks(0.0))
    broken()
    broken()
    defects.tell_context(loop, {"message": SECRET})
    assert [code for code, _ in told] == ["defect", "defect"]
    assert ["ZeroDivisionError" in told[0][1], "RuntimeError" in told[1][1]] == [True, True]
    assert not any(SECRET in sentence for _, sentence in told)


def test_a_defect_of_what_tells_of_defects_is_the_last() -> None:
    defects = Defects(WORDS, lambda *_: breaks(0.0))
    defects.tell(KeyError())


# --- the computer sleeps, somebody sets its clock ---


@virtually
async def test_the_meeting_goes_on_while_the_computer_sleeps_and_what_fell_due_comes_at_once(loop: VirtualLoop) -> None:
    clock = LiveClock(10.0)
    timeline, called = Timeline(clock), list[float]()
    timeline.at(70.0, called.append)
    waiting = asyncio.create_task(runner_of(timeline, None).run())
    await asyncio.sleep(5)
    loop.slept += 300
    loop.shifted -= 7200
    assert clock.now() == pytest.approx(315.0)
    assert clock.from_monotonic(loop.now) == pytest.approx(315.0)
    await asyncio.sleep(1.1)
    assert called == [pytest.approx(315.5, abs=0.6)]
    waiting.cancel()


@virtually
async def test_a_sleep_of_the_computer_is_told_within_2_s_and_a_clock_that_is_set_is_none(loop: VirtualLoop) -> None:
    runner = runner_of(Timeline(LiveClock()), None)
    watching = asyncio.create_task(watch_sleep(runner.look_for_sleep))
    await asyncio.sleep(10)
    loop.shifted += 3600
    await asyncio.sleep(10)
    assert runner.snapshot().warnings == ()
    loop.slept += 60
    await asyncio.sleep(10)
    assert [(one.code, one.at) for one in runner.snapshot().warnings] == [("computer_slept", pytest.approx(81, abs=1))]
    watching.cancel()


@virtually
async def test_a_session_knows_of_a_sleep_before_it_decides_anything_else(loop: VirtualLoop) -> None:
    runner = runner_of(Timeline(LiveClock()), None)
    facts: list[str] = []
    runner.watch(lambda fact: facts.append(fact.type))
    loop.slept += 60
    runner.receive(ev.StartAsked(at=runner.now()))
    assert facts[0] == "warning"


# --- hearing ---


class CrashingDetector(FakeDetector):
    """Fails for a while."""

    def __init__(self, loop: VirtualLoop, until: float) -> None:
        self._loop = loop
        self._until = until

    def score(self, samples: Samples) -> Any:
        if self._loop.now < self._until:
            raise ZeroDivisionError(SECRET)
        return super().score(samples)


class PacedSource(FakeSource):
    """Gives a block a second, at its time."""

    def __init__(self, loop: VirtualLoop, voices: list[tuple[float, float]]) -> None:
        super().__init__(recording(64, voices), frames=32)
        self._loop = loop
        self._begun = loop.now

    async def read(self) -> Any:
        block = await super().read()
        assert block is not None
        await asyncio.sleep(max(0.0, self._begun + block.at + 1.024 - self._loop.now))
        return type(block)(block.samples, self._begun + block.at)


@virtually
async def test_a_detector_that_fails_costs_its_channel_until_it_works_again(loop: VirtualLoop) -> None:
    clock, listener = LiveClock(), FakeListener()
    timeline = Timeline(clock)
    channels: list[tuple[Ear, Callable[[], Any]]] = [
        (Ear("call", CrashingDetector(loop, loop.now + 5)), lambda: PacedSource(loop, [])),
        (Ear("microphone", FakeDetector()), lambda: PacedSource(loop, [(2.0, 4.0)])),
    ]
    hearing = LiveHearing(timeline, clock, channels, OwnVoice(), told=FakeTold())
    runner = runner_of(timeline, None)
    hearing.connect(listener)
    hearing.start()
    holding = asyncio.create_task(runner.run())
    await asyncio.sleep(20)
    told = [
        (type(event).__name__, getattr(event, "device", getattr(event, "channel", "")))
        for event in listener.events
        if not isinstance(event, ev.VoiceRose | ev.VoiceFell)
    ]
    assert [one for one in told if one[1] == "call"] == [
        ("DeviceLost", "call"),
        ("DeviceRecovered", "call"),
        ("ChannelOpened", "call"),
    ]
    assert [one[0] for one in told if one[1] == "microphone"] == ["ChannelOpened", "SpeechStarted", "SpeechEnded"]
    lost = next(event for event in listener.events if isinstance(event, ev.DeviceLost))
    assert lost.at <= 2.0
    holding.cancel()
    await hearing.close()


@virtually
async def test_a_channel_that_failed_under_a_grant_is_written_down_again(loop: VirtualLoop) -> None:
    ear = Ear("call", FakeDetector())
    ear.open_grant(0.0)
    ear.renew(3.0)
    assert ear.granted
    assert not ear.close_grant(4.0)
    ear.renew(5.0)
    assert not ear.granted


# --- writing down ---


class SlowRecognizer(FakeRecognizer):
    """Takes its time, or fails."""

    def __init__(self, *, ready: float = 0.0, reads: float = 0.0, fails: Exception | None = None) -> None:
        super().__init__()
        self._times = ready, reads
        self.fails = fails

    async def start(self) -> None:
        await asyncio.sleep(self._times[0])
        if self.fails is not None:
            raise self.fails

    async def transcribe(
        self, samples: Samples, *, language: str, hotwords: str = "", careful: bool = False
    ) -> Transcript:
        await asyncio.sleep(self._times[1])
        if self.fails is not None:
            raise self.fails
        return Transcript(text=f"{len(samples)} samples", confidence=1.0)


def heard(start: float) -> Heard:
    return Heard("call", Utterance(np.zeros(RATE_HZ, dtype=np.float32), start, start + 1.0))


def scribing(recognizer: FakeRecognizer, **settings: Any) -> tuple[Scribe, FakeListener]:
    timeline, listener = Timeline(LiveClock()), FakeListener()
    scribe = Scribe(timeline, recognizer, WORDS, "", **settings)
    runner = runner_of(timeline, None)
    scribe.connect(listener)
    asyncio.get_running_loop().create_task(runner.run())
    return scribe, listener


def warned(listener: FakeListener) -> list[tuple[str, float]]:
    return [(event.code, event.at) for event in listener.events if isinstance(event, ev.Warned)]


@virtually
async def test_a_model_that_hangs_while_it_loads_is_told_within_2_s_and_so_is_its_return(loop: VirtualLoop) -> None:
    scribe, listener = scribing(SlowRecognizer(ready=30.0))
    scribe.open(GRANT)
    await asyncio.sleep(40)
    assert warned(listener) == [(LOADING, pytest.approx(1.5, abs=0.5)), (LOADED, pytest.approx(30.0, abs=0.1))]


@virtually
async def test_a_model_that_is_ready_in_time_is_not_told(loop: VirtualLoop) -> None:
    scribe, listener = scribing(SlowRecognizer(ready=1.0, reads=2.6))
    scribe.open(GRANT)
    scribe.heard(heard(0.0))
    await asyncio.sleep(60)
    assert warned(listener) == []


@virtually
async def test_a_model_that_cannot_be_loaded_is_told_at_once(loop: VirtualLoop) -> None:
    for failure in (RecognizerError("It cannot."), KeyError(SECRET)):
        scribe, listener = scribing(SlowRecognizer(fails=failure))
        scribe.open(GRANT)
        await asyncio.sleep(1)
        assert [code for code, _ in warned(listener)] == [NOT_LOADED]


@virtually
async def test_an_engine_that_hangs_over_an_utterance_is_told_within_2_s_of_being_overdue(loop: VirtualLoop) -> None:
    scribe, listener = scribing(SlowRecognizer(reads=30.0))
    scribe.open(GRANT)
    scribe.heard(heard(0.0))
    await asyncio.sleep(29)
    assert warned(listener) == [(LATE, pytest.approx(4.5, abs=0.5))]
    await asyncio.sleep(10)
    assert [code for code, _ in warned(listener)] == [LATE, "writing_caught_up"]


@virtually
async def test_after_an_utterance_was_lost_nobody_is_told_that_all_is_written(loop: VirtualLoop) -> None:
    async def keeps(*_: Any) -> bool:
        return True

    for keep, told in ((None, "recognizer_failed"), (keeps, "sound_kept")):
        recognizer = SlowRecognizer(reads=30.0, fails=RecognizerError("It hung."))
        scribe, listener = scribing(recognizer, keep=keep)
        scribe.open(GRANT)
        scribe.heard(heard(0.0))
        await asyncio.sleep(80)
        assert {code for code, _ in warned(listener)} == {NOT_LOADED, LATE, told, "writing_on_time"}
        meeting = session()
        for event in (ev.ConsentGiven(at=0.0), ev.StartAsked(at=0.0), *listener.events):
            if not isinstance(event, ev.UtteranceHeard | ev.UtteranceWritten):
                meeting.receive(event)
        shown = {one.part: one.words for one in meeting.snapshot(80.0).health}
        assert shown["recognizer"] == WORDS.plain(f"interface.warnings.{told}")
        recognizer.fails = None
        scribe.open(GRANT)
        scribe.heard(heard(80.0))
        await asyncio.sleep(40)
        assert [code for code, _ in warned(listener)][4:] == [LATE, "writing_caught_up"], "what was lost was told"


@virtually
async def test_whatever_the_engine_or_the_keeping_raises_the_utterance_is_told_lost(loop: VirtualLoop) -> None:
    async def keep(*_: Any) -> bool:
        raise KeyError(SECRET)

    scribe, listener = scribing(SlowRecognizer(fails=KeyError(SECRET)), keep=keep)
    scribe.open(GRANT)
    scribe.heard(heard(0.0))
    await asyncio.sleep(1)
    written = [event.text for event in listener.events if isinstance(event, ev.UtteranceWritten)]
    assert written == [None]
    assert [code for code, _ in warned(listener)] == [NOT_LOADED, "recognizer_failed"]
