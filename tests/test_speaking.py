"""The voice's preparations: ready in memory, private words never on disk, an engine that fails costs one prompt."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest

from facilitator.core import events as ev
from facilitator.core.actions import Prompt
from facilitator.core.process import Cue
from facilitator.languages import load_language
from facilitator.speaking import Speaker
from facilitator.timed_mouth import TimedMouth
from facilitator.timeline import ReplayClock, Timeline
from speech.synthesis.cache import PromptCache
from tests.fakes import FakeSynthesizer

LANGUAGE = load_language("codev", "fr", "tu")


class Stage:
    """A speaker with a fake engine, and what it reported."""

    def __init__(self, folder: Path, engine: FakeSynthesizer, *, mouth: bool = True) -> None:
        self.timeline = Timeline(ReplayClock(math.inf))
        self.folder = folder
        self.events: list[ev.Event] = []
        self.speaker = Speaker(self.timeline, PromptCache(folder, engine), LANGUAGE)
        self.speaker.connect(self.events.append, TimedMouth(self.timeline, self.events.append) if mouth else None)

    async def until(self, at: float) -> None:
        self.timeline.at(at, lambda _: None)
        now = -1.0
        while now < at:
            now, callback = await asyncio.wait_for(self.timeline.next(lambda: None), 5)
            assert callback is not None
            callback(now)


def prompt(text: str, key: str = "", name: str = "p1") -> Prompt:
    return Prompt(
        id=name, step="welcome", cue=Cue.CUSTOM, key=key, text=text, due_at=0.0, deadline_at=10.0, silence_seconds=0.6
    )


async def test_what_was_rendered_ahead_is_ready_at_once(tmp_path: Path) -> None:
    engine = FakeSynthesizer()
    stage = Stage(tmp_path, engine)
    assert await stage.speaker.render_ahead([("cues.ended", "C'est fini."), ("cues.ended", "C'est fini.")]) == []
    stage.speaker.prepare(prompt("C'est fini.", "cues.ended"))
    await stage.until(1.0)
    assert stage.events == [ev.PromptReady(at=0.0, prompt_id="p1")]
    assert engine.rendered == ["C'est fini."]


async def test_words_with_names_never_reach_the_disk(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FakeSynthesizer())
    await stage.speaker.render_ahead([("steps.presentation.opening", "Camille expose.")])
    stage.speaker.prepare(prompt("Des mots de la séance."))
    await stage.until(1.0)
    assert list(tmp_path.iterdir()) == []
    await stage.speaker.render_ahead([("cues.ended", "C'est fini.")])
    assert len(list(tmp_path.iterdir())) == 1


async def test_an_engine_that_fails_costs_one_prompt(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FakeSynthesizer(failing=["raté"]))
    assert await stage.speaker.render_ahead([("", "raté"), ("", "bon")]) == ["The fake engine failed."]
    stage.speaker.prepare(prompt("raté", name="p1"))
    stage.speaker.prepare(prompt("bon", name="p2"))
    await stage.until(1.0)
    assert {type(event).__name__: event.prompt_id for event in stage.events} == {
        "PromptReady": "p2",
        "PromptFailed": "p1",
    }


async def test_an_engine_that_hangs_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FakeSynthesizer(hanging=["bloqué"]))
    hung = asyncio.create_task(stage.speaker.render_ahead([("", "bloqué")]))
    await asyncio.sleep(0.01)
    assert await asyncio.wait_for(stage.speaker.render_ahead([("", "bon")]), 1) == []
    hung.cancel()
    await asyncio.gather(hung, return_exceptions=True)
    await stage.speaker.close()


async def test_without_a_device_every_prompt_is_shown_instead(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FakeSynthesizer(), mouth=False)
    await stage.speaker.render_ahead([("", "bon")])
    stage.speaker.prepare(prompt("bon"))
    await stage.until(1.0)
    assert stage.events == [ev.PromptFailed(at=0.0, prompt_id="p1", reason="voice_off")]


async def test_a_prompt_takes_its_time_beside_the_recording(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FakeSynthesizer())
    await stage.speaker.render_ahead([("", "un deux trois")])
    stage.speaker.speak(prompt("un deux trois"), 2.0)
    await stage.until(5.0)
    assert stage.events == [
        ev.PromptStarted(at=2.0, prompt_id="p1"),
        ev.PromptEnded(at=pytest.approx(2.3), prompt_id="p1", completed=True),
    ]


async def test_a_stopped_prompt_ends_after_its_fade_and_is_kept_as_it_was_heard(tmp_path: Path) -> None:
    stage = Stage(tmp_path, FakeSynthesizer())
    text = " ".join(["mot"] * 30)
    await stage.speaker.render_ahead([("", text)])
    stage.timeline.at(1.0, lambda at: stage.speaker.speak(prompt(text), at))
    stage.timeline.at(2.0, lambda _: stage.speaker.stop(0.3))
    await stage.until(6.0)
    assert stage.events[-1] == ev.PromptEnded(at=2.3, prompt_id="p1", completed=False)
    sound = stage.speaker.spoken("p1", 1.3, completed=False)
    assert sound.seconds == pytest.approx(1.3)
    assert sound.samples[int(0.99 * sound.rate_hz)] == pytest.approx(0.1)
    assert sound.samples[-1] == pytest.approx(0.0, abs=1e-3)
