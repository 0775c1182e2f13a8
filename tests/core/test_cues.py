"""The cues of time: more of it, pauses, deafness, the end."""

from __future__ import annotations

import pytest

from facilitator.core import actions as do
from facilitator.core import events as ev
from facilitator.core import facts
from tests.core.builders import BENOIT, CLIENT, Meeting, go, heard, settings
from tests.core.scenes import alone


def test_a_pause_drops_what_waits() -> None:
    meeting = alone().send(ev.PauseAsked(at=0.3)).until(400)
    assert meeting.withheld() == [(0.3, "presentation", "opening", "paused")]
    assert meeting.spoke() == []
    meeting.send(ev.SayAsked(at=400, text="We are back in a minute.")).until(410)
    assert [cue for *_, cue in meeting.spoke()] == ["custom"]
    meeting.send(ev.ResumeAsked(at=500)).until(900)
    assert [(at, cue) for at, _, cue in meeting.spoke()][1:] == [(500 + 179.7, "remaining"), (500 + 299.7, "ended")]


def test_more_time_takes_back_what_was_about_to_be_said_and_says_it_at_the_new_end() -> None:
    meeting = alone().plan(heard({CLIENT: [(296, 302)]})).send(ev.ExtendAsked(at=301, seconds=300)).until(700)
    assert meeting.withheld() == [(301.0, "presentation", "ended", "extended")]
    assert [(at, cue) for at, _, cue in meeting.spoke()] == [
        (0.6, "opening"),
        (180.0, "remaining"),
        (480.0, "remaining"),
        (600.0, "ended"),
    ]
    (extended,) = meeting.of(facts.StepExtended)
    assert (extended.step, extended.seconds) == ("presentation", 300)


def test_more_time_given_in_a_pause_is_announced_too() -> None:
    meeting = alone().until(310)
    meeting.send(ev.PauseAsked(at=310), ev.ExtendAsked(at=320, seconds=300), ev.ResumeAsked(at=330)).until(700)
    assert [(at, cue) for at, _, cue in meeting.spoke()][2:] == [
        (300.0, "ended"),
        (500.0, "remaining"),
        (620.0, "ended"),
    ]


def test_more_time_that_does_not_reach_now_announces_nothing() -> None:
    meeting = alone().until(400).send(ev.ExtendAsked(at=400, seconds=60), ev.ExtendAsked(at=401, seconds=41)).until(900)
    assert [cue for *_, cue in meeting.spoke()] == ["opening", "remaining", "ended"]
    assert meeting.withheld() == []


def test_a_longer_step_never_announces_a_time_that_has_gone_by() -> None:
    meeting = alone(720).until(550).send(ev.ExtendAsked(at=550, seconds=60)).until(900)
    assert [(at, cue) for at, _, cue in meeting.spoke()] == [(0.6, "opening"), (780.0, "ended")]
    assert meeting.withheld() == []


def test_a_step_come_back_to_is_not_opened_again_and_its_cues_come_once() -> None:
    seconds = {"welcome": 300.0, "presentation": 300.0}
    meeting = Meeting(settings=settings(seconds)).send(ev.StartAsked(at=0), ev.ConsentGiven(at=0))
    meeting.send(ev.NextAsked(at=200), ev.BackAsked(at=220)).until(500)
    assert [(at, step, cue) for at, step, cue in meeting.spoke()] == [
        (0.0, "welcome", "opening"),
        (180.0, "welcome", "remaining"),
        (200.0, "presentation", "opening"),
        (320.0, "welcome", "ended"),
    ]
    meeting.send(ev.NextAsked(at=500)).until(501)
    started = meeting.of(facts.StepStarted)
    assert [(fact.step, fact.seconds) for fact in started] == [
        ("welcome", 300),
        ("presentation", 300),
        ("welcome", 100),
        ("presentation", 280),
    ]


def test_a_step_left_before_its_end_was_noticed_announces_no_end_when_it_comes_back() -> None:
    session = Meeting(settings=settings({"welcome": 300.0, "presentation": 300.0})).session
    for event in (ev.StartAsked(at=0), ev.NextAsked(at=301), ev.BackAsked(at=302), ev.Tick(at=303)):
        session.receive(event)
    cues = [action.prompt.cue.value for action in session.take_actions() if isinstance(action, do.Prepare)]
    assert cues == ["opening", "opening"]


def test_a_step_without_cues_says_nothing() -> None:
    meeting = Meeting(settings=settings({"break": 300.0})).send(ev.StartAsked(at=0)).until(900)
    assert meeting.spoke() == []
    assert meeting.of(facts.StepStarted)[0].holder is None


def test_deaf_an_opening_is_said_at_once_and_timed_cues_are_private() -> None:
    meeting = alone(consent=False).until(400)
    assert meeting.spoke() == [(0.0, "presentation", "opening")]
    assert meeting.withheld() == [
        (180.0, "presentation", "remaining", "deaf"),
        (300.0, "presentation", "ended", "deaf"),
    ]


@pytest.mark.parametrize("listens", [True, False])
def test_deaf_timed_cues_are_spoken_where_the_animator_chose_so(listens: bool) -> None:
    meeting = alone(consent=False, chosen={"timed_cues_when_deaf": True, "listens": listens}).until(400)
    assert [(at, cue) for at, _, cue in meeting.spoke()] == [(0.0, "opening"), (180.0, "remaining"), (300.0, "ended")]
    assert meeting.acted(do.StartListening) == []


def test_deaf_a_prompt_waits_for_the_one_before_it() -> None:
    meeting = alone(consent=False).send(ev.SayAsked(at=0.5, text="one")).until(20)
    assert [at for at, *_ in meeting.spoke()] == [0.0, pytest.approx(2.05)]


def test_a_cue_that_waits_when_listening_pauses_becomes_private() -> None:
    meeting = alone().plan(heard({CLIENT: [(175, 200)]})).send(ev.ListeningPauseAsked(at=185)).until(250)
    assert meeting.withheld() == [(185.0, "presentation", "remaining", "deaf")]


def test_after_a_listening_pause_nothing_is_known_of_before() -> None:
    meeting = alone().until(20).plan(heard({CLIENT: [(20.5, 60.0)], BENOIT: [(20.6, 20.7)]}))
    meeting.send(ev.ListeningPauseAsked(at=25)).until(62).send(ev.ListeningResumeAsked(at=70))
    meeting.send(ev.SayAsked(at=70.1, text="one")).until(90)
    assert meeting.spoke()[-1] == (70.6, "presentation", "custom")


def test_a_voice_from_before_a_listening_pause_does_not_stop_a_prompt() -> None:
    meeting = alone(prompt_seconds=6.0).until(20).plan(heard({CLIENT: [(20.5, 60.0)]}))
    meeting.send(ev.ListeningPauseAsked(at=25), ev.SayAsked(at=26, text="one")).until(40)
    assert meeting.acted(do.StopSpeaking) == []
    assert meeting.of(facts.PromptSpoken)[-1].completed


def test_what_is_still_told_after_capture_stopped_is_not_heard() -> None:
    meeting = alone().until(20).send(ev.ListeningPauseAsked(at=20))
    meeting.send(*heard({CLIENT: [(20.0, 30.0)]})[:2]).send(ev.SayAsked(at=21, text="one")).until(30)
    assert meeting.spoke()[-1] == (21.0, "presentation", "custom")
    assert meeting.acted(do.StopSpeaking) == []


def test_the_closing_words_are_said_and_the_session_ends_with_them() -> None:
    meeting = alone().until(20).send(ev.EndAsked(at=20)).until(40)
    assert meeting.spoke()[-1] == (20, "presentation", "custom")
    assert meeting.of(facts.PromptSpoken)[-1].text == "cues.closing for Camille, 0 s"
    assert meeting.facts[-1].type == "session_ended"
    assert meeting.facts[-1].at == pytest.approx(22.05)


@pytest.mark.parametrize("seconds", [21.0, 20.01])
def test_asked_twice_the_session_ends_without_its_closing_words(seconds: float) -> None:
    meeting = alone().until(18).plan(heard({CLIENT: [(19, 20.0)]})).until(20)
    meeting.send(ev.EndAsked(at=20), ev.EndAsked(at=seconds)).until(40)
    assert meeting.facts[-1].type == "session_ended"
    assert meeting.facts[-1].at < 22
    spoken = [fact for fact in meeting.of(facts.PromptSpoken) if fact.text.startswith("cues.closing")]
    assert all(not fact.completed for fact in spoken)


def test_the_end_of_the_recording_stops_the_voice_and_ends_at_once() -> None:
    meeting = alone(prompt_seconds=6.0).send(ev.SayAsked(at=0.2, text="one"), ev.AudioEnded(at=2)).until(2)
    ((at, stop),) = meeting.acted(do.StopSpeaking)
    assert (at, stop.fade_seconds) == (2, 0.3)
    assert meeting.withheld() == [(2, "presentation", "custom", "session_over")]
    assert meeting.until(3).facts[-1].type == "session_ended"
    silent = alone().until(20).send(ev.AudioEnded(at=20)).until(20)
    assert silent.facts[-1].type == "session_ended"


@pytest.mark.parametrize("step", ["presentation", "contract"])
def test_the_end_of_the_recording_within_the_closing_words_ends_them(step: str) -> None:
    meeting = go(step, prompt_seconds=6.0).until(20).send(ev.EndAsked(at=20)).until(21).send(ev.AudioEnded(at=22))
    meeting.until(22)
    assert meeting.acted(do.StopSpeaking)[-1][1].fade_seconds == 0.0
    assert meeting.facts[-1].type == "session_ended"


def test_the_offer_to_end_on_time_is_applied() -> None:
    meeting = go("contract").until(3500)
    offer = meeting.session.snapshot(3500).rebudget
    assert offer is not None
    meeting.send(ev.RebudgetAsked(at=3500))
    (fact,) = meeting.of(facts.AgendaRebudgeted)
    assert fact.steps == dict(offer.steps)
    assert [view.seconds for view in meeting.session.snapshot(3500).steps if view.when == "to_come"] == list(
        offer.steps.values()
    )


def test_no_opening_is_said_twice_however_often_a_step_is_entered() -> None:
    meeting = Meeting().send(ev.ConsentGiven(at=0), ev.StartAsked(at=0)).until(10)
    meeting.send(ev.NextAsked(at=20)).until(30).send(ev.BackAsked(at=40)).until(50)
    meeting.send(ev.NextAsked(at=60)).until(70)
    assert [(step, cue) for _, step, cue in meeting.spoke()] == [("welcome", "opening"), ("presentation", "opening")]
