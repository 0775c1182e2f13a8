"""By what an interruption can be told in a step: from who is heard apart, and whether a mixed channel has a detector.

| evidence | the holders | the others |
| --- | --- | --- |
| `track` | a channel each | a channel each |
| `channel` | a channel each | together on the mixed call |
| `overlap` | one person, on the mixed call with the others | a detector tells them from the holder |

Several people who hold the floor together on the mixed call cannot be told from those who listen: there is none.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from facilitator.core.process import Participant, Process, Rights, Step


class Kind(StrEnum):
    """What tells an interruption; the names are those of `events.jsonl`."""

    TRACK = "track"
    CHANNEL = "channel"
    OVERLAP = "overlap"


@dataclass(frozen=True, slots=True)
class Evidence:
    """How interruptions are told in a step: the channels of those who hold and of those who listen."""

    kind: Kind
    holders: frozenset[str]
    listeners: frozenset[str]


def find(
    step: Step,
    process: Process,
    people: Collection[Participant],
    *,
    mixed: str | None,
    detects: bool,
    replies_allowed: bool,
) -> Evidence | None:
    """Return how an interruption of `step` can be told; None when it cannot, or when there is no such thing.

    Args:
        step: the step.
        process: its process, which says who may always speak: that person's channel never breaks a listening.
        people: everybody present, as far as their names are known.
        mixed: the channel that carries everybody who has none of their own; None when there is none.
        detects: whether a detector listens to that channel.
        replies_allowed: whether a listener who answers is welcome.
    """
    if step.rights is not Rights.HOLD or (step.replies and replies_allowed):
        return None
    holding = [person for person in people if person.role == step.holder]
    holders = frozenset(person.channel for person in holding if person.channel is not None)
    free = process.may_always_speak
    listeners = frozenset(p.channel for p in people if p.channel is not None and p.role not in free) - holders
    if holders and listeners:
        return Evidence(Kind.TRACK, holders, listeners)
    if mixed is None or step.replies:  # who answers must be known
        return None
    if holders and len(holders) == len(holding):
        return Evidence(Kind.CHANNEL, holders, frozenset({mixed}))
    if detects and len(holding) <= 1:
        return Evidence(Kind.OVERLAP, frozenset({mixed}), frozenset({mixed}))
    return None
