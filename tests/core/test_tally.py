"""What the group may look back on: time and voices by step and role, never by name."""

from __future__ import annotations

from typing import Any

import pytest

from facilitator.core import events as ev
from facilitator.core.process import Participant
from facilitator.core.tally import FactsView
from tests.core.builders import ANIMATOR, BENOIT, CLIENT, DALIA, Meeting, go, heard, settings

CALL = "call"


def looked_back(meeting: Meeting) -> dict[str, FactsView]:
    """Go on to the evaluation and return what may be shown there, by the step's name."""
    while meeting.session.step_id != "evaluation":
        meeting.send(ev.NextAsked(at=meeting.now))
    shown = meeting.session.snapshot(meeting.now).facts
    return {one.title.split(".")[1]: one for one in shown}


def voices(one: FactsView) -> dict[str, float]:
    return {voice.role.split(" ")[0]: round(voice.seconds, 3) for voice in one.heard}


def presentation(**changes: Any) -> Meeting:
    return go("presentation", ready_seconds=None, **changes)


def test_each_step_has_its_time_and_how_long_each_role_was_heard() -> None:
    meeting = presentation().plan(
        heard({CLIENT: [(10, 40), (50, 60)], BENOIT: [(20, 25)], DALIA: [(22, 24)], ANIMATOR: [(70, 71)]})
    )
    found = looked_back(meeting.until(360))
    assert list(found) == ["presentation"]
    one = found["presentation"]
    assert (one.planned_seconds, one.seconds) == (300.0, 360.0)
    assert voices(one) == {"roles.client.unnamed": 40, "roles.consultant.unnamed": 7, "roles.animator.unnamed": 1}
    words = " ".join([one.title, *(voice.role for voice in one.heard)])
    assert "Dalia" not in words, "by role, never by name"


def test_what_is_said_across_a_step_counts_in_both() -> None:
    meeting = presentation().plan(heard({CLIENT: [(50, 80)]})).send(ev.NextAsked(at=60)).until(100)
    found = looked_back(meeting)
    assert voices(found["presentation"]) == {"roles.client.unnamed": 10}
    assert voices(found["clarification"]) == {"roles.client.unnamed": 20}


def test_pauses_do_not_count() -> None:
    meeting = presentation().plan(heard({CLIENT: [(10, 100)]}))
    meeting.send(ev.PauseAsked(at=20), ev.ResumeAsked(at=50), ev.ListeningPauseAsked(at=70)).until(120)
    one = looked_back(meeting)["presentation"]
    assert (one.seconds, voices(one)) == (90.0, {"roles.client.unnamed": 30})


def test_on_a_mixed_call_the_group_is_one_voice() -> None:
    people = (Participant("Camille", "client"), Participant("Ana", "animator", ANIMATOR))
    chosen = settings(participants=people, channels=(CALL, ANIMATOR), mixed=CALL)
    meeting = presentation(settings=chosen).plan(heard({CALL: [(10, 40)], ANIMATOR: [(50, 52)], "dog": [(60, 70)]}))
    one = looked_back(meeting.until(100))["presentation"]
    assert voices(one) == {"language.nobody": 30, "roles.animator.unnamed": 2}


def test_a_step_come_back_to_is_one_and_a_break_none() -> None:
    meeting = presentation(settings=settings({"presentation": 60.0, "break": 60.0, "evaluation": 60.0}))
    meeting.send(ev.NextAsked(at=30), ev.BackAsked(at=40), ev.NextAsked(at=60), ev.NextAsked(at=90))
    found = looked_back(meeting)
    assert [(name, one.seconds) for name, one in found.items()] == [("presentation", 50.0)]


def test_everybody_sees_them_only_while_the_animator_has_them_shown() -> None:
    meeting = presentation().until(300)
    looked_back(meeting)
    assert meeting.session.stage(300).facts == ()
    meeting.send(ev.FactsAsked(at=301, shown=True))
    assert meeting.session.snapshot(301).facts_shown
    assert meeting.session.stage(301).facts == meeting.session.snapshot(301).facts != ()
    meeting.send(ev.FactsAsked(at=302, shown=False))
    assert meeting.session.stage(302).facts == ()
    meeting.send(ev.FactsAsked(at=303, shown=True), ev.BackAsked(at=304), ev.NextAsked(at=305))
    assert meeting.session.stage(305).facts == (), "another step begins without them"


def test_no_other_step_tells_any() -> None:
    assert go("synthesis", 10).session.snapshot(10).facts == ()


def test_they_outlive_the_process_and_are_purged_with_the_rest() -> None:
    meeting = presentation().plan(heard({CLIENT: [(10, 40)]})).send(ev.NextAsked(at=60))
    kept = meeting.session.durable()
    assert kept.course.heard == (("presentation", CLIENT, pytest.approx(30.0)),)
    other = Meeting()
    other.session.restore(kept, 70.0)
    other.now = 70.0
    found = looked_back(other)
    assert voices(found["presentation"]) == {"roles.client.unnamed": 30}
    other.send(ev.EndAsked(at=80), ev.EndAsked(at=81)).until(90).send(ev.PurgeAsked(at=91))
    assert other.session.durable().course.heard == ()
