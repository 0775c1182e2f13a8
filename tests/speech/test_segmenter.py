"""Utterances are cut where speech is, and never hold a sample from outside the grant.

The marker signal: each sample's value is its own number in the stream, so that an utterance says where it comes from.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech.detection import SileroDetector, SpeechGate, VoiceKind
from speech.ports import FRAME, RATE_HZ, Samples
from speech.recognition import segmenter as module
from speech.recognition.segmenter import Segmenter, Utterance
from tests.speech.voices import noise, speak

BLOCK = 512


def marker(begin: float, end: float) -> Samples:
    return np.arange(round(begin * RATE_HZ), round(end * RATE_HZ), dtype=np.float32)


def feed(segmenter: Segmenter, begin: float, end: float) -> list[Utterance]:
    """Add the marker signal of [begin, end) in blocks of 32 ms and return what comes out."""
    sound = marker(begin, end)
    given_out = [segmenter.add(sound[i : i + BLOCK], begin + i / RATE_HZ) for i in range(0, len(sound), BLOCK)]
    return [utterance for utterance in given_out if utterance is not None]


def span(utterance: Utterance | None) -> tuple[float, float]:
    """Return the times of the first sample and of the last one's end, after checking that the sound has no hole."""
    assert utterance is not None
    values = utterance.samples
    np.testing.assert_array_equal(np.diff(values), 1)
    begin, end = float(values[0]) / RATE_HZ, (float(values[-1]) + 1) / RATE_HZ
    assert utterance.samples.dtype == np.float32
    assert utterance.started_at == pytest.approx(begin, abs=1e-6)
    assert utterance.ended_at == pytest.approx(end, abs=1e-6)
    return begin, end


def test_speech_is_given_out_with_two_tenths_of_a_second_around_it() -> None:
    segmenter = Segmenter()
    segmenter.open(0.0)
    feed(segmenter, 0.0, 2.2)
    segmenter.speech_started(2.0)
    feed(segmenter, 2.2, 5.4)
    assert span(segmenter.speech_ended(5.0)) == pytest.approx((1.8, 5.2))


def test_padding_ends_with_the_sound_there_is() -> None:
    segmenter = Segmenter()
    segmenter.open(0.0)
    feed(segmenter, 0.1, 1.0)
    segmenter.speech_started(0.2)
    assert span(segmenter.speech_ended(0.95)) == pytest.approx((0.1, 1.0))


def test_no_sample_from_before_the_grant_or_after_it() -> None:
    segmenter = Segmenter()
    feed(segmenter, 0.0, 1.0)
    segmenter.open(0.5)
    feed(segmenter, 0.4, 1.5)
    segmenter.speech_started(0.55)
    assert span(segmenter.close(1.25)) == (0.5, 1.25)
    assert feed(segmenter, 1.5, 3.0) == []
    assert segmenter.held_seconds == 0


def test_a_grant_that_opens_within_a_word_starts_there() -> None:
    segmenter = Segmenter()
    feed(segmenter, 0.0, 2.0)
    segmenter.speech_started(1.0)
    segmenter.open(2.0)
    feed(segmenter, 2.0, 4.0)
    assert span(segmenter.speech_ended(3.5)) == pytest.approx((2.0, 3.7))


def test_a_grant_that_closes_within_a_word_ends_there() -> None:
    segmenter = Segmenter()
    segmenter.open(0.0)
    feed(segmenter, 0.0, 1.2)
    segmenter.speech_started(1.0)
    feed(segmenter, 1.2, 2.0)
    assert span(segmenter.close(1.99)) == pytest.approx((0.8, 1.99))


def test_speech_that_ended_before_the_grant_leaves_nothing_in_it() -> None:
    segmenter = Segmenter()
    segmenter.speech_started(1.0)
    segmenter.open(2.0)
    feed(segmenter, 2.0, 2.4)
    assert segmenter.speech_ended(1.95) is None
    assert segmenter.close(2.4) is None


def test_an_end_known_beforehand_is_kept_although_the_close_comes_late() -> None:
    segmenter = Segmenter()
    segmenter.open(0.0, until=1.5)
    segmenter.speech_started(0.5)
    feed(segmenter, 0.0, 3.0)
    assert span(segmenter.close(3.0)) == pytest.approx((0.3, 1.5))


@pytest.mark.parametrize(("seconds", "kept"), [(0.24, False), (0.25, True), (0.26, True)])
def test_speech_shorter_than_a_quarter_of_a_second_is_dropped(seconds: float, *, kept: bool) -> None:
    segmenter = Segmenter()
    segmenter.open(0.0)
    feed(segmenter, 0.0, 2.0)
    segmenter.speech_started(1.5)
    assert (segmenter.speech_ended(1.5 + seconds) is not None) is kept
    segmenter.close(2.0)
    segmenter.open(10.0)
    feed(segmenter, 10.0, 12.0)
    segmenter.speech_started(12.0 - seconds)
    assert (segmenter.close(12.0) is not None) is kept


def test_no_sample_is_in_two_utterances() -> None:
    segmenter = Segmenter()
    segmenter.open(0.0)
    feed(segmenter, 0.0, 1.2)
    segmenter.speech_started(1.0)
    feed(segmenter, 1.2, 2.5)
    first = span(segmenter.speech_ended(2.0))
    segmenter.speech_started(2.3)
    feed(segmenter, 2.5, 4.0)
    assert first == pytest.approx((0.8, 2.2))
    assert span(segmenter.speech_ended(3.5)) == pytest.approx((2.2, 3.7))


def test_only_a_second_is_kept_between_utterances() -> None:
    segmenter = Segmenter()
    segmenter.open(0.0)
    feed(segmenter, 0.0, 60.0)
    assert segmenter.held_seconds <= 1.0 + BLOCK / RATE_HZ
    segmenter.speech_started(50.0)
    assert span(segmenter.close(60.0))[0] >= 60.0 - 1.0 - BLOCK / RATE_HZ


def test_long_speech_is_cut_at_its_quietest_place() -> None:
    segmenter = Segmenter()
    segmenter.open(0.0)
    segmenter.speech_started(0.0)
    sound = noise(60.0, seed=1, level=0.3)
    sound[round(22.0 * RATE_HZ) : round(22.02 * RATE_HZ)] *= 0.01
    sound[round(10.0 * RATE_HZ) : round(11.0 * RATE_HZ)] = 0  # quieter, but not near the end
    given_out = [
        u for i in range(0, len(sound), BLOCK) if (u := segmenter.add(sound[i : i + BLOCK], i / RATE_HZ)) is not None
    ]
    last = segmenter.close(60.0)
    assert last is not None
    assert len(given_out) == 2
    assert given_out[0].ended_at == pytest.approx(22.01, abs=0.001)
    assert all(20 <= len(u.samples) / RATE_HZ <= 25 for u in given_out)
    np.testing.assert_array_equal(np.concatenate([u.samples for u in [*given_out, last]]), sound)


def test_the_short_tail_of_speech_that_was_cut_is_kept() -> None:
    segmenter = Segmenter()
    segmenter.open(0.0)
    segmenter.speech_started(0.0)
    sound = noise(25.0, seed=1, level=0.3)
    sound[-320:] = 0
    out = [u for i in range(0, len(sound), 16000) if (u := segmenter.add(sound[i : i + 16000], i / RATE_HZ))]
    assert out[0].ended_at == pytest.approx(24.99)
    segmenter.add(noise(0.1, seed=2), 25.0)
    tail = segmenter.speech_ended(25.05)
    assert tail is not None
    assert tail.started_at == pytest.approx(24.99)


def test_a_hole_in_the_stream_is_closed_up() -> None:
    segmenter = Segmenter()
    segmenter.open(0.0)
    segmenter.speech_started(0.0)
    segmenter.add(marker(0.0, 1.0), 0.0)
    segmenter.add(marker(2.0, 3.0), 2.0)
    utterance = segmenter.close(2.5)
    assert utterance is not None
    assert len(utterance.samples) == 1.5 * RATE_HZ
    assert (utterance.started_at, utterance.ended_at) == (0.0, 2.5)


def test_what_is_given_out_is_no_view_of_the_callers_sound() -> None:
    segmenter = Segmenter()
    segmenter.open(0.0)
    segmenter.speech_started(0.0)
    block = marker(0.0, 1.0)
    segmenter.add(block, 0.0)
    block[:] = -1
    assert span(segmenter.close(1.0)) == (0.0, 1.0)


def test_grants_do_not_overlap_and_closing_twice_does_nothing() -> None:
    segmenter = Segmenter()
    assert segmenter.close(0.0) is None
    with pytest.raises(ValueError, match="before it starts"):
        segmenter.open(1.0, until=0.5)
    segmenter.open(1.0)
    with pytest.raises(ValueError, match="open already"):
        segmenter.open(2.0)
    segmenter.close(2.0)
    assert segmenter.close(3.0) is None
    assert not segmenter.is_open


def test_a_block_too_long_to_bound_what_is_held_is_refused() -> None:
    segmenter = Segmenter()
    with pytest.raises(ValueError, match="may last 4 s"):
        segmenter.add(np.zeros(4 * RATE_HZ + 1, dtype=np.float32), 0.0)


@dataclass
class Play:
    """A stream, its grants and its speech, driven through a segmenter by drawn moves."""

    position: int
    segmenter: Segmenter = field(default_factory=Segmenter)
    grant_at: float = 0.0
    given_out: list[tuple[float, Utterance]] = field(default_factory=list)
    spent_until: float = 0.0
    speech_at: float = 0.0

    def take(self, utterance: Utterance | None) -> None:
        if utterance is not None:
            self.given_out.append((self.grant_at, utterance))
            self.spent_until = utterance.ended_at

    def earlier(self, lag: float, floor: float) -> float:
        return max(self.position / RATE_HZ - lag, floor)

    def sound(self, size: float) -> None:
        samples = np.arange(self.position, self.position + int(size), dtype=np.float32)
        self.take(self.segmenter.add(samples, self.position / RATE_HZ))
        self.position += int(size)

    def hole(self, size: float) -> None:
        self.position += int(size)

    def open(self, lag: float) -> None:
        if not self.segmenter.is_open:
            self.grant_at = self.earlier(lag, self.spent_until)
            self.segmenter.open(self.grant_at)

    def close(self, lag: float) -> None:
        if self.segmenter.is_open:
            at = self.earlier(lag, max(self.grant_at, self.spent_until))
            count = len(self.given_out)
            self.take(self.segmenter.close(at))
            for _, utterance in self.given_out[count:]:
                assert utterance.samples[-1] / RATE_HZ < at + 1e-6
            self.spent_until = at

    def start(self, lag: float) -> None:
        self.speech_at = self.earlier(lag, self.speech_at)
        self.segmenter.speech_started(self.speech_at)

    def end(self, lag: float) -> None:
        self.speech_at = self.earlier(lag, self.speech_at)
        self.take(self.segmenter.speech_ended(self.speech_at))


LAGS = st.tuples(st.sampled_from(["open", "close", "start", "end"]), st.floats(0, 1.5))
SOUNDS = st.tuples(st.just("sound"), st.integers(1, 4 * RATE_HZ))
HOLES = st.tuples(st.just("hole"), st.integers(1, RATE_HZ))


@settings(max_examples=300)
@given(st.lists(st.one_of(SOUNDS, SOUNDS, LAGS, LAGS, HOLES), max_size=40), st.integers(0, 2000))
def test_no_sample_from_outside_a_grant_whatever_happens_when(moves: list[tuple[str, float]], origin: int) -> None:
    play = Play(position=origin)
    for move, size in moves:
        getattr(play, move)(size)
        assert play.segmenter.held_seconds <= 31
        assert play.segmenter.is_open or not play.segmenter.held_seconds
    previous = -1.0
    for grant_at, utterance in play.given_out:
        first, last = float(utterance.samples[0]), float(utterance.samples[-1])
        assert first / RATE_HZ > grant_at - 1e-6
        assert first > previous
        assert (np.diff(utterance.samples) > 0).all()
        assert len(utterance.samples) <= module.LONGEST_SECONDS * RATE_HZ
        assert utterance.started_at == pytest.approx(first / RATE_HZ, abs=1e-6)
        assert utterance.ended_at == pytest.approx((last + 1) / RATE_HZ, abs=1e-6)
        previous = last


def test_sentences_heard_by_the_detector_come_out_whole() -> None:
    sentences = [
        speak(text, "fr") for text in ("Bonjour à tous, merci de votre aide.", "Je voudrais parler du budget.")
    ]
    sound = np.concatenate([noise(1, seed=1), sentences[0], noise(1.5, seed=2), sentences[1], noise(1.5, seed=3)])
    sound = sound[: len(sound) // FRAME * FRAME]
    detector, gate, segmenter = SileroDetector(), SpeechGate(100.0), Segmenter()
    segmenter.open(100.0)
    utterances: list[Utterance] = []
    for i in range(0, len(sound), 2 * FRAME):
        block = sound[i : i + 2 * FRAME]
        segmenter.add(block, 100.0 + i / RATE_HZ)
        for change in gate.push(detector.score(block)):
            if change.kind is VoiceKind.STARTED:
                segmenter.speech_started(change.since)
            elif change.kind is VoiceKind.ENDED and (utterance := segmenter.speech_ended(change.since)):
                utterances.append(utterance)
    begin = 101.0
    assert len(utterances) == 2
    for sentence, utterance in zip(sentences, utterances, strict=True):
        assert utterance.started_at <= begin
        assert utterance.ended_at >= begin + len(sentence) / RATE_HZ - 0.3
        begin += len(sentence) / RATE_HZ + 1.5


def test_speech_that_goes_on_can_be_looked_at_and_is_given_out_whole_later() -> None:
    segmenter = Segmenter()
    segmenter.open(0.0)
    feed(segmenter, 0.0, 2.2)
    segmenter.speech_started(2.0)
    feed(segmenter, 2.2, 5.4)
    assert span(segmenter.so_far(4.0)) == pytest.approx((1.8, 4.0))
    looked = segmenter.so_far(5.4)
    assert span(looked) == pytest.approx((1.8, 5.4))
    whole = segmenter.speech_ended(5.0)
    assert span(whole) == pytest.approx((1.8, 5.2))
    assert looked is not None
    assert whole is not None
    assert looked.started_at == whole.started_at


def test_nothing_is_looked_at_without_speech_or_without_a_grant_or_before_it() -> None:
    segmenter = Segmenter()
    segmenter.speech_started(0.0)
    assert segmenter.so_far(1.0) is None
    segmenter.open(1.0)
    feed(segmenter, 0.0, 2.0)
    assert segmenter.so_far(1.0) is None
    assert span(segmenter.so_far(1.5)) == pytest.approx((1.0, 1.5))
    segmenter.speech_ended(1.8)
    assert segmenter.so_far(2.0) is None
    segmenter.speech_started(1.9)
    segmenter.close(2.0)
    assert segmenter.so_far(2.0) is None
