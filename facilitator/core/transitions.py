"""Which events are legal in which state, and where they lead. Nothing else decides it.

Rules:

- A session has a phase and, beside it, a state of listening; each has one table below.
- An event that the animator asks for and that its table does not list for the present state is illegal: it is refused
  and the state stays as it was.
- What was heard, what became of a prompt and `Tick` are legal in every state: the world does not ask.
- Only the animator moves from phase to phase, with two exceptions: a recording's end closes its session, and a closing
  session ends by itself once nothing is left to say or to write down (`AFTER_CLOSING`).

The diagram in docs/architecture.md is drawn from these tables, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from facilitator.core import events as ev
from facilitator.core.errors import IllegalEventError


class Phase(StrEnum):
    """Where the session is."""

    READY = "ready"
    RUNNING = "running"
    PAUSED = "paused"
    CLOSING = "closing"
    ENDED = "ended"


class Listening(StrEnum):
    """Whether the session hears anything."""

    UNASKED = "unasked"
    """Consent is still to be asked for: nothing is captured."""
    ON = "on"
    PAUSED = "paused"
    NEVER = "never"
    """A session with voice and time only."""


PHASES: Mapping[Phase, Mapping[type[ev.Event], Phase]] = {
    Phase.READY: {
        ev.StartAsked: Phase.RUNNING,
        ev.ConsentGiven: Phase.READY,
        ev.ListeningPauseAsked: Phase.READY,
        ev.ListeningResumeAsked: Phase.READY,
        ev.DeviceTakeAsked: Phase.READY,
        ev.EndAsked: Phase.ENDED,
        ev.AudioEnded: Phase.ENDED,
    },
    Phase.RUNNING: {
        ev.NextAsked: Phase.RUNNING,
        ev.BackAsked: Phase.RUNNING,
        ev.PauseAsked: Phase.PAUSED,
        ev.ExtendAsked: Phase.RUNNING,
        ev.RebudgetAsked: Phase.RUNNING,
        ev.TimeChangeUndone: Phase.RUNNING,
        ev.FactsAsked: Phase.RUNNING,
        ev.ConsentGiven: Phase.RUNNING,
        ev.ListeningPauseAsked: Phase.RUNNING,
        ev.ListeningResumeAsked: Phase.RUNNING,
        ev.HushAsked: Phase.RUNNING,
        ev.DeviceTakeAsked: Phase.RUNNING,
        ev.SayAsked: Phase.RUNNING,
        ev.RemindAsked: Phase.RUNNING,
        ev.ReadBackAsked: Phase.RUNNING,
        ev.RecordMarked: Phase.RUNNING,
        ev.RecordEdited: Phase.RUNNING,
        ev.CorrectionUndone: Phase.RUNNING,
        ev.EndAsked: Phase.CLOSING,
        ev.AudioEnded: Phase.CLOSING,
    },
    Phase.PAUSED: {
        ev.ResumeAsked: Phase.RUNNING,
        ev.ExtendAsked: Phase.PAUSED,
        ev.RebudgetAsked: Phase.PAUSED,
        ev.TimeChangeUndone: Phase.PAUSED,
        ev.FactsAsked: Phase.PAUSED,
        ev.ConsentGiven: Phase.PAUSED,
        ev.ListeningPauseAsked: Phase.PAUSED,
        ev.ListeningResumeAsked: Phase.PAUSED,
        ev.HushAsked: Phase.PAUSED,
        ev.DeviceTakeAsked: Phase.PAUSED,
        ev.SayAsked: Phase.PAUSED,
        ev.ReadBackAsked: Phase.PAUSED,
        ev.RecordMarked: Phase.PAUSED,
        ev.RecordEdited: Phase.PAUSED,
        ev.CorrectionUndone: Phase.PAUSED,
        ev.EndAsked: Phase.CLOSING,
        ev.AudioEnded: Phase.CLOSING,
    },
    Phase.CLOSING: {
        ev.ListeningPauseAsked: Phase.CLOSING,
        ev.HushAsked: Phase.CLOSING,
        ev.DeviceTakeAsked: Phase.CLOSING,
        ev.EndAsked: Phase.CLOSING,
        ev.AudioEnded: Phase.CLOSING,
    },
    Phase.ENDED: {
        ev.PurgeAsked: Phase.ENDED,
    },
}

AFTER_CLOSING = Phase.ENDED
"""The phase that follows `Phase.CLOSING` by itself once nothing is left to say or to write down."""

LISTENING: Mapping[Listening, Mapping[type[ev.Event], Listening]] = {
    Listening.UNASKED: {ev.ConsentGiven: Listening.ON},
    Listening.ON: {ev.ListeningPauseAsked: Listening.PAUSED},
    Listening.PAUSED: {ev.ListeningResumeAsked: Listening.ON},
    Listening.NEVER: {},
}

_ASKED = frozenset(event for row in PHASES.values() for event in row)
_LISTENING_ASKED = frozenset(event for row in LISTENING.values() for event in row)


def next_states(phase: Phase, listening: Listening, event: ev.Event) -> tuple[Phase, Listening]:
    """Return the phase and the state of listening after `event`.

    Raises:
        IllegalEventError: the event is not legal here; the code is `not_now`, or `listening_never` in a session that
            does not listen, `listening_already` where it would change nothing.
    """
    kind = type(event)
    if kind not in _ASKED:
        return phase, listening
    row = PHASES[phase]
    if kind not in row:
        raise IllegalEventError("not_now")
    if kind not in _LISTENING_ASKED:
        return row[kind], listening
    if listening is Listening.NEVER:
        raise IllegalEventError("listening_never")
    if kind not in LISTENING[listening]:
        raise IllegalEventError("listening_already")
    return row[kind], LISTENING[listening][kind]
