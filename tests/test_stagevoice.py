"""The voice through the stage: only the unlocked tab plays, its start is what the tab tells, nothing hangs on it."""

from __future__ import annotations

import asyncio
import io
import threading
import time
import wave
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest

from facilitator import stagevoice
from facilitator.core import events as ev
from facilitator.core.stage import StageView
from facilitator.stagevoice import DEVICE, LOCKED, StageTab, StageVoice
from facilitator.timeline import LiveClock, Timeline
from speech.own_voice import OwnVoice
from speech.ports import RATE_HZ, Sound
from tests.core.builders import Meeting

SOON = 0.1
"""Seconds: how exact a time on a busy machine is."""


class Hall:
    """A voice, its timeline running, and what it told."""

    def __init__(self, *, used: bool = True) -> None:
        self.clock = LiveClock()
        self.timeline = Timeline(self.clock)
        self.events: list[ev.Event] = []
        self.changes = 0
        self.own = OwnVoice()
        self.voice = StageVoice(self.timeline, self.clock, self.own, self, used=used)
        self.running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            at, callback = await self.timeline.next(lambda: None)
            if callback is not None:
                callback(at)

    def give(self, event: ev.Event) -> None:
        self.events.append(event)

    def changed(self) -> None:
        self.changes += 1

    def stage(self) -> StageView:
        return Meeting().session.stage(0.0)

    def tab(self, *, unlocked: bool = True) -> tuple[StageTab, list[dict[str, Any]]]:
        lines: list[dict[str, Any]] = []
        tab = self.voice.open(lines.append)
        if unlocked:
            tab.unlocked(unlocked=True)
        return tab, lines

    def play(self, name: str, seconds: float = 0.3) -> None:
        self.voice.play(name, Sound(np.full(round(seconds * RATE_HZ), 0.1, dtype=np.float32), RATE_HZ), 0.0)

    async def until(self, condition: Callable[[], object], within: float = 5.0) -> None:
        deadline = time.monotonic() + within
        while not condition():
            assert not self.running.done(), self.running
            assert time.monotonic() < deadline, self.events
            await asyncio.sleep(0.002)

    def told(self) -> list[tuple[str, object]]:
        """Return kind and outcome of each event."""
        outcomes = ("completed", "reason", "device")
        return [
            (type(event).__name__, next((getattr(event, name) for name in outcomes if hasattr(event, name)), None))
            for event in self.events
        ]


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    hall = Hall()
    yield hall
    hall.running.cancel()
    await asyncio.gather(hall.running, return_exceptions=True)
    await hall.timeline.cancel()
    await hall.voice.close()


async def test_a_prompt_is_cued_started_when_the_tab_says_and_ended_after_its_length(hall: Hall) -> None:
    tab, lines = hall.tab()
    hall.play("p1")
    await hall.until(lambda: lines)
    assert lines == [
        {
            "type": "prompt",
            "id": "p1",
            "text": "",
            "url": "/api/prompts/p1.wav",
            "seconds": 0.3,
            "start_in_seconds": stagevoice.LEAD_SECONDS,
        }
    ]
    await asyncio.sleep(stagevoice.LEAD_SECONDS)
    at = hall.clock.now() - 0.01
    tab.played("p1", at)
    await hall.until(lambda: len(hall.events) == 2)
    started, ended = hall.events
    assert hall.told() == [("PromptStarted", None), ("PromptEnded", True)]
    assert started.at == at
    assert ended.at == pytest.approx(at + 0.3, abs=SOON)
    assert hall.own.may_be_heard(at + 0.1, at + 0.2), "it is taken out where it comes back"


async def test_the_sound_is_had_by_the_prompts_id_and_is_the_prompt(hall: Hall) -> None:
    _, lines = hall.tab()
    hall.play("p1", 0.5)
    await hall.until(lambda: lines)
    found = hall.voice.wav("p1")
    assert found is not None
    with wave.open(io.BytesIO(found)) as file:
        assert (file.getframerate(), file.getnframes()) == (RATE_HZ, RATE_HZ // 2)
    assert hall.voice.wav("p2") is None
    hall.voice.forget()
    assert hall.voice.wav("p1") is None


@pytest.mark.parametrize("told", [None, -5.0, 1e9])
async def test_a_start_that_cannot_be_is_bounded(
    hall: Hall, told: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stagevoice, "START_SECONDS", 0.3)
    tab, lines = hall.tab()
    hall.play("p1")
    await hall.until(lambda: lines)
    now = hall.clock.now()
    tab.played("p1", told)
    await hall.until(lambda: hall.events)
    assert hall.events[0].at - now == pytest.approx(0.3 if told == 1e9 else 0.0, abs=SOON)


async def test_a_start_to_come_is_told_when_it_comes(hall: Hall) -> None:
    tab, lines = hall.tab()
    hall.play("p1", 0.1)
    await hall.until(lambda: lines)
    at = hall.clock.now() + 0.15
    tab.played("p1", at)
    assert hall.events == []
    await hall.until(lambda: len(hall.events) == 2)
    assert [event.at for event in hall.events] == [at, pytest.approx(at + 0.1, abs=SOON)]


async def test_a_stop_before_a_start_to_come_ends_it_unheard(hall: Hall) -> None:
    tab, lines = hall.tab()
    hall.play("p1", 0.1)
    await hall.until(lambda: lines)
    tab.played("p1", hall.clock.now() + 0.1)
    hall.voice.stop(0.3)
    await asyncio.sleep(0.2)
    assert hall.told() == [("PromptEnded", False)]


async def test_while_no_tab_may_play_a_prompt_is_withheld_with_its_reason(hall: Hall) -> None:
    _, lines = hall.tab(unlocked=False)
    assert hall.voice.sound == "locked"
    hall.play("p1")
    await hall.until(lambda: hall.events)
    assert (hall.told(), lines) == ([("PromptFailed", LOCKED)], [])


async def test_only_the_tab_unlocked_last_plays_and_the_one_before_takes_over(hall: Hall) -> None:
    (first, first_lines), (second, second_lines), (third, third_lines) = (
        hall.tab(),
        hall.tab(),
        hall.tab(unlocked=False),
    )
    assert [tab.sound for tab in (first, second, third)] == ["elsewhere", "here", "elsewhere"]
    hall.play("p1", 0.05)
    await hall.until(lambda: second_lines)
    for tab in (first, third):
        tab.played("p1", None)
    assert hall.events == [], "only the tab that plays tells a start"
    second.played("p1", None)
    second.played("p1", None)
    await hall.until(lambda: len(hall.events) == 2)
    second.close()
    assert first.sound == "here"
    hall.play("p2")
    await hall.until(lambda: first_lines)
    assert [line["id"] for line in (*first_lines, *second_lines, *third_lines)] == ["p2", "p1"]


async def test_a_tab_that_goes_costs_the_prompt_at_hand_and_its_return_is_told(hall: Hall) -> None:
    tab, lines = hall.tab()
    hall.play("p1", 5.0)
    await hall.until(lambda: lines)
    tab.played("p1", None)
    tab.close()
    assert hall.told()[1:] == [("PromptFailed", "voice_failed"), ("DeviceLost", DEVICE)]
    hall.tab()
    assert hall.told()[3:] == [("DeviceRecovered", DEVICE)]
    tab.played("p1", None)
    assert len(hall.events) == 4


async def test_a_tab_that_was_never_there_is_not_lost(hall: Hall) -> None:
    tab, _ = hall.tab(unlocked=False)
    tab.unlocked(unlocked=False)
    tab.close()
    assert (hall.events, hall.changes) == ([], 0)


async def test_a_stop_fades_what_plays(hall: Hall) -> None:
    tab, lines = hall.tab()
    hall.play("p1", 5.0)
    await hall.until(lambda: lines)
    tab.played("p1", None)
    now = hall.clock.now()
    hall.voice.stop(0.3)
    hall.voice.stop(0.3)
    assert lines[1:] == [{"type": "stop", "id": "p1", "fade_seconds": 0.3}]
    await hall.until(lambda: len(hall.events) == 2)
    assert hall.told()[1] == ("PromptEnded", False)
    assert hall.events[1].at == pytest.approx(now + 0.3, abs=SOON)


async def test_a_stop_before_the_start_ends_it_unheard(hall: Hall) -> None:
    tab, lines = hall.tab()
    hall.play("p1")
    await hall.until(lambda: lines)
    hall.voice.stop(0.3)
    tab.played("p1", None)  # it crossed the stop on its way
    await hall.until(lambda: hall.events)
    assert hall.told() == [("PromptEnded", False)]


async def test_a_stop_before_it_was_sent_sends_nothing(hall: Hall) -> None:
    _, lines = hall.tab()
    hall.play("p1")
    hall.voice.stop(0.0)
    await hall.until(lambda: hall.events)
    await hall.timeline.drain()
    assert (hall.told(), lines) == ([("PromptEnded", False)], [])


async def test_a_stop_of_nothing_is_nothing(hall: Hall) -> None:
    hall.voice.stop(0.3)
    assert hall.events == []


async def test_a_tab_that_does_not_start_in_time_is_given_up_and_told(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stagevoice, "START_SECONDS", 0.05)
    _, lines = hall.tab()
    hall.play("p1")
    await hall.until(lambda: hall.events)
    assert hall.told() == [("PromptFailed", "voice_failed")]
    assert [line["type"] for line in lines] == ["prompt", "stop"]


async def test_a_prompt_that_started_is_not_given_up(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stagevoice, "START_SECONDS", 0.05)
    tab, lines = hall.tab()
    hall.play("p1", 0.2)
    await hall.until(lambda: lines)
    tab.played("p1", None)
    await hall.until(lambda: len(hall.events) == 2)
    assert hall.told() == [("PromptStarted", None), ("PromptEnded", True)]


async def test_at_the_end_the_tab_falls_silent(hall: Hall) -> None:
    tab, lines = hall.tab()
    hall.play("p1", 5.0)
    await hall.until(lambda: lines)
    tab.played("p1", None)
    await hall.voice.close()
    assert lines[-1]["type"] == "stop"
    assert hall.voice.wav("p1") is None


async def test_where_the_voice_is_elsewhere_no_tab_plays_and_none_is_missed() -> None:
    hall = Hall(used=False)
    tab, _ = hall.tab()
    assert (hall.voice.sound, tab.sound) == ("off", "off")
    tab.close()
    assert hall.events == []
    hall.running.cancel()


async def test_whatever_making_a_prompt_raises_costs_that_prompt(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bytes:
        raise MemoryError

    _, lines = hall.tab()
    with monkeypatch.context() as patch:
        patch.setattr(stagevoice, "wav_bytes", broken)
        hall.play("p1")
        await hall.until(lambda: hall.events)
    assert (hall.told(), lines) == ([("PromptFailed", "voice_failed")], [])
    hall.play("p2")
    await hall.until(lambda: lines)
    assert lines[0]["id"] == "p2"


async def test_a_prompt_that_is_never_made_is_given_up_and_told(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(stagevoice, "MAKE_SECONDS", 0.01)
    monkeypatch.setattr(stagevoice, "wav_bytes", lambda _: gate.wait(20))
    hall.tab()
    hall.play("p1")
    await hall.until(lambda: hall.events)
    assert hall.told() == [("PromptFailed", "voice_failed")]
    gate.set()


async def test_a_prompt_that_cannot_be_made_and_was_stopped_is_told_once(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def broken(*_: object) -> bytes:
        gate.wait(20)
        raise MemoryError

    monkeypatch.setattr(stagevoice, "wav_bytes", broken)
    hall.tab()
    hall.play("p1")
    await asyncio.sleep(0)
    hall.voice.stop(0.3)
    gate.set()
    await hall.timeline.drain()
    await hall.until(lambda: hall.events)
    assert hall.told() == [("PromptEnded", False)]
