"""Written down by the demo model in its real process: first words, text, final pass; also when it is killed."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from facilitator.call import load_call, read_call
from facilitator.catalog import load_process
from facilitator.core import facts
from facilitator.demo import Script, load_script, make_call
from facilitator.languages import load_language
from facilitator.replay import Replay
from speech.ports import Samples, Transcript
from speech.recognition.whisper import WhisperRecognizer

pytestmark = pytest.mark.e2e

DEMO = Path(__file__).resolve().parents[2] / "models" / "demo"
FULL = load_script("fr")
SCRIPT = Script.model_validate(
    {
        **FULL.model_dump(),
        "steps": [
            next(step for step in FULL.steps if step.id == "contract").model_dump(),
            {"id": "evaluation", "minutes": 0.2, "lines": [{"who": "Karim", "say": "Merci à tous."}, {"pause": 4.0}]},
        ],
    }
)
SAID = [line.say for line in SCRIPT.steps[0].lines if line.say]


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recorded call: the demo's contract step and a little of what follows."""
    return asyncio.run(make_call(SCRIPT, {}, tmp_path_factory.mktemp("call"), lambda *_: None))


class MortalRecognizer(WhisperRecognizer):
    """Killed in the middle of the calls whose number it is told; twice within one if it is told `twice`."""

    def __init__(self, calls: tuple[int, ...] = (), *, twice: bool = False) -> None:
        super().__init__(DEMO)
        self._calls = calls
        self._twice = twice
        self._number = 0
        self.killed: list[int] = []

    async def transcribe(
        self, samples: Samples, *, language: str, hotwords: str = "", careful: bool = False
    ) -> Transcript:
        self._number += 1
        killer = asyncio.create_task(self._kill()) if self._number - 1 in self._calls else None
        try:
            return await super().transcribe(samples, language=language, hotwords=hotwords, careful=careful)
        finally:
            if killer is not None:
                killer.cancel()

    async def _kill(self) -> None:
        """Kill the process within a decode: shortly after its model is loaded."""
        for _ in range(2 if self._twice else 1):
            while self._engine is None or not self._engine.loaded or self._engine.pid in self.killed:
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.03)
            self.killed.append(self._engine.pid)
            os.kill(self._engine.pid, signal.SIGKILL)


async def hold(call: Path, out: Path, recognizer: WhisperRecognizer, speed: float) -> list[facts.Fact]:
    """Replay `call` without a voice and return what happened."""
    process, told = load_process("codev"), list[facts.Fact]()
    language = load_language("codev", SCRIPT.language, SCRIPT.address)
    replay = Replay(process, language, cache=None, recognizer=recognizer, speed=speed)
    await replay.run(load_call(call, read_call(call), process), out, on_fact=told.append)
    return told


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def texts(told: list[facts.Fact], stage: str) -> list[Any]:
    return [fact for fact in told if isinstance(fact, facts.UtteranceTranscribed) and fact.stage == stage]


def warned(told: list[facts.Fact]) -> list[str]:
    return [fact.code for fact in told if isinstance(fact, facts.Warning) and fact.code != "voice_failed"]


async def test_at_real_time_words_come_while_they_are_said_and_once_more_when_the_step_is_over(
    call: Path, tmp_path: Path
) -> None:
    told = await hold(call, tmp_path, WhisperRecognizer(DEMO), 1.0)
    partial, live, final = (texts(told, stage) for stage in ("partial", "live", "final_pass"))
    assert [words(fact.text) for fact in live] == [words(text) for text in SAID]
    assert [words(fact.text) for fact in final] == [words(text) for text in SAID]
    assert [fact.id for fact in final] == [fact.id for fact in live]
    (end,) = [fact.at for fact in told if isinstance(fact, facts.StepEnded) and fact.step == "contract"]
    assert all(fact.at >= end for fact in final)
    assert max(fact.at for fact in live) < min(fact.at for fact in final)

    assert {fact.id for fact in partial} <= {fact.id for fact in live}
    assert partial, "the demo model is quick enough for first words"
    for one in live:
        of_it = [fact for fact in partial if fact.id == one.id]
        assert all(fact.at <= one.at and fact.started_at == one.started_at for fact in of_it)
        assert all(before.ended_at < after.ended_at for before, after in pairwise(of_it))
    assert warned(told) == []


@pytest.mark.parametrize(
    ("calls", "twice", "speed"),
    [((2, 5), False, 1.0), ((2,), True, float("inf"))],
    ids=["in two utterances at real time", "in one utterance"],
)
async def test_a_recognizer_killed_twice_in_a_step_costs_no_word_and_not_a_moment(
    call: Path, tmp_path: Path, calls: tuple[int, ...], speed: float, *, twice: bool
) -> None:
    recognizer = MortalRecognizer(calls, twice=twice)
    told = await hold(call, tmp_path, recognizer, speed)
    assert len(set(recognizer.killed)) == 2
    written = {fact.id: fact for stage in ("live", "final_pass") for fact in texts(told, stage)}
    in_order = sorted(written.values(), key=lambda fact: fact.started_at)
    assert [words(fact.text) for fact in in_order] == [words(text) for text in SAID]
    assert warned(told) == []
    (agreed,) = [fact for fact in told if isinstance(fact, facts.RecordAgreed)]
    assert words(agreed.text) == words(SAID[1])
    begun = [(fact.step, fact.at) for fact in told if isinstance(fact, facts.StepStarted)]
    assert begun == [(step.id, step.at) for step in read_call(call).steps]
