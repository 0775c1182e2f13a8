"""Our own voice is found where it comes back, taken out, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from speech.detection import SileroDetector, SpeechGate, VoiceKind
from speech.own_voice import OwnVoice, OwnVoiceFilter
from speech.ports import FRAME, RATE_HZ, Block
from speech.sound import resample
from speech.synthesis.pyttsx3 import Pyttsx3Synthesizer

PROMPT = "Étape un : l'exposé. Chacun peut prendre des notes. Nous gardons nos questions pour l'étape suivante."
OTHER = "Pardon, je voudrais dire quelque chose tout de suite, et je parle longtemps."
BEGAN = 1.0
FIRST_SECONDS, LATER_SECONDS = 0.65, 0.25
"""Longest stretch of our voice that may be taken for speech while its path is not known, and later: well below the
second from which the voice gives way and a flag falls due."""
Sound = NDArray[np.float32]


async def said(text: str, voice: str) -> Sound:
    sound = await Pyttsx3Synthesizer(voice, language="fr").render(text)
    return resample(sound.samples, sound.rate_hz, RATE_HZ)


@pytest.fixture(scope="module")
def voices() -> dict[str, Sound]:
    import asyncio

    async def both() -> dict[str, Sound]:
        return {"ours": await said(PROMPT, "fr"), "theirs": await said(OTHER, "fr+m3")}

    return asyncio.run(both())


def small_room(sound: Sound) -> Sound:
    """Return the sound as a small room gives it back: a direct path and a tail of 60 ms."""
    noise = np.random.default_rng(3).standard_normal(960) * np.exp(-np.arange(960) / 200)
    response = np.concatenate([[1.0], np.zeros(40), 0.15 * noise])
    return np.convolve(sound, response)[: len(sound)].astype(np.float32)


def heard(
    ours: Sound, *, delay: float | None, gain: float = 1.0, over: tuple[float, Sound] | None = None
) -> list[Block]:
    """Return what a microphone captures: our voice after `delay`, somebody over it, and a little noise."""
    length = round((BEGAN + len(ours) / RATE_HZ + 3) * RATE_HZ) // FRAME * FRAME
    sound = np.random.default_rng(1).standard_normal(length).astype(np.float32) * np.float32(1e-3)
    if delay is not None:
        start = round((BEGAN + delay) * RATE_HZ)
        sound[start : start + len(ours)] += gain * ours
    if over is not None:
        start = round(over[0] * RATE_HZ)
        sound[start : start + len(over[1])] += over[1][: length - start]
    return [Block(sound[i : i + FRAME], i / RATE_HZ) for i in range(0, length, FRAME)]


def cleaned(blocks: list[Block], ours: Sound, own: OwnVoice, channel: OwnVoiceFilter) -> list[Block]:
    """Pass blocks through, while the prompt begins and ends at its own times."""
    told, done = [], False
    own.started(ours, BEGAN)
    for block in blocks:
        if not done and block.at >= BEGAN + len(ours) / RATE_HZ:
            own.stopped(BEGAN + len(ours) / RATE_HZ)
            done = True
        told.append(channel.clean(block))
    return told


def speech(blocks: list[Block]) -> list[tuple[float, float]]:
    """Return the stretches in which the detector hears speech."""
    detector, gate, found, since = SileroDetector(), SpeechGate(), [], 0.0
    for block in blocks:
        for change in gate.push(detector.score(block.samples)):
            if change.kind is VoiceKind.STARTED:
                since = change.since
            if change.kind is VoiceKind.ENDED:
                found.append((since, change.since))
    return found


@pytest.mark.parametrize(("delay", "gain"), [(0.05, 1.0), (0.31, 0.5), (0.8, 0.2), (-0.05, 1.0)])
@pytest.mark.parametrize("place", [lambda sound: sound, small_room], ids=["digital", "small room"])
def test_our_voice_coming_back_is_not_speech(
    voices: dict[str, Sound], delay: float, gain: float, place: Callable[[Sound], Sound]
) -> None:
    ours = voices["ours"]
    channel = OwnVoiceFilter(OwnVoice())
    for longest in (FIRST_SECONDS, LATER_SECONDS):
        channel._own = own = OwnVoice()
        channel.restart()
        blocks = cleaned(heard(place(ours), delay=delay, gain=gain), ours, own, channel)
        assert max((end - start for start, end in speech(blocks)), default=0.0) <= longest


def test_somebody_who_speaks_over_us_is_still_heard(voices: dict[str, Sound]) -> None:
    own, ours, theirs = OwnVoice(), voices["ours"], voices["theirs"]
    blocks = heard(ours, delay=0.15, over=(3.0, theirs))
    found = speech(cleaned(blocks, ours, own, OwnVoiceFilter(own)))
    theirs_end = 3.0 + len(theirs) / RATE_HZ
    covered = sum(min(end, theirs_end) - max(start, 3.0) for start, end in found if end > 3.0 and start < theirs_end)
    assert covered > 0.6 * len(theirs) / RATE_HZ
    assert any(end - max(start, 3.0) >= 1.0 for start, end in found), "the voice would not give way"


def test_where_our_voice_does_not_come_back_nothing_is_changed(voices: dict[str, Sound]) -> None:
    own, ours = OwnVoice(), voices["ours"]
    blocks = heard(ours, delay=None, over=(2.0, voices["theirs"]))
    told = cleaned(blocks, ours, own, OwnVoiceFilter(own))
    assert all(before is after for before, after in zip(blocks, told, strict=True))


def test_a_prompt_that_was_stopped_comes_back_only_up_to_there(voices: dict[str, Sound]) -> None:
    own = OwnVoice()
    own.started(voices["ours"], 10.0)
    own.stopped(11.0)
    assert own.may_be_heard(11.5, 11.6)
    assert not own.may_be_heard(12.1, 12.2)
    assert not own.may_be_heard(9.5, 9.8)
    assert np.array_equal(own.between(10.5, RATE_HZ)[: RATE_HZ // 2], voices["ours"][RATE_HZ // 2 : RATE_HZ])
    assert not own.between(11.0, RATE_HZ).any()
    assert not own.between(8.0, RATE_HZ).any()


def test_the_recursion_solves_what_the_general_solver_solves() -> None:
    from speech.own_voice import _toeplitz_solved

    noise = np.random.default_rng(5).standard_normal(4000)
    row = np.array([np.dot(noise[: 4000 - lag], noise[lag:]) for lag in range(200)]) * 0.9 ** np.arange(200)
    wanted = np.random.default_rng(6).standard_normal(200)
    place = np.arange(200)
    expected = np.linalg.solve(row[np.abs(place[:, None] - place[None, :])], wanted)
    assert np.allclose(_toeplitz_solved(row, wanted), expected, rtol=1e-6, atol=1e-9)
