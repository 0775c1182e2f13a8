"""The scribe: one utterance after the other, none lost, none invented."""

from __future__ import annotations

import asyncio
import math

import numpy as np

from facilitator.core import events as ev
from facilitator.core.actions import OpenGrant
from facilitator.hearing import Heard
from facilitator.languages import load_language
from facilitator.scribe import Scribe
from facilitator.timeline import ReplayClock, Timeline
from speech.ports import RATE_HZ
from speech.recognition.segmenter import Utterance
from tests.fakes import FakeListener, FakeRecognizer

LANGUAGE = load_language("codev", "fr", "tu")
GRANT = OpenGrant(record="contract", step="contract", at=0.0)


def heard(at: float, length: int) -> Heard:
    return Heard("call", Utterance(np.zeros(length, np.float32), at, at + length / RATE_HZ))


async def write(recognizer: FakeRecognizer | None, *utterances: Heard) -> FakeListener:
    timeline, listener = Timeline(ReplayClock(math.inf)), FakeListener()
    scribe = Scribe(timeline, recognizer, LANGUAGE, "Camille Nour")
    for one in utterances:
        scribe.take(GRANT, one, listener)
    await timeline.drain()
    timeline.at(100.0, lambda _: None)
    at = 0.0
    while at < 100.0:
        at, callback = await asyncio.wait_for(timeline.next(lambda: None), 5)
        assert callback is not None
        callback(at)
    await scribe.close()
    return listener


async def test_each_utterance_is_announced_and_then_written_in_order() -> None:
    recognizer = FakeRecognizer()
    listener = await write(recognizer, heard(1.0, 1600), heard(3.0, 3200))
    announced = [event for event in listener.events if isinstance(event, ev.UtteranceHeard)]
    written = [event for event in listener.events if isinstance(event, ev.UtteranceWritten)]
    assert [event.id for event in announced] == [event.id for event in written] == ["u001", "u002"]
    assert [event.text for event in written] == ["1600 samples", "3200 samples"]
    assert {(event.record, event.step, event.stage) for event in written} == {("contract", "contract", "live")}
    assert recognizer.asked == [(1600, "fr", "Camille Nour"), (3200, "fr", "Camille Nour")]
    assert recognizer.closed


async def test_a_failure_costs_one_utterance_and_is_told() -> None:
    listener = await write(FakeRecognizer(failing=[0]), heard(1.0, 1600), heard(3.0, 3200))
    written = [event.text for event in listener.events if isinstance(event, ev.UtteranceWritten)]
    assert written == [None, "3200 samples"]
    assert [event.code for event in listener.events if isinstance(event, ev.Warned)] == ["recognizer_failed"]


async def test_without_a_recognizer_nothing_is_announced() -> None:
    assert (await write(None, heard(1.0, 1600))).events == []


async def test_ids_of_a_session_that_goes_on_are_others() -> None:
    timeline, listener = Timeline(ReplayClock(math.inf)), FakeListener()
    scribe = Scribe(timeline, FakeRecognizer(), LANGUAGE, "", first="u2-")
    scribe.take(GRANT, heard(1.0, 1600), listener)
    await timeline.drain()
    await scribe.close()
    assert [event.id for event in listener.events if isinstance(event, ev.UtteranceHeard)] == ["u2-001"]
