"""What a judge looks up in what was seen of a session."""

from __future__ import annotations

from tests.campaign.session import Outcome
from tests.campaign.world import WOKE, Fault

SLACK_SECONDS = 0.06
"""Of a sum of a few thread's milliseconds and of a frame's end."""


def types(outcome: Outcome, *wanted: str) -> list[tuple[float, dict[str, object]]]:
    """Return the lines of these types, each with when it was told."""
    return [(one.at, one.line) for one in outcome.told if one.line["type"] in wanted]


def sleeps(outcome: Outcome) -> list[float]:
    """Return when the computer went to sleep."""
    return [at for kind, at in outcome.world.met if kind == "suspend"]


def wakes(outcome: Outcome) -> list[float]:
    """Return when it woke."""
    return [at for kind, at in outcome.world.met if kind == WOKE]


def over(outcome: Outcome, fault: Fault) -> float:
    """Return when a fault is over by the clock that goes on in a sleep; a fault's own times stand still in one."""
    faults = outcome.world.faults
    return fault.end + sum(other.size for other in faults if other.kind == "suspend" and other.start <= fault.end)


def listening(outcome: Outcome) -> list[tuple[float, float]]:
    """Return from when to when the session listened."""
    spans: list[tuple[float, float]] = []
    since: float | None = None
    for at, line in types(outcome, "consent_given", "listening_paused", "listening_resumed", "session_ended"):
        if line["type"] in {"consent_given", "listening_resumed"} and since is None:
            since = at
        elif line["type"] in {"listening_paused", "session_ended"} and since is not None:
            spans.append((since, at))
            since = None
    return spans if since is None else [*spans, (since, float("inf"))]
