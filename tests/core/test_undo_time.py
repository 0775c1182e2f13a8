"""The last change of the time can be taken back for a while: everything is then as if it had never been made."""

from __future__ import annotations

import dataclasses

import pytest

from facilitator.core import events as ev
from facilitator.core import facts
from facilitator.core.errors import IllegalEventError
from facilitator.core.snapshot import TimeChangeView
from tests.core.builders import Meeting, go
from tests.core.test_durable import resumed

END = 300.0
"""When the five minutes of the presentation are over; two minutes are left at 180 s, which is said."""


def said(meeting: Meeting, cue: str) -> list[float]:
    """Return when the voice said a timed cue, to the second."""
    return [round(at) for at, _, name in meeting.spoke() if name == cue]


def refused(meeting: Meeting, at: float) -> bool:
    with pytest.raises(IllegalEventError) as refusal:
        meeting.send(ev.TimeChangeUndone(at=at))
    return refusal.value.code == "time_unchanged"


def test_an_extension_is_taken_back() -> None:
    meeting = go("presentation").until(100)
    before = dataclasses.replace(meeting.session.snapshot(110), at=0.0)
    meeting.send(ev.ExtendAsked(at=100, seconds=300))
    assert meeting.session.snapshot(100).time_change == TimeChangeView(300.0, 120.0)
    meeting.send(ev.TimeChangeUndone(at=110))
    assert dataclasses.replace(meeting.session.snapshot(110), at=0.0) == before
    assert [fact.seconds for fact in meeting.of(facts.StepExtended)] == [300, -300]
    assert refused(meeting, 111), "once"
    assert said(meeting.until(400), "ended") == [END]


def test_only_the_last_of_several_is() -> None:
    meeting = go("presentation").send(ev.ExtendAsked(at=100, seconds=60), ev.ExtendAsked(at=101, seconds=300))
    meeting.send(ev.TimeChangeUndone(at=102))
    assert meeting.session.snapshot(102).planned_seconds == END + 60
    assert refused(meeting, 103)


def test_the_steps_to_come_get_the_lengths_back_that_they_had() -> None:
    meeting = go("contract").until(3500)
    before = meeting.session.snapshot(3500)
    meeting.send(ev.RebudgetAsked(at=3500))
    assert meeting.session.snapshot(3500).time_change == TimeChangeView(0.0, 3520.0)
    meeting.send(ev.TimeChangeUndone(at=3510))
    after = meeting.session.snapshot(3510)
    assert after.steps == before.steps
    assert after.rebudget is not None
    shared, back = meeting.of(facts.AgendaRebudgeted)
    assert shared.steps != back.steps == {step.id: step.seconds for step in before.steps if step.when == "to_come"}


def test_the_way_back_leaves_by_itself_and_with_the_step() -> None:
    meeting = go("presentation").send(ev.ExtendAsked(at=100, seconds=60))
    assert meeting.session.snapshot(119.9).time_change is not None
    assert meeting.session.snapshot(120).time_change is None
    assert refused(meeting.until(119.9), 120)
    meeting.send(ev.ExtendAsked(at=130, seconds=60), ev.NextAsked(at=131))
    assert meeting.session.snapshot(131).time_change is None
    assert refused(meeting, 132)


def test_a_pause_does_not_take_it_away() -> None:
    meeting = go("presentation").send(ev.ExtendAsked(at=100, seconds=60), ev.PauseAsked(at=105))
    meeting.send(ev.TimeChangeUndone(at=110))
    assert meeting.session.snapshot(110).left_seconds == END - 105


def test_an_end_that_came_meanwhile_is_said_and_one_that_was_said_is_not_said_again() -> None:
    meeting = go("presentation").until(295).send(ev.ExtendAsked(at=295, seconds=300), ev.TimeChangeUndone(at=310))
    assert said(meeting.until(400), "ended") == [310]
    meeting = go("presentation").until(310).send(ev.ExtendAsked(at=310, seconds=300), ev.TimeChangeUndone(at=320))
    assert said(meeting.until(400), "ended") == [END]
    assert said(meeting, "remaining") == [180]


def test_what_was_about_to_be_said_of_the_new_end_is_not() -> None:
    meeting = go("presentation", ready_seconds=None).until(400)  # nothing can be said
    meeting.send(ev.ExtendAsked(at=400, seconds=225)).until(406)  # two minutes are left at 405
    assert meeting.session.snapshot(406).pending == ("cues.remaining for Camille, 120 s",)
    meeting.send(ev.TimeChangeUndone(at=407))
    assert meeting.withheld()[-1] == (407, "presentation", "remaining", "taken_back")
    assert meeting.session.snapshot(407).pending == ()


def test_a_step_that_was_told_to_run_over_is_not_told_again() -> None:
    meeting = go("presentation").until(361).send(ev.ExtendAsked(at=361, seconds=120), ev.TimeChangeUndone(at=365))
    assert "overrun" not in {cue.kind for cue in meeting.until(800).session.snapshot(365).cues}


def test_it_outlives_the_process() -> None:
    meeting = resumed(go("presentation").send(ev.ExtendAsked(at=100, seconds=60)), 110)
    meeting.send(ev.TimeChangeUndone(at=111))
    assert meeting.session.snapshot(111).planned_seconds == END
    again = resumed(meeting, 112)
    assert again.session.snapshot(112).planned_seconds == END
    assert refused(again, 113)
    late = resumed(go("presentation").send(ev.ExtendAsked(at=100, seconds=60)), 130)
    assert refused(late, 131)
