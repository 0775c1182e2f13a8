"""A session goes on in another process where the first one left it, to the second and to the word."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.core import actions as do
from facilitator.core import events as ev
from facilitator.core import facts
from facilitator.core.errors import IllegalEventError
from facilitator.core.session import Session
from facilitator.core.snapshot import Snapshot
from tests.core.builders import CLIENT, FakeWording, Meeting, go, outstanding, settings, utterance

FLEETING = ("at", "speaking", "pending", "cues", "warnings", "interruptions")
"""What a snapshot shows of the voice and of passing moments: nothing of it outlives the process."""


def kept(shot: Snapshot) -> dict[str, Any]:
    """Return what of a snapshot must outlive the process."""
    values = dataclasses.asdict(shot)
    return {name: value for name, value in values.items() if name not in FLEETING}


def resumed(meeting: Meeting, at: float, **changes: Any) -> Meeting:
    """Return what goes on, at `at`, from what is kept of `meeting`."""
    other = Meeting(settings=dataclasses.replace(meeting.settings, **changes))
    other.session.restore(meeting.session.durable(), at)
    other.now = at
    for action in other.session.take_actions():
        other.done.append((at, action))
        other._perform(action)
    return other


def test_step_time_and_words_are_as_they_were() -> None:
    meeting = go("contract").send(ev.ExtendAsked(at=10.0, seconds=60.0), utterance(1, "Aidez-moi.", 20.0))
    meeting.send(
        ev.RecordMarked(at=22.0, record="contract"),
        ev.RecordEdited(at=24.0, record="contract", text="Aidez-moi à dire non."),
        ev.RecordMarked(at=25.0, record="contract"),
        ev.RecordEdited(at=26.0, record="contract", text="Aidez-moi à dire non, et oui."),
    ).until(60.0)
    again = resumed(meeting, 90.0)
    assert kept(again.session.snapshot(90.0)) == kept(meeting.session.snapshot(90.0))
    assert again.session.snapshot(90.0).elapsed_seconds == 90.0
    again.send(ev.CorrectionUndone(at=91.0, record="contract"))
    assert again.session.snapshot(91.0).records["contract"].text == "Aidez-moi à dire non."


def test_what_is_kept_does_not_change_with_the_session() -> None:
    meeting = go("contract").send(utterance(1, "Aidez-moi.", 20.0))
    before = meeting.session.durable()
    meeting.send(ev.RecordEdited(at=24.0, record="contract", text="Autrement."), ev.NextAsked(at=30.0))
    assert before.records["contract"].text == "Aidez-moi."
    assert before.course != meeting.session.durable().course


def test_a_pause_stands_still_in_both() -> None:
    meeting = go("clarification").until(100.0).send(ev.PauseAsked(at=100.0)).until(110.0)
    again = resumed(meeting, 400.0).until(500.0)
    shot = again.session.snapshot(500.0)
    assert (shot.phase, shot.elapsed_seconds) == ("paused", 100.0)


def test_no_cue_comes_twice_and_the_next_one_comes() -> None:
    meeting = go("presentation").until(200.0)
    assert ("presentation", "remaining") in {(step, cue) for _, step, cue in meeting.spoke()}
    again = resumed(meeting, 210.0).until(310.0)
    assert [(step, cue) for _, step, cue in again.spoke()] == [("presentation", "ended")]


def test_a_cue_that_fell_due_meanwhile_is_shown_and_not_said() -> None:
    meeting = go("presentation").until(100.0)
    again = resumed(meeting, 290.0).until(295.0)
    assert again.spoke() == []
    assert [(cue, reason) for _, _, cue, reason in again.withheld()] == [("remaining", "interrupted")]


def test_a_prompt_that_waited_is_shown_and_can_be_said_again() -> None:
    meeting = Meeting(ready_seconds=None).send(ev.ConsentGiven(at=0.0), ev.StartAsked(at=0.0))
    again = resumed(meeting, 3.0)
    assert [cue for _, _, cue, _ in again.withheld()] == ["opening"]
    again.until(10.0)
    assert again.spoke() == []
    again.send(ev.SayAsked(at=10.0)).until(12.0)
    assert [cue for _, _, cue in again.spoke()] == ["custom"]


def test_a_prompt_that_was_being_said_is_not_said_again_by_itself() -> None:
    meeting = Meeting().send(ev.ConsentGiven(at=0.0), ev.StartAsked(at=0.0)).until(1.2)
    assert meeting.session.snapshot(1.2).speaking is not None
    assert resumed(meeting, 3.0).until(30.0).spoke() == []


def test_listening_and_the_grant_are_asked_for_again() -> None:
    again = resumed(go("contract").until(20.0), 30.0)
    assert again.acted(do.StartListening) == [(30.0, do.StartListening())]
    assert [(action.record, action.at) for _, action in again.acted(do.OpenGrant)] == [("contract", 30.0)]


@pytest.mark.parametrize("before", [True, False])
def test_a_listening_pause_or_a_session_that_hears_nothing_stays_so(before: bool) -> None:
    meeting = go("contract").send(ev.ListeningPauseAsked(at=5.0)) if before else go("contract")
    again = resumed(meeting, 30.0, listens=before)
    assert again.session.snapshot(30.0).listening == ("paused" if before else "never")
    assert not again.acted(do.StartListening)


def test_a_session_that_could_not_listen_is_asked_for_consent_when_it_can() -> None:
    meeting = go("contract", consent=False, settings=settings(listens=False))
    assert resumed(meeting, 30.0, listens=True).session.snapshot(30.0).listening == "unasked"


def test_an_utterance_whose_words_were_not_known_counts_as_lost() -> None:
    meeting = go("contract").send(utterance(1, "Aidez-moi.", 20.0), outstanding(2, 24.0))
    record = resumed(meeting, 30.0).session.snapshot(30.0).records["contract"]
    assert (record.text, record.outstanding, record.lost) == ("Aidez-moi.", 0, 1)


def test_words_that_are_known_in_part_change_nothing_that_is_kept() -> None:
    meeting = go("contract").send(outstanding(2, 24.0))
    before = meeting.session.durable().records
    meeting.send(utterance(2, "Aidez", 25.0, stage="partial", started_at=22.0))
    assert meeting.session.durable().records == before
    meeting.send(utterance(2, "Aidez-moi.", 26.0))
    assert meeting.session.durable().records["contract"].text == "Aidez-moi."


def test_a_mark_that_waited_for_words_is_told_and_agrees_to_no_others() -> None:
    meeting = go("contract").send(utterance(1, "Autre chose.", 20.0), outstanding(2, 24.0))
    meeting.send(ev.RecordMarked(at=25.0, record="contract"))
    again = resumed(meeting, 30.0).until(60.0)
    assert not again.of(facts.RecordAgreed)
    assert [fact.code for fact in again.of(facts.Warning)] == ["mark_lost"]
    assert [warning.code for warning in again.session.snapshot(60.0).warnings] == ["mark_lost"]


def test_a_session_that_was_closing_ends() -> None:
    meeting = go("evaluation").send(ev.EndAsked(at=5.0))
    again = resumed(meeting, 30.0)
    assert again.session.ended
    assert again.types()[-1] == "session_ended"


def test_a_session_that_was_over_stays_over_and_does_nothing() -> None:
    meeting = go("evaluation").send(ev.EndAsked(at=5.0)).until(60.0)
    assert meeting.session.ended
    again = resumed(meeting, 90.0)
    assert again.session.ended
    assert again.done == []


def test_a_record_that_the_process_no_longer_has_is_left_out() -> None:
    meeting = go("contract")
    before = meeting.session.durable()
    other = Session(settings(), FakeWording())
    other.restore(dataclasses.replace(before, records={"poem": before.records["contract"]}), 5.0)
    assert set(other.snapshot(5.0).records) == {"contract", "plan"}


def test_time_never_goes_back() -> None:
    again = resumed(go("contract").until(50.0).send(ev.NextAsked(at=50.0)), 20.0)
    assert again.session.now == 50.0


KINDS = st.sampled_from(
    [
        *(ev.NextAsked, ev.NextAsked, ev.BackAsked, ev.PauseAsked, ev.ResumeAsked, ev.HushAsked, ev.RebudgetAsked),
        *(ev.ListeningPauseAsked, ev.ListeningResumeAsked, ev.EndAsked),
    ]
)
MADE = st.one_of(
    st.tuples(KINDS, st.just({})),
    st.tuples(st.just(ev.ExtendAsked), st.fixed_dictionaries({"seconds": st.sampled_from([60.0, 300.0])})),
    st.tuples(
        st.sampled_from([ev.RecordMarked, ev.RecordEdited, ev.CorrectionUndone]),
        st.fixed_dictionaries({"record": st.sampled_from(["contract", "plan"])}),
    ),
)


@given(done=st.lists(st.tuples(st.floats(0, 400), MADE, st.booleans()), max_size=25))
def test_wherever_it_was_cut_it_goes_on_from_there(done: list[Any]) -> None:
    """After any run of the animator's commands and of words that become known, what goes on shows the same."""
    meeting = Meeting().send(ev.ConsentGiven(at=0.0), ev.StartAsked(at=0.0))
    for number, (wait, (kind, values), spoken) in enumerate(done):
        meeting.until(meeting.now + wait)
        if meeting.session.ended:
            break
        if spoken:
            meeting.send(utterance(number, f"Phrase {number}.", meeting.now, channel=CLIENT))
        text = {"text": f"Texte {number}."} if kind is ev.RecordEdited else {}
        try:
            meeting.send(kind(at=meeting.now, **values, **text))
        except IllegalEventError:
            continue
    at = meeting.now
    meeting.send(ev.HushAsked(at=at)) if meeting.session.snapshot(at).phase in {"running", "paused"} else None
    if meeting.session.snapshot(at).phase != "closing":  # that ends by itself
        assert kept(resumed(meeting, at).session.snapshot(at)) == kept(meeting.session.snapshot(at))
