"""A long silence: shown to the animator alone, once, until somebody speaks. It is never filled by itself.

A silence is nobody's voice for the process's seconds, in a step that somebody holds. Our own voice, a pause of the
session or of listening, and another step begin it anew; where somebody may be speaking unheard there is none.
"""

from __future__ import annotations

from facilitator.core import actions as do
from facilitator.core.state import State

KIND = "silence"


def settle(state: State) -> None:
    """Show the silence that has become one, and no longer one that is over."""
    due = _due_at(state)
    if due is None or due > state.now:
        state.withdraw(KIND)
    elif due != state.silence_shown:
        state.silence_shown = due
        assert state.settings.process.silence is not None  # `_due_at`
        key = state.settings.process.silence.prompt
        text = state.words(f"private.{KIND}", seconds=state.settings.process.silence.seconds)
        state.show(KIND, text, "" if key is None else "say", key or "")
        state.actions.append(do.Refresh())


def next_due(state: State) -> float | None:
    """Return when the present silence is to be shown; None where there is none, or it was."""
    due = _due_at(state)
    return None if due == state.silence_shown else due


def _due_at(state: State) -> float | None:
    """Return when the present silence becomes, or became, one that is shown; None while nothing can be told of it."""
    silence = state.settings.process.silence
    if silence is None or state.step.holder is None or not state.hears_everybody:
        return None
    starts = (state.ears.silent_since, state.voice.silent_since, state.agenda.since)
    known = [start for start in starts if start is not None]
    return max(known) + silence.seconds if len(known) == len(starts) else None
