"""The figures of written text are those of the session's own events."""

from __future__ import annotations

import pytest

from bench.writing import Compared, judge, session
from facilitator.core import facts


def text(name: str, stage: str, ended_at: float, at: float) -> facts.UtteranceTranscribed:
    return facts.UtteranceTranscribed(
        at=at,
        id=name,
        stage=stage,
        replaces=(),
        step="contract",
        text="Oui.",
        started_at=ended_at - 2.0,
        ended_at=ended_at,
        who=None,
        role=None,
        channel="call",
    )


TOLD = (
    text("u1", "partial", 9.0, 9.5),
    text("u1", "live", 10.2, 11.0),
    text("u2", "live", 20.2, 21.5),
    facts.StepEnded(at=25.0, step="contract", seconds=25.0, overrun_seconds=0.0),
    text("u1", "final_pass", 10.2, 26.0),
    text("u2", "final_pass", 20.2, 28.0),
)


COMPARED = (Compared(False, 2.0, 1.1, 1.0), Compared(False, 2.0, 1.1, 1.0), Compared(True, 3.0, 3.0, 3.0))


def test_text_is_counted_from_the_end_of_speech_and_the_final_pass_from_the_end_of_its_step() -> None:
    measured = judge(TOLD, COMPARED)
    assert measured.texts == pytest.approx([1.0, 1.5])
    assert measured.first_words == pytest.approx([0.5])
    assert measured.passes == {"contract": pytest.approx(3.0)}


def test_each_pass_is_compared_with_its_own() -> None:
    measured = judge(TOLD, COMPARED)
    assert measured.overhead == {"live": pytest.approx(1.1), "final": pytest.approx(1.0)}
    assert measured.in_session == {"live": pytest.approx(2.0), "final": pytest.approx(1.0)}
    assert measured.kept
    assert not judge(TOLD, [*COMPARED, Compared(True, 3.0, 4.0, 3.0)]).kept


def test_a_text_too_late_or_a_pass_that_never_ends_is_a_miss() -> None:
    late = (text("u3", "live", 20.2, 29.0), text("u3", "final_pass", 20.2, 29.5))
    assert not judge((*TOLD, *late), COMPARED).kept
    assert not judge(TOLD[:4], COMPARED).kept


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_session_holds_the_written_down_steps_and_the_short_one_a_single_one(language: str) -> None:
    assert {"contract", "synthesis"} < {step.id for step in session(language, short=False).steps}
    assert [step.id for step in session(language, short=True).steps] == ["contract", "evaluation"]
