"""Whatever raises in the capture of a channel, the session is told and the channel is heard again."""

from __future__ import annotations

import asyncio
from typing import Any

from facilitator.capturing import LiveHearing
from facilitator.core import events as ev
from facilitator.hearing import Ear
from facilitator.timeline import LiveClock, Timeline
from speech.own_voice import OwnVoice
from tests.campaign.virtual import ZERO, VirtualLoop, virtually
from tests.fakes import FakeDetector, FakeListener, FakeTold
from tests.test_supervising import SECRET, CrashingDetector, PacedSource, runner_of


class BreakingListener(FakeListener):
    """Fails once on events of one kind, after it took them."""

    def __init__(self, kind: type[ev.Event]) -> None:
        super().__init__()
        self._kind: type[ev.Event] | None = kind

    def receive(self, event: ev.Event) -> None:
        super().receive(event)
        if self._kind is not None and isinstance(event, self._kind):
            self._kind = None
            raise ZeroDivisionError(SECRET)


async def captured(
    loop: VirtualLoop, listener: FakeListener, ear: Ear, *, told: FakeTold, source: type[PacedSource] = PacedSource
) -> list[Exception]:
    """Listen to a channel in which somebody speaks at 12 s; return the defects that were told."""
    clock, defects = LiveClock(), list[Exception]()
    timeline = Timeline(clock)
    hearing = LiveHearing(timeline, clock, [(ear, lambda: source(loop, [(12.0, 14.0)]))], OwnVoice(), told=told)
    hearing.connect(listener)
    hearing.start()
    holding = asyncio.create_task(runner_of(timeline, defects.append).run())
    await asyncio.sleep(30)
    holding.cancel()
    await hearing.close()
    return defects


def names(listener: FakeListener) -> list[str]:
    return [type(event).__name__ for event in listener.events if not isinstance(event, ev.VoiceRose | ev.VoiceFell)]


@virtually
async def test_a_channel_is_heard_on_whatever_the_session_makes_of_what_it_tells(loop: VirtualLoop) -> None:
    for kind in (ev.ChannelOpened, ev.DeviceLost, ev.DeviceRecovered):
        listener = BreakingListener(kind)
        failing = kind is not ev.ChannelOpened
        ear = Ear("call", CrashingDetector(loop, loop.now + 5 if failing else 0.0))
        defects = await captured(loop, listener, ear, told=FakeTold())
        lost = ["DeviceLost", "DeviceRecovered"] if failing else []
        assert names(listener) == [*lost, "ChannelOpened", "SpeechStarted", "SpeechEnded"]
        assert [type(defect) for defect in defects] == [ZeroDivisionError]


@virtually
async def test_a_channel_whose_state_cannot_be_told_is_lost_and_tried_again(loop: VirtualLoop) -> None:
    class BreakingTold(FakeTold):
        def dropped(self, channel: str, seconds: float) -> None:
            if loop.now < ZERO + 5:
                raise ZeroDivisionError(SECRET)

    class DroppingSource(PacedSource):
        @property
        def dropped_seconds(self) -> float:
            return loop.now

        @dropped_seconds.setter
        def dropped_seconds(self, _: float) -> None: ...

    listener = FakeListener()
    await captured(loop, listener, Ear("call", FakeDetector()), told=BreakingTold(), source=DroppingSource)
    told = names(listener)
    assert told[:2] == ["ChannelOpened", "DeviceLost"]
    assert told[-4:] == ["DeviceRecovered", "ChannelOpened", "SpeechStarted", "SpeechEnded"]


@virtually
async def test_a_detector_that_cannot_even_be_ended_costs_its_channel_until_it_works_again(loop: VirtualLoop) -> None:
    class Broken(Ear):
        def finish(self) -> Any:
            raise ZeroDivisionError(SECRET)

        def renew(self, at: float) -> None:
            super().renew(at)
            raise ZeroDivisionError(SECRET)

    listener = FakeListener()
    defects = await captured(loop, listener, Broken("call", CrashingDetector(loop, loop.now + 5)), told=FakeTold())
    expected = ["DeviceLost", "DeviceRecovered", "ChannelOpened", "SpeechStarted", "SpeechEnded"]
    assert (names(listener), defects) == (expected, [])
