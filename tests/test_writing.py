"""The pile of what waits to be written down: its order, its limits, and what is given up first."""

from __future__ import annotations

import math

import numpy as np
import pytest

from facilitator.core.actions import OpenGrant
from facilitator.hearing import Heard
from facilitator.writing import FRESH_SECONDS, LATE_SECONDS, MOST_HELD_SECONDS, QUICK_SECONDS, Job, Pile, Stage
from speech.recognition.segmenter import Utterance

GRANT = OpenGrant(record="plan", step="synthesis", at=0.0)


def job(name: str, at: float = 0.0, seconds: float = 1.0, text: str | None = None) -> Job:
    return Job(name, GRANT, Heard("call", Utterance(np.zeros(0, np.float32), at, at + seconds)), text)


def order(pile: Pile, now: float = 1.0) -> list[tuple[str, str]]:
    taken = []
    while (found := pile.next(now)) is not None:
        taken.append((found[0].id, found[1].value))
    return taken


def test_texts_go_first_then_first_words_then_the_final_pass() -> None:
    pile = Pile()
    pile.keep(job("read", text="Un."), over=True)
    pile.add(job("said"))
    pile.grow(job("grows"))
    assert order(pile) == [("said", "live"), ("grows", "partial"), ("read", "final_pass")]


def test_only_the_last_first_words_wait() -> None:
    pile = Pile()
    pile.grow(job("a"))
    pile.grow(job("b"))
    assert order(pile) == [("b", "partial")]


@pytest.mark.parametrize(("age", "read"), [(FRESH_SECONDS, True), (FRESH_SECONDS + 0.01, False)])
def test_stale_first_words_are_thrown_away(age: float, read: bool) -> None:
    pile = Pile()
    pile.grow(job("a"))
    assert bool(order(pile, 1.0 + age)) == read
    assert order(pile) == []


def test_a_busy_recognizer_gets_fewer_first_words() -> None:
    pile = Pile()
    pile.took(Stage.PARTIAL, 0.5, 10.0)
    pile.grow(job("a", 9.4))
    assert order(pile, 10.4) == []
    pile.grow(job("a", 9.6))
    assert order(pile, 10.6) == [("a", "partial")]


def test_a_slow_recognizer_gets_none_until_it_is_quick_again() -> None:
    pile = Pile()
    pile.took(Stage.LIVE, QUICK_SECONDS + 0.1, 10.0)
    pile.grow(job("a", 9.5))
    assert order(pile, 10.5) == []
    pile.took(Stage.FINAL, 9.0, 10.0)
    pile.took(Stage.LIVE, 0.4, 11.0)
    pile.took(Stage.FINAL, 9.0, 11.0)
    pile.grow(job("a", 10.5))
    assert order(pile, 11.5) == [("a", "partial")]


def test_what_waited_too_long_is_left_to_the_final_pass_which_need_not_wait_for_the_step_to_end() -> None:
    pile = Pile()
    pile.add(job("old"))
    pile.add(job("new", 10.0))
    assert order(pile, 1.0 + LATE_SECONDS + 0.1) == [("new", "live"), ("old", "final_pass")]
    assert pile.late


def test_where_nobody_waits_nothing_is_late() -> None:
    pile = Pile(math.inf)
    pile.add(job("old"))
    assert order(pile, 1e6) == [("old", "live")]
    assert not pile.late


def test_what_is_written_is_held_until_the_step_is_over() -> None:
    pile = Pile()
    pile.keep(job("a", text="Un."), over=False)
    assert order(pile) == []
    pile.close()
    assert order(pile) == [("a", "final_pass")]


def test_what_has_no_text_does_not_wait_for_the_end_of_the_step() -> None:
    pile = Pile()
    pile.keep(job("a"), over=False)
    assert order(pile) == [("a", "final_pass")]


def test_sound_that_is_held_has_a_limit_and_what_is_written_goes_first() -> None:
    pile = Pile()
    for name in ("a", "b"):
        pile.keep(job(name, seconds=25.0, text="Un."), over=False)
    lost: list[Job] = []
    while pile.held_seconds + 25.0 <= MOST_HELD_SECONDS:
        lost += pile.add(job("c", seconds=25.0))
    assert lost == []
    assert pile.add(job("d", seconds=25.0)) == []
    assert pile.add(job("e", seconds=25.0)) == []
    assert pile.held_seconds <= MOST_HELD_SECONDS
    assert [one.id for one in pile.add(job("f", seconds=25.0))] == ["c"]
    pile.close()
    assert order(pile, 1.0)[-1] == ("f", "live")


def test_a_pause_of_listening_drops_what_is_written_and_has_the_rest_read_once() -> None:
    pile = Pile()
    pile.keep(job("held", text="Un."), over=False)
    pile.keep(job("again", text="Deux."), over=True)
    pile.keep(job("failed"), over=False)
    said = job("said")
    pile.add(said)
    pile.grow(job("grows"))
    pile.forget()
    assert order(pile) == [("said", "live"), ("failed", "final_pass")]
    said.text = "Trois."
    for over in (False, True):
        pile.keep(said, over=over)
    pile.close()
    assert order(pile) == []


def test_the_end_drops_everything() -> None:
    pile = Pile()
    pile.add(job("said"))
    pile.keep(job("failed"), over=False)
    pile.keep(job("held", text="Un."), over=False)
    pile.drop()
    pile.close()
    assert order(pile) == []
    assert not pile.waits
