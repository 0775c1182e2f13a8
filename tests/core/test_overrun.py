"""A step that has run over: shown to the animator alone, once, with a little time to give."""

from __future__ import annotations

import pytest

from facilitator.core import actions as do
from facilitator.core import events as ev
from facilitator.core.notices import PrivateCue
from tests.core.builders import Meeting, codev, go, settings
from tests.core.test_durable import resumed

END = 300.0
"""When the five minutes of the presentation are over."""


def over(step: str = "presentation", seconds: float = END + 60, **changes: object) -> Meeting:
    """Return a meeting that nobody hears, in a step since second 0, after so many seconds."""
    return go(step, consent=False, **changes).until(seconds)


def cues(meeting: Meeting) -> list[PrivateCue]:
    return [cue for cue in meeting.session.snapshot(meeting.now).cues if cue.kind == "overrun"]


def shown(meeting: Meeting) -> list[float]:
    """Return since when it is shown."""
    return [cue.at for cue in cues(meeting)]


def test_a_minute_over_is_shown_with_two_minutes_to_give() -> None:
    assert shown(over(seconds=END + 59.9)) == []
    meeting = over()
    (cue,) = cues(meeting)
    assert (cue.at, cue.until, cue.action, cue.seconds) == (END + 60, END + 80, "extend", 120.0)
    assert cue.text == "private.overrun for Camille, 60 s"
    assert [at for at, _ in meeting.acted(do.Refresh)] == [END + 60]


def test_it_leaves_by_itself_and_comes_once() -> None:
    meeting = over(seconds=END + 80)
    assert shown(meeting) == []
    assert shown(meeting.until(END + 900)) == []


def test_taking_what_it_offers_has_it_leave_and_it_comes_again_after_the_new_end() -> None:
    meeting = over().send(ev.ExtendAsked(at=END + 65, seconds=120))
    assert shown(meeting) == []
    assert shown(meeting.until(END + 179.9)) == []
    assert shown(meeting.until(END + 180)) == [END + 180]


@pytest.mark.parametrize("paused", [False, True])
def test_an_end_that_is_past_when_it_is_set_is_not_told_again(paused: bool) -> None:
    """The animator who gives less than is lacking has seen by how much."""
    meeting = over(seconds=END + 300)
    if paused:
        meeting.send(ev.PauseAsked(at=END + 300))
    meeting.send(ev.ExtendAsked(at=END + 300, seconds=60))
    if paused:
        meeting.send(ev.ResumeAsked(at=END + 310))
    assert shown(meeting) == []
    assert shown(meeting.until(END + 900)) == []


def test_a_pause_has_it_leave_and_it_does_not_come_back() -> None:
    meeting = over().send(ev.PauseAsked(at=END + 61))
    assert shown(meeting) == []
    assert shown(meeting.send(ev.ResumeAsked(at=END + 62)).until(END + 200)) == []


def test_the_time_of_a_pause_is_not_over() -> None:
    meeting = over(seconds=END).send(ev.PauseAsked(at=END), ev.ResumeAsked(at=END + 100))
    assert shown(meeting.until(END + 159.9)) == []
    assert shown(meeting.until(END + 160)) == [END + 160]


def test_it_leaves_with_its_step_and_the_next_one_has_its_own() -> None:
    meeting = over().send(ev.NextAsked(at=END + 61))
    assert shown(meeting) == []
    length = meeting.settings.seconds["clarification"]
    assert shown(meeting.until(END + 121 + length)) == [END + 121 + length]
    assert shown(meeting.send(ev.BackAsked(at=END + 125 + length)).until(END + 400 + length)) == []  # told before


def test_a_break_has_it_too() -> None:
    meeting = over("break", END + 60, settings=settings(codev().plan(120)))
    assert shown(meeting) == [END + 60]


def test_a_process_may_do_without() -> None:
    meeting = over(settings=settings(process=codev(overrun=None))).send(ev.ExtendAsked(at=END + 60, seconds=120))
    assert shown(meeting.until(END + 400)) == []


def test_what_was_told_before_a_crash_is_not_told_after_and_what_was_not_is() -> None:
    assert shown(resumed(over(), END + 70)) == []
    meeting = resumed(over(seconds=END), END + 1800)
    (cue,) = cues(meeting)
    assert cue.text == "private.overrun for Camille, 1800 s"
