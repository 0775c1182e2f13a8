"""Other voices on a mixed channel: told at their own times, in a thread for which nothing waits, forgotten at once."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest

from facilitator.core import events as ev
from facilitator.hearing import Ear, Hearing, RecordedHearing
from facilitator.timeline import LiveClock, ReplayClock, Timeline
from facilitator.watching import Watch
from speech.ports import FRAME_SECONDS, Block, OtherVoice
from tests.fakes import FakeDetector, FakeListener, FakeOtherVoiceDetector, FakeSource, recording

BLOCK = 16 * FRAME_SECONDS
"""What a fake source reads at once, seconds."""
Change = Callable[[Hearing, float], None]


def voice(at: float, since: float, probability: float = 0.9, kind: str = "talk_over") -> OtherVoice:
    return OtherVoice(kind, since, at, probability)


def watch_from(at: float) -> tuple[float, Change]:
    return at, lambda hearing, now: hearing.watch_floor("call", now)


def leave_at(at: float) -> tuple[float, Change]:
    return at, lambda hearing, _: hearing.leave_floor()


def stop_at(at: float) -> tuple[float, Change]:
    return at, lambda hearing, _: hearing.stop()


def start_at(at: float) -> tuple[float, Change]:
    return at, lambda hearing, _: hearing.start()


async def replayed(
    detector: FakeOtherVoiceDetector, *changes: tuple[float, Change], speed: float = math.inf, **kept: Any
) -> list[ev.Event]:
    """Replay four seconds of a mixed call and a microphone; return what is told of other voices and of trouble."""
    timeline = Timeline(ReplayClock(speed))
    told: list[ev.Event] = []

    def trouble(code: str) -> None:
        told.append(ev.Warned(at=timeline.at_hand, code=code, message=""))

    watch = Watch("call", detector, timeline, on_trouble=trouble)
    channels = [(Ear(name, FakeDetector()), FakeSource(recording(4, [(1, 3)]))) for name in ("call", "microphone")]
    for at, change in changes:
        timeline.at(at, lambda now, change=change: change(hearing, now))
    hearing = RecordedHearing(timeline, channels, 4.0, watch)
    listener = FakeListener()
    hearing.connect(listener)
    hearing.start()
    while not any(isinstance(event, ev.AudioEnded) for event in listener.events):
        at, callback = await asyncio.wait_for(timeline.next(lambda: None), 5)
        assert callback is not None
        callback(at)
        told += [event for event in listener.events if isinstance(event, ev.OtherVoiceHeard | ev.DetectorFailed)]
        listener.events = [event for event in listener.events if isinstance(event, ev.AudioEnded)]
    await hearing.close()
    return told


async def test_a_voice_is_told_at_its_own_time_as_it_was_found() -> None:
    told = await replayed(FakeOtherVoiceDetector([voice(2.25, 0.9, 0.8, "cut")]), watch_from(0.5))
    assert told == [ev.OtherVoiceHeard(at=2.25, channel="call", since=0.9, kind="cut", probability=0.8)]


@pytest.mark.parametrize("speed", [math.inf, 40.0, 10.0])
async def test_a_replay_tells_the_same_at_every_speed(speed: float) -> None:
    voices = [voice(1.0 + n / 8, 0.9, n / 20) for n in range(18)]
    told = await replayed(FakeOtherVoiceDetector(voices), watch_from(0.5), leave_at(2.7), watch_from(3.0), speed=speed)
    assert [event.at for event in told] == [one.at for one in voices if one.at <= 2.7 or one.at > 3.0]


async def test_of_two_found_at_once_the_surest_is_told_first() -> None:
    found = [voice(2.25, 0.9, 0.5), voice(2.25, 1.2, 0.8), voice(2.0, 0.9, 0.4)]
    told = await replayed(FakeOtherVoiceDetector(found), watch_from(0.5))
    assert [(event.at, event.probability) for event in told] == [(2.0, 0.4), (2.25, 0.8), (2.25, 0.5)]


async def test_it_hears_from_the_very_frame_on_to_the_end_of_what_was_read() -> None:
    detector = FakeOtherVoiceDetector()
    await replayed(detector, watch_from(0.7), leave_at(2.0))
    begin, end = detector.heard[0]
    assert begin == pytest.approx(math.ceil(0.7 / FRAME_SECONDS) * FRAME_SECONDS)
    assert 2.0 <= end < 2.0 + BLOCK + 1e-6
    assert [call for call in detector.calls if isinstance(call, str)] == ["stop", "start", "stop"]
    assert not any(own for call in detector.calls if isinstance(call, tuple) for own in call[2:])


async def test_a_pause_of_listening_ends_it_and_what_was_heard_before_is_not_heard_again() -> None:
    detector = FakeOtherVoiceDetector([voice(2.1, 0.9), voice(3.5, 3.2)])
    told = await replayed(detector, watch_from(0.5), stop_at(2.05), start_at(2.3), watch_from(2.3))
    assert [event.at for event in told] == [3.5]
    again = max(place for place, call in enumerate(detector.calls) if call == "start")
    assert min(call[0] for call in detector.calls[again:] if isinstance(call, tuple)) >= 2.3


async def test_it_hears_nothing_while_it_is_not_watched_nor_another_channel() -> None:
    detector = FakeOtherVoiceDetector([voice(2.25, 0.9)])
    assert await replayed(detector) == []
    assert await replayed(detector, (0.5, lambda hearing, now: hearing.watch_floor("microphone", now))) == []
    assert detector.calls == ["stop", "stop"][: len(detector.calls)]


async def test_what_was_found_of_a_step_is_not_told_after_it() -> None:
    told = await replayed(FakeOtherVoiceDetector([voice(2.5, 0.9)]), watch_from(0.5), leave_at(2.4), watch_from(2.54))
    assert told == []


@pytest.mark.parametrize("failing", ["start", "stop", "hear"])
async def test_a_failing_detector_is_told_once_and_the_rest_goes_on(failing: str) -> None:
    changes = (watch_from(0.5), leave_at(2.0), watch_from(3.0))
    told = await replayed(FakeOtherVoiceDetector([voice(2.25, 0.9)], failing=[failing]), *changes)
    assert sorted(type(event).__name__ for event in told) == ["DetectorFailed", "Warned"]
    assert all(event.at in {0.5, BLOCK} for event in told)
    assert [event.code for event in told if isinstance(event, ev.Warned)] == ["detector_failed"]


async def test_no_call_of_a_detector_holds_the_loop_up() -> None:
    class Noting(FakeOtherVoiceDetector):
        threads: ClassVar[set[str]] = set()

        def _note(self, name: str) -> None:
            self.threads.add(threading.current_thread().name)
            super()._note(name)

    await replayed(Noting(), watch_from(0.5), leave_at(2.0), watch_from(3.0))
    assert Noting.threads == {"aside"}


@pytest.mark.parametrize("failing", ["start", "hear"])
async def test_a_detector_that_failed_has_forgotten(failing: str) -> None:
    detector = FakeOtherVoiceDetector(failing=[failing])
    await replayed(detector, watch_from(0.7))
    assert detector.calls[-2:] == [failing, "stop"]


async def test_a_hearing_without_a_detector_or_without_a_listener_takes_it_calmly() -> None:
    timeline = Timeline(LiveClock())
    hearing = Hearing(timeline, ())
    hearing.watch_floor("call", 0.0)
    hearing.leave_floor()
    watch = Watch("call", FakeOtherVoiceDetector([voice(0.02, 0.0)]), timeline, on_trouble=lambda _: None)
    watch.start(0.0)
    watch.hear(Block(recording(FRAME_SECONDS, []), 0.0), np.zeros(1, np.float32), own_voice=False)
    await watch.work_off()
    _, callback = await timeline.next(lambda: None)
    assert callback is not None
    callback(0.02)
