"""The floor on one mixed call: when it is watched, and which suspicion becomes a flag."""

from __future__ import annotations

from typing import Any

import pytest

from facilitator.core import actions as do
from facilitator.core import events as ev
from facilitator.core.mixed import CUE_PROBABILITY
from facilitator.core.process import Participant, Rights, Step
from facilitator.core.state import Settings
from tests.core.builders import Meeting, codev, go, heard, settings, table
from tests.core.scenes import START

CALL, MICROPHONE = "call", "microphone"
MIXED_PEOPLE = (
    Participant("Camille", "client"),
    Participant("Benoît", "consultant"),
    Participant("Dalia", "consultant"),
    Participant("Ana", "animator", MICROPHONE),
)


def mixed(**changes: Any) -> Settings:
    """Return the settings of a session on one mixed call, with a detector."""
    values: dict[str, Any] = {"participants": MIXED_PEOPLE, "mixed": CALL, "cue_probability": 0.7}
    return settings(**(values | changes))


def voice(at: float, since: float, probability: float = 0.9, **changes: Any) -> ev.OtherVoiceHeard:
    values: dict[str, Any] = {"channel": CALL, "kind": "talk_over"} | changes
    return ev.OtherVoiceHeard(at=at, since=since, probability=probability, **values)


def watched(meeting: Meeting) -> list[tuple[str, float]]:
    """Return when watching began and ended."""
    return [
        ("watch" if isinstance(action, do.WatchFloor) else "leave", at)
        for at, action in meeting.done
        if isinstance(action, do.WatchFloor | do.LeaveFloor)
    ]


def flagged(*voices: ev.OtherVoiceHeard, step: str = "presentation", **changes: Any) -> list[tuple[str, float, float]]:
    """Return kind, onset and time of what is flagged of these suspicions in a step entered at `START`."""
    meeting = go(step, START, settings=mixed(**changes)).plan(voices).until(60)
    return [(flag.kind, flag.started_at, flag.at) for flag in meeting.flags()]


# --- when it is watched ---


@pytest.mark.parametrize(
    ("step", "changes", "expected"),
    [
        pytest.param("presentation", {}, "overlap", id="one client holds"),
        pytest.param("presentation", {"participants": ()}, "overlap", id="nobody is named"),
        pytest.param("synthesis", {}, "overlap", id="synthesis"),
        pytest.param("consultation", {}, None, id="a reply needs to know who"),
        pytest.param("consultation", {"replies_allowed": True}, None, id="replies are welcome"),
        pytest.param("welcome", {}, None, id="everybody may speak"),
        pytest.param("contract", {}, None, id="an exchange"),
        pytest.param("evaluation", {}, None, id="a round"),
        pytest.param("presentation", {"cue_probability": None}, None, id="no detector"),
        pytest.param("presentation", {"mixed": None}, None, id="no mixed call"),
        pytest.param(
            "presentation",
            {"participants": (*MIXED_PEOPLE, Participant("Élise", "client"))},
            None,
            id="two clients: overlap among holders is none",
        ),
        pytest.param(
            "presentation",
            {"participants": (*MIXED_PEOPLE, Participant("Élise", "client", "elise"))},
            None,
            id="one of two clients on the mixed call",
        ),
        pytest.param(
            "presentation",
            {"participants": (Participant("Camille", "client", "camille"), *MIXED_PEOPLE[1:])},
            "channel",
            id="the client alone is heard apart",
        ),
        pytest.param(
            "presentation",
            {
                "participants": (
                    Participant("Camille", "client", "camille"),
                    Participant("Benoît", "consultant", "benoit"),
                )
            },
            "track",
            id="a track each",
        ),
    ],
)
def test_by_what_an_interruption_is_told(step: str, changes: dict[str, Any], expected: str | None) -> None:
    meeting = go(step, START, settings=mixed(**changes)).until(START + 1)
    shown = meeting.session.snapshot(START + 1)
    assert shown.interruptions == expected
    assert next(view.interruptions for view in shown.steps if view.id == step) == expected
    last = [kind for kind, _ in watched(meeting)][-1:]  # other steps may have been watched on the way
    assert (last == ["watch"]) == (expected == "overlap")


def test_several_consultants_who_hold_together_are_not_watched_but_one_is() -> None:
    steps = (Step("advice", "consultant", Rights.HOLD, table(60, 90, 120)),)
    for people, expected in ((MIXED_PEOPLE, []), (MIXED_PEOPLE[:2], [("watch", START)])):
        process = codev(steps=steps, records={})
        assert watched(go("advice", START, settings=mixed(process=process, participants=people))) == expected


@pytest.mark.parametrize(
    ("stop", "again"),
    [
        (ev.PauseAsked(at=20), ev.ResumeAsked(at=30)),
        (ev.ListeningPauseAsked(at=20), ev.ListeningResumeAsked(at=30)),
        (ev.NextAsked(at=20), ev.BackAsked(at=30)),
    ],
)
def test_watching_ends_at_the_very_moment_and_begins_anew(stop: ev.Event, again: ev.Event) -> None:
    meeting = go("presentation", START, settings=mixed()).send(stop, again, ev.EndAsked(at=40)).until(60)
    assert watched(meeting) == [("watch", START), ("leave", 20), ("watch", 30), ("leave", 40)]


def test_watching_begins_after_listening_and_ends_after_it() -> None:
    meeting = go("presentation", START, consent=False, settings=mixed())
    assert watched(meeting) == []
    meeting.send(ev.ConsentGiven(at=20), ev.ListeningPauseAsked(at=30))
    kinds = (do.StartListening, do.StopListening, do.WatchFloor, do.LeaveFloor)
    assert [type(action).__name__ for _, action in meeting.done if isinstance(action, kinds)] == [
        *("StartListening", "WatchFloor", "StopListening", "LeaveFloor")
    ]
    (_, watch), *_ = meeting.acted(do.WatchFloor)
    assert watch == do.WatchFloor(channel=CALL, at=20)


def test_two_held_steps_in_a_row_are_watched_apart() -> None:
    meeting = go("presentation", START, settings=mixed(seconds={"presentation": 60.0, "synthesis": 60.0}))
    meeting.send(ev.NextAsked(at=20))
    assert watched(meeting) == [("watch", START), ("leave", 20), ("watch", 20)]


def test_the_end_of_the_recording_ends_watching() -> None:
    meeting = go("presentation", START, settings=mixed()).send(ev.AudioEnded(at=30)).until(40)
    assert watched(meeting) == [("watch", START), ("leave", 30)]
    assert meeting.session.snapshot(40).interruptions is None


def test_without_listening_nothing_can_be_told() -> None:
    meeting = go("presentation", START, consent=False, settings=mixed(listens=False))
    assert {view.interruptions for view in meeting.session.snapshot(START).steps} == {None}


def test_a_detector_that_failed_is_watched_no_more() -> None:
    meeting = go("presentation", START, settings=mixed())
    meeting.send(ev.DetectorFailed(at=12, channel="elsewhere"))
    assert watched(meeting) == [("watch", START)]
    meeting.send(ev.DetectorFailed(at=15, channel=CALL), voice(20, 18), ev.NextAsked(at=30), ev.BackAsked(at=40))
    assert watched(meeting) == [("watch", START), ("leave", 15)]
    assert meeting.flags() == []
    shown = meeting.session.snapshot(40)
    assert {shown.interruptions, *(view.interruptions for view in shown.steps)} == {None}


def test_a_detector_may_fail_while_nothing_is_watched() -> None:
    meeting = go("welcome", START, settings=mixed()).send(ev.DetectorFailed(at=12, channel=CALL))
    assert watched(meeting.send(ev.NextAsked(at=20))) == []


# --- what is flagged ---


@pytest.mark.parametrize(
    ("voices", "expected"),
    [
        pytest.param([voice(16, 14.5)], [("talk_over", 14.5, 16)], id="sure"),
        pytest.param([voice(16, 14.5, 0.7)], [("talk_over", 14.5, 16)], id="just sure enough"),
        pytest.param([voice(16, 14.5, 0.69)], [], id="not sure enough"),
        pytest.param([voice(16, 14.5, float("nan"))], [], id="no number"),
        pytest.param([voice(16, 14.5, 0.4), voice(16.25, 14.5, 0.8)], [("talk_over", 14.5, 16.25)], id="surer later"),
        pytest.param(
            [voice(16 + n / 4, 14.5, 0.8 + n / 100) for n in range(12)], [("talk_over", 14.5, 16)], id="told again"
        ),
        pytest.param(
            [voice(16, 14.5, kind="cut"), voice(16.25, 14.5, 0.99, kind="intrusion")],
            [("cut", 14.5, 16)],
            id="a flag keeps its kind",
        ),
        pytest.param([voice(16, 14.5), voice(19, 17.9)], [("talk_over", 14.5, 16)], id="again within 2 s is one"),
        pytest.param([voice(16, 14.5), voice(19, 18)], [("talk_over", 14.5, 16)], id="again after just 2 s is one"),
        pytest.param(
            [voice(16, 14.5), voice(20, 18.1, kind="intrusion")],
            [("talk_over", 14.5, 16), ("intrusion", 18.1, 20)],
            id="again after 2 s",
        ),
        pytest.param(
            [voice(16, 14.5), voice(19, 17.9), voice(22, 20.9)], [("talk_over", 14.5, 16)], id="again and again"
        ),
        pytest.param(
            [voice(16, 14.5), voice(18, 17.5, 0.3), voice(20, 18.5)],
            [("talk_over", 14.5, 16), ("talk_over", 18.5, 20)],
            id="what is unsure joins nothing",
        ),
        pytest.param([voice(12, 9.9)], [], id="begun before the step"),
        pytest.param([voice(16, 14.5, channel=MICROPHONE)], [], id="on the animator's own channel"),
        pytest.param([voice(16, 14.5, kind="reply")], [], id="a reply needs tracks"),
    ],
)
def test_what_is_sure_enough_is_flagged_once(
    voices: list[ev.OtherVoiceHeard], expected: list[tuple[str, float, float]]
) -> None:
    assert flagged(*voices) == expected


@pytest.mark.parametrize(("cues", "expected"), [("fewer", 1), ("balanced", 2), ("more", 3)])
def test_the_animator_chooses_between_fewer_surer_cues_and_more(cues: str, expected: int) -> None:
    voices = [voice(20, 18, 0.9), voice(30, 28, 0.75), voice(40, 38, 0.55), voice(50, 48, 0.4)]
    assert len(flagged(*voices, cue_probability=CUE_PROBABILITY[cues])) == expected


def test_a_flag_says_how_likely_it_is_and_names_nobody() -> None:
    meeting = go("presentation", START, settings=mixed()).plan([voice(16, 14.5, 0.83)]).until(16)
    line = meeting.flags()[0].to_line()
    assert line == {
        "type": "interruption_flagged",
        "at": 16,
        "step": "presentation",
        "kind": "talk_over",
        "started_at": 14.5,
        "evidence": "overlap",
        "who": None,
        "confidence": 0.83,
    }
    cue = meeting.session.snapshot(16).cues[-1]
    assert (cue.kind, cue.text, cue.action) == ("talk_over", "private.talk_over for Camille, 0 s", "remind")


def test_spoken_reminders_answer_a_flag_on_a_mixed_call_too() -> None:
    meeting = go("presentation", START, settings=mixed(spoken_reminders=True)).plan([voice(16, 14.5)]).until(30)
    assert [cue for _, _, cue in meeting.spoke()].count("reminder") == 1


@pytest.mark.parametrize("step", ["welcome", "contract", "consultation"])
def test_where_nothing_is_watched_nothing_is_flagged(step: str) -> None:
    assert flagged(voice(16, 14.5), step=step) == []


@pytest.mark.parametrize(
    "stop", [ev.PauseAsked(at=15), ev.ListeningPauseAsked(at=15), ev.NextAsked(at=15), ev.EndAsked(at=15)]
)
def test_what_is_found_too_late_is_not_told(stop: ev.Event) -> None:
    assert go("presentation", START, settings=mixed()).plan([voice(16, 14)]).send(stop).until(30).flags() == []


def test_after_a_pause_a_voice_from_before_it_does_not_count() -> None:
    meeting = go("presentation", START, settings=mixed()).plan([voice(21, 19.5), voice(26, 24.5)])
    meeting.send(ev.PauseAsked(at=15), ev.ResumeAsked(at=20)).until(40)
    assert [flag.started_at for flag in meeting.flags()] == [24.5]


# --- the animator's own microphone ---


def test_the_animator_may_always_speak_over_the_holder_and_blocks_no_flag() -> None:
    both = {CALL: [(11.0, 40.0)], MICROPHONE: [(14.0, 20.0)]}
    meeting = go("presentation", START, settings=mixed()).plan(heard(both))
    assert meeting.until(25).flags() == []
    meeting = go("presentation", START, settings=mixed()).plan(heard(both)).plan([voice(17, 15.5)])
    assert [(flag.kind, flag.started_at) for flag in meeting.until(25).flags()] == [("talk_over", 15.5)]


def test_the_far_voice_that_comes_back_in_the_microphone_counts_once() -> None:
    echo = {CALL: [(11.0, 40.0)], MICROPHONE: [(11.1, 40.1)]}
    meeting = go("presentation", START, settings=mixed()).plan(heard(echo)).plan([voice(16, 14.5)])
    assert len(meeting.until(50).flags()) == 1


def test_a_microphone_of_nobody_named_is_not_watched_either() -> None:
    voices = {CALL: [(11.0, 40.0)], MICROPHONE: [(14.0, 20.0)]}
    meeting = go("presentation", START, settings=mixed(participants=())).plan(heard(voices))
    assert meeting.until(50).flags() == []


def test_while_the_animator_holds_on_an_own_channel_the_call_breaks_the_listening() -> None:
    steps = (Step("frame", "animator", Rights.HOLD, table(60, 90, 120)),)
    chosen = mixed(process=codev(steps=steps, records={}), cue_probability=None)
    voices = {MICROPHONE: [(11.0, 20.0)], CALL: [(14.0, 16.0)]}
    meeting = go("frame", START, settings=chosen).plan(heard(voices)).until(30)
    (flag,) = meeting.flags()
    assert (flag.kind, flag.started_at, flag.evidence, flag.who) == ("talk_over", 14.0, "channel", None)
