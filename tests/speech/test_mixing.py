"""The mixer of the virtual microphone: transparent, within full scale, without a click, on two clocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from speech.mixing import ATTACK_SECONDS, DUCKED, HELD_SECONDS, KNEE, RELEASE_SECONDS, Ducker, Elastic, Mixer, limit
from speech.ports import Samples

RATE_HZ = 48_000
TONE_HZ = 220.0
STEP = 2 * np.pi * TONE_HZ / RATE_HZ
"""The most that a tone of full scale moves from one sample to the next."""


def tone(seconds: float, rate_hz: int = RATE_HZ, level: float = 0.5) -> Samples:
    at = np.arange(round(seconds * rate_hz)) / rate_hz
    return (level * np.sin(2 * np.pi * TONE_HZ * at)).astype(np.float32)


def carried(elastic: Elastic, samples: Samples, puts: float, takes: int) -> Samples:
    """Return what comes out, in blocks of `takes`, while `samples` go in by `puts` a block, a fraction carried on."""
    out: list[Samples] = []
    place = 0
    while (until := int((len(out) + 1) * puts)) <= len(samples):
        elastic.put(samples[place:until])
        place = until
        out.append(elastic.take(takes))
    return np.concatenate(out)


@given(hnp.arrays(np.float32, st.integers(0, 64), elements=st.floats(-8, 8, width=32)))
def test_the_limiter_stays_within_full_scale_and_changes_nothing_below_its_knee(samples: Samples) -> None:
    limited = limit(samples)
    assert limited.dtype == np.float32
    assert float(np.abs(limited).max(initial=0)) <= 1.0
    below = np.abs(samples) <= KNEE
    assert np.array_equal(limited[below], samples[below])
    assert np.array_equal(np.sign(limited), np.sign(samples))


def test_the_limiter_bends_without_a_corner_and_never_back() -> None:
    rising = np.linspace(0, 2, 20_001, dtype=np.float32)
    steps = np.diff(limit(rising).astype(np.float64)) / np.diff(rising.astype(np.float64))
    assert steps.min() >= -0.01
    assert np.abs(np.diff(steps)).max() < 0.02


def settled(ducker: Ducker, person: Samples) -> float:
    return float(ducker.gain(person)[-1])


def test_the_voice_is_lowered_as_fast_as_said_and_comes_back_after_the_hold() -> None:
    ducker = Ducker(RATE_HZ)
    quiet = np.zeros(480, dtype=np.float32)
    assert settled(ducker, quiet) == 1.0
    gains = ducker.gain(tone(ATTACK_SECONDS))
    assert gains[-1] == pytest.approx(DUCKED + (1 - DUCKED) / np.e, abs=0.01)
    assert settled(ducker, tone(0.5)) == pytest.approx(DUCKED, abs=0.001)
    held = np.concatenate([ducker.gain(quiet) for _ in range(int(HELD_SECONDS * 100) - 1)])
    assert held.max() == pytest.approx(DUCKED, abs=0.001)
    ducker.gain(quiet)
    back = ducker.gain(np.zeros(round(RELEASE_SECONDS * RATE_HZ), dtype=np.float32))
    assert back[-1] == pytest.approx(1 - (1 - DUCKED) / np.e, abs=0.02)


def test_a_quiet_room_lowers_nothing() -> None:
    noise = np.random.default_rng(3).standard_normal(RATE_HZ).astype(np.float32) * np.float32(0.003)
    assert Ducker(RATE_HZ).gain(noise).min() == 1.0


def test_the_gain_moves_sample_by_sample_whatever_the_blocks() -> None:
    ducker = Ducker(RATE_HZ)
    person = np.concatenate([np.zeros(960, np.float32), tone(0.3), np.zeros(RATE_HZ, np.float32)])
    gains = np.concatenate([ducker.gain(person[place : place + 480]) for place in range(0, len(person), 480)])
    assert np.abs(np.diff(gains)).max() < 2 * (1 - DUCKED) / (ATTACK_SECONDS * RATE_HZ)


@pytest.mark.parametrize("from_hz", [16_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("drift", [-0.0005, 0.0, 0.0005])
def test_the_microphone_is_carried_without_a_gap_or_a_click_whatever_its_rate_and_its_clock(
    from_hz: int, drift: float
) -> None:
    elastic = Elastic(from_hz, RATE_HZ)
    takes = 480
    heard = carried(elastic, tone(60.0, from_hz), takes * from_hz / RATE_HZ * (1 + drift), takes)
    assert (elastic.gaps, elastic.skipped_seconds) == (0, 0.0)
    flowing = heard[RATE_HZ:]
    assert np.abs(np.diff(flowing)).max() <= 0.5 * STEP * 1.05
    loud = np.sqrt(np.mean(flowing[: RATE_HZ * 50].reshape(-1, 2400) ** 2, axis=1))
    assert loud == pytest.approx(0.5 / np.sqrt(2), rel=0.02), "some of it is missing"


def test_what_waits_stays_short_whatever_the_clocks() -> None:
    for drift in (-0.0005, 0.0005):
        elastic = Elastic(RATE_HZ, RATE_HZ)
        place = 0
        waits = []
        for block in range(12_000):
            until = int((block + 1) * 480 * (1 + drift))
            elastic.put(np.zeros(until - place, dtype=np.float32))
            place = until
            elastic.take(480)
            waits.append(elastic.waiting_seconds)
        assert max(waits[200:]) < 0.02
        assert elastic.gaps == 0


def test_blocks_that_come_in_bursts_are_carried_whole() -> None:
    """Two devices with blocks of their own lengths, as sound cards have them."""
    elastic = Elastic(44_100, RATE_HZ)
    sound = tone(30.0, 44_100)
    out, place = [], 0
    for block in range(3_000):
        due = int((block + 1) * 441) // 1024 * 1024
        elastic.put(sound[place:due])
        place = due
        out.append(elastic.take(480))
    assert elastic.gaps <= 3  # until it knows what the bursts need
    flowing = np.concatenate(out)[10 * RATE_HZ :]
    assert np.abs(np.diff(flowing)).max() <= 0.5 * STEP * 1.05


def test_a_microphone_that_stops_fades_and_comes_back_by_itself() -> None:
    elastic = Elastic(RATE_HZ, RATE_HZ)
    before = carried(elastic, tone(1.0), 480, 480)
    missing = np.concatenate([elastic.take(480) for _ in range(50)])
    after = carried(elastic, tone(1.0), 480, 480)
    assert elastic.gaps == 1
    assert not missing[-480:].any()
    fade = 0.5 / (0.003 * RATE_HZ)
    assert np.abs(np.diff(np.concatenate([before, missing, after]))).max() <= 0.5 * STEP * 1.05 + fade * 1.05
    assert np.abs(after[-4800:]).max() == pytest.approx(0.5, rel=0.02)


def test_a_device_that_holds_much_back_is_not_late_for_ever() -> None:
    elastic = Elastic(RATE_HZ, RATE_HZ)
    carried(elastic, tone(1.0), 480, 480)
    elastic.put(tone(0.5))
    heard = carried(elastic, tone(3.0), 480, 480)
    assert elastic.skipped_seconds == pytest.approx(0.5, abs=0.02)
    assert elastic.waiting_seconds < 0.02
    assert np.abs(heard[-4800:]).max() == pytest.approx(0.5, rel=0.02)


def test_both_are_heard_and_the_sum_never_leaves_full_scale() -> None:
    mixer = Mixer(RATE_HZ, RATE_HZ)
    person, voice = tone(2.0, level=1.0), tone(2.0, level=1.0)
    out = []
    for place in range(0, len(person), 480):
        mixer.put(person[place : place + 480])
        out.append(mixer.mix(voice[place : place + 480]))
    heard = np.concatenate(out)
    assert float(np.abs(heard).max()) <= 1.0
    assert float(np.abs(heard).max()) > 0.95


def test_the_voice_alone_leaves_as_it_came() -> None:
    mixer = Mixer(RATE_HZ, RATE_HZ)
    voice = tone(0.1)
    assert np.array_equal(mixer.mix(voice), voice)


def test_a_person_is_never_lowered_while_the_voice_sounds() -> None:
    alone, beside = Mixer(RATE_HZ, RATE_HZ), Mixer(RATE_HZ, RATE_HZ)
    person = tone(1.0, level=0.3)
    silence = np.zeros(480, dtype=np.float32)
    for place in range(0, len(person), 480):
        for mixer in (alone, beside):
            mixer.put(person[place : place + 480])
        without, with_ = alone.mix(silence), beside.mix(silence + np.float32(0.1))
        assert np.all(with_ - without >= 0.1 * DUCKED - 1e-6)
