"""The recipe of the floor model: what its labelled calls hold, and what is never mixed up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.voices import LEVEL, Library, Voice
from speech.ports import RATE_HZ
from tools.floor_model import bursts, line
from tools.floor_model.calls import Wanted, make
from tools.floor_model.people import PARTS, People, faster, pitch_hz
from tools.floor_model.scene import ALONE, DENSE, DUE_SECONDS, TRAINING, play
from tools.floor_model.windows import FIRST, FRAMES, HALF, labels


def voice(pitch_hz: float) -> Voice:
    """Return a made-up speaker: tones with short pauses, 12 s."""
    t = np.arange(12 * RATE_HZ) / RATE_HZ
    mask = (t % 3.0) < 2.7
    made = Voice(())
    made.takes = [((np.sin(2 * np.pi * pitch_hz * t) * mask * LEVEL * 1.4).astype(np.float32), mask)]
    return made


def test_nobody_is_in_two_parts(test_data: Path) -> None:
    people = People(test_data)
    parts = [set(people.names(part)) for part in PARTS]
    assert all(len(part) > 10 for part in parts)
    assert len(set.union(*parts)) == sum(map(len, parts))
    assert all(people.long & part for part in parts[1:])


def test_a_call_follows_from_its_name(test_data: Path) -> None:
    people, library = People(test_data), Library(test_data)
    wanted = Wanted("tuning", DENSE.name, line.CLEAN, 4)
    first, second = make(wanted, people, library), make(wanted, people, library)
    assert np.array_equal(first.sound, second.sound)
    assert first.scene.truth == second.scene.truth


def test_what_happens_in_a_scene_is_as_its_kind_is_defined() -> None:
    seen: set[str] = set()
    for seed in range(12):
        others = [("a", voice(300)), ("b", voice(500))]
        scene = play(np.random.default_rng(seed), voice(150), others, seconds=80, rate=TRAINING, bursts=3.0)
        for event in scene.truth:
            seen.add(event.kind)
            held = scene.speaking[""]
            start, end = round(event.onset * RATE_HZ), round(event.end * RATE_HZ)
            assert scene.speaking[event.who][start + 200 : end - 200].mean() > 0.8
            after = held[start : start + RATE_HZ]
            if event.kind == "talk_over":
                assert event.end - event.onset >= DUE_SECONDS["talk_over"]
                assert after.mean() > 0.7
            if event.kind == "cut":
                assert event.end - event.onset >= DUE_SECONDS["cut"]
                assert held[start]
                assert not held[start + RATE_HZ // 2 : end - RATE_HZ // 10].any()
            if event.kind == "intrusion":
                assert event.end - event.onset >= DUE_SECONDS["intrusion"]
                assert not held[start:end].any()
            if event.kind == "backchannel":
                assert event.end - event.onset <= 0.8 + 1e-3
    assert seen == {"talk_over", "cut", "intrusion", "backchannel"}


def test_a_holder_alone_is_alone() -> None:
    scene = play(np.random.default_rng(1), voice(150), [("a", voice(300))], seconds=60, rate=ALONE, bursts=4.0)
    assert scene.truth == []
    assert not scene.others.any()
    assert scene.speaking[""].mean() > 0.3


@pytest.mark.parametrize("kind", list(bursts.BURSTS))
def test_bursts_are_finite_and_level(kind: str) -> None:
    sound = bursts.BURSTS[kind](np.random.default_rng(3))
    assert sound.dtype == np.float32
    assert np.isfinite(sound).all()
    assert 0.3 < np.sqrt((sound**2).mean()) < 1.1
    assert not np.array_equal(sound[:100], bursts.BURSTS[kind](np.random.default_rng(4))[:100])


def test_what_the_line_does_keeps_time_and_length() -> None:
    rng = np.random.default_rng(2)
    sound = np.zeros(4 * RATE_HZ, np.float32)
    sound[RATE_HZ : 2 * RATE_HZ] = voice(200).takes[0][0][:RATE_HZ]
    for changed in (
        line.coded(sound, 20, 0.02, rng),
        line.levelled(sound, rng),
        line.suppressed(sound + rng.normal(0, 0.001, len(sound)).astype(np.float32)),
    ):
        assert len(changed) == len(sound)
        power = np.convolve(changed**2, np.ones(1600) / 1600, "same")
        loud = np.flatnonzero(power > 0.25 * power.max()) / RATE_HZ
        assert 0.9 < loud[0] < 1.1
        assert 1.9 < loud[-1] < 2.1


def test_who_speaks_second_is_turned_down(tmp_path: Path) -> None:
    library = Library(tmp_path)
    count = 6 * RATE_HZ
    mine = np.zeros(count, np.bool_)
    mine[: 3 * RATE_HZ] = True
    theirs = np.ones(count, np.bool_)
    tone = np.full(count, 0.01, np.float32)
    condition = line.Condition("ducked", duck_db=(12, 12), duck=1.0)
    tracks = {"": np.zeros(count, np.float32), "a": tone}
    mix = line.mixed(tracks, {"": mine, "a": theirs}, condition, library, np.random.default_rng(1))
    fall = 20 * np.log10(mix[RATE_HZ] / mix[5 * RATE_HZ])
    assert fall == pytest.approx(-12, abs=0.5)


def test_a_faster_voice_is_shorter_and_speaks_where_it_did() -> None:
    slow, fast = voice(200), faster(voice(200), 1.2)
    (before, spoken), (after, spoken_after) = slow.takes[0], fast.takes[0]
    assert len(after) == pytest.approx(len(before) / 1.2, rel=0.01)
    assert spoken_after.mean() == pytest.approx(spoken.mean(), abs=0.02)


def test_the_pitch_of_a_voice_is_found() -> None:
    rng = np.random.default_rng(1)
    t = np.arange(6 * RATE_HZ) / RATE_HZ
    for pitch in (95.0, 210.0):
        made = Voice(())
        buzz = sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 12)) + rng.normal(0, 0.1, len(t))
        made.takes = [(buzz.astype(np.float32), np.ones(len(t), np.bool_))]
        assert pitch_hz(made) == pytest.approx(pitch, rel=0.05)


def test_labels_are_taken_at_the_middle_of_each_frame() -> None:
    speaking = np.zeros(HALF, np.bool_)
    speaking[HALF // 2 :] = True
    found = labels(speaking)
    assert len(found) == FRAMES - FIRST
    assert abs(int(np.argmax(found)) - (FRAMES - FIRST) // 2) <= 2
