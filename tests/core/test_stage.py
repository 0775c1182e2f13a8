"""What everybody may see: where the meeting is, and the agreed contract where the process says so."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from facilitator.core import events as ev
from facilitator.core.stage import StageView
from tests.core.builders import Meeting, go, utterance


def shown(meeting: Meeting, at: float) -> StageView:
    return meeting.session.stage(at)


def test_the_stage_says_where_we_are_and_for_how_long() -> None:
    view = shown(go("presentation", 10.0), 70.0)
    assert (view.step, view.number, view.title) == ("presentation", 2, "steps.presentation.title for Camille, 0 s")
    assert view.who == "steps.presentation.who for Camille, 0 s"
    assert (view.now, view.planned_seconds, view.remaining_seconds) == (70.0, 300.0, 240.0)
    assert (view.phase, view.paused, view.overrun, view.shows) == ("running", False, False, None)


def test_time_that_is_over_is_no_number_that_grows() -> None:
    view = shown(go("presentation", 10.0), 311.0)
    assert (view.remaining_seconds, view.overrun) == (0.0, True)


def test_a_pause_and_a_listening_pause_are_seen() -> None:
    meeting = go("presentation", 10.0).send(ev.PauseAsked(at=20.0), ev.ListeningPauseAsked(at=20.0))
    view = shown(meeting, 50.0)
    assert (view.phase, view.paused, view.listening, view.remaining_seconds) == ("paused", True, "paused", 290.0)


def test_the_welcome_shows_the_rules_also_before_the_start() -> None:
    meeting = Meeting()
    assert (shown(meeting, 0.0).phase, shown(meeting, 0.0).shows) == ("ready", "rules")
    meeting.send(ev.StartAsked(at=1.0))
    assert (shown(meeting, 2.0).shows, shown(meeting, 2.0).contract) == ("rules", None)


def agreed(meeting: Meeting, at: float) -> Meeting:
    return meeting.send(
        utterance(1, "Aidez-moi à dire non.", at), ev.RecordMarked(at=at + 1, record="contract", utterances=("u1",))
    )


def test_the_contract_is_seen_where_the_process_shows_it_as_it_was_agreed() -> None:
    meeting = agreed(go("contract", 10.0), 20.0)
    assert (shown(meeting, 25.0).shows, shown(meeting, 25.0).contract) == (None, None)
    meeting.send(ev.NextAsked(at=30.0))
    assert (shown(meeting, 31.0).shows, shown(meeting, 31.0).contract) == ("contract", "Aidez-moi à dire non.")
    meeting.send(ev.RecordEdited(at=40.0, record="contract", text="Aidez-moi à"))
    assert shown(meeting, 41.0).contract == "Aidez-moi à dire non.", "a correction is seen once it is agreed"


def test_a_contract_that_nobody_agreed_to_is_not_seen() -> None:
    meeting = go("contract", 10.0).send(utterance(1, "Aidez-moi.", 20.0), ev.NextAsked(at=30.0))
    assert (shown(meeting, 31.0).shows, shown(meeting, 31.0).contract) == ("contract", None)


def test_after_the_end_nothing_is_shown_beside() -> None:
    meeting = agreed(go("contract", 10.0), 20.0)
    meeting.send(ev.NextAsked(at=30.0), ev.EndAsked(at=31.0), ev.EndAsked(at=32.0)).until(60.0)
    view = shown(meeting, 61.0)
    assert (view.phase, view.listening, view.shows, view.contract) == ("ended", "paused", None, None)


def test_what_the_voice_says_can_be_read() -> None:
    meeting = go("presentation", 10.0)
    meeting.until(11.0)
    assert shown(meeting, 11.2).speaking == "steps.presentation.opening for Camille, 300 s"
    assert shown(meeting.until(40.0), 40.0).speaking is None


@pytest.mark.parametrize("step", ["welcome", "presentation", "consultation", "evaluation"])
def test_nothing_for_the_animator_alone_is_in_it(step: str) -> None:
    meeting = go(step, 10.0).send(ev.Warned(at=11.0, code="store_full", message="le disque est plein"))
    meeting.send(ev.RecordEdited(at=12.0, record="plan", text="J'appelle Nour."))
    view = str(asdict(shown(meeting, 12.0)))
    for word in ("le disque", "private.", "Nour", "cues", "records", "warnings", "pending"):
        assert word not in view
