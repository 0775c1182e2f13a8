"""The gate's rules frame by frame, and the real Silero model scored as a stream."""

from __future__ import annotations

import itertools
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.detection import FORGET_FRAMES, GateThresholds, SileroDetector, SpeechGate, VoiceChange, VoiceKind
from speech.errors import BlockSizeError
from speech.ports import FRAME, FRAME_SECONDS, INAUDIBLE
from tests.speech.voices import noise, speak

ROSE, FELL, STARTED, ENDED = VoiceKind.ROSE, VoiceKind.FELL, VoiceKind.STARTED, VoiceKind.ENDED


def frames(changes: list[VoiceChange], start_at: float = 0.0) -> list[tuple[str, int, int]]:
    """Return (kind, frame that ended at `at`, frame edge of `since`) with times counted in frames."""
    return [
        (c.kind.value, round((c.at - start_at) / FRAME_SECONDS), round((c.since - start_at) / FRAME_SECONDS))
        for c in changes
    ]


def test_three_loud_frames_start_speech_and_400_ms_of_silence_end_it() -> None:
    assert frames(SpeechGate().push([0.1, 0.9, 0.9, 0.9, 0.9] + [0.0] * 13)) == [
        ("rose", 2, 1),
        ("started", 4, 1),
        ("fell", 6, 5),
        ("ended", 18, 5),
    ]


def test_speech_is_not_over_one_frame_before_400_ms() -> None:
    assert [c.kind for c in SpeechGate().push([0.9] * 3 + [0.0] * 12)] == [ROSE, STARTED, FELL]


@pytest.mark.parametrize("loud", [1, 2])
def test_a_voice_that_is_not_confirmed_falls_without_starting(loud: int) -> None:
    assert frames(SpeechGate().push([0.9] * loud + [0.0] * 40)) == [("rose", 1, 0), ("fell", loud + 1, loud)]


@pytest.mark.parametrize(
    ("probability", "kinds"), [(0.4999, []), (0.5, [ROSE]), (0.3499, []), (0.35, []), (1.0, [ROSE]), (math.nan, [])]
)
def test_the_rise_is_at_one_half(probability: float, kinds: list[VoiceKind]) -> None:
    assert [c.kind for c in SpeechGate().push([probability])] == kinds


@pytest.mark.parametrize(("probability", "kinds"), [(0.35, []), (0.3499, [FELL]), (0.49, []), (0.0, [FELL])])
def test_the_fall_is_below_035(probability: float, kinds: list[VoiceKind]) -> None:
    gate = SpeechGate()
    gate.push([0.9])
    assert [c.kind for c in gate.push([probability])] == kinds


def test_a_frame_between_the_thresholds_carries_voice_on_but_confirms_nothing() -> None:
    gate = SpeechGate()
    assert frames(gate.push([0.9, 0.9, 0.4, 0.9, 0.9, 0.4, 0.4])) == [("rose", 1, 0)]
    assert frames(gate.push([0.9, 0.9, 0.9])) == [("started", 10, 7)]
    assert frames(gate.push([0.4] * 100)) == []


def test_a_frame_between_the_thresholds_does_not_break_a_silence() -> None:
    gate = SpeechGate()
    gate.push([0.9] * 3)
    assert frames(gate.push([0.0, 0.4] * 7)) == [("fell", 4, 3), ("ended", 16, 3)]


def test_a_rise_during_the_silence_starts_it_again() -> None:
    gate = SpeechGate()
    gate.push([0.9] * 3)
    assert frames(gate.push([0.0] * 12 + [0.6] + [0.0] * 13)) == [
        ("fell", 4, 3),
        ("rose", 16, 15),
        ("fell", 17, 16),
        ("ended", 29, 16),
    ]


def test_rose_comes_before_started_and_fell_before_ended_in_one_frame() -> None:
    gate = SpeechGate(thresholds=GateThresholds(start_frames=1, end_seconds=0.01))
    assert frames(gate.push([0.9, 0.0])) == [("rose", 1, 0), ("started", 1, 0), ("fell", 2, 1), ("ended", 2, 1)]


def test_times_are_absolute_and_do_not_drift() -> None:
    gate = SpeechGate(1000.5)
    gate.push([0.0] * 1_000_000)
    (rose,) = gate.push([0.9])
    assert rose == VoiceChange(ROSE, at=1000.5 + 1_000_001 * FRAME_SECONDS, since=1000.5 + 1_000_000 * FRAME_SECONDS)


def test_lost_sound_moves_the_clock_keeps_the_voice_and_breaks_an_unconfirmed_run() -> None:
    gate = SpeechGate()
    gate.push([0.9] * 2)
    gate.skip_to(10.0)
    assert gate.push([0.9] * 2) == []
    assert gate.push([0.9]) == [VoiceChange(STARTED, 10.0 + 3 * FRAME_SECONDS, 10.0)]
    gate.skip_to(20.0)
    assert gate.push([0.0]) == [VoiceChange(FELL, 20.0 + FRAME_SECONDS, 10.0 + 3 * FRAME_SECONDS)]
    with pytest.raises(ValueError, match="before"):
        gate.skip_to(20.0)


def test_the_end_of_the_stream_closes_what_is_open() -> None:
    gate = SpeechGate()
    assert gate.finish() == []
    gate.push([0.9] * 4)
    assert frames(gate.finish()) == [("fell", 4, 4), ("ended", 4, 4)]
    assert gate.finish() == []
    gate.push([0.9] * 3 + [0.0] * 2)
    assert frames(gate.finish()) == [("ended", 9, 7)]


def test_what_the_gate_says_of_itself() -> None:
    gate = SpeechGate(5.0)
    assert (gate.now, gate.voiced, gate.speaking, gate.last_voiced_at) == (5.0, False, False, None)
    gate.push([0.9] * 3)
    assert (gate.voiced, gate.speaking, gate.last_voiced_at) == (True, True, gate.now)
    gate.push([0.0])
    assert (gate.voiced, gate.speaking, gate.last_voiced_at) == (False, True, 5.0 + 3 * FRAME_SECONDS)


@pytest.mark.parametrize(
    "settings",
    [
        {"rise_probability": 0.3},
        {"fall_probability": 0.0},
        {"rise_probability": 1.1},
        {"start_frames": 0},
        {"end_seconds": 0.0},
        {"end_seconds": math.nan},
    ],
)
def test_thresholds_that_make_no_sense_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        GateThresholds(**settings)


@pytest.mark.parametrize(("seconds", "count"), [(0.001, 1), (0.032, 1), (0.033, 2), (0.32, 10), (0.4, 13), (0.416, 13)])
def test_the_silence_is_rounded_up_to_whole_frames(seconds: float, count: int) -> None:
    assert GateThresholds(end_seconds=seconds).end_frames == count


PROBABILITY = st.one_of(st.sampled_from([0.0, 0.34, 0.35, 0.4, 0.499, 0.5, 0.9]), st.floats(0, 1))
RUNS = st.lists(st.tuples(PROBABILITY, st.integers(1, 20)), max_size=40).map(
    lambda runs: [p for p, n in runs for _ in range(n)]
)


@given(RUNS, st.floats(0, 1e6))
def test_changes_alternate_and_times_never_go_back(probabilities: list[float], start_at: float) -> None:
    gate = SpeechGate(start_at)
    changes = gate.push(probabilities) + gate.finish()
    for pair in ((ROSE, FELL), (STARTED, ENDED)):
        kinds = [c.kind for c in changes if c.kind in pair]
        assert kinds == list(itertools.islice(itertools.cycle(pair), len(kinds)))
        assert len(kinds) % 2 == 0
    for earlier, later in itertools.pairwise(changes):
        assert earlier.at <= later.at
        assert earlier.since <= later.since
    assert all(start_at <= c.since <= c.at <= gate.now for c in changes)


@given(RUNS, st.lists(st.integers(0, 50)))
def test_how_the_frames_are_cut_into_calls_makes_no_difference(probabilities: list[float], cuts: list[int]) -> None:
    whole = SpeechGate(3.25).push(probabilities)
    gate = SpeechGate(3.25)
    pieces: list[VoiceChange] = []
    position = 0
    for cut in [*cuts, len(probabilities)]:
        pieces += gate.push(probabilities[position : position + cut])
        position += cut
    pieces += gate.push(probabilities[position:])
    assert pieces == whole


@given(RUNS)
def test_the_gate_agrees_with_a_plain_reading_of_the_rules(probabilities: list[float]) -> None:
    voiced: list[bool] = []
    for p in probabilities:
        voiced.append(p >= 0.5 or (bool(voiced) and voiced[-1] and p >= 0.35))
    speaking: list[bool] = []
    for i in range(len(probabilities)):
        was = bool(speaking) and speaking[-1]
        confirmed = i >= 2 and all(p >= 0.5 for p in probabilities[i - 2 : i + 1])
        over = not any(voiced[max(0, i - 12) : i + 1])
        speaking.append(confirmed or (was and not over))
    expected = [
        (kind, i + 1)
        for i in range(len(probabilities))
        for kind, state, rising in (
            ("rose", voiced, 1),
            ("started", speaking, 1),
            ("fell", voiced, 0),
            ("ended", speaking, 0),
        )
        if bool(state[i]) == bool(rising) and (i > 0 and state[i - 1]) != bool(rising)
    ]
    assert [(kind, at) for kind, at, _ in frames(SpeechGate().push(probabilities))] == expected


def test_the_model_scores_speech_high_and_noise_low() -> None:
    sound = np.concatenate(
        [noise(1.0, seed=1), speak("Bonjour à tous, je vous remercie de votre aide.", "fr"), noise(1.0, seed=2)]
    )
    scores = SileroDetector().score(sound[: len(sound) // FRAME * FRAME])
    second = round(1 / FRAME_SECONDS)
    assert scores.dtype == np.float32
    assert scores[: second - 2].max() < 0.35
    assert scores[-second + 8 :].max() < 0.35
    assert (scores >= 0.5).sum() > second


@pytest.mark.parametrize("count", [2, 7, 32])
def test_several_frames_in_one_call_score_as_one_by_one(count: int) -> None:
    sound = speak("Bonjour à tous, je vous remercie de votre aide.", "fr")
    sound = sound[: len(sound) // (FRAME * count) * FRAME * count]
    single, several = SileroDetector(), SileroDetector()
    one_by_one = np.concatenate([single.score(frame) for frame in sound.reshape(-1, FRAME)])
    together = np.concatenate([several.score(block) for block in sound.reshape(-1, FRAME * count)])
    np.testing.assert_allclose(together, one_by_one, atol=1e-5)


def test_what_cannot_be_heard_costs_nothing_and_is_no_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    speech = speak("Bonjour à tous, je vous remercie de votre aide.", "fr")
    speech = speech[: len(speech) // FRAME * FRAME]
    quiet = (0.9 * INAUDIBLE * np.sign(noise(3.2, seed=4)))[: 100 * FRAME].astype(np.float32)
    detector, runs = SileroDetector(), list[int]()
    run = detector._run
    monkeypatch.setattr(detector, "_run", lambda frames: runs.append(len(frames)) or run(frames))
    scores = detector.score(np.concatenate([quiet, speech, quiet, speech]))
    count = len(speech) // FRAME
    assert sum(runs) <= 2 * count + 2 * FORGET_FRAMES
    assert (scores[:100] == 0).all()
    np.testing.assert_allclose(scores[100 : 100 + count], SileroDetector().score(speech), atol=0.05)
    np.testing.assert_allclose(scores[-count:], scores[100 : 100 + count], atol=0.05)


def test_detectors_do_not_hear_each_other_and_reset_forgets() -> None:
    sound = speak("Bonjour à tous.", "fr")[: FRAME * 20]
    first, second = SileroDetector(), SileroDetector()
    expected = first.score(sound)
    second.score(noise(1.024, seed=3))
    np.testing.assert_array_equal(SileroDetector().score(sound), expected)
    second.reset()
    np.testing.assert_array_equal(second.score(sound), expected)


@pytest.mark.parametrize("shape", [(FRAME - 1,), (1,), (FRAME + 1,), (1, FRAME)])
def test_a_block_of_a_wrong_size_is_refused_and_changes_nothing(shape: tuple[int, ...]) -> None:
    sound = speak("Bonjour à tous.", "fr")[: FRAME * 20]
    detector, other = SileroDetector(), SileroDetector()
    detector.score(sound)
    other.score(sound)
    with pytest.raises(BlockSizeError):
        detector.score(np.zeros(shape, dtype=np.float32))
    np.testing.assert_array_equal(detector.score(sound), other.score(sound))


def test_no_frames_give_no_scores() -> None:
    assert SileroDetector().score(np.zeros(0, dtype=np.float32)).shape == (0,)


def test_sound_that_is_not_a_number_does_not_spoil_the_stream() -> None:
    sound = speak("Bonjour à tous.", "fr")[: FRAME * 20]
    detector, other = SileroDetector(), SileroDetector()
    detector.score(np.full(FRAME, np.nan, dtype=np.float32))
    other.score(np.zeros(FRAME, dtype=np.float32))
    np.testing.assert_array_equal(detector.score(sound), other.score(sound))


def test_hearing_loads_no_recognizer_and_sends_or_keeps_no_telemetry(tmp_path: Path) -> None:
    code = (
        "import sys; from speech.detection import SileroDetector; SileroDetector(); print('ctranslate2' in sys.modules)"
    )
    watched = ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "TMPDIR")
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "ORT_DISABLE_TELEMETRY")}
    environment |= dict.fromkeys(watched, str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "False"
    assert list(tmp_path.iterdir()) == []
