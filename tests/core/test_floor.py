"""Who holds the floor: timelines of who speaks when, and what is flagged."""

from __future__ import annotations

from typing import Any

import pytest

from facilitator.core import events as ev
from facilitator.core.floor import Floor
from facilitator.core.process import Participant
from tests.core.builders import BENOIT, CLIENT, DALIA, PEOPLE, Meeting, go, heard, settings
from tests.core.scenes import START, Stretches, flags, kinds

HELD = {CLIENT: [(11.0, 20.0)]}


@pytest.mark.parametrize(
    ("voices", "expected"),
    [
        pytest.param({BENOIT: [(14.0, 15.5)]}, [("talk_over", 14.0, 15.0)], id="talk-over"),
        pytest.param(
            {BENOIT: [(14.0, 40.0)], CLIENT: [(11.0, 60.0)]}, [("talk_over", 14.0, 15.0)], id="long talk-over"
        ),
        pytest.param({BENOIT: [(19.6, 21.5)]}, [("cut", 19.6, 21.1)], id="cut"),
        pytest.param({BENOIT: [(19.5, 21.3)]}, [("cut", 19.5, 21.0)], id="cut at 0.5 s"),
        pytest.param(
            {BENOIT: [(19.41, 21.3)]}, [("cut", 19.41, 20.91)], id="cut, the holder's end heard a little late"
        ),
        pytest.param(
            {BENOIT: [(19.39, 23.0)]}, [("intrusion", 19.39, 21.5)], id="the holder stopped too late for a cut"
        ),
        pytest.param({BENOIT: [(20.0, 21.8)]}, [("cut", 20.0, 21.5)], id="cut at once"),
        pytest.param({BENOIT: [(19.6, 21.0)]}, [], id="cut given up"),
        pytest.param({BENOIT: [(19.3, 20.7)]}, [], id="overlap of 0.7 s, alone for 0.7 s"),
        pytest.param({BENOIT: [(19.3, 23.0)]}, [("intrusion", 19.3, 21.5)], id="stays after the holder stopped"),
        pytest.param({BENOIT: [(22.0, 24.0)]}, [("intrusion", 22.0, 23.5)], id="intrusion"),
        pytest.param({BENOIT: [(22.0, 23.5)]}, [], id="too short for an intrusion"),
        pytest.param({BENOIT: [(30.0, 31.4)]}, [], id="a question in the pause, under 1.5 s"),
        pytest.param(
            {BENOIT: [(22.0, 24.5)], CLIENT: [(11.0, 20.0), (23.0, 30.0)]},
            [("talk_over", 22.0, 24.0)],
            id="begun in a pause, then over the holder",
        ),
        pytest.param(
            {BENOIT: [(13.0, 14.3)], CLIENT: [(11.0, 13.4), (13.6, 20.0)]},
            [("talk_over", 13.0, 14.0)],
            id="the holder takes a breath",
        ),
        pytest.param(
            {BENOIT: [(13.0, 15.0)], CLIENT: [(11.0, 13.4), (14.0, 20.0)]},
            [("talk_over", 13.0, 14.6)],
            id="the holder stops and comes back: the overlaps add up",
        ),
        pytest.param({BENOIT: [(14.0, 14.99)]}, [], id="backchannel of 0.99 s"),
        pytest.param({BENOIT: [(14.0, 15.0)]}, [], id="1.0 s is heard too late to be sure"),
        pytest.param({BENOIT: [(14.0, 14.2), (15.0, 15.5), (16.5, 17.3)]}, [], id="three backchannels"),
        pytest.param({BENOIT: [(14.0, 14.8), (15.25, 16.0)]}, [], id="two backchannels 0.45 s apart"),
        pytest.param({BENOIT: [(14.0, 14.6), (14.8, 16.0)]}, [("talk_over", 14.0, 15.0)], id="a breath within speech"),
        pytest.param({BENOIT: [(14.0, 14.9), (15.2, 16.0)]}, [("talk_over", 14.0, 15.2)], id="a breath when it is due"),
        pytest.param(
            {BENOIT: [(13.0, 14.5), (16.0, 17.5)]}, [("talk_over", 13.0, 14.0)], id="again within 2 s is the same one"
        ),
        pytest.param(
            {BENOIT: [(12.0, 13.5), (15.0, 16.5), (18.0, 19.5)]},
            [("talk_over", 12.0, 13.0)],
            id="again and again within 2 s",
        ),
        pytest.param(
            {BENOIT: [(12.0, 13.5), (15.6, 17.0)]},
            [("talk_over", 12.0, 13.0), ("talk_over", 15.6, 16.6)],
            id="again after 2 s",
        ),
        pytest.param({BENOIT: [(9.0, 13.0)]}, [], id="speech begun before the step"),
        pytest.param({BENOIT: [(9.0, 9.8), (10.2, 16.0)]}, [], id="goes on across the start of the step"),
        pytest.param({BENOIT: [(10.5, 16.0)]}, [], id="before the holder took the floor"),
        pytest.param({BENOIT: [(11.4, 16.0)]}, [], id="0.4 s after the holder began"),
        pytest.param({BENOIT: [(11.5, 16.0)]}, [("talk_over", 11.5, 12.5)], id="0.5 s after the holder began"),
        pytest.param({"ana": [(14.0, 19.0)]}, [], id="the animator may always speak"),
        pytest.param({"elsewhere": [(14.0, 19.0)]}, [], id="nobody's channel"),
    ],
)
def test_while_the_client_holds(voices: dict[str, Stretches], expected: list[tuple[str, float, float]]) -> None:
    found = flags("presentation", HELD | voices)
    assert [(kind, onset) for kind, onset, *_ in found] == [(kind, onset) for kind, onset, _ in expected]
    for (_, _, who, at), (_, _, due) in zip(found, expected, strict=True):
        assert who == "Benoît"
        assert due <= at <= due + 0.3


@pytest.mark.parametrize("seconds", [0.2, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("at", [14.0, 19.2, 19.8, 20.0, 21.0, 40.0])
@pytest.mark.parametrize("step", ["presentation", "synthesis"])
def test_a_backchannel_is_never_flagged(step: str, at: float, seconds: float) -> None:
    assert kinds(step, HELD | {BENOIT: [(at, at + seconds)]}) == []


def test_two_people_are_two_interruptions() -> None:
    found = flags("presentation", HELD | {BENOIT: [(14.0, 15.5)], DALIA: [(14.1, 15.6)]})
    assert [(kind, who) for kind, _, who, _ in found] == [("talk_over", "Benoît"), ("talk_over", "Dalia")]


def test_a_holder_who_was_speaking_already_has_the_floor() -> None:
    voices = {CLIENT: [(8.0, 20.0)], BENOIT: [(13.0, 15.0)]}
    meeting = Meeting().send(ev.ConsentGiven(at=0), ev.StartAsked(at=0)).plan(heard(voices))
    meeting.send(ev.NextAsked(at=START)).until(30)
    assert [(flag.kind, flag.started_at) for flag in meeting.flags()] == [("talk_over", 13.0)]


def test_a_holder_who_was_speaking_already_comes_to_an_end() -> None:
    voices = {CLIENT: [(8.0, 15.0)], BENOIT: [(20.0, 22.0)]}
    meeting = Meeting().send(ev.ConsentGiven(at=0), ev.StartAsked(at=0)).plan(heard(voices))
    meeting.send(ev.NextAsked(at=START)).until(30)
    assert [(flag.kind, flag.started_at) for flag in meeting.flags()] == [("intrusion", 20.0)]


def test_a_holder_whose_voice_had_just_fallen_has_not_the_floor_yet() -> None:
    voices = {CLIENT: [(8.0, 9.98)], BENOIT: [(13.0, 16.0)]}
    meeting = Meeting().send(ev.ConsentGiven(at=0), ev.StartAsked(at=0)).plan(heard(voices))
    meeting.send(ev.NextAsked(at=10.2)).until(30)
    assert meeting.flags() == []


def test_overlap_among_holders_is_none_and_the_client_who_answers_replies() -> None:
    voices = {BENOIT: [(11.0, 20.0)], DALIA: [(12.0, 22.0)]}
    assert kinds("consultation", voices) == []
    assert flags("consultation", voices | {CLIENT: [(15.0, 17.0)]})[0][:3] == ("reply", 15.0, "Camille")
    assert kinds("consultation", voices | {CLIENT: [(25.0, 27.0)]}) == ["reply"]
    assert kinds("consultation", voices | {CLIENT: [(15.0, 16.4)]}) == []


def test_two_holders_at_once_hold_one_floor() -> None:
    people = (*PEOPLE, Participant("Élise", "client", "elise"))
    voices = {CLIENT: [(11.0, 14.6)], "elise": [(12.0, 14.8)], BENOIT: [(14.1, 15.6)]}
    assert kinds("presentation", voices, settings=settings(participants=people)) == []
    voices[BENOIT] = [(14.1, 16.6)]
    assert kinds("presentation", voices, settings=settings(participants=people)) == ["intrusion"]
    voices[CLIENT] = [(11.0, 20.0)]
    assert kinds("presentation", voices, settings=settings(participants=people)) == ["talk_over"]


def test_where_replies_are_allowed_nothing_is_watched() -> None:
    voices = {BENOIT: [(11.0, 20.0)], CLIENT: [(15.0, 19.0)]}
    assert kinds("consultation", voices, settings=settings(replies_allowed=True)) == []
    held = HELD | {BENOIT: [(14.0, 16.0)]}
    assert kinds("presentation", held, settings=settings(replies_allowed=True)) == ["talk_over"]


@pytest.mark.parametrize("step", ["welcome", "clarification", "contract", "evaluation"])
def test_where_nobody_holds_nothing_is_flagged(step: str) -> None:
    assert kinds(step, HELD | {BENOIT: [(12.0, 18.0), (22.0, 26.0)]}) == []


@pytest.mark.parametrize(
    "people",
    [
        tuple(person for person in PEOPLE if person.role != "client"),
        tuple(person for person in PEOPLE if person.role != "consultant"),
        (),
    ],
)
def test_without_channels_apart_nothing_is_flagged(people: Any) -> None:
    assert kinds("presentation", HELD | {BENOIT: [(12.0, 18.0)]}, settings=settings(participants=people)) == []


def test_nothing_is_flagged_without_consent_or_in_a_pause() -> None:
    voices = HELD | {BENOIT: [(12.0, 18.0)]}
    assert kinds("presentation", voices, consent=False) == []
    for stop in (ev.PauseAsked(at=12.5), ev.ListeningPauseAsked(at=12.5), ev.NextAsked(at=12.5), ev.EndAsked(at=12.5)):
        assert go("presentation", START).plan(heard(voices)).send(stop).until(30).flags() == []


def test_after_a_pause_the_floor_is_taken_anew() -> None:
    voices = {CLIENT: [(11.0, 30.0)], BENOIT: [(12.0, 14.0), (19.0, 22.0), (26.0, 28.0)]}
    meeting = go("presentation", START).plan(heard(voices))
    meeting.send(ev.PauseAsked(at=12.2), ev.ResumeAsked(at=20.0)).until(40)
    assert [(flag.kind, flag.started_at) for flag in meeting.flags()] == [("talk_over", 26.0)]


def test_a_flag_is_shown_with_the_way_to_answer_it() -> None:
    meeting = go("presentation", START).plan(heard(HELD | {BENOIT: [(14.0, 16.0)]})).until(15.2)
    cues = meeting.session.snapshot(15.2).cues
    assert [(cue.kind, cue.text, cue.action) for cue in cues][-1] == (
        "talk_over",
        "private.talk_over for Camille, 0 s",
        "remind",
    )
    line = meeting.flags()[0].to_line()
    assert (line["evidence"], line["confidence"], line["step"]) == ("track", 0.99, "presentation")
    assert meeting.spoke() == [] or all(cue != "reminder" for _, _, cue in meeting.spoke())


def test_spoken_reminders_answer_a_flag_in_the_next_pause() -> None:
    meeting = go("presentation", START, settings=settings(spoken_reminders=True))
    meeting.plan(heard({CLIENT: [(11.0, 16.5)], BENOIT: [(14.0, 16.0)]})).until(30)
    (at, *_) = next(one for one in meeting.spoke() if one[2] == "reminder")
    assert 16.8 <= at <= 17.0


def test_speech_nobody_follows_is_ignored() -> None:
    floor = Floor(since=0, holders=frozenset({"a"}), listeners=frozenset({"b"}))
    for event in (
        ev.VoiceRose(at=1, channel="b", since=1),
        ev.VoiceFell(at=2, channel="b", since=2),
        ev.SpeechEnded(at=2, channel="b", since=2),
    ):
        floor.hear(event)
    assert floor.decide(3) == []
    assert floor.next_due(3) is None


def test_old_turns_are_forgotten_and_change_nothing() -> None:
    floor = Floor(since=0, holders=frozenset({"a"}), listeners=frozenset({"b"}))
    for event in heard({"a": [(2.0 * n, 2.0 * n + 1.5) for n in range(500)]}):
        floor.hear(event)
        floor.decide(event.at)
    assert len(floor._turns["a"]) <= 4
    for event in heard({"b": [(1002.0, 1005.0)]})[:2]:
        floor.hear(event)
    assert [found.kind for found in floor.decide(1003.7)] == ["intrusion"]
