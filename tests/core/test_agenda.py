"""Time: pauses, extensions, back, overrun, and what a re-budget gives."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.core.agenda import KEPT_SHARE, LATE_SECONDS, Agenda
from facilitator.core.process import Rights, Step


def agenda(*seconds: float) -> Agenda:
    steps = tuple(Step(f"s{place}", "client", Rights.FREE, {60: 1}) for place in range(len(seconds)))
    return Agenda(steps, {step.id: value for step, value in zip(steps, seconds, strict=True)})


def begun(*seconds: float, at: float = 0.0) -> Agenda:
    one = agenda(*seconds)
    one.begin(at)
    return one


def test_before_its_start_the_meeting_has_all_its_time() -> None:
    one = agenda(300, 600)
    assert (one.left(7), one.elapsed(7), one.visit_planned) == (300, 0, 300)
    assert one.ends_at(7) == one.expected_end(7) == 907
    assert one.begin(10) == 300
    assert one.ends_at(10) == one.expected_end(10) == 910


def test_a_step_runs_and_overruns() -> None:
    one = begun(300, 600, at=10)
    assert one.when_left(60) == 250
    assert (one.elapsed(110), one.left(110)) == (100, 200)
    assert one.left(400) == -90
    assert one.leave(400) == (390, 90)
    assert one.move(1, 400) == 600
    assert one.expected_end(400) - one.ends_at(400) == 90


@pytest.mark.parametrize("start", [0.0, 5.0])
def test_a_pause_is_not_counted_and_moves_the_end(start: float) -> None:
    one = begun(300, 600, at=start)
    end = one.ends_at(start)
    one.pause(start)
    one.pause(start + 3)
    assert one.when_left(0) is None
    assert one.ends_at(start + 40) == end + 40
    assert one.left(start + 40) == 300
    one.resume(start + 40)
    assert one.ends_at(start + 50) == end + 40
    assert one.when_left(0) == start + 340
    assert one.expected_end(start + 50) == one.ends_at(start + 50)


def test_a_step_left_while_paused_lets_its_pause_count() -> None:
    one = begun(300, 600)
    one.pause(100)
    assert one.leave(160) == (100, 0)
    assert one.ends_at(200) == 960


def test_more_time_goes_to_the_step_and_not_to_the_meeting() -> None:
    one = begun(300, 600)
    one.extend(60)
    assert one.planned(0) == one.visit_planned == 360
    assert one.when_left(0) == 360
    assert one.ends_at(0) == 900
    assert one.expected_end(0) == 960


def test_back_gives_what_was_left() -> None:
    one = begun(300, 600)
    one.extend(60)
    one.leave(200)
    assert one.move(1, 200) == 600
    one.leave(210)
    assert one.move(-1, 210) == 160
    assert one.expected_end(210) == 210 + 160 + 590
    assert one.leave(500) == (290, 130)
    assert one.move(1, 500) == 590


def test_back_to_a_step_that_overran_gives_nothing_and_does_not_borrow() -> None:
    one = begun(300, 60, 600)
    one.leave(300)
    one.move(1, 300)
    one.leave(500)
    one.move(-1, 500)
    assert one.left(500) == 0
    assert one.expected_end(500) == 500 + 600
    assert one.index_of("s1") == 1
    assert one.index_of("other") is None
    assert one.following is not None
    assert one.following.id == one.steps[1].id
    assert one.step.id == "s0"


def test_on_time_there_is_no_offer() -> None:
    one = begun(300, 600)
    assert one.rebudget(0) is None
    assert one.rebudget(359.9) is None
    assert one.rebudget(360) is not None


def test_in_the_last_step_or_with_nothing_to_shorten_there_is_no_offer() -> None:
    assert begun(300).rebudget(1000) is None
    assert begun(300, 30, 30).rebudget(1000) is None
    spent = begun(300, 60)
    spent.leave(300)
    spent.move(1, 300)
    spent.leave(400)
    spent.move(-1, 400)
    assert spent.rebudget(1000) is None


def test_lateness_is_shared_out_in_proportion_in_half_minutes() -> None:
    one = begun(300, 600, 300, 600)
    offer = one.rebudget(300 + 150)
    assert offer is not None
    assert offer.late_seconds == 150
    assert sum(offer.steps.values()) == 1500 - 150
    assert offer.still_late_seconds == 0
    one.apply(offer)
    assert [one.planned(place) for place in range(4)] == [300, *offer.steps.values()]
    assert one.expected_end(450) == one.ends_at(450)


def test_no_step_loses_more_than_half() -> None:
    offer = begun(300, 90, 300).rebudget(3000)
    assert offer is not None
    assert dict(offer.steps) == {"s1": 60, "s2": 150}
    assert offer.still_late_seconds == 2700 - 180


def test_a_step_that_was_begun_before_offers_only_its_rest() -> None:
    one = begun(300, 600)
    one.leave(300)
    one.move(1, 300)
    one.leave(700)
    one.move(-1, 700)
    offer = one.rebudget(780)
    assert offer is not None
    assert dict(offer.steps) == {"s1": 120}
    one.apply(offer)
    assert one.expected_end(780) - one.ends_at(780) == pytest.approx(offer.still_late_seconds)


LENGTHS = st.lists(st.one_of(st.integers(1, 80).map(lambda n: n * 30.0), st.floats(1, 3000)), min_size=1, max_size=9)
MOVES = st.lists(
    st.tuples(st.sampled_from(["on", "back", "pause", "extend", "wait"]), st.floats(0, 900)),
    max_size=12,
)


def wander(one: Agenda, moves: list[tuple[str, float]]) -> float:
    """Let an agenda live for a while; return the session second reached."""
    now = 0.0
    for kind, seconds in moves:
        now += seconds
        if kind == "extend":
            one.extend(seconds + 1)
        elif kind == "pause":
            one.pause(now)
            now += seconds
            one.resume(now)
        elif kind == "on" and one.following is not None:
            one.leave(now)
            one.move(1, now)
        elif kind == "back" and one.index > 0:
            one.leave(now)
            one.move(-1, now)
    return now


@given(LENGTHS, MOVES)
def test_the_offers_keep_their_promises(lengths: list[float], moves: list[tuple[str, float]]) -> None:
    one = begun(*lengths)
    now = wander(one, moves)
    before = {step.id: one._rest(place) for place, step in enumerate(one.steps) if place > one.index}
    late = one.expected_end(now) - one.ends_at(now)
    offer = one.rebudget(now)
    if offer is None:
        unshortenable = all(math.ceil(rest / 60) * 30 >= rest for rest in before.values())
        assert late < LATE_SECONDS or unshortenable
        return
    assert late >= LATE_SECONDS
    assert list(offer.steps) == list(before)
    for name, new in offer.steps.items():
        assert before[name] * KEPT_SHARE - 1e-6 <= new <= before[name]
        assert new == before[name] or new % 30 == 0
    saved = sum(before.values()) - sum(offer.steps.values())
    assert saved > 0
    assert offer.late_seconds == pytest.approx(late)
    assert offer.still_late_seconds == pytest.approx(max(0.0, late - saved))
    one.apply(offer)
    assert one.expected_end(now) - one.ends_at(now) <= offer.still_late_seconds + 1e-6
    for place in range(one.index + 1, len(one.steps)):
        assert one._rest(place) == pytest.approx(offer.steps[one.steps[place].id])


@given(st.lists(st.integers(2, 80).map(lambda n: n * 30.0), min_size=2, max_size=9), st.floats(60, 3000))
def test_a_fresh_meeting_is_never_shortened_by_half_a_minute_too_much(lengths: list[float], late: float) -> None:
    one = begun(*lengths)
    offer = one.rebudget(lengths[0] + late)
    if offer is not None:
        saved = sum(lengths[1:]) - sum(offer.steps.values())
        assert saved - offer.late_seconds < 30 + 1e-6


@given(LENGTHS, MOVES)
def test_time_adds_up(lengths: list[float], moves: list[tuple[str, float]]) -> None:
    one = begun(*lengths)
    now = wander(one, moves)
    assert one.left(now) == pytest.approx(one.visit_planned - one.elapsed(now))
    assert one.when_left(one.left(now)) == pytest.approx(now)
    assert one.expected_end(now) >= now
    assert one.elapsed(now) >= 0
    assert one.visit_planned >= 0
