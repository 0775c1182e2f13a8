"""What everybody in the call may see of a session: nothing about any one person, nothing for the animator alone."""

from __future__ import annotations

from dataclasses import dataclass

from facilitator.core.process import FACTS, RULES
from facilitator.core.state import State
from facilitator.core.tally import FactsView
from facilitator.core.transitions import Listening, Phase


@dataclass(frozen=True, slots=True)
class StageView:
    """The stage at session second `now`. Its time is to be counted on from `now` while `phase` is `running`.

    Attributes:
        now: session second.
        phase: as in `transitions.Phase`.
        listening: whether the session listens, as the animator sees it.
        language: two letters.
        step: id of the present step.
        title: of the present step.
        who: one sentence of who does what.
        number: the step's place, from 1.
        count: how many steps there are.
        planned_seconds: what the step was given.
        remaining_seconds: what is left of it; 0 when nothing is.
        paused: whether its time stands still.
        overrun: whether it has taken longer than planned.
        shows: what the step shows beside: `rules`, `facts`, the name of a record, or None.
        contract: that record's text as it was agreed; None when there is nothing to show.
        facts: about the steps before, once the animator has them shown; by role, never by name.
        speaking: what the voice is saying, word for word; None while it is silent.
    """

    now: float
    phase: str
    listening: str
    language: str
    step: str
    title: str
    who: str
    number: int
    count: int
    planned_seconds: float
    remaining_seconds: float
    paused: bool
    overrun: bool
    shows: str | None
    contract: str | None
    facts: tuple[FactsView, ...]
    speaking: str | None


def show(state: State, at: float) -> StageView:
    """Return what the stage shows of `state` at session second `at`."""
    agenda, step = state.agenda, state.step
    left = agenda.left(at)
    shows = step.shows if state.phase in {Phase.READY, Phase.RUNNING, Phase.PAUSED} else None
    record = None if shows in {None, RULES, FACTS} else state.records[str(shows)]
    return StageView(
        now=at,
        phase=state.phase.value,
        listening=shown_listening(state).value,
        language=state.settings.language,
        step=step.id,
        title=state.words(f"steps.{step.id}.title"),
        who=state.words(f"steps.{step.id}.who"),
        number=agenda.index + 1,
        count=len(agenda.steps),
        planned_seconds=agenda.visit_planned,
        remaining_seconds=max(0.0, left),
        paused=state.phase is Phase.PAUSED,
        overrun=left < 0,
        shows=shows,
        facts=state.facts() if shows == FACTS and state.facts_shown else (),
        contract=None if record is None or record.agreement is None else record.agreement.text,
        speaking=state.voice.speaking.text if state.voice.speaking else None,
    )


def shown_listening(state: State) -> Listening:
    """Return what is shown of listening: after the end, nothing is captured."""
    over = state.phase is Phase.ENDED and state.listening is Listening.ON
    return Listening.PAUSED if over else state.listening
