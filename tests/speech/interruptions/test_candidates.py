"""Stretches of another voice, and which interruption each would be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.interruptions.candidates import DUE_SECONDS, find_candidates, runs
from speech.interruptions.frames import FrameView
from speech.interruptions.network import STEP_SECONDS

Span = tuple[float, float]


def seen(seconds: float, holder: list[Span], other: list[Span], *, whole: bool = True) -> FrameView:
    """Return what would be known when each of both spoke in these spans, seconds."""
    time = np.arange(round(seconds / STEP_SECONDS)) * STEP_SECONDS
    rows = []
    for spans in (holder, other):
        row = np.full(len(time), -4.0)
        for start, end in spans:
            row[(time >= start) & (time < end)] = 4.0
        rows.append(row)
    return FrameView(1000, whole, rows[0], rows[1], np.ones(len(time)), np.full(len(time), -30.0))


@pytest.mark.parametrize(
    ("holder", "other", "kind"),
    [
        ([(0, 8)], (5, 8), "talk_over"),
        ([(0, 5.4)], (5, 8), "cut"),
        ([(0, 4)], (5, 8), "intrusion"),
        ([(0, 5)], (5, 8), "intrusion"),
        ([], (5, 8), "intrusion"),
    ],
)
def test_the_kind_follows_from_what_the_holder_does(holder: list[Span], other: Span, kind: str) -> None:
    (found,) = find_candidates(seen(8, holder, [other]))
    assert found.kind == kind
    assert (found.start - 1000) * STEP_SECONDS == pytest.approx(other[0], abs=0.02)


@pytest.mark.parametrize("holder", [[(0.0, 8.0)], [(0.0, 5.3)], [(0.0, 4.0)]])
def test_an_acknowledgement_is_no_candidate(holder: list[Span]) -> None:
    assert not find_candidates(seen(6, holder, [(5, 5.95)]))


def test_an_intrusion_is_due_after_a_second_and_a_half() -> None:
    assert not find_candidates(seen(6.48, [(0, 4)], [(5, 8)]))
    assert find_candidates(seen(6.53, [(0, 4)], [(5, 8)]))


def test_a_talk_over_is_due_after_a_second() -> None:
    assert not find_candidates(seen(5.98, [(0, 8)], [(5, 8)]))
    assert find_candidates(seen(6.03, [(0, 8)], [(5, 8)]))


def test_a_breath_inside_does_not_part_a_stretch() -> None:
    (found,) = find_candidates(seen(8, [(0, 4)], [(5, 6), (6.45, 8)]))
    assert found.seconds == pytest.approx(3.0, abs=0.04)


def test_a_gap_in_which_the_holder_speaks_parts_two_stretches() -> None:
    assert not find_candidates(seen(8, [(0, 8)], [(5, 5.8), (6.2, 7)]))


def test_a_stretch_lingers_half_a_second() -> None:
    assert find_candidates(seen(8.4, [], [(5, 8)]))
    assert not find_candidates(seen(8.6, [], [(5, 8)]))


def test_a_stretch_whose_beginning_is_forgotten_is_no_candidate() -> None:
    assert find_candidates(seen(5, [], [(0, 5)]))
    assert not find_candidates(seen(5, [], [(0, 5)], whole=False))


def test_the_onset_reaches_back_over_likely_frames() -> None:
    view = seen(8, [], [(5, 8)])
    likely = int(np.argmax(view.other > 0)) - 10
    view.other[likely : likely + 10] = -0.5
    (found,) = find_candidates(view)
    assert found.start == 1000 + likely


@given(st.lists(st.booleans(), max_size=40))
def test_runs_are_what_is_true(mask: list[bool]) -> None:
    found = np.zeros(len(mask), dtype=np.bool_)
    for start, end in runs(np.array(mask, dtype=np.bool_)):
        assert start < end
        found[start:end] = True
    assert found.tolist() == mask


@given(st.lists(st.sampled_from([-4.0, -0.5, 0.5, 4.0]), min_size=20, max_size=60), st.data())
def test_every_candidate_is_long_enough_and_in_order(levels: list[float], data: st.DataObject) -> None:
    other = np.repeat(levels, 12)
    holder = np.repeat(
        data.draw(st.lists(st.sampled_from([-4.0, 4.0]), min_size=len(levels), max_size=len(levels))), 12
    )
    view = FrameView(0, True, holder, other, np.ones(len(other)), np.zeros(len(other)))
    last = 0
    for found in find_candidates(view):
        assert found.seconds >= DUE_SECONDS[found.kind]
        assert found.start >= last
        last = found.end
