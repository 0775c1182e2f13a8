"""Contract and plan: what was said, what was corrected, what was agreed."""

from __future__ import annotations

import pytest

from facilitator.core import events as ev
from facilitator.core import facts
from facilitator.core.errors import IllegalEventError
from facilitator.core.snapshot import RecordView
from tests.core.builders import BENOIT, CLIENT, Meeting, go, heard, outstanding, settings, utterance


def contract(meeting: Meeting) -> RecordView:
    return meeting.session.snapshot(meeting.now).records["contract"]


def agreed(meeting: Meeting) -> list[tuple[str, str, float]]:
    return [(fact.text, fact.agreed_by, fact.at) for fact in meeting.of(facts.RecordAgreed)]


def mark(at: float, *ids: str, record: str = "contract", by: str = "", whole: bool = False) -> ev.RecordMarked:
    return ev.RecordMarked(at=at, record=record, utterances=ids, agreed_by=by, whole=whole)


def test_what_is_said_is_written_down_in_its_order() -> None:
    meeting = go("contract").send(utterance(2, "Deux.", 20), utterance(1, "Un.", 21, started_at=10.0))
    assert contract(meeting).text == "Un.\nDeux."
    assert [(one["id"], one["who"], one["stage"]) for one in contract(meeting).utterances] == [
        ("u1", "Camille", "live"),
        ("u2", "Camille", "live"),
    ]
    first = meeting.of(facts.UtteranceTranscribed)[0]
    assert (first.who, first.role, first.channel, first.step) == ("Camille", "client", CLIENT, "contract")


def test_in_one_mixed_call_nobody_is_named() -> None:
    meeting = go("contract").send(utterance(1, "Un.", 20, channel="call"))
    fact = meeting.of(facts.UtteranceTranscribed)[0]
    assert (fact.who, fact.role) == (None, None)


def test_a_mark_means_the_utterance_just_said() -> None:
    meeting = go("contract").send(utterance(1, "Un.", 10), utterance(2, "Deux.", 20), mark(21))
    assert agreed(meeting) == [("Deux.", "Camille", 21)]
    view = contract(meeting)
    assert (view.text, view.agreed, view.agreed_by, view.agreed_at) == ("Deux.", True, "Camille", 21)


def test_a_reaction_is_not_what_is_marked() -> None:
    meeting = go("contract").send(utterance(1, "Un.", 10), utterance(2, "Oui.", 12, started_at=11.5), mark(12))
    assert agreed(meeting) == [("Un.", "Camille", 12)]


def test_a_mark_waits_for_the_text() -> None:
    meeting = go("contract").send(outstanding(1, 10), mark(10.5))
    assert agreed(meeting) == []
    assert contract(meeting).outstanding == 1
    meeting.send(utterance(1, "Un.", 15, started_at=8.0))
    assert agreed(meeting) == [("Un.", "Camille", 15)]
    assert contract(meeting).agreed_at == 10.5


def test_a_mark_waits_through_partial_text() -> None:
    meeting = go("contract").send(outstanding(1, 10), mark(10.5))
    meeting.send(utterance(1, "Un, de", 12, stage="partial", started_at=8.0))
    assert agreed(meeting) == []
    assert contract(meeting).text == "Un, de"
    meeting.send(utterance(1, "Un, deux.", 13, started_at=8.0))
    assert agreed(meeting) == [("Un, deux.", "Camille", 13)]


def test_the_first_words_are_shown_while_somebody_speaks_and_stay_until_the_text_is_known() -> None:
    meeting = go("contract").send(utterance(1, "Un,", 10, stage="partial"), utterance(1, "Un, de", 11, stage="partial"))
    assert contract(meeting).outstanding == 1
    meeting.send(outstanding(1, 12))
    assert [(one["text"], one["stage"]) for one in contract(meeting).utterances] == [("Un, de", "partial")]
    meeting.send(utterance(1, "Un, deux.", 13))
    told = [(fact.text, fact.stage) for fact in meeting.of(facts.UtteranceTranscribed)]
    assert told == [("Un,", "partial"), ("Un, de", "partial"), ("Un, deux.", "live")]


def test_words_known_in_part_are_neither_read_back_nor_taken_as_items() -> None:
    meeting = go("contract").send(utterance(1, "Un, de", 10, stage="partial"))
    for event in (
        ev.ReadBackAsked(at=11, record="contract"),
        ev.RecordEdited(at=11, record="contract", utterances=("u1",)),
    ):
        with pytest.raises(IllegalEventError, match="nothing_written"):
            meeting.session.receive(event)
    meeting.send(ev.RecordEdited(at=12, record="contract", text="Un."))
    assert contract(meeting).corrections[0]["before"] == ""


def test_words_known_in_part_never_take_the_place_of_a_text() -> None:
    meeting = go("contract").send(utterance(1, "Un, deux.", 10), utterance(1, "Un, de", 11, stage="partial"))
    assert contract(meeting).text == "Un, deux."
    assert [fact.stage for fact in meeting.of(facts.UtteranceTranscribed)] == ["live"]


def test_first_words_that_turn_out_to_be_none_are_told_to_be_none() -> None:
    meeting = go("contract").send(utterance(1, "Merci.", 10, stage="partial"), utterance(1, "", 11))
    assert contract(meeting).text == ""
    assert [fact.text for fact in meeting.of(facts.UtteranceTranscribed)] == ["Merci.", ""]


def test_an_utterance_that_is_lost_keeps_its_first_words_and_is_found_again_by_a_later_pass() -> None:
    meeting = go("contract").send(utterance(1, "Un, de", 10, stage="partial"), outstanding(1, 11))
    meeting.send(utterance(1, None, 12))
    assert (contract(meeting).text, contract(meeting).lost, contract(meeting).outstanding) == ("Un, de", 1, 0)
    meeting.send(utterance(1, "Un, deux.", 20, stage="final_pass"))
    assert (contract(meeting).text, contract(meeting).lost) == ("Un, deux.", 0)


def test_the_earlier_text_stays_beside_the_later_one_until_something_is_agreed() -> None:
    def earlier() -> list[object]:
        return [one["earlier"] for one in contract(meeting).utterances]

    meeting = go("contract").send(utterance(1, "Un.", 10), utterance(2, "Deux.", 12))
    meeting.send(utterance(1, "Hein.", 20, stage="final_pass"), utterance(2, "Deux.", 21, stage="final_pass"))
    assert earlier() == ["Un.", ""]
    meeting.send(utterance(3, "Hein, deux.", 22, stage="final_pass", replaces=("u2", "u1")))
    assert earlier() == ["Hein. Deux."]
    meeting.send(mark(30))
    assert earlier() == [""]


def test_a_mark_does_not_wait_for_the_final_pass() -> None:
    meeting = go("contract").send(utterance(1, "Un.", 10), ev.FinalPassBegan(at=11), mark(12))
    assert agreed(meeting) == [("Un.", "Camille", 12)]


def test_marks_are_settled_in_their_order() -> None:
    meeting = go("contract").send(outstanding(1, 10), mark(10.5), outstanding(2, 20), mark(20.5))
    meeting.send(utterance(2, "Deux.", 21, started_at=18.0))
    assert agreed(meeting) == []
    meeting.send(utterance(1, "Un.", 22, started_at=8.0))
    assert [text for text, *_ in agreed(meeting)] == ["Un.", "Deux."]
    assert contract(meeting).text == "Deux."


def test_a_mark_waits_for_speech_that_goes_on() -> None:
    meeting = go("contract").until(10).plan(heard({CLIENT: [(10.0, 15.0)]})).send(mark(14))
    assert agreed(meeting) == []
    meeting.send(outstanding(1, 15.4, started_at=10.0)).until(16)
    meeting.send(utterance(1, "Un.", 17, started_at=10.0))
    assert agreed(meeting) == [("Un.", "Camille", 17)]


def test_speech_that_had_hardly_begun_is_not_waited_for() -> None:
    meeting = go("contract").until(9).send(utterance(1, "Un.", 9)).plan(heard({CLIENT: [(10.0, 15.0)]}))
    meeting.send(mark(10.9))
    assert agreed(meeting) == [("Un.", "Camille", 10.9)]


@pytest.mark.parametrize("leave", [ev.NextAsked, ev.PauseAsked, ev.ListeningPauseAsked, ev.EndAsked, ev.AudioEnded])
def test_what_was_being_said_when_the_grant_closed_is_what_was_marked(leave: type[ev.Event]) -> None:
    """The runner hands over what the closed grant held before its next tick."""
    meeting = go("contract").until(9).send(utterance(1, "Non.", 9)).plan(heard({CLIENT: [(10.0, 15.0)]}))
    meeting.send(mark(15.2), leave(at=15.3))
    assert agreed(meeting) == []
    assert not meeting.session.ended
    meeting.send(outstanding(2, 15.3, started_at=10.0)).until(18)
    assert not meeting.session.ended
    meeting.send(utterance(2, "Oui.", 18, started_at=10.0))
    assert agreed(meeting) == [("Oui.", "Camille", 18)]


def test_what_turns_out_to_be_nothing_is_said_to_be_nothing() -> None:
    meeting = go("contract").send(outstanding(1, 10), mark(10.5), utterance(1, "", 12, started_at=8.0))
    assert agreed(meeting) == []
    (warning,) = meeting.of(facts.Warning)
    assert (warning.code, warning.message) == ("nothing_to_mark", "refusals.nothing_to_mark for Camille, 0 s")
    assert contract(meeting).lost == 0
    assert "utterance_transcribed" not in meeting.types()


def test_speech_elsewhere_is_nothing_to_mark() -> None:
    meeting = go("clarification").until(9).plan(heard({BENOIT: [(10.0, 15.0)]})).until(14).send(mark(14))
    assert [warning.code for warning in meeting.of(facts.Warning)] == ["nothing_to_mark"]


def test_speech_for_another_record_is_nothing_to_mark() -> None:
    meeting = go("contract").until(9).plan(heard({CLIENT: [(10.0, 15.0)]})).until(14).send(mark(14, record="plan"))
    assert [warning.code for warning in meeting.of(facts.Warning)] == ["nothing_to_mark"]


def test_a_lost_utterance_is_counted_and_does_not_hold_a_mark() -> None:
    meeting = go("contract").send(utterance(1, "Un.", 10), outstanding(2, 20), mark(20.5))
    meeting.send(utterance(2, None, 25, started_at=18.0))
    assert agreed(meeting) == [("Un.", "Camille", 25)]
    assert contract(meeting).lost == 1


def test_a_final_pass_that_fails_takes_nothing_away() -> None:
    meeting = go("contract").send(utterance(1, "Un.", 10))
    meeting.send(utterance(1, None, 20, stage="final_pass"), utterance(9, None, 21, replaces=("u1",)))
    assert contract(meeting).text == "Un."
    assert contract(meeting).lost == 1


def test_a_later_text_takes_the_place_of_the_earlier_ones_but_not_of_what_was_agreed() -> None:
    meeting = go("contract").send(utterance(1, "Un.", 10), utterance(2, "Deux.", 20))
    meeting.send(utterance(3, "Un, deux.", 30, stage="final_pass", replaces=("u1", "u2"), started_at=8.0))
    assert contract(meeting).text == "Un, deux."
    meeting.send(mark(31), utterance(3, "Un deux trois.", 40, stage="final_pass", started_at=8.0))
    assert contract(meeting).text == "Un, deux."
    with pytest.raises(IllegalEventError, match="no_such_utterance"):
        meeting.send(mark(41, "u1"))


def test_utterances_are_marked_by_their_ids() -> None:
    meeting = go("contract").send(utterance(1, "Un.", 10), utterance(2, "Deux.", 20), utterance(3, "Trois.", 30))
    meeting.send(mark(31, "u3", "u1"))
    assert agreed(meeting) == [("Un.\nTrois.", "Camille", 31)]


def test_a_mark_by_ids_waits_for_them_alone() -> None:
    meeting = go("contract").send(outstanding(1, 10), outstanding(2, 20), mark(21, "u2"))
    assert agreed(meeting) == []
    meeting.send(utterance(2, "Deux.", 22, started_at=18.0))
    assert agreed(meeting) == [("Deux.", "Camille", 22)]


def test_the_whole_is_marked_with_all_that_was_said() -> None:
    meeting = go("contract").send(utterance(1, "Un.", 10), outstanding(2, 20), mark(20.5, whole=True))
    meeting.send(utterance(3, "Après.", 24)).send(utterance(2, "Deux.", 25, started_at=18.0))
    assert agreed(meeting) == [("Un.\nDeux.", "Camille", 25)]


def test_an_edited_text_is_a_draft_until_it_is_agreed_again() -> None:
    meeting = go("contract").send(utterance(1, "Un.", 10), mark(11))
    meeting.send(ev.RecordEdited(at=12, record="contract", text="  Un, mieux.  "))
    view = contract(meeting)
    assert (view.text, view.agreed, view.agreed_by) == ("Un, mieux.", False, "Camille")
    assert view.corrections == ({"at": 12, "before": "Un.", "after": "Un, mieux.", "undone": False},)
    meeting.send(mark(13, by="Camille et le groupe"))
    assert agreed(meeting)[1] == ("Un, mieux.", "Camille et le groupe", 13)
    assert contract(meeting).agreed


def test_a_draft_can_be_agreed_with_nothing_said() -> None:
    meeting = go("welcome").send(ev.RecordEdited(at=12, record="plan", text="Lundi."), mark(13, record="plan"))
    assert [fact.to_line()["type"] for fact in meeting.of(facts.RecordAgreed)] == ["plan_agreed"]
    assert agreed(meeting) == [("Lundi.", "Camille", 13)]


def test_agreed_again_the_contract_is_the_new_words() -> None:
    meeting = go("contract").send(utterance(1, "Un.", 10), mark(11), utterance(2, "Deux.", 20), mark(21))
    assert [text for text, *_ in agreed(meeting)] == ["Un.", "Deux."]
    assert contract(meeting).text == "Deux."


def test_a_second_press_does_not_agree_to_what_was_said_before_the_agreement() -> None:
    meeting = go("contract").send(utterance(1, "Un.", 10), ev.RecordEdited(at=12, record="contract", text="Un, mieux."))
    meeting.send(mark(13))
    with pytest.raises(IllegalEventError, match="nothing_to_mark"):
        meeting.session.receive(mark(14))
    meeting.send(utterance(2, "Deux.", 20), mark(21))
    assert [text for text, *_ in agreed(meeting)] == ["Un, mieux.", "Deux."]


def test_the_whole_can_be_agreed_again() -> None:
    meeting = go("synthesis").send(utterance(1, "Un.", 10, record="plan"), mark(11, record="plan", whole=True))
    meeting.send(utterance(2, "Deux.", 20, record="plan"), mark(21, record="plan", whole=True))
    assert [text for text, *_ in agreed(meeting)] == ["Un.", "Un.\nDeux."]


def test_without_names_the_role_agrees() -> None:
    meeting = go("contract", settings=settings(participants=())).send(utterance(1, "Un.", 10), mark(11))
    assert agreed(meeting) == [("Un.", "client", 11)]


def test_the_contract_is_closed_after_the_consultation_and_open_again_if_it_comes_back() -> None:
    meeting = go("synthesis").send(utterance(1, "Un.", 10))
    with pytest.raises(IllegalEventError, match="record_closed"):
        meeting.send(mark(11))
    meeting.send(ev.BackAsked(at=12), mark(13))
    assert agreed(meeting) == [("Un.", "Camille", 13)]


def test_a_record_is_read_back() -> None:
    meeting = (
        go("contract").until(9).send(utterance(1, "Un.", 10), ev.ReadBackAsked(at=11, record="contract")).until(20)
    )
    (spoken,) = [fact for fact in meeting.of(facts.PromptSpoken) if fact.cue == "read_back"]
    assert spoken.text == "cues.read_back for Camille, 0 s: Un."


def test_the_session_waits_for_what_is_being_written() -> None:
    meeting = go("contract").send(outstanding(1, 10), ev.EndAsked(at=11)).until(60)
    assert not meeting.session.ended
    meeting.send(utterance(1, "Un, de", 61, stage="partial", started_at=8.0))
    assert not meeting.session.ended
    meeting.send(utterance(1, "Un.", 62, started_at=8.0))
    assert meeting.session.ended
    assert meeting.types()[-2:] == ["utterance_transcribed", "session_ended"]


def test_the_session_waits_for_the_final_pass() -> None:
    meeting = go("contract").send(utterance(1, "Un.", 10), ev.EndAsked(at=11), ev.FinalPassBegan(at=11)).until(60)
    assert not meeting.session.ended
    meeting.send(utterance(1, "Hein.", 61, stage="final_pass"), ev.FinalPassEnded(at=61))
    assert meeting.session.ended
    assert contract(meeting).text == "Hein."


def test_a_second_end_gives_up_the_final_pass() -> None:
    meeting = go("contract").send(utterance(1, "Un.", 10), ev.EndAsked(at=11), ev.FinalPassBegan(at=11)).until(60)
    meeting.send(ev.EndAsked(at=60)).until(65)
    assert meeting.session.ended


def test_a_second_end_gives_up_on_what_is_still_being_written() -> None:
    meeting = go("contract").send(outstanding(1, 10)).send(ev.EndAsked(at=12)).until(40)
    assert meeting.session.snapshot(40).phase == "closing"
    meeting.send(ev.EndAsked(at=40)).until(45)
    assert meeting.session.ended
    assert contract(meeting).lost == 1


def test_an_agreement_is_dated_from_the_start_of_the_session() -> None:
    meeting = Meeting(settings=settings({"contract": 300.0})).send(ev.ConsentGiven(at=0), ev.StartAsked(at=600))
    meeting.send(utterance(1, "Un.", 660), mark(670))
    assert contract(meeting).agreed_at == 70


def test_what_the_animator_was_told_stays_in_the_snapshot() -> None:
    meeting = Meeting().send(ev.Warned(at=1, code="no_model", message="Rien ne sera écrit."))
    meeting.send(ev.Warned(at=2, code="disk", message="Plein."), ev.Warned(at=3, code="disk", message="Encore plein."))
    told = [(warning.code, warning.message, warning.at) for warning in meeting.session.snapshot(4).warnings]
    assert told == [("no_model", "Rien ne sera écrit.", 1), ("disk", "Encore plein.", 3)]
