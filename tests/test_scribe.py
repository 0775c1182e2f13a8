"""The scribe: first words, text and final pass of each utterance; none lost, none invented, no sound kept for long."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from facilitator.core import events as ev
from facilitator.core.actions import OpenGrant
from facilitator.hearing import Heard
from facilitator.languages import load_language
from facilitator.scribe import Scribe
from facilitator.timeline import LiveClock, ReplayClock, Timeline
from speech.ports import RATE_HZ
from speech.recognition.segmenter import Utterance
from tests.fakes import FakeListener, FakeRecognizer

LANGUAGE = load_language("codev", "fr", "tu")
GRANT = OpenGrant(record="contract", step="contract", at=0.0)
ONE, TWO, THREE = 1600, 3200, 4800
"""Lengths in samples: the fake recognizer writes them down."""


def heard(at: float, length: int, channel: str = "call") -> Heard:
    return Heard(channel, Utterance(np.zeros(length, np.float32), at, at + length / RATE_HZ))


@dataclass
class Desk:
    """A scribe under an open grant, with the timeline that brings back what it writes."""

    timeline: Timeline
    scribe: Scribe
    listener: FakeListener

    async def until(self, met: Callable[[], bool]) -> None:
        """Let time pass until `met`."""
        async with asyncio.timeout(5):
            while not met():
                at, callback = await self.timeline.next(lambda: None)
                assert callback is not None
                callback(at)

    async def until_written(self, count: int) -> None:
        await self.until(lambda: len(self.written) >= count)

    async def until_over(self) -> None:
        await self.until(lambda: isinstance(self.listener.events[-1], ev.FinalPassEnded))

    @property
    def written(self) -> list[tuple[str, str, str | None]]:
        """Id, stage and text of all that was written."""
        return [(e.id, e.stage, e.text) for e in self.listener.events if isinstance(e, ev.UtteranceWritten)]

    @property
    def warned(self) -> list[str]:
        return [event.code for event in self.listener.events if isinstance(event, ev.Warned)]

    @property
    def held_seconds(self) -> float:
        return self.scribe._pile.held_seconds


class StillClock(LiveClock):
    """Stands still, so that nothing depends on how busy the computer is."""

    def now(self) -> float:
        return 0.0


@contextlib.asynccontextmanager
async def desk(
    recognizer: FakeRecognizer | None, clock: LiveClock | ReplayClock | None = None, **settings: Any
) -> AsyncIterator[Desk]:
    timeline, listener = Timeline(clock or StillClock()), FakeListener()
    scribe = Scribe(timeline, recognizer, LANGUAGE, "Camille Nour", **settings)
    scribe.connect(listener)
    scribe.open(GRANT)
    yield Desk(timeline, scribe, listener)
    await timeline.cancel()
    await scribe.close()


async def test_each_utterance_is_announced_and_then_written_in_order() -> None:
    recognizer = FakeRecognizer()
    async with desk(recognizer) as it:
        it.scribe.heard(heard(0.0, ONE))
        it.scribe.heard(heard(0.2, TWO))
        await it.until_written(2)
        announced = [event.id for event in it.listener.events if isinstance(event, ev.UtteranceHeard)]
        assert announced == ["u001", "u002"]
        assert it.written == [("u001", "live", "1600 samples"), ("u002", "live", "3200 samples")]
        assert recognizer.asked == [(ONE, "fr", "Camille Nour", False), (TWO, "fr", "Camille Nour", False)]
        assert recognizer.started == 1
    assert recognizer.closed


async def test_without_a_recognizer_nothing_is_announced() -> None:
    async with desk(None) as it:
        it.scribe.growing(heard(0.0, ONE))
        it.scribe.heard(heard(0.0, ONE))
        it.scribe.close_grant()
        assert it.listener.events == []


async def test_nothing_is_written_down_without_a_grant() -> None:
    async with desk(FakeRecognizer()) as it:
        it.scribe.close_grant()
        it.scribe.growing(heard(0.0, ONE))
        it.scribe.heard(heard(0.0, ONE))
        assert it.listener.events == []


async def test_ids_of_a_session_that_goes_on_are_others() -> None:
    async with desk(FakeRecognizer(), first="u2-") as it:
        it.scribe.heard(heard(0.0, ONE))
        await it.until_written(1)
        assert it.written[0][0] == "u2-001"


async def test_first_words_and_text_of_an_utterance_have_one_id() -> None:
    async with desk(FakeRecognizer()) as it:
        it.scribe.growing(heard(0.0, ONE))
        await it.until_written(1)
        it.scribe.heard(heard(0.0, TWO))
        await it.until_written(2)
        it.scribe.heard(heard(0.5, ONE))
        await it.until_written(3)
        assert [(name, stage) for name, stage, _ in it.written] == [
            ("u001", "partial"),
            ("u001", "live"),
            ("u002", "live"),
        ]


async def test_first_words_of_people_who_speak_at_once_are_told_apart() -> None:
    async with desk(FakeRecognizer()) as it:
        it.scribe.growing(heard(0.0, ONE, "a"))
        await it.until_written(1)
        it.scribe.growing(heard(0.0, TWO, "b"))
        await it.until_written(2)
        it.scribe.heard(heard(0.0, THREE, "a"))
        await it.until_written(3)
        assert [name for name, *_ in it.written] == ["u001", "u002", "u001"]


async def test_a_text_goes_before_first_words_and_those_that_it_overtook_are_thrown_away() -> None:
    recognizer = FakeRecognizer(waiting=True)
    async with desk(recognizer) as it:
        it.scribe.growing(heard(0.0, ONE))
        await asyncio.sleep(0)  # in the recognizer's hands
        await asyncio.sleep(0)
        it.scribe.growing(heard(0.0, TWO))
        it.scribe.growing(heard(0.1, ONE, "b"))
        it.scribe.heard(heard(0.0, THREE))
        recognizer.ready.set()
        await it.until_written(1)
        await it.timeline.drain()
        assert it.written == [("u001", "live", "4800 samples")]
        assert [samples for samples, *_ in recognizer.asked] == [ONE, THREE]


async def test_first_words_that_the_recognizer_fails_on_are_passed_over() -> None:
    async with desk(FakeRecognizer(failing=[0])) as it:
        it.scribe.growing(heard(0.0, ONE))
        await it.timeline.drain()
        it.scribe.heard(heard(0.0, TWO))
        await it.until_written(1)
        assert it.written == [("u001", "live", "3200 samples")]
        assert it.warned == []


async def test_at_full_speed_there_are_no_first_words() -> None:
    async with desk(FakeRecognizer(), ReplayClock(math.inf)) as it:
        it.scribe.growing(heard(0.0, ONE))
        it.scribe.heard(heard(0.0, TWO))
        await it.until_written(1)
        assert it.written == [("u001", "live", "3200 samples")]


async def test_first_words_that_nothing_follows_are_taken_back_when_the_step_is_over() -> None:
    async with desk(FakeRecognizer()) as it:
        it.scribe.growing(heard(0.0, ONE))
        await it.until_written(1)
        it.scribe.close_grant()
        assert it.written[1:] == [("u001", "live", "")]


async def test_when_a_step_is_over_each_utterance_is_read_again_with_care() -> None:
    recognizer = FakeRecognizer()
    async with desk(recognizer) as it:
        it.scribe.heard(heard(0.0, ONE))
        await it.until_written(1)
        it.scribe.heard(heard(0.2, TWO))
        it.scribe.close_grant()
        await it.until_over()
        assert [(name, stage) for name, stage, _ in it.written] == [
            ("u001", "live"),
            ("u002", "live"),
            ("u001", "final_pass"),
            ("u002", "final_pass"),
        ]
        assert [careful for *_, careful in recognizer.asked] == [False, False, True, True]
        began = next(i for i, event in enumerate(it.listener.events) if isinstance(event, ev.FinalPassBegan))
        assert began < len(it.listener.events) - 1
        assert it.held_seconds == 0


async def test_a_step_in_which_nothing_was_said_is_not_read_again() -> None:
    async with desk(FakeRecognizer()) as it:
        it.scribe.close_grant()
        assert it.listener.events == []


async def test_what_is_said_in_a_new_step_goes_before_the_final_pass_of_the_last_one() -> None:
    recognizer = FakeRecognizer(waiting=True)
    async with desk(recognizer) as it:
        it.scribe.heard(heard(0.0, ONE))
        it.scribe.heard(heard(0.1, TWO))
        it.scribe.close_grant()
        it.scribe.open(GRANT)
        it.scribe.heard(heard(0.3, THREE))
        recognizer.ready.set()
        it.scribe.close_grant()
        await it.until_over()
        assert [stage for _, stage, _ in it.written] == ["live"] * 3 + ["final_pass"] * 3
        assert sum(isinstance(event, ev.FinalPassBegan) for event in it.listener.events) == 1


class Forgetful(FakeRecognizer):
    """Hears nothing with care."""

    async def transcribe(self, samples: np.ndarray, **settings: object) -> object:
        transcript = await super().transcribe(samples, **settings)
        return type(transcript)("", 0.0) if settings["careful"] else transcript


async def test_a_final_pass_that_finds_nothing_leaves_what_was_written() -> None:
    async with desk(Forgetful()) as it:
        it.scribe.heard(heard(0.0, ONE))
        it.scribe.close_grant()
        await it.until_over()
        assert it.written == [("u001", "live", "1600 samples"), ("u001", "final_pass", "1600 samples")]


async def test_a_final_pass_that_fails_leaves_what_was_written_and_is_not_told() -> None:
    async with desk(FakeRecognizer(failing=[1])) as it:
        it.scribe.heard(heard(0.0, ONE))
        it.scribe.close_grant()
        await it.until_over()
        assert [text for *_, text in it.written] == ["1600 samples", "1600 samples"]
        assert it.warned == []


async def test_what_the_recognizer_failed_on_is_given_to_it_again_during_the_step() -> None:
    recognizer = FakeRecognizer(failing=[0])
    async with desk(recognizer) as it:
        it.scribe.heard(heard(0.0, ONE))
        it.scribe.heard(heard(0.2, TWO))
        await it.until_written(2)
        assert it.written == [("u002", "live", "3200 samples"), ("u001", "final_pass", "1600 samples")]
        assert it.warned == []


async def test_what_it_fails_on_again_is_lost_and_told() -> None:
    async with desk(FakeRecognizer(failing=[0, 1])) as it:
        it.scribe.heard(heard(0.0, ONE))
        await it.until_written(1)
        assert it.written == [("u001", "final_pass", None)]
        assert it.warned == ["recognizer_failed"]


async def test_text_that_falls_behind_is_left_to_the_final_pass_and_told_once() -> None:
    async with desk(FakeRecognizer(), LiveClock(100.0)) as it:
        for at in (10.0, 20.0):
            it.scribe.heard(heard(at, ONE))
        it.scribe.heard(heard(99.8, TWO))
        await it.until(lambda: "writing_caught_up" in it.warned)
        assert it.written == [
            ("u003", "live", "3200 samples"),
            ("u001", "final_pass", "1600 samples"),
            ("u002", "final_pass", "1600 samples"),
        ]
        assert it.warned == ["writing_late", "writing_caught_up"]
        it.scribe.heard(heard(30.0, ONE))
        await it.until_written(4)
        await it.timeline.drain()
        assert it.warned == ["writing_late", "writing_caught_up"]


async def test_in_a_replay_nothing_is_too_late() -> None:
    clock = ReplayClock(1000.0)
    clock.reached(1000.0)
    async with desk(FakeRecognizer(), clock) as it:
        it.scribe.heard(heard(1.0, ONE))
        await it.until_written(1)
        assert it.written == [("u001", "live", "1600 samples")]
        assert it.warned == []


async def test_a_pause_of_listening_drops_what_is_written_and_writes_the_rest_once() -> None:
    recognizer = FakeRecognizer()
    async with desk(recognizer) as it:
        it.scribe.heard(heard(0.0, ONE))
        await it.until_written(1)
        assert it.held_seconds == pytest.approx(0.1)
        recognizer.ready.clear()
        it.scribe.heard(heard(0.1, TWO))
        await asyncio.sleep(0)  # at hand
        it.scribe.heard(heard(0.3, TWO))
        it.scribe.forget()
        assert it.held_seconds == pytest.approx(0.2)
        it.scribe.heard(heard(0.5, THREE))
        it.scribe.close_grant()
        recognizer.ready.set()
        await it.until_over()
        assert [(name, stage) for name, stage, _ in it.written] == [(f"u00{n}", "live") for n in (1, 2, 3, 4)]
        assert it.held_seconds == 0


async def test_after_a_pause_of_listening_the_final_pass_is_back() -> None:
    async with desk(FakeRecognizer()) as it:
        it.scribe.forget()
        it.scribe.close_grant()
        it.scribe.open(GRANT)
        it.scribe.heard(heard(0.0, ONE))
        it.scribe.close_grant()
        await it.until_over()
        assert [stage for _, stage, _ in it.written] == ["live", "final_pass"]


async def test_the_end_of_the_session_drops_all_sound_and_what_the_engine_has_at_hand() -> None:
    recognizer = FakeRecognizer(waiting=True)
    async with desk(recognizer) as it:
        it.scribe.heard(heard(0.0, ONE))
        it.scribe.heard(heard(0.1, TWO))
        await asyncio.sleep(0)
        it.scribe.stop()
        assert it.held_seconds == 0
        await asyncio.wait_for(it.timeline.drain(), 5)
        assert it.written == []
        assert it.scribe._work is None
