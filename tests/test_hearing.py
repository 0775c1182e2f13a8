"""From sound to events and utterances: at their own times, and never outside what is allowed."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from itertools import pairwise

import pytest

from facilitator import capturing
from facilitator.capturing import LiveHearing
from facilitator.core import events as ev
from facilitator.hearing import Ear, RecordedHearing
from facilitator.timeline import LiveClock, ReplayClock, Timeline
from speech.detection import VoiceKind
from speech.errors import SourceLostError
from speech.own_voice import OwnVoice
from speech.ports import RATE_HZ, Block, Samples
from tests.fakes import FakeDetector, FakeListener, FakeSource, FakeTold, recording

Change = Callable[[RecordedHearing, float], None]


async def hold(
    tracks: dict[str, Samples], changes: dict[float, Change], *, seconds: float = 10.0, listening: bool = True
) -> FakeListener:
    """Replay `tracks` to their end, with `changes` at their times."""
    timeline = Timeline(ReplayClock(math.inf))
    channels = [(Ear(name, FakeDetector()), FakeSource(samples)) for name, samples in tracks.items()]
    for at, change in changes.items():  # first in the queue: at equal times they come before the sound
        timeline.at(at, lambda now, change=change: change(hearing, now))
    hearing = RecordedHearing(timeline, channels, seconds)
    listener = FakeListener()
    hearing.connect(listener)
    if listening:
        hearing.start()
    while not any(isinstance(event, ev.AudioEnded) for event in listener.events):
        at, callback = await asyncio.wait_for(timeline.next(lambda: None), 5)
        assert callback is not None
        callback(at)
    return listener


def speech(listener: FakeListener, channel: str = "a") -> list[tuple[str, float]]:
    return [
        (type(event).__name__, round(event.since, 2))
        for event in listener.events
        if isinstance(event, ev.SpeechStarted | ev.SpeechEnded) and event.channel == channel
    ]


async def test_speech_is_told_channel_by_channel_where_it_was() -> None:
    listener = await hold({"a": recording(10, [(1, 2.5)]), "b": recording(10, [(2, 4)])}, {})
    assert speech(listener, "a") == [
        ("SpeechStarted", pytest.approx(1, abs=0.04)),
        ("SpeechEnded", pytest.approx(2.5, abs=0.04)),
    ]
    assert speech(listener, "b") == [
        ("SpeechStarted", pytest.approx(2, abs=0.04)),
        ("SpeechEnded", pytest.approx(4, abs=0.04)),
    ]
    assert listener.events[-1] == ev.AudioEnded(at=10.0)


async def test_a_change_is_told_when_it_is_heard_and_never_before() -> None:
    listener = await hold({"a": recording(10, [(1, 2.5), (6, 7)])}, {})
    heard = [event for event in listener.events if isinstance(event, ev.ChannelEvent)]
    assert all(event.at >= event.since for event in heard)
    assert [event.at for event in heard] == sorted(event.at for event in heard)


async def test_nothing_is_heard_before_listening_starts() -> None:
    listener = await hold({"a": recording(10, [(1, 2), (6, 7)])}, {4.0: lambda h, _: h.start()}, listening=False)
    assert [since for _, since in speech(listener)] == [pytest.approx(6, abs=0.04), pytest.approx(7, abs=0.04)]


async def test_after_a_stop_not_even_what_was_read_already_is_heard() -> None:
    listener = await hold({"a": recording(10, [(3.05, 6)])}, {3.0: lambda h, _: h.stop()})
    assert speech(listener) == []


async def test_after_a_stop_no_sound_is_kept() -> None:
    listening, stopped = list[int](), list[int]()
    changes: dict[float, Change] = {
        2.9: lambda h, _: listening.extend(len(ear._recent) for ear in h._ears),
        3.0: lambda h, _: h.stop(),
        5.0: lambda h, _: stopped.extend(len(ear._recent) for ear in h._ears),
    }
    await hold({"a": recording(10, [(1, 2)])}, changes)
    assert listening > [0]
    assert stopped == [0]


async def test_a_block_that_was_being_heard_when_listening_stopped_is_not_kept() -> None:
    timeline = Timeline(LiveClock())
    ear = Ear("a", FakeDetector())
    hearing = RecordedHearing(timeline, [(ear, FakeSource(recording(1, [])))], 1.0)
    hearing.start()
    taking = asyncio.create_task(hearing._take([(ear, Block(recording(0.512, []), 0.0))]))
    await asyncio.sleep(0)
    hearing.stop()
    await taking
    assert not ear._recent


async def test_only_the_sound_of_a_grant_becomes_an_utterance() -> None:
    changes: dict[float, Change] = {3.0: lambda h, at: h.open_grant(at), 6.0: lambda h, at: h.close_grant(at)}
    listener = await hold({"a": recording(10, [(1, 2), (3.5, 4.5), (5.5, 9)])}, changes)
    spans = [(round(h.utterance.started_at, 2), round(h.utterance.ended_at, 2)) for h in listener.utterances]
    assert spans == [(pytest.approx(3.3, abs=0.05), pytest.approx(4.7, abs=0.05)), (pytest.approx(5.3, abs=0.05), 6.0)]


async def test_speech_that_goes_on_under_a_grant_is_shown_about_once_a_second_from_its_start() -> None:
    changes: dict[float, Change] = {1.0: lambda h, at: h.open_grant(at)}
    listener = await hold({"a": recording(10, [(2, 6), (7, 7.8)])}, changes)
    ends = [one.utterance.ended_at for one in listener.grown]
    assert len(ends) == 3
    assert all(1.0 <= after - before < 1.6 for before, after in pairwise(ends))
    assert {one.utterance.started_at for one in listener.grown} == {listener.utterances[0].utterance.started_at}


async def test_nothing_is_shown_of_speech_outside_a_grant_not_even_where_it_was_read_already() -> None:
    changes: dict[float, Change] = {3.0: lambda h, at: h.open_grant(at), 5.3: lambda h, at: h.close_grant(at)}
    listener = await hold({"a": recording(10, [(1, 9)])}, changes)
    spans = [(one.utterance.started_at, one.utterance.ended_at) for one in listener.grown]
    assert spans
    assert all(3.0 - 1 / RATE_HZ <= start < end <= 5.3 for start, end in spans)


async def test_nothing_is_shown_after_a_stop() -> None:
    changes: dict[float, Change] = {1.0: lambda h, at: h.open_grant(at), 3.5: lambda h, _: h.stop()}
    listener = await hold({"a": recording(10, [(2, 9)])}, changes)
    assert all(one.utterance.ended_at <= 3.5 for one in listener.grown)
    assert listener.grown


async def test_a_grant_that_opens_within_a_word_begins_there() -> None:
    changes: dict[float, Change] = {3.0: lambda h, at: h.open_grant(at), 9.0: lambda h, at: h.close_grant(at)}
    listener = await hold({"a": recording(10, [(2, 5)])}, changes)
    (heard,) = listener.utterances
    assert heard.utterance.started_at == pytest.approx(3.0, abs=1 / RATE_HZ)


async def test_an_utterance_is_handed_over_before_the_end_of_its_speech_is_told() -> None:
    told: list[str] = []

    class Order(FakeListener):
        def receive(self, event: ev.Event) -> None:
            super().receive(event)
            told.append(type(event).__name__)

        def heard(self, heard: object) -> None:
            told.append("heard")

    timeline = Timeline(ReplayClock(math.inf))
    hearing = RecordedHearing(timeline, [(Ear("a", FakeDetector()), FakeSource(recording(3, [(0.5, 1.5)])))], 3.0)
    hearing.connect(Order())
    hearing.start()
    hearing.open_grant(0.0)
    while "AudioEnded" not in told:
        at, callback = await asyncio.wait_for(timeline.next(lambda: None), 5)
        assert callback is not None
        callback(at)
    assert told.index("heard") < told.index("SpeechEnded")


async def test_a_short_track_is_silent_from_its_end_on() -> None:
    listener = await hold({"a": recording(2, [(1, 2)]), "b": recording(10, [])}, {})
    assert [name for name, _ in speech(listener)] == ["SpeechStarted", "SpeechEnded"]


class LossySource(FakeSource):
    """A device that goes away after its first block, cannot be opened once, and is back."""

    def __init__(self, samples: Samples) -> None:
        super().__init__(samples)
        self.reads = 0

    async def read(self) -> Block | None:
        self.reads += 1
        if self.reads in {2, 3}:
            raise SourceLostError("It went away.")
        await asyncio.sleep(0.02)
        return await super().read()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            break
        await asyncio.sleep(0.01)


async def listen(
    source: FakeSource, condition: Callable[[FakeListener, FakeTold], bool]
) -> tuple[FakeListener, FakeTold]:
    """Hear `source` as the call, live, until a condition holds."""
    clock = LiveClock()
    timeline = Timeline(clock)
    listener, told = FakeListener(), FakeTold()
    hearing = LiveHearing(timeline, clock, [(Ear("call", FakeDetector()), lambda: source)], OwnVoice(), told=told)
    hearing.connect(listener)
    hearing.start()
    await until(lambda: condition(listener, told))
    await hearing.close()
    await timeline.cancel()
    assert source.closed
    return listener, told


def devices(listener: FakeListener) -> list[str]:
    return [type(event).__name__ for event in listener.events if isinstance(event, ev.DeviceLost | ev.DeviceRecovered)]


async def test_a_device_that_goes_away_is_told_once_and_again_when_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capturing, "RETRY_SECONDS", 0.05)
    listener, told = await listen(LossySource(recording(60, [])), lambda heard, _: len(devices(heard)) == 2)
    assert devices(listener) == ["DeviceLost", "DeviceRecovered"]
    assert "call away" not in told.lines


async def test_a_device_that_stays_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capturing, "RETRY_SECONDS", 0.2)
    monkeypatch.setattr(capturing, "AWAY_SECONDS", 0.1)
    listener, told = await listen(LossySource(recording(60, [])), lambda heard, _: len(devices(heard)) == 2)
    assert told.lines == ["call away"]
    assert devices(listener) == ["DeviceLost", "DeviceRecovered"]


class GoneSource(FakeSource):
    """A device that is away for good."""

    async def read(self) -> Block | None:
        raise SourceLostError("It went away.")


async def test_another_device_is_heard_in_place_of_one_that_stays_away() -> None:
    clock = LiveClock()
    timeline = Timeline(clock)
    listener = FakeListener()
    gone, other = GoneSource(recording(1, [])), FakeSource(recording(60, []))
    sources: list[FakeSource] = [gone]
    channels = [(Ear("call", FakeDetector()), lambda: sources[-1])]
    hearing = LiveHearing(timeline, clock, channels, OwnVoice(), told=FakeTold())
    hearing.connect(listener)
    hearing.reopen("call")
    assert devices(listener) == [], "nothing is listened to"
    hearing.start()
    await until(lambda: devices(listener) == ["DeviceLost"])
    sources.append(other)
    hearing.reopen("call")
    await until(lambda: len(devices(listener)) > 1)
    await hearing.close()
    await timeline.cancel()
    assert devices(listener) == ["DeviceLost", "DeviceRecovered"]
    assert gone.closed
    assert other.closed


async def test_sound_that_was_lost_is_reported_with_its_length() -> None:
    source = FakeSource(recording(2, []))
    source.dropped_seconds = 0.4
    _, told = await listen(source, lambda _, told: told.lines != [])
    assert told.lines == ["call dropped 0.4"]


@pytest.mark.parametrize("rate", [1.0002, 0.9998])
async def test_a_sound_card_whose_second_is_not_ours_is_followed(rate: float) -> None:
    ear = Ear("call", FakeDetector())
    length = 1500.0
    voice = recording(4.0, [(1.0, 3.0)])
    silence = recording(4.0, [])
    at, told = 0.0, []
    while at < length:
        sound = voice if at + 4.0 >= length else silence
        changes, _ = await ear.hear(Block(sound, at))
        told += changes
        at += 4.0 * rate
    last = at - 4.0 * rate
    assert [change.since - last for change in told if change.kind is VoiceKind.STARTED] == [
        pytest.approx(1.0, abs=0.09)
    ]


@pytest.mark.parametrize(
    ("voices", "expected"),
    [([], ["call no_sound"]), ([(5.0, 5.1)], []), ([(20.0, 20.1)], ["call no_sound", "call over"])],
)
async def test_a_channel_that_carries_nothing_at_all_is_told_once(
    voices: list[tuple[float, float]], expected: list[str]
) -> None:
    source = FakeSource(recording(60, voices))
    _, told = await listen(source, lambda *_: source._place >= 60 * RATE_HZ)
    assert told.lines == expected
