"""The floor on one mixed call, where nobody is heard apart: what a detector suspects becomes a flag, or nothing.

Rules:

- A detector tells how likely it is that another than the holder speaks long enough; the animator chooses from which
  probability on that is worth a cue. Below it nothing is said: a wrong cue is worse than a missed one.
- A stretch is flagged once, when it is first sure enough, and keeps its kind and its confidence whatever follows.
- What goes on, or follows within 2 s, belongs to the last flag: whose voice it is, nobody knows.
- Nothing counts that began before the floor was watched. A reply needs channels apart (`floor.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from facilitator.core import events as ev
from facilitator.core.floor import MERGE_SECONDS

KINDS = frozenset({"talk_over", "cut", "intrusion"})
CUE_PROBABILITY: Mapping[str, float] = MappingProxyType({"fewer": 0.85, "balanced": 0.7, "more": 0.5})
"""From which probability on a suspicion becomes a cue, by the animator's choice in `[listening] cues`."""


@dataclass(frozen=True, slots=True)
class Suspected:
    """One broken listening: its kind, when the other voice began, and how likely it is, 0 to 1."""

    kind: str
    started_at: float
    confidence: float


@dataclass(slots=True)
class MixedFloor:
    """The floor of one step on a mixed channel, from its start (or from where listening resumed) to its end.

    Attributes:
        since: session seconds from which voices count.
        channel: the one that carries everybody.
        threshold: probability from which on a suspicion is flagged.
    """

    since: float
    channel: str
    threshold: float
    _flagged_until: float = field(default=float("-inf"))

    def hear(self, event: ev.OtherVoiceHeard) -> Suspected | None:
        """Take what is suspected now; return the flag that it is, if it is one."""
        if event.channel != self.channel or event.kind not in KINDS or event.since < self.since:
            return None
        if not event.probability >= self.threshold:  # NaN is no probability
            return None
        known = event.since - self._flagged_until <= MERGE_SECONDS
        self._flagged_until = max(self._flagged_until, event.at)
        return None if known else Suspected(event.kind, event.since, event.probability)
