"""The session: the one gate through which everything passes.

`receive` takes an event, checks it against `transitions.py`, applies it and lets what has fallen due happen;
`take_actions` gives what is to be done about it; `next_deadline` says when to come back with a `Tick`.
"""

from __future__ import annotations

from facilitator.core import asked, due, durable, heard
from facilitator.core.actions import Action
from facilitator.core.durable import Durable
from facilitator.core.events import Event
from facilitator.core.snapshot import Snapshot, take
from facilitator.core.stage import StageView, show
from facilitator.core.state import Settings, State
from facilitator.core.transitions import Phase, next_states
from facilitator.core.wording import Wording

_HANDLERS = {**asked.HANDLERS, **heard.HANDLERS}


class Session:
    """One meeting, from its start to its end. Reads no clock and does nothing itself."""

    def __init__(self, settings: Settings, wording: Wording) -> None:
        self._state = State(settings, wording)

    def receive(self, event: Event) -> None:
        """Take what became known and let what has fallen due happen.

        Raises:
            IllegalEventError: the event is refused; the state is unchanged.
        """
        state = self._state
        phase, listening = next_states(state.phase, state.listening, event)
        refuse = asked.REFUSALS.get(type(event))
        if refuse is not None:
            refuse(state, event)
        state.now = max(state.now, event.at)
        state.phase, state.listening = phase, listening
        _HANDLERS[type(event)](state, event)
        due.settle(state)

    def take_actions(self) -> tuple[Action, ...]:
        """Return what is to be done, in order, once."""
        actions = tuple(self._state.actions)
        self._state.actions.clear()
        return actions

    def next_deadline(self) -> float | None:
        """Return the session second at which a `Tick` is due; None when only an event can change anything."""
        return due.next_deadline(self._state)

    def snapshot(self, at: float) -> Snapshot:
        """Return what is to be shown at session second `at`."""
        return take(self._state, max(at, self._state.now))

    def stage(self, at: float) -> StageView:
        """Return what everybody may see at session second `at`."""
        return show(self._state, max(at, self._state.now))

    def durable(self) -> Durable:
        """Return all that is needed to go on from here in another process."""
        return durable.take(self._state)

    def restore(self, kept: Durable, at: float) -> None:
        """Go on, at session second `at`, from what `durable` returned in a process that is no more.

        The session is new, and of the same steps. What is to be done again is among the actions.
        """
        durable.restore(self._state, kept, at)

    @property
    def now(self) -> float:
        """Session second of the last event."""
        return self._state.now

    @property
    def ended(self) -> bool:
        """Whether the session is over."""
        return self._state.phase is Phase.ENDED

    @property
    def step_id(self) -> str:
        """Id of the present step."""
        return self._state.step.id

    def prompts_ahead(self) -> tuple[tuple[str, str], ...]:
        """Return key and words of every prompt that the session may come to say, the next ones first."""
        return due.prompts_ahead(self._state)
