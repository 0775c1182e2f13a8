"""Other voices on a live call: nothing waits for the detector, whatever becomes of it, and it forgets all the same."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from facilitator.capturing import LiveHearing
from facilitator.core import events as ev
from facilitator.hearing import Ear
from facilitator.timeline import LiveClock, Timeline
from facilitator.watching import HELD_SECONDS, QUIET_SECONDS, Watch
from speech.own_voice import OwnVoice
from speech.ports import FRAME, FRAME_SECONDS, Block, OtherVoice, Samples
from tests.fakes import FakeDetector, FakeListener, FakeOtherVoiceDetector, FakeSource, FakeTold, recording


def voice(at: float, since: float) -> OtherVoice:
    return OtherVoice("talk_over", since, at, 0.9)


class Device(FakeSource):
    """A device that gives a block every 5 ms until `seconds` of it were read, at the times of a clock."""

    def __init__(self, samples: Samples, clock: LiveClock) -> None:
        super().__init__(samples, frames=1)
        self._clock = clock
        self.blocks = 0

    async def read(self) -> Block | None:
        await asyncio.sleep(0.005)
        block = await super().read()
        self.blocks += 1
        return None if block is None else Block(block.samples, block.at + self._clock._zero)


class Held:
    """A live hearing of one mixed call, its timeline worked off as the runner does."""

    def __init__(self, detector: FakeOtherVoiceDetector, *, own: OwnVoice | None = None, seconds: float = 20.0) -> None:
        self.clock = LiveClock()
        self.timeline = Timeline(self.clock)
        self.troubles: list[str] = []
        self.listener = FakeListener()
        self._samples = recording(seconds, [(0.1, seconds)])
        self.device = Device(self._samples, self.clock)
        self.hearing = LiveHearing(
            self.timeline,
            self.clock,
            [(Ear("call", FakeDetector()), self._open)],
            own or OwnVoice(),
            told=FakeTold(),
            watch=Watch("call", detector, self.timeline, on_trouble=self.troubles.append),
        )
        self.hearing.connect(self.listener)
        self._working = asyncio.get_running_loop().create_task(self._work())

    def _open(self) -> Device:
        self.device = Device(self._samples, self.clock)
        return self.device

    async def _work(self) -> None:
        while True:
            at, callback = await self.timeline.next(lambda: None)
            assert callback is not None
            callback(at)

    async def until(self, met: Callable[[], bool], seconds: float = 5.0) -> None:
        for _ in range(round(seconds / 0.005)):
            if met():
                return
            await asyncio.sleep(0.005)
        raise AssertionError("it never came")

    def told(self) -> list[ev.Event]:
        return [e for e in self.listener.events if isinstance(e, ev.OtherVoiceHeard | ev.DetectorFailed)]

    async def close(self) -> None:
        self._working.cancel()
        await asyncio.gather(self._working, return_exceptions=True)
        await self.hearing.close()
        await self.timeline.cancel()


async def test_live_a_voice_is_told_and_after_the_step_the_detector_has_forgotten() -> None:
    detector = FakeOtherVoiceDetector([voice(0.2, 0.1)])
    held = Held(detector)
    held.hearing.start()
    held.hearing.watch_floor("call", 0.0)
    await held.until(lambda: bool(held.told()))
    assert held.told()[0].at >= 0.2
    held.hearing.leave_floor()
    await held.until(lambda: detector.calls[-1] == "stop")
    blocks = held.device.blocks
    await held.until(lambda: held.device.blocks > blocks + 5)
    assert detector.calls[-1] == "stop"
    await held.close()


async def test_live_silence_goes_to_the_detector_in_larger_pieces_and_a_voice_at_once() -> None:
    detector = FakeOtherVoiceDetector()
    watch = Watch("call", detector, Timeline(LiveClock()), on_trouble=lambda _: None)
    watch.start(0.0)
    frames = [0.9] * 4 + [0.0] * 80 + [0.9]
    woken = []
    for number, probability in enumerate(frames):
        watch._news.clear()
        watch.hear(
            Block(np.zeros(FRAME, dtype=np.float32), number * FRAME_SECONDS), np.float32([probability]), own_voice=False
        )
        if watch._news.is_set():
            woken.append(number)
            await watch.work_off()
    old = 3 + math.ceil(QUIET_SECONDS / FRAME_SECONDS)  # the frame from which on the silence is old
    held = math.ceil(HELD_SECONDS / FRAME_SECONDS)
    assert woken == [*range(old), *range(old + held - 1, 84, held), 84]
    assert detector.heard == [(0.0, pytest.approx(len(frames) * FRAME_SECONDS))]
    await watch.close()


async def test_live_nothing_waits_for_a_slow_detector_and_what_is_late_is_dropped_and_told_once() -> None:
    gate = threading.Event()
    detector = FakeOtherVoiceDetector([voice(n / 4, 0.1) for n in range(80)], until=gate)
    held = Held(detector)
    held.hearing.start()
    held.hearing.watch_floor("call", 0.0)
    await held.until(lambda: held.device.blocks > 180)  # 5.8 s of sound, in a second or so
    assert any(isinstance(event, ev.SpeechStarted) for event in held.listener.events)
    assert held.told() == []
    assert held.troubles == ["detector_late"]
    held.hearing.leave_floor()
    held.hearing.watch_floor("call", held.clock.now())
    assert [call for call in detector.calls if isinstance(call, str)] == ["stop", "start"]  # its thread is at work
    gate.set()
    await held.until(lambda: len([call for call in detector.calls if isinstance(call, tuple)]) > 5)
    assert [call for call in detector.calls if isinstance(call, str)] == ["stop", "start", "stop", "stop", "start"]
    assert held.troubles == ["detector_late"]
    await held.close()


def test_live_a_detector_that_hangs_is_told_of_and_delays_no_exit() -> None:
    gate = threading.Event()
    detector = FakeOtherVoiceDetector(until=gate)

    async def session() -> None:
        held = Held(detector)
        held.hearing.start()
        held.hearing.watch_floor("call", 0.0)
        await held.until(lambda: held.troubles == ["detector_late"])
        assert held.device.blocks * FRAME_SECONDS < 2.5
        await held.close()

    before = time.monotonic()
    asyncio.run(session())
    assert time.monotonic() - before < 6
    assert detector.calls == ["stop", "start"]
    gate.set()  # should its thread ever come back, it forgets what it heard
    while detector.calls[-1] != "stop" and time.monotonic() - before < 8:
        time.sleep(0.01)
    assert detector.calls[-1] == "stop"


@pytest.mark.parametrize("failing", [[], ["hear"]])
async def test_live_a_detector_that_never_comes_back_is_given_up_and_forgets_should_it_come_back_after_all(
    failing: list[str],
) -> None:
    gate = threading.Event()
    detector = FakeOtherVoiceDetector([voice(0.02, 0.0)], failing=failing, until=gate)
    held = Held(detector)
    held.hearing.start()
    held.hearing.watch_floor("call", 0.0)
    await held.until(lambda: bool(held.told()), 8.0)
    assert [type(event) for event in held.told()] == [ev.DetectorFailed]
    assert held.troubles == ["detector_late", "detector_failed"]
    gate.set()
    await held.until(lambda: detector.calls[-1] == "stop")
    assert len([call for call in detector.calls if isinstance(call, tuple)]) <= 1
    blocks = held.device.blocks
    await held.until(lambda: held.device.blocks > blocks + 5)
    assert [type(event) for event in held.told()] == [ev.DetectorFailed]
    await held.close()


async def test_live_a_detector_that_was_given_up_forgets_though_it_comes_back_after_the_end() -> None:
    gate = threading.Event()
    detector = FakeOtherVoiceDetector(until=gate)
    held = Held(detector)
    held.hearing.start()
    held.hearing.watch_floor("call", 0.0)
    await held.until(lambda: bool(held.told()), 8.0)
    await held.close()
    gate.set()
    await held.until(lambda: detector.calls[-1] == "stop")
    assert len(detector.calls) == 4


async def test_live_closing_waits_for_a_thread_at_work_before_the_detector_forgets() -> None:
    gate = threading.Event()
    detector = FakeOtherVoiceDetector(until=gate)
    held = Held(detector)
    held.hearing.start()
    held.hearing.watch_floor("call", 0.0)
    await held.until(lambda: held.device.blocks > 5)
    threading.Timer(0.2, gate.set).start()
    await held.close()
    assert detector.calls[:2] == ["stop", "start"]
    assert detector.calls[-1] == "stop"
    assert len(detector.calls) == 4


async def test_live_sound_from_before_the_step_is_not_heard_though_it_comes_late() -> None:
    detector = FakeOtherVoiceDetector()
    watch = Watch("call", detector, Timeline(LiveClock()), on_trouble=lambda _: None)
    watch.start(1.0)
    for at in (0.3, 0.556, 0.812, 1.068):
        watch.hear(Block(recording(8 * FRAME_SECONDS, []), at), np.zeros(8, np.float32), own_voice=False)
    await watch.work_off()
    await watch.close()
    assert detector.heard == [pytest.approx((1.004, 1.324))]


async def test_live_a_failing_detector_is_told_and_hearing_goes_on() -> None:
    held = Held(FakeOtherVoiceDetector(failing=["hear"]))
    held.hearing.start()
    held.hearing.watch_floor("call", 0.0)
    await held.until(lambda: bool(held.told()), 2.0)
    assert [type(event) for event in held.told()] == [ev.DetectorFailed]
    await held.until(lambda: held.troubles == ["detector_failed"])
    blocks = held.device.blocks
    await held.until(lambda: held.device.blocks > blocks + 5)
    await held.close()


async def test_live_our_own_voice_is_pointed_out() -> None:
    own = OwnVoice()
    detector = FakeOtherVoiceDetector()
    held = Held(detector, own=own)
    own.started(np.full(8000, 0.1, dtype=np.float32), 1.0)
    held.hearing.start()
    held.hearing.watch_floor("call", 0.0)
    await held.until(lambda: bool(detector.heard) and detector.heard[-1][1] > 4)
    marked = [call for call in detector.calls if isinstance(call, tuple) and call[2]]
    assert marked[0][0] == pytest.approx(1.0 - 0.1, abs=0.1)
    assert marked[-1][1] == pytest.approx(1.5 + 1.0, abs=0.1)
    await held.close()


async def test_live_listening_may_stop_and_start_again() -> None:
    detector = FakeOtherVoiceDetector([voice(n / 4, 0.1) for n in range(80)])
    held = Held(detector)
    for _ in range(2):
        before = len(held.told())
        held.hearing.start()
        held.hearing.watch_floor("call", 0.0)
        await held.until(lambda before=before: len(held.told()) > before)
        held.hearing.stop()
    await held.close()
