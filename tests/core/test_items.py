"""The plan's items: chosen, filled in and dated by hand, taken back, and never reworded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.core import events as ev
from facilitator.core import facts
from facilitator.core.errors import IllegalEventError
from facilitator.core.items import Item, bare, carried, joined
from facilitator.core.snapshot import ItemView, RecordView
from tests.core.builders import Meeting, go, outstanding, utterance

UN = Item("J'appelle Nour.", who="Nour", first_step="Trouver le numéro.", done_when="Elle a répondu.", due="2026-12-04")
DEUX = Item("Puis j'écris.")


def plan(meeting: Meeting) -> RecordView:
    return meeting.session.snapshot(meeting.now).records["plan"]


def edit(at: float, text: str = "", *items: Item, ids: tuple[str, ...] = ()) -> ev.RecordEdited:
    return ev.RecordEdited(at=at, record="plan", text=text, items=items, utterances=ids)


def undo(at: float) -> ev.CorrectionUndone:
    return ev.CorrectionUndone(at=at, record="plan")


def mark(at: float, *, whole: bool = True) -> ev.RecordMarked:
    return ev.RecordMarked(at=at, record="plan", whole=whole)


def said(*texts: str) -> Meeting:
    meeting = go("synthesis")
    for number, text in enumerate(texts, 1):
        meeting.send(utterance(number, text, number * 10, record="plan", step="synthesis"))
    return meeting


def texts(meeting: Meeting) -> list[str]:
    return [item.text for item in plan(meeting).items]


def test_before_a_hand_chooses_each_line_said_is_an_item() -> None:
    assert plan(said("Un.", "Deux.")).items == (ItemView("Un."), ItemView("Deux."))
    assert plan(said()).items == ()


def test_utterances_become_items_by_the_animators_hand() -> None:
    meeting = said("Un.", "Voilà.", "Deux.").send(edit(31, ids=("u3",)))
    assert texts(meeting) == ["Deux."]
    meeting.send(edit(32, ids=("u1",)))
    assert texts(meeting) == ["Deux.", "Un."]
    meeting.send(mark(33), edit(34, ids=("u2",)))
    assert texts(meeting) == ["Deux.", "Un.", "Voilà."]
    assert not plan(meeting).agreed


def test_an_utterance_whose_text_is_not_known_is_no_item_yet() -> None:
    meeting = said("Un.").send(outstanding(2, 20, record="plan", step="synthesis"))
    with pytest.raises(IllegalEventError, match="nothing_written"):
        meeting.session.receive(edit(21, ids=("u1", "u2")))


def test_what_a_hand_added_is_shown_and_agreed_and_the_words_stay() -> None:
    meeting = said("Un.").send(edit(20, "", UN, DEUX), mark(21))
    assert plan(meeting).items == (
        ItemView(UN.text, UN.who, UN.first_step, UN.done_when, UN.due),
        ItemView(DEUX.text),
    )
    (agreed,) = meeting.of(facts.RecordAgreed)
    assert agreed.text == plan(meeting).text == "J'appelle Nour.\nPuis j'écris."
    assert plan(meeting).agreed


def test_a_date_accepted_after_the_agreement_is_to_be_agreed_too() -> None:
    meeting = said("Un.").send(mark(20), edit(21, "", Item("Un.", due="2026-12-04")))
    assert not plan(meeting).agreed
    assert plan(meeting).corrections == ({"at": 21, "before": "Un.", "after": "Un.", "undone": False},)


def test_correcting_the_text_keeps_what_was_added_to_lines_that_stand() -> None:
    meeting = said().send(edit(20, "", UN, DEUX), edit(21, f"Avant.\n{UN.text}"))
    assert [item.due for item in plan(meeting).items] == ["", "2026-12-04"]
    meeting.send(edit(22, "Avant.\nJ'appelle Nour demain."))
    assert [(item.text, item.due) for item in plan(meeting).items][1] == ("J'appelle Nour demain.", "2026-12-04")


def test_agreeing_to_all_that_was_said_again_keeps_what_was_added() -> None:
    meeting = said("Un.", "Deux.").send(edit(21, "", Item("Un.", due="2026-12-04")), mark(22))
    meeting.send(mark(23))
    assert [(item.text, item.due) for item in plan(meeting).items] == [("Un.", "2026-12-04"), ("Deux.", "")]


def test_corrections_are_taken_back_one_by_one_and_stay_in_the_history() -> None:
    meeting = said("Un.").send(edit(20, "Deux."), edit(21, "Trois."), undo(22))
    assert (plan(meeting).text, plan(meeting).undoable) == ("Deux.", True)
    meeting.send(undo(23))
    assert (plan(meeting).text, plan(meeting).undoable) == ("Un.", False)
    assert [(one["before"], one["after"], one["undone"]) for one in plan(meeting).corrections] == [
        ("Un.", "Deux.", True),
        ("Deux.", "Trois.", True),
    ]
    with pytest.raises(IllegalEventError, match="nothing_to_undo"):
        meeting.session.receive(undo(24))
    meeting.send(edit(25, "Quatre."), edit(26, "Cinq."), undo(27))
    assert [one["undone"] for one in plan(meeting).corrections] == [True, True, False, True]


def test_taken_back_to_what_was_agreed_it_is_agreed() -> None:
    meeting = said("Un.").send(mark(20), edit(21, "Autre."), undo(22))
    assert (plan(meeting).text, plan(meeting).agreed) == ("Un.", True)


def test_nothing_before_the_last_agreement_is_taken_back() -> None:
    meeting = said("Un.").send(edit(20, "Deux."), mark(21))
    assert not plan(meeting).undoable
    with pytest.raises(IllegalEventError, match="nothing_to_undo"):
        meeting.session.receive(undo(22))


LINES = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=5)
ITEMS = st.lists(st.builds(Item, st.sampled_from(["a", "b", "c"]), due=st.sampled_from(["", "2026-12-04"])), max_size=5)


@given(LINES, ITEMS)
def test_what_is_carried_says_the_new_words_and_invents_nothing(lines: list[str], known: list[Item]) -> None:
    found = carried("\n".join(lines), tuple(known))
    assert [item.text for item in found] == lines
    assert sum(bool(item.due) for item in found) <= sum(bool(item.due) for item in known)


def test_what_was_added_once_is_not_carried_twice() -> None:
    twice = (Item("a", due="2026-12-04"), Item("a", due="2026-12-04"), Item("c"))
    assert carried("b\nd\na", twice) == (Item("b", due="2026-12-04"), Item("d"), Item("a", due="2026-12-04"))


@given(ITEMS)
def test_the_same_words_keep_everything(known: list[Item]) -> None:
    assert carried(joined(known), tuple(known)) == tuple(known)


def test_an_empty_line_is_no_item() -> None:
    assert bare("\n  \n Un. \n") == (Item("Un."),)
