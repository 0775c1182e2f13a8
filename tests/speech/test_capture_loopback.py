"""The loopback of an output that gives nothing while nothing plays: the stream stays as long as time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from speech.capture.loopback import Chunk, Filler, capture, filled, frames
from speech.errors import DeviceNotFoundError
from speech.ports import FRAME, RATE_HZ, Samples

HZ = 48_000


def sound(seconds: float) -> Samples:
    return np.full(round(seconds * HZ), 0.5, dtype=np.float32)


def play(*spans: tuple[float, float], until: float, late: float = 0.05) -> list[Chunk]:
    """Return the chunks of an output that plays during `spans` and gives nothing else, asked each 0.1 s."""
    now = [100.0]

    def take(seconds: float) -> Samples | None:
        start, now[0] = now[0] - 100.0 - late, now[0] + seconds
        end = now[0] - 100.0 - late
        if start > until:
            return None
        played = sum(max(0.0, min(end, stop) - max(start, begin)) for begin, stop in spans)
        return sound(played)

    return list(filled(take, Filler(HZ, 100.0), lambda: now[0]))


def whole(chunks: list[Chunk]) -> Samples:
    return np.concatenate([samples for _, samples in chunks])


def test_an_output_that_never_stops_is_left_as_it_is() -> None:
    chunks = play((0.0, 60.0), until=60.0)
    samples = whole(chunks)
    assert len(samples) / HZ == pytest.approx(60.0, abs=0.15)
    first = int(np.argmax(samples > 0))
    assert first / HZ < 0.15, "more than its own delay"
    assert samples[first:].min() == 0.5


def test_while_nothing_plays_there_is_silence_of_the_same_length() -> None:
    samples = whole(play((5.0, 7.0), (20.0, 21.0), until=30.0))
    assert len(samples) / HZ == pytest.approx(30.0, abs=0.5)
    loud = np.flatnonzero(samples)
    starts = [loud[0], *loud[1:][np.diff(loud) > 1]]
    assert len(loud) / HZ == pytest.approx(3.0, abs=0.001)
    delays = [start / HZ - at for start, at in zip(starts, (5.0, 20.0), strict=True)]
    assert all(0.0 <= delay <= 0.15 for delay in delays), "it is not where it was heard"


def test_each_chunk_begins_where_the_last_one_ended() -> None:
    chunks = play((1.0, 2.0), (4.0, 9.0), until=12.0)
    for (at, samples), (following, _) in itertools.pairwise(chunks):
        assert following == pytest.approx(at + len(samples) / HZ)


def test_a_jitter_of_a_tenth_of_a_second_makes_no_silence() -> None:
    filler = Filler(HZ, 0.0)
    rng = np.random.default_rng(0)
    parts = [filler.fill(sound(0.1), 0.1 * number + rng.uniform(0.1, 0.25))[1] for number in range(200)]
    samples = np.concatenate(parts)
    assert samples[np.argmax(samples > 0) :].min() == 0.5


def test_frames_of_the_recognizers_rate_keep_their_time() -> None:
    at = np.arange(3 * HZ) / HZ
    tone = np.sin(2 * np.pi * 440 * at).astype(np.float32)

    def chunks() -> Iterator[Chunk]:
        for start in range(0, len(tone), 4800):
            yield 50.0 + start / HZ, tone[start : start + 4800]

    got = list(frames(chunks(), HZ))
    assert all(len(samples) == FRAME for _, _, samples in got)
    assert got[0][0] == pytest.approx(50.0, abs=0.001)
    assert np.diff([first for first, _, _ in got]) == pytest.approx(np.full(len(got) - 1, FRAME / RATE_HZ), abs=0.001)
    heard = np.concatenate([samples for _, _, samples in got])
    expected = np.sin(2 * np.pi * 440 * np.arange(len(heard)) / RATE_HZ)
    assert np.abs(heard - expected)[200:-200].max() < 0.01


def test_without_soundcard_it_is_said_what_to_install() -> None:
    with pytest.raises(DeviceNotFoundError, match=r"install codev-facilitator\[loopback\]"):
        capture("Speakers (loopback)")
