"""Scenes that several of the core's tests play."""

from __future__ import annotations

from typing import Any

from facilitator.core import events as ev
from tests.core.builders import BENOIT, CLIENT, Meeting, codev, go, heard, settings

Stretches = list[tuple[float, float]]


START = 10.0
"""When the step under test begins, in every timeline."""


def flags(step: str, voices: dict[str, Stretches], **changes: Any) -> list[tuple[str, float, str | None, float]]:
    """Return (kind, onset, who, decided at) of what is flagged in `step`, entered at `START`."""
    meeting = go(step, START, **changes).plan(heard(voices))
    meeting.until(max(end for stretches in voices.values() for _, end in stretches) + 5)
    return [(flag.kind, flag.started_at, flag.who, flag.at) for flag in meeting.flags()]


def kinds(step: str, voices: dict[str, Stretches], **changes: Any) -> list[str]:
    return [kind for kind, *_ in flags(step, voices, **changes)]


def alone(seconds: float = 300.0, **changes: Any) -> Meeting:
    """Return a meeting of one held step, which began at second 0."""
    consent = changes.pop("consent", True)
    chosen = settings({"presentation": seconds}, **changes.pop("chosen", {}))
    meeting = Meeting(settings=chosen, **changes)
    if consent:
        meeting.send(ev.ConsentGiven(at=0))
    return meeting.send(ev.StartAsked(at=0))


def whole(length: int = 60, **changes: Any) -> Meeting:
    """Hold a whole session, each step for its planned time and half a minute."""
    process = codev()
    meeting = Meeting(settings=settings(process.plan(length), **changes))
    meeting.send(ev.ConsentGiven(at=0), ev.StartAsked(at=0))
    now = 0.0
    for place, (step, seconds) in enumerate(process.plan(length).items()):
        meeting.plan(heard({CLIENT: [(now + 5, now + 20)], BENOIT: [(now + 30, now + 40)]}))
        now += seconds + 30
        if place + 1 < len(process.plan(length)):
            meeting.send(ev.NextAsked(at=now))
        assert meeting.session.step_id == (step if place + 1 == len(process.plan(length)) else meeting.session.step_id)
    return meeting.send(ev.EndAsked(at=now)).until(now + 60)
