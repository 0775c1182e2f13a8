"""Another voice on one mixed channel, with voices that are tones."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speech.errors import BlockSizeError
from speech.interruptions.decision import FEATURES
from speech.interruptions.detector import PrimedDetector, Suspect
from speech.interruptions.network import HALF, Scores
from speech.ports import FRAME, RATE_HZ, Block, OtherVoice, OtherVoiceDetector, Samples
from tests.speech.interruptions.tones import FakeToneNetwork, blocks, call, speech_of

ALONE = [("holder", 0.5, 4.0), ("holder", 4.6, 8.0)]
CUT = [*ALONE, ("holder", 9.0, 11.3), ("other", 11.0, 14.0)]
TALK_OVER = [*ALONE, ("holder", 9.0, 15.0), ("other", 11.0, 13.0)]
INTRUSION = [*ALONE, ("other", 10.0, 13.0)]
ACKNOWLEDGED = [*ALONE, ("holder", 9.0, 15.0), ("other", 10.0, 10.8), ("other", 12.0, 12.8)]


def detector_of(model: Path) -> PrimedDetector:
    return PrimedDetector(model, network=FakeToneNetwork())


def hear(detector: PrimedDetector, sound: Samples, *, frames: int = 4, at: float = 0.0) -> list[OtherVoice]:
    return [voice for block, speech in blocks(sound, frames, at=at) for voice in detector.hear(block, speech)]


def heard(model: Path, sound: Samples, *, frames: int = 4, at: float = 0.0) -> list[OtherVoice]:
    detector = detector_of(model)
    detector.start()
    return hear(detector, sound, frames=frames, at=at)


@pytest.mark.parametrize(
    ("turns", "kind", "since", "due"),
    [(TALK_OVER, "talk_over", 11.0, 12.0), (CUT, "cut", 11.0, 12.5), (INTRUSION, "intrusion", 10.0, 11.5)],
)
def test_each_interruption_is_told_when_due_with_one_onset(
    simple_model: Path, turns: list[tuple[str, float, float]], kind: str, since: float, due: float
) -> None:
    voices = heard(simple_model, call(16.0, *turns))
    assert {voice.kind for voice in voices} == {kind}
    assert len({voice.since for voice in voices}) == 1
    assert voices[0].since == pytest.approx(since, abs=0.05)
    assert due <= voices[0].at <= due + 0.3
    assert all(voice.probability > 0.9 for voice in voices)
    assert voices[-1].at == pytest.approx({"talk_over": 13.5, "cut": 14.5, "intrusion": 13.5}[kind], abs=0.3)


@pytest.mark.parametrize("turns", [ALONE, ACKNOWLEDGED, []])
def test_nothing_is_told_of_a_holder_alone_acknowledged_or_silent(
    simple_model: Path, turns: list[tuple[str, float, float]]
) -> None:
    assert heard(simple_model, call(16.0, *turns)) == []


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=st.integers(1, 80))
def test_how_the_stream_is_cut_makes_no_difference(simple_model: Path, frames: int) -> None:
    sound = call(15.0, *TALK_OVER)
    told = {(v.kind, v.since, v.at, v.probability) for v in heard(simple_model, sound, frames=frames)}
    assert told == {(v.kind, v.since, v.at, v.probability) for v in heard(simple_model, sound)}


def test_nothing_is_heard_before_start_and_after_stop(simple_model: Path) -> None:
    detector = detector_of(simple_model)
    sound = call(16.0, *INTRUSION)
    assert hear(detector, sound) == []
    detector.start()
    hear(detector, sound)
    detector.stop()
    assert hear(detector, sound) == []


def test_a_new_step_is_told_like_the_first(simple_model: Path) -> None:
    detector = detector_of(simple_model)
    sound = call(16.0, *INTRUSION)
    detector.start()
    first = hear(detector, sound)
    detector.start()
    assert hear(detector, sound) == first


def test_nothing_of_a_voice_is_kept_after_stop(simple_model: Path) -> None:
    detector = detector_of(simple_model)
    detector.start()
    hear(detector, call(16.0, *CUT))

    def kept() -> list[np.ndarray]:
        """Return every array of sound that the detector reaches."""
        seen, todo, found = {id(detector._ear._network)}, [detector.__dict__], []
        while todo:
            thing = todo.pop()
            if id(thing) in seen or isinstance(thing, type) or callable(thing):
                continue
            seen.add(id(thing))
            if isinstance(thing, np.ndarray) and thing.dtype == np.float32:
                found.append(thing)
            elif not isinstance(thing, (np.ndarray, str, bytes, int, float, Path)):
                todo.extend(gc.get_referents(thing))
        return found

    before = kept()
    assert sum(array.any() for array in before) > 4
    detector.stop()
    assert not any(array.any() for array in before)
    assert not any(array.any() for array in kept())
    assert len(detector._ear.view().other) == 0


def test_our_own_voice_is_nobodys(simple_model: Path) -> None:
    detector = detector_of(simple_model)
    detector.start()
    told = []
    for block, speech in blocks(call(16.0, *INTRUSION)):
        told += detector.hear(block, speech, own_voice=block.at > 9.5)
    assert told == []


def test_a_prompt_amid_the_step_is_nobodys_and_teaches_nothing(simple_model: Path) -> None:
    sound = call(20.0, *ALONE, ("other", 10.0, 13.0), ("holder", 14.5, 19.0))
    told: dict[bool, list[OtherVoice]] = {}
    kept: dict[bool, tuple[int, float]] = {}
    for ours in (False, True):
        detector = detector_of(simple_model)
        detector.start()
        told[ours] = []
        for block, speech in blocks(sound):
            told[ours] += detector.hear(block, speech, own_voice=ours and 9.9 < block.at < 14.0)
        primer = detector._ear._primer
        kept[ours] = (len(primer._other), float(primer._spoken[1]))
    assert told[False]
    assert kept[False][0]
    assert told[True] == []
    assert kept[True] == (0, 0.0)


def test_our_own_voice_never_enters_the_primer(simple_model: Path) -> None:
    detector = detector_of(simple_model)
    detector.start()
    for block, speech in blocks(call(16.0, ("other", 0.0, 16.0))):
        detector.hear(block, speech, own_voice=True)
    assert not detector._ear._primer.ready
    assert detector.runs == 0


def test_times_begin_where_the_stream_does(simple_model: Path) -> None:
    sound = call(16.0, *INTRUSION)
    plain, later = heard(simple_model, sound), heard(simple_model, sound, at=5000.0)
    assert [v.at + 5000 for v in plain] == pytest.approx([v.at for v in later])
    assert [v.since + 5000 for v in plain] == pytest.approx([v.since for v in later])


@pytest.mark.parametrize("lost", [0.3, 2.0, 30.0, 3000.0])
def test_a_gap_counts_as_silence_and_times_stay_true(simple_model: Path, lost: float) -> None:
    detector = detector_of(simple_model)
    detector.start()
    hear(detector, call(10.0, *ALONE, ("holder", 9.0, 10.0)))
    voices = hear(detector, call(6.0, ("other", 1.0, 4.0)), at=10.0 - 10.0 % (FRAME / RATE_HZ) + lost)
    assert {voice.kind for voice in voices} == {"intrusion"}
    assert voices[0].since == pytest.approx(11.0 + lost, abs=0.08)


def test_a_live_clock_that_trembles_and_drifts_loses_nothing(simple_model: Path) -> None:
    detector = detector_of(simple_model)
    detector.start()
    rng = np.random.default_rng(3)
    voices = []
    for block, speech in blocks(call(16.0, *INTRUSION)):
        at = 100.0 + block.at * 1.002 + rng.uniform(-0.004, 0.004)  # forty times what sound cards do
        voices += detector.hear(Block(block.samples, at), speech)
    assert {voice.since for voice in voices} == {voices[0].since}
    assert voices[0].since == pytest.approx(110.02, abs=0.06)


def test_two_hours_cost_no_memory_and_no_precision(simple_model: Path) -> None:
    detector = detector_of(simple_model)
    detector.start()
    hear(detector, call(10.0, *ALONE))
    silence = np.zeros(FRAME * 1000, dtype=np.float32)
    at = len(call(10.0)) / RATE_HZ
    for _ in range(225):  # 32 s each
        detector.hear(Block(silence, at), np.zeros(1000, dtype=np.float32))
        at += 32.0
    runs = detector.runs
    voices = hear(detector, call(6.0, ("other", 1.0, 4.0)), at=at)
    assert detector.runs - runs < 24
    assert voices[0].since == pytest.approx(at + 1.0, abs=0.05)
    assert len(detector._ear.view().other) <= 1200
    assert len(detector._told) <= 1


def test_the_network_sleeps_while_nobody_speaks(simple_model: Path) -> None:
    detector = detector_of(simple_model)
    detector.start()
    hear(detector, call(10.0, *ALONE))
    runs = detector.runs
    hear(detector, call(30.0), at=10.0)
    assert detector.runs == runs


def test_a_voice_that_goes_on_soon_after_a_likely_one_is_the_same(simple_model: Path) -> None:
    voices = heard(simple_model, call(18.0, *ALONE, ("other", 10.0, 12.0), ("other", 12.65, 15.0)))
    assert len({voice.since for voice in voices}) == 1
    assert voices[-1].at > 15.0
    apart = heard(simple_model, call(18.0, *ALONE, ("other", 10.0, 12.0), ("other", 13.5, 16.0)))
    assert len({voice.since for voice in apart}) == 2


def test_once_the_true_holder_is_known_nothing_more_is_suspected(simple_model: Path) -> None:
    turns = [("holder", at, at + 2.0) for at in np.arange(5.5, 57, 2.6).tolist()]
    voices = heard(simple_model, call(60.0, ("other", 0.5, 4.5), *turns, ("other", 45.0, 47.5)))
    late = {voice.since for voice in voices if voice.at > 30}
    assert any(voice.at < 20 for voice in voices)
    assert len(late) == 1
    assert late.pop() == pytest.approx(45.0, abs=0.1)


def test_the_surest_comes_last(simple_model: Path) -> None:
    voices = PrimedDetector(simple_model, network=FakeToneNetwork())
    voices.start()
    for block, speech in blocks(call(16.0, *CUT), frames=100):
        told = [voice.probability for voice in voices.hear(block, speech)]
        assert told == sorted(told)


def test_suspects_carry_their_features_for_whoever_fits_the_decision(simple_model: Path) -> None:
    detector = detector_of(simple_model)
    detector.start()
    found: list[Suspect] = []
    for block, speech in blocks(call(16.0, *CUT)):
        found += detector.suspects(block, speech)
    voices = heard(simple_model, call(16.0, *CUT))
    assert [(suspect.candidate.kind, suspect.since, suspect.at) for suspect in found] == [
        (voice.kind, voice.since, voice.at) for voice in voices
    ]
    assert all(suspect.features.shape == (len(FEATURES),) for suspect in found)


@pytest.mark.parametrize(("samples", "frames"), [(FRAME, 2), (FRAME - 1, 1), (HALF, 0)])
def test_sound_and_probabilities_that_do_not_fit_are_refused(simple_model: Path, samples: int, frames: int) -> None:
    detector = detector_of(simple_model)
    detector.start()
    with pytest.raises(BlockSizeError):
        detector.hear(Block(np.zeros(samples, dtype=np.float32), 0.0), np.zeros(frames, dtype=np.float32))


def test_what_is_not_a_number_counts_as_silence(simple_model: Path) -> None:
    detector = detector_of(simple_model)
    detector.start()
    sound = call(16.0, *INTRUSION)
    sound[RATE_HZ * 6 : RATE_HZ * 6 + 200] = np.nan
    for block, _ in blocks(sound):
        detector.hear(block, speech_of(np.nan_to_num(block.samples)))
    assert np.isfinite(detector._ear.view().other).all()


def test_a_burst_of_rubbish_from_a_device_deafens_nothing(simple_model: Path) -> None:
    rubbish = np.full(FRAME, 1e30, dtype=np.float32)
    rubbish[::2] *= -1
    detector = detector_of(simple_model)
    detector.start()
    for block, speech in blocks(call(80.0, ("holder", 0.0, 80.0)), frames=1):
        noisy = block if abs(block.at - 0.256) > 1e-6 else Block(rubbish, block.at)
        detector.hear(noisy, speech)
    assert detector._ear._primer.ready


class _OnceNoNumber(FakeToneNetwork):
    def score(self, primer: Samples, recent: Samples) -> Scores:
        scores = super().score(primer, recent)
        return scores * np.float32(np.nan) if 35 < self.calls < 40 else scores


def test_scores_that_are_no_numbers_count_for_nothing(simple_model: Path) -> None:
    detector = PrimedDetector(simple_model, network=_OnceNoNumber())
    detector.start()
    voices = hear(detector, call(16.0, *INTRUSION))
    assert np.isfinite(detector._ear.view().other).all()
    assert voices
    assert np.isfinite([voice.probability for voice in voices]).all()


def test_it_is_the_port(simple_model: Path) -> None:
    port: OtherVoiceDetector = detector_of(simple_model)
    port.start()
    port.stop()
