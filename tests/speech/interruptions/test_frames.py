"""Log-odds averaged over the hops that heard a frame."""

from __future__ import annotations

import numpy as np
import pytest

from speech.interruptions.frames import KEPT, NOBODY, Frames
from speech.interruptions.network import FRAMES

ALL = np.ones(FRAMES, dtype=np.bool_)
ZEROS = np.zeros(FRAMES)


def scores(holder: float, other: float) -> np.ndarray:
    return np.tile(np.array([holder, other], dtype=np.float32), (FRAMES, 1))


def test_a_frame_heard_twice_is_the_mean_of_both() -> None:
    frames = Frames()
    frames.add(0, scores(1, -1), ALL, ZEROS, ZEROS)
    frames.add(0, scores(3, 1), ALL, ZEROS, ZEROS)
    view = frames.view()
    assert len(view.holder) == FRAMES
    assert view.holder == pytest.approx(2.0)
    assert view.other == pytest.approx(0.0)


def test_frames_between_hops_that_were_left_out_hold_nobody() -> None:
    frames = Frames()
    frames.add(0, scores(1, -1), ALL, ZEROS + 1, ZEROS)
    frames.add(FRAMES + 50, scores(1, -1), ALL, ZEROS + 1, ZEROS)
    view = frames.view()
    gap = slice(FRAMES, FRAMES + 50)
    assert view.holder[gap] == pytest.approx(NOBODY)
    assert view.other[gap] == pytest.approx(NOBODY)
    assert view.speech[gap] == pytest.approx(0.0)
    assert view.holder[FRAMES + 50 :] == pytest.approx(1.0)


def test_a_frame_that_may_not_count_holds_nobody() -> None:
    frames = Frames()
    heard = ALL.copy()
    heard[100:120] = False
    frames.add(0, scores(1, 5), heard, ZEROS, ZEROS)
    assert frames.view().other[100:120] == pytest.approx(NOBODY)
    assert frames.view().other[120] == pytest.approx(5.0)


def test_frames_before_the_step_are_left_out() -> None:
    frames = Frames()
    heard = np.arange(FRAMES) >= 200
    frames.add(-200, scores(1, 1), heard, ZEROS, ZEROS)
    view = frames.view()
    assert view.first == 0
    assert view.whole
    assert len(view.other) == FRAMES - 200


def test_extreme_log_odds_weigh_no_more_than_eight() -> None:
    frames = Frames()
    frames.add(0, scores(50, -50), ALL, ZEROS, ZEROS)
    assert frames.view().holder.max() == pytest.approx(8.0)


@pytest.mark.parametrize("stride", [15, FRAMES, KEPT + 7, 3_000_000])
def test_memory_is_flat_and_numbers_of_frames_go_on(stride: int) -> None:
    frames = Frames()
    for hop in range(100):
        frames.add(hop * stride, scores(1, -1), ALL, ZEROS, ZEROS)
    view = frames.view()
    assert len(view.holder) <= KEPT
    assert view.first + len(view.holder) == 99 * stride + FRAMES
    assert not view.whole


def test_swapping_makes_the_holder_the_other() -> None:
    frames = Frames()
    frames.add(0, scores(3, -2), ALL, ZEROS, ZEROS)
    frames.swap()
    assert frames.view().holder == pytest.approx(-2.0)
    assert frames.view().other == pytest.approx(3.0)
