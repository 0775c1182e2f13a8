"""A long silence: shown to the animator alone, once, and gone when somebody speaks."""

from __future__ import annotations

from typing import Any

import pytest

from facilitator.core import actions as do
from facilitator.core import events as ev
from facilitator.core.errors import ProcessError
from facilitator.core.process import Participant, Silence
from tests.core.builders import ANIMATOR, CLIENT, Meeting, codev, go, heard, settings

CALL = "call"
ALONE = (Participant("Camille", "client"), Participant("Ana", "animator", ANIMATOR))
"""Nobody but the animator has a channel."""


def quiet(step: str = "presentation", **changes: Any) -> Meeting:
    """Return a meeting whose voice never speaks, in a step since second 0."""
    return go(step, ready_seconds=None, **changes)


def shown(meeting: Meeting) -> list[float]:
    """Return since when each silence is shown."""
    return [cue.at for cue in meeting.session.snapshot(meeting.now).cues if cue.kind == "silence"]


def test_thirty_seconds_without_a_voice_are_shown_with_what_may_be_said() -> None:
    meeting = quiet()
    assert shown(meeting.until(29.9)) == []
    (cue,) = [cue for cue in meeting.until(30).session.snapshot(30).cues if cue.kind == "silence"]
    assert (cue.at, cue.until, cue.action, cue.key) == (30.0, 50.0, "say", "silence")
    assert cue.text == "private.silence for Camille, 30 s"
    assert [at for at, _ in meeting.acted(do.Refresh)] == [30.0]
    assert meeting.spoke() == []


def test_it_leaves_by_itself_and_does_not_come_twice_in_one_silence() -> None:
    meeting = quiet().until(50)
    assert shown(meeting) == []
    assert shown(meeting.until(280)) == []


def test_it_is_gone_at_the_first_voice_and_the_next_silence_is_another() -> None:
    meeting = quiet().plan(heard({CLIENT: [(35.0, 36.0)]})).until(34)
    assert shown(meeting) == [30.0]
    assert shown(meeting.until(35.1)) == []
    assert [round(at, 2) for at, _ in meeting.acted(do.Refresh)] == [30.0, 35.03]
    assert shown(meeting.until(65.9)) == []
    assert shown(meeting.until(66)) == [66.0]


def test_our_own_voice_is_no_voice_and_its_time_no_silence() -> None:
    meeting = go("presentation", prompt_seconds=20.0).until(50.6)
    assert meeting.spoke() == [(0.6, "presentation", "opening")]
    assert shown(meeting) == []
    assert shown(meeting.until(50.7)) == [50.65]  # 30 s after the opening's end


def test_a_paused_session_has_no_silence() -> None:
    meeting = quiet().send(ev.PauseAsked(at=20)).until(100)
    assert shown(meeting) == []
    assert shown(meeting.send(ev.ResumeAsked(at=100)).until(129.9)) == []
    assert shown(meeting.until(130)) == [130.0]


def test_neither_has_a_listening_pause() -> None:
    meeting = quiet().until(40).send(ev.ListeningPauseAsked(at=40))
    assert shown(meeting.until(100)) == []
    meeting.send(ev.ListeningResumeAsked(at=100))
    assert shown(meeting.until(130)) == [130.0]


def test_another_step_begins_it_anew() -> None:
    meeting = quiet().until(35).send(ev.NextAsked(at=35))
    assert shown(meeting) == []
    assert shown(meeting.until(65)) == [65.0]


@pytest.mark.parametrize(
    "meeting",
    [
        pytest.param(quiet(consent=False), id="nothing is heard"),
        pytest.param(quiet("break", settings=settings(codev().plan(120))), id="nobody holds the step"),
        pytest.param(quiet(settings=settings(process=codev(silence=None))), id="the process has none"),
        pytest.param(quiet(settings=settings(channels=(CALL,), mixed=CALL)), id="the call is not heard yet"),
        pytest.param(quiet(settings=settings(participants=ALONE)), id="the client is not heard"),
        pytest.param(quiet(settings=settings(participants=())), id="it is not known who is there"),
    ],
)
def test_where_it_says_nothing_it_is_not_shown(meeting: Meeting) -> None:
    assert shown(meeting.until(45)) == []


def test_a_mixed_call_is_everybody() -> None:
    meeting = quiet(settings=settings(participants=ALONE, channels=(CALL,), mixed=CALL))
    meeting.send(ev.ChannelOpened(at=5, channel=CALL))
    assert shown(meeting.until(35)) == [35.0]
    assert shown(meeting.send(ev.DeviceLost(at=36, device=CALL))) == []


def test_a_process_may_show_it_without_anything_to_say() -> None:
    meeting = quiet(settings=settings(process=codev(silence=Silence(12)))).until(12)
    (cue,) = [cue for cue in meeting.session.snapshot(12).cues if cue.kind != "withheld"]
    assert (cue.kind, cue.action, cue.key) == ("silence", "", "")


def test_only_one_of_the_prompts_can_be_said_of_it() -> None:
    with pytest.raises(ProcessError, match=r"\[silence\] would have 'shout' said"):
        codev(silence=Silence(30, "shout"))
