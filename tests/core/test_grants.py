"""What may be heard and written down, to the very moment."""

from __future__ import annotations

import pytest

from facilitator.core import actions as do
from facilitator.core import events as ev
from facilitator.core import facts
from tests.core.builders import Meeting, go, settings
from tests.core.scenes import whole


def grants(meeting: Meeting) -> list[tuple[str, str, float]]:
    return [
        ("open", action.step, action.at) if isinstance(action, do.OpenGrant) else ("close", "", action.at)
        for _, action in meeting.done
        if isinstance(action, do.OpenGrant | do.CloseGrant)
    ]


def listening(meeting: Meeting) -> list[str]:
    kinds = (do.StartListening, do.StopListening)
    return [type(action).__name__ for _, action in meeting.done if isinstance(action, kinds)]


def test_only_the_sound_of_a_written_down_step_is_granted() -> None:
    meeting = whole()
    starts = {fact.step: fact.at for fact in meeting.of(facts.StepStarted)}
    ends = {fact.step: fact.at for fact in meeting.of(facts.StepEnded)}
    assert grants(meeting) == [
        ("open", "contract", starts["contract"]),
        ("close", "", ends["contract"]),
        ("open", "synthesis", starts["synthesis"]),
        ("close", "", ends["synthesis"]),
    ]


@pytest.mark.parametrize(
    ("stop", "again"),
    [
        (ev.PauseAsked(at=20), ev.ResumeAsked(at=30)),
        (ev.ListeningPauseAsked(at=20), ev.ListeningResumeAsked(at=30)),
        (ev.NextAsked(at=20), ev.BackAsked(at=30)),
    ],
)
def test_a_grant_closes_and_opens_at_the_very_moment(stop: ev.Event, again: ev.Event) -> None:
    meeting = go("contract", 5).send(stop, again, ev.EndAsked(at=40)).until(60)
    assert grants(meeting) == [
        ("open", "contract", 5),
        ("close", "", 20),
        ("open", "contract", 30),
        ("close", "", 40),
    ]


def test_without_listening_nothing_is_granted() -> None:
    never = go("contract", 5, consent=False, settings=settings(listens=False))
    assert grants(never) == []
    late = go("contract", 5, consent=False).send(ev.ConsentGiven(at=12))
    assert grants(late) == [("open", "contract", 12)]


def test_the_end_of_the_recording_closes_the_grant_and_ends_the_session() -> None:
    meeting = go("contract", 5).until(30).send(ev.AudioEnded(at=30)).until(30)
    assert grants(meeting)[-1] == ("close", "", 30)
    assert meeting.session.ended
    assert meeting.facts[-1].at == 30


def test_two_written_down_steps_in_a_row_have_a_grant_each() -> None:
    meeting = go("contract", 5, settings=settings({"contract": 60.0, "synthesis": 60.0}))
    meeting.send(ev.NextAsked(at=9))
    assert grants(meeting) == [("open", "contract", 5), ("close", "", 9), ("open", "synthesis", 9)]


def test_capture_runs_from_consent_to_the_end_but_in_listening_pauses() -> None:
    meeting = Meeting().send(ev.ConsentGiven(at=0), ev.StartAsked(at=1))
    meeting.send(ev.ListeningPauseAsked(at=5), ev.ListeningResumeAsked(at=9), ev.EndAsked(at=20)).until(60)
    assert listening(meeting) == ["StartListening", "StopListening", "StartListening", "StopListening"]
    assert meeting.types().count("listening_paused") == meeting.types().count("listening_resumed") == 1


def test_capture_that_stands_still_is_not_stopped_again() -> None:
    meeting = Meeting().send(ev.ConsentGiven(at=0), ev.StartAsked(at=1), ev.ListeningPauseAsked(at=5))
    meeting.send(ev.EndAsked(at=20)).until(60)
    assert listening(meeting) == ["StartListening", "StopListening"]


@pytest.mark.parametrize("end", [ev.EndAsked(at=3), ev.AudioEnded(at=3)])
def test_a_session_that_never_started_stops_its_capture(end: ev.Event) -> None:
    meeting = Meeting().send(ev.ConsentGiven(at=0), end).until(30)
    assert listening(meeting) == ["StartListening", "StopListening"]
    assert meeting.types() == ["consent_given"]
    assert meeting.session.ended
    silent = Meeting().send(end)
    assert silent.done == []
