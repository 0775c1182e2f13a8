"""The campaign is tested: a line taken out of the product is found within so many seeds."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from unittest.mock import patch

import pytest

from facilitator import scribe, speaking, timeline
from facilitator.core import courtesy, due, durable
from facilitator.core.ears import Ears
from facilitator.store.keeping import Keeping
from facilitator.supervising import Defects
from tests.campaign.judge import judge
from tests.campaign.session import run

WITHIN_SEEDS = 200
SOAK = {
    "a lost output is not opened again",
    "what takes its time is not told",
    "the clock stands while the computer sleeps",
    "the texts are not taken up again",
    "a sleep is a silence",
}
"""Found after some dozens of sessions."""
_cues, _restore = due.timed_cues, durable.restore


def _no_silence(voice: courtesy.Voice, prompt: Any, _ears: Any, *, deaf: bool) -> float:
    return max(prompt.due_at, voice._free_at)


def _at_once(_keeping: Keeping, tell: Any) -> None:
    tell()


async def _unwaited(_keeping: Keeping) -> None:
    """Answer at once."""


def _given_up(mouth: speaking.DeviceMouth) -> None:
    if mouth._reopening is None:
        mouth._timeline.soon(lambda at: mouth._receive(speaking.ev.DeviceLost(at=at, device="voice_output")))
        mouth._reopening = mouth._timeline.work(asyncio.sleep(0))


async def _raising(self: scribe.Scribe, recognizer: Any, job: Any, stage: Any) -> str:
    said = await recognizer.transcribe(job.heard.utterance.samples, language="fr", careful=stage == "final_pass")
    return str(said.text)


def _awake() -> float:
    return time.monotonic()  # the one of the session, which is patched


def _without_ends(state: Any) -> list[Any]:
    return [one for one in _cues(state) if one[0] != "ended"]


def _forgetting(state: Any, kept: Any, at: float) -> None:
    _restore(state, kept, at)
    state.records = {name: type(record)() for name, record in state.records.items()}


PLANTED: dict[str, tuple[Any, str, Any]] = {
    "no silence is waited for": (courtesy.Voice, "_start_at", _no_silence),
    "the voice gives no way": (courtesy.Voice, "_give_way_at", lambda *_: None),
    "told before it is kept": (Keeping, "after", _at_once),
    "answered before it is kept": (Keeping, "flush", _unwaited),
    "nothing is written": (Keeping, "_write", lambda *_, anew: None),
    "a disk that hangs is not told": (Keeping, "_is_late", lambda _: None),
    "a lost output is not opened again": (speaking.DeviceMouth, "_lost", _given_up),
    "a reader's defect is everybody's": (Defects, "contained", lambda _, call: call),
    "the recognizer's failure escapes": (scribe.Scribe, "_text", _raising),
    "what takes its time is not told": (scribe.Scribe, "_overdue", lambda *_: None),
    "the clock stands while the computer sleeps": (timeline, "running_seconds", _awake),
    "a sleep is a silence": (Ears, "wake", lambda *_: None),
    "the end of a step is not told": (due, "timed_cues", _without_ends),
    "the texts are not taken up again": (durable, "restore", _forgetting),
}


@pytest.mark.parametrize(
    "planted", [pytest.param(one, marks=pytest.mark.soak) if one in SOAK else one for one in PLANTED]
)
def test_what_is_taken_out_is_found(planted: str) -> None:
    place, name, instead = PLANTED[planted]
    with patch.object(place, name, instead):
        assert any(judge(run(seed)) for seed in range(WITHIN_SEEDS))
