"""The method as data: what contradicts itself is refused, and minutes are shared out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.core.errors import ProcessError
from facilitator.core.process import Cue, Process, RecordRule, Rights, Step
from tests.core.builders import codev


def step(**changes: Any) -> Step:
    values: dict[str, Any] = {"id": "one", "holder": "client", "rights": Rights.FREE, "minutes": {60: 60}}
    return Step(**(values | changes))


COURTESY = codev().courtesy
SHORTEST = 9
"""Minutes of the shortest codev: below, some step would have less than one."""


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"steps": ()}, "the process has no steps; give it at least one"),
        ({"steps": (step(), step())}, "two steps are called 'one'; give each step its own id"),
        ({"steps": (step(holder=None),)}, "nobody holds the step 'one'; give it a holder, or `cues = false`"),
        ({"steps": (step(holder="boss"),)}, "the step 'one' is held by 'boss', which is not a role"),
        (
            {"steps": (step(holder=None, cues=False, rights=Rights.HOLD),)},
            "nobody holds the step 'one', so its rights can only be 'free'",
        ),
        ({"steps": (step(written_down="minutes"),)}, "the step 'one' is written down in 'minutes', which is no record"),
        ({"steps": (step(shows="plan"),)}, "the step 'one' shows 'plan': not 'rules', 'facts', nor a record"),
        ({"steps": (step(minutes={}),)}, "the step 'one' needs minutes of 0 or more"),
        ({"steps": (step(minutes={60: 5, 90: -1}),)}, "the step 'one' needs minutes of 0 or more"),
        ({"records": {"plan": RecordRule("boss")}}, "the record 'plan' belongs to 'boss', which is not a role"),
        (
            {"records": {"plan": RecordRule("client", open_until="lunch")}},
            "the record 'plan' stays open until 'lunch', which is not a step",
        ),
        (
            {"courtesy": {Cue.OPENING: COURTESY[Cue.OPENING], Cue.CUSTOM: COURTESY[Cue.CUSTOM]}},
            r"\[courtesy\] lacks remaining, ended, reminder, read_back; each",
        ),
    ],
)
def test_a_process_that_contradicts_itself_is_refused(changes: dict[str, Any], sentence: str) -> None:
    sound = {"steps": (step(),), "records": {}}
    with pytest.raises(ProcessError, match=sentence):
        codev(**(sound | changes))


def test_a_break_is_held_by_nobody() -> None:
    process = codev(steps=(step(), step(id="two", holder=None, cues=False)), records={})
    assert process.step("two").holder is None


def test_a_step_is_found_by_its_id() -> None:
    assert codev().step("consultation").replies
    with pytest.raises(ProcessError, match="there is no step 'lunch' in 'codev'; its steps are welcome, presentation,"):
        codev().step("lunch")


@pytest.mark.parametrize(
    ("length", "minutes"),
    [
        (60, [5, 5, 13, 5, 17, 7, 8]),
        (90, [10, 8, 20, 8, 25, 9, 10]),
        (120, [12, 10, 28, 10, 5, 30, 10, 15]),
    ],
)
def test_the_known_lengths_have_their_own_minutes(length: int, minutes: list[float]) -> None:
    plan = codev().plan(length)
    assert list(plan.values()) == [value * 60 for value in minutes]
    assert sum(plan.values()) == length * 60
    assert ("break" in plan) == (length == 120)


@pytest.mark.parametrize("length", [10, 30, 45, 59, 61, 74, 75, 76, 100, 105, 106, 150, 180, 480])
def test_a_free_length_keeps_proportions_in_half_minutes(length: int) -> None:
    plan = codev().plan(length)
    assert sum(plan.values()) == length * 60
    assert all(seconds % 30 == 0 and seconds >= 60 for seconds in plan.values())
    assert max(plan, key=lambda name: plan[name]) == "consultation"


def test_a_length_between_two_tables_takes_the_shorter() -> None:
    assert "break" not in codev().plan(105)
    assert "break" in codev().plan(106)


@given(st.integers(min_value=-5, max_value=600))
def test_any_length_is_shared_out_exactly_or_refused(length: int) -> None:
    if length < SHORTEST:
        with pytest.raises(ProcessError, match=f"^{length} minutes are too short: each step needs at least one"):
            codev().plan(length)
        return
    plan = codev().plan(length)
    assert sum(plan.values()) == length * 60
    assert min(plan.values()) >= 60


def test_a_length_that_some_step_lacks_is_no_length() -> None:
    process = codev(steps=(step(minutes={60: 30, 90: 40}), step(id="two", minutes={60: 30})), records={})
    assert process.durations == (60,)
    assert process.plan(120) == {"one": 3600.0, "two": 3600.0}


def test_without_a_common_length_nothing_can_be_planned() -> None:
    process = codev(steps=(step(minutes={60: 30}), step(id="two", minutes={90: 30})), records={})
    with pytest.raises(ProcessError, match="no length of meeting has minutes for every step of 'codev'"):
        process.plan(60)


@pytest.mark.parametrize(
    ("planned", "left"),
    [(0, None), (74, None), (75, 30), (149, 30), (150, 60), (299, 60), (300, 120), (749, 120), (750, 300), (3600, 300)],
)
def test_the_remaining_cue_leaves_at_most_its_share(planned: float, left: float | None) -> None:
    assert codev().remaining_seconds(planned) == left


def test_a_process_is_plain_data() -> None:
    process: Process = codev()
    assert replace(process, prompts=(), silence=None).prompts == ()
    assert process.durations == (60, 90, 120)
