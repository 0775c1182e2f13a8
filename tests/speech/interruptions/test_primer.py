"""The holder's own voice: collected, chosen, examined, exchanged, forgotten."""

from __future__ import annotations

import numpy as np
import pytest

from speech.interruptions.chunks import CHUNK_SAMPLES, Chunk
from speech.interruptions.network import FRAMES, HALF
from speech.interruptions.primer import MOST_OF_HOLDER, MOST_OF_OTHER, Primer
from speech.ports import RATE_HZ, Samples
from tests.speech.interruptions.tones import VOICES, FakeToneNetwork, call

HOP = 4000
HEARD = np.ones(FRAMES, dtype=np.bool_)


def listen(primer: Primer, sound: Samples, network: FakeToneNetwork | None = None) -> list[float]:
    """Let the primer hear a call as the ear does, and return when holder and other changed places, seconds."""
    network = network or FakeToneNetwork()
    recent = np.zeros(HALF, dtype=np.float32)
    swaps = []
    for end in range(HOP, len(sound) + 1, HOP):
        new = sound[end - HOP : end]
        recent = np.concatenate([recent[HOP:], new])
        primer.guess(new, (np.abs(new) > 0.001).astype(np.float32), end / RATE_HZ)
        if not primer.ready:
            continue
        scores = network.score(primer.next(), recent)
        if primer.learn(end, recent, scores, HEARD):
            swaps.append(end / RATE_HZ)
        primer.examine(network)
    return swaps


def voice_of(sound: Samples) -> str:
    """Return whose tone is strongest."""
    time = np.arange(len(sound)) / RATE_HZ
    return max(VOICES, key=lambda name: abs(np.dot(sound, np.exp(-2j * np.pi * VOICES[name] * time))))


def phrases(voice: str, start: float, end: float) -> list[tuple[str, float, float]]:
    """Return turns of 2.0 s with pauses of 0.6 s."""
    return [(voice, at, min(at + 2.0, end)) for at in np.arange(start, end - 0.7, 2.6).tolist()]


def test_the_first_two_seconds_of_speech_are_the_first_guess() -> None:
    primer = Primer()
    listen(primer, call(3.0, ("holder", 1.0, 2.9)))
    assert not primer.ready
    assert primer.acquaintance.level_db is None
    primer.forget()
    listen(primer, call(3.0, ("holder", 0.0, 3.0)))
    assert primer.ready
    assert primer.acquaintance.seconds == pytest.approx(3.0, abs=1.0)
    assert primer.acquaintance.certainty == 0.0


def test_a_bang_before_the_first_words_does_not_hide_them() -> None:
    primer = Primer()
    bang = np.full(HOP, 0.9, dtype=np.float32)
    primer.guess(bang, np.zeros(HOP, dtype=np.float32), 0.25)
    said = 0.03 * call(3.0, ("holder", 0.0, 3.0)) / 0.1
    for end in range(HOP, len(said) + 1, HOP):
        primer.guess(said[end - HOP : end], np.ones(HOP, dtype=np.float32), 0.25 + end / RATE_HZ)
    assert primer.ready


def test_sure_stretches_replace_the_first_guess() -> None:
    primer = Primer()
    listen(primer, call(30.0, *phrases("holder", 0.5, 29)))
    assert not primer._guessing
    assert len(primer._holder) >= 6
    assert all(len(chunk.samples) <= CHUNK_SAMPLES for chunk in primer._holder)
    assert primer.acquaintance.certainty == pytest.approx(8.0)
    assert primer.acquaintance.level_db == pytest.approx(-23.0, abs=1.0)


def test_memory_is_bounded_below_41_seconds() -> None:
    primer = Primer()
    turns = [
        turn for at in range(0, 120, 20) for turn in (*phrases("holder", at, at + 15), ("other", at + 16, at + 19))
    ]
    listen(primer, call(120.0, *turns))
    assert len(primer._holder) == MOST_OF_HOLDER
    assert 0 < len(primer._other) <= MOST_OF_OTHER
    assert sum(len(chunk.samples) for chunk in [*primer._holder, *primer._other]) < 41 * RATE_HZ
    assert {voice_of(chunk.samples) for chunk in primer._holder} == {"holder"}
    assert {voice_of(chunk.samples) for chunk in primer._other} == {"other"}


def test_the_choice_changes_from_hop_to_hop_and_fills_the_primer() -> None:
    primer = Primer()
    listen(primer, call(40.0, *phrases("holder", 0.5, 39)))
    choices = {primer.next().tobytes() for _ in range(8)}
    assert len(choices) > 3
    assert primer.next().shape == (HALF,)


def test_a_strange_stretch_in_the_primer_is_thrown_out_at_the_next_examination() -> None:
    primer = Primer()
    listen(primer, call(30.0, *phrases("holder", 0.5, 29)))
    strange = Chunk(call(1.6, ("other", 0.0, 1.6)), 8.0, -23.0)
    kept = strange.samples
    primer._holder.append(strange)
    primer._fresh, primer._since_examined = True, 8.0
    before = len(primer._holder)
    for _ in range(before):
        primer._fresh, primer._since_examined = True, 8.0
        primer.examine(FakeToneNetwork())
    assert {voice_of(chunk.samples) for chunk in primer._holder} == {"holder"}
    assert len(primer._holder) == before - 1
    assert not kept.any()


def test_examinations_are_rare() -> None:
    network = FakeToneNetwork()
    primer = Primer()
    sound = call(120.0, *phrases("holder", 0.5, 119))
    listen(primer, sound, network)
    hops = len(sound) // HOP - 8
    assert 5 <= network.calls - hops <= 120 * (2.0 / 2.6) / 8 + 8


def test_who_speaks_most_becomes_the_holder() -> None:
    primer = Primer()
    swaps = listen(primer, call(60.0, *phrases("other", 0.5, 4.5), *phrases("holder", 5, 59)))
    assert len(swaps) == 1
    assert 15 < swaps[0] < 30
    assert {voice_of(chunk.samples) for chunk in primer._holder} == {"holder"}


def test_a_holder_who_is_answered_stays_the_holder() -> None:
    primer = Primer()
    swaps = listen(
        primer, call(60.0, *phrases("holder", 0.5, 15), *phrases("other", 16, 40), *phrases("holder", 42, 59))
    )
    assert swaps == []


def test_after_two_minutes_nobody_changes_places() -> None:
    primer = Primer()
    sound = call(170.0, *phrases("holder", 0.5, 20), *phrases("other", 125, 169))
    assert listen(primer, sound) == []


def test_forgetting_overwrites_every_sample() -> None:
    primer = Primer()
    listen(primer, call(20.0, *phrases("holder", 0.5, 14), ("other", 15.5, 18.0)))
    kept = [chunk.samples for chunk in [*primer._holder, *primer._other]] + primer._guess + [primer._tile]
    assert all(sound.any() for sound in kept)
    primer.forget()
    assert not any(sound.any() for sound in kept)
    assert not primer.ready
