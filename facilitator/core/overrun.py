"""A step that has run over: shown to the animator alone, once, with a little time to give. Nothing moves on by itself.

It is shown the process's seconds after the step's end, and once more so long after the end of a later extension; never
for an end that was past already when it was set. It leaves by itself, in a pause, and with the step.
"""

from __future__ import annotations

from facilitator.core import actions as do
from facilitator.core.state import State

KIND = "overrun"


def settle(state: State) -> None:
    """Show that the step has run over, and no longer what is not so any more."""
    due = _due_at(state)
    if due is None or due > state.now:
        state.withdraw(KIND)
    elif state.agenda.index not in state.overran:
        state.overran.add(state.agenda.index)
        rule = state.settings.process.overrun
        assert rule is not None  # `_due_at`
        over = max(rule.seconds, -state.agenda.left(state.now))  # more where it ran over in a process that is no more
        state.show(KIND, state.words(f"private.{KIND}", seconds=over), "extend", seconds=60 * rule.minutes)
        state.actions.append(do.Refresh())


def next_due(state: State) -> float | None:
    """Return when the step will be shown to have run over; None while it stands still, or once it was."""
    return None if state.agenda.index in state.overran else _due_at(state)


def moved(state: State) -> None:
    """Take that the animator has set the present step's end anew: it is told of in its turn, unless it is past."""
    state.withdraw(KIND)
    rule = state.settings.process.overrun
    if rule is not None and state.agenda.left(state.now) > -rule.seconds:
        state.overran.discard(state.agenda.index)
    else:
        state.overran.add(state.agenda.index)


def _due_at(state: State) -> float | None:
    """Return when the step becomes, or became, one that has run over; None while its time stands still."""
    rule = state.settings.process.overrun
    return None if rule is None else state.agenda.when_left(-rule.seconds)
