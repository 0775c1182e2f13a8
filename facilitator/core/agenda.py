"""Time: which step, how long, how far over, and what a re-budget would give.

Rules:

- A step's time runs only while the session does; pauses are not counted.
- Overrun is shown, never acted upon: the animator moves on.
- A step that is come back to has what was left of it.
- The meeting is meant to end when the sum of its planned minutes, and of its pauses, has passed. What is late is shared
  out among the remaining steps in proportion to their length, none losing more than half.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from facilitator.core.process import Cue, Step

KEPT_SHARE = 0.5
"""The least share of a remaining step that a re-budget leaves it."""
ROUNDING_SECONDS = 30.0
"""A re-budget gives whole half minutes: they are said aloud."""
LATE_SECONDS = 60.0
"""Below a minute late, no re-budget is offered."""


@dataclass(frozen=True, slots=True)
class Rebudget:
    """An offer to end on time.

    Attributes:
        late_seconds: how late the meeting would end as things stand.
        steps: seconds that each step to come would have, by id.
        still_late_seconds: how late it would end even so.
    """

    late_seconds: float
    steps: Mapping[str, float]
    still_late_seconds: float


@dataclass(frozen=True, slots=True)
class Times:
    """All that an agenda knows beside its steps and their planned seconds; the fields are `Agenda`'s own."""

    used: tuple[float, ...]
    extended: tuple[float, ...]
    index: int
    visit_used: float
    visit_planned: float
    since: float | None
    ends_at: float
    paused_at: float | None
    over: bool


@dataclass(frozen=True, slots=True)
class TimeChange:
    """A change of the steps' lengths that can be taken back as long as the step lasts.

    Attributes:
        seconds: what the present step was given; 0 where the steps to come were given new lengths.
        until: until when it can be taken back, session seconds.
        extended, visit_planned: of the agenda, as they were before.
        cues_done: the step's timed cues that had fallen due before.
    """

    seconds: float
    until: float
    extended: tuple[float, ...]
    visit_planned: float
    cues_done: tuple[Cue, ...]


class Agenda:
    """The steps of one session and their time.

    Attributes:
        over: True once the last step held has been left for good.
    """

    def __init__(self, steps: tuple[Step, ...], seconds: Mapping[str, float]) -> None:
        self.steps = steps
        self._planned = [seconds[step.id] for step in steps]
        self._used = [0.0] * len(steps)
        self._extended = [0.0] * len(steps)
        self._index = 0
        self._visit_used = 0.0
        self._visit_planned = self._planned[0]
        self._since: float | None = None
        self._ends_at = sum(self._planned)
        self._paused_at: float | None = 0.0  # before its start the meeting's end moves on as in a pause
        self.over = False

    def times(self) -> Times:
        """Return all that `restore` needs to go on from here."""
        return Times(
            used=tuple(self._used),
            extended=tuple(self._extended),
            index=self._index,
            visit_used=self._visit_used,
            visit_planned=self._visit_planned,
            since=self._since,
            ends_at=self._ends_at,
            paused_at=self._paused_at,
            over=self.over,
        )

    def restore(self, times: Times) -> None:
        """Go on from what `times` returned for an agenda of the same steps."""
        self._used, self._extended = list(times.used), list(times.extended)
        self._index = times.index
        self._visit_used, self._visit_planned = times.visit_used, times.visit_planned
        self._since, self._ends_at, self._paused_at = times.since, times.ends_at, times.paused_at
        self.over = times.over

    @property
    def index(self) -> int:
        """Place of the present step, from 0."""
        return self._index

    @property
    def step(self) -> Step:
        """The present step."""
        return self.steps[self._index]

    @property
    def following(self) -> Step | None:
        """The step after the present one, or None in the last."""
        return self.steps[self._index + 1] if self._index + 1 < len(self.steps) else None

    def index_of(self, step_id: str) -> int | None:
        """Place of the step called `step_id`, or None where this session does not hold it."""
        for index, step in enumerate(self.steps):
            if step.id == step_id:
                return index
        return None

    def planned(self, index: int) -> float:
        """Seconds planned for the step at `index`, with what it was given since."""
        return self._planned[index] + self._extended[index]

    @property
    def since(self) -> float | None:
        """Since when the present step's time has run, session seconds; None while it stands still."""
        return self._since

    def used(self, index: int) -> float:
        """Seconds that the step at `index` took, without the present visit, pauses not counted."""
        return self._used[index]

    def begin(self, at: float) -> float:
        """Start the first step; return its seconds."""
        self._end_pause(at)
        return self._enter(0, at)

    def move(self, offset: int, at: float) -> float:
        """Go `offset` steps on; the caller has left the present one. Return the seconds that the new one has."""
        return self._enter(self._index + offset, at)

    def _enter(self, index: int, at: float) -> float:
        self._index = index
        self._visit_used = 0.0
        self._visit_planned = self._rest(index)
        self._since = at
        return self._visit_planned

    def leave(self, at: float) -> tuple[float, float]:
        """End the present step; return its actual seconds and its overrun in seconds."""
        self.pause(at)
        self._end_pause(at)
        self._used[self._index] += self._visit_used
        return self._visit_used, max(0.0, self._visit_used - self._visit_planned)

    def pause(self, at: float) -> None:
        """Stop the step's time."""
        if self._since is not None:
            self._visit_used += at - self._since
            self._since = None
            self._paused_at = at

    def resume(self, at: float) -> None:
        """Let the step's time run again; the meeting ends later by the pause."""
        self._end_pause(at)
        self._since = at

    def _end_pause(self, at: float) -> None:
        self._ends_at = self.ends_at(at)
        self._paused_at = None

    def extend(self, seconds: float) -> None:
        """Give the present step `seconds` more; the meeting's planned end stays."""
        self._extended[self._index] += seconds
        self._visit_planned += seconds

    def take_back(self, change: TimeChange) -> None:
        """Give every step the length that it had before `change`."""
        self._extended = list(change.extended)
        self._visit_planned = change.visit_planned

    def elapsed(self, at: float) -> float:
        """Seconds that the present step has run, pauses not counted."""
        running = at - self._since if self._since is not None else 0.0
        return self._visit_used + running

    def left(self, at: float) -> float:
        """Seconds that the present step has left; below 0 by its overrun."""
        return self._visit_planned - self.elapsed(at)

    @property
    def visit_planned(self) -> float:
        """Seconds that the present step was given."""
        return self._visit_planned

    def when_left(self, seconds: float) -> float | None:
        """Return when the present step will have `seconds` left; None while its time stands still."""
        if self._since is None:
            return None
        return self._since + (self._visit_planned - self._visit_used) - seconds

    def ends_at(self, at: float) -> float:
        """When the meeting is meant to end, session seconds, the running pause included."""
        return self._ends_at + (0.0 if self._paused_at is None else at - self._paused_at)

    def expected_end(self, at: float) -> float:
        """When the meeting will end if every step keeps its length, session seconds."""
        return at + max(0.0, self.left(at)) + sum(self._rest(i) for i in self._to_come)

    def rebudget(self, at: float) -> Rebudget | None:
        """Offer new lengths for the remaining steps; None while on time, or with nothing left to shorten."""
        late = self.expected_end(at) - self.ends_at(at)
        rests = self.rests()
        lengths = list(rests.values())
        if late < LATE_SECONDS or not any(lengths):
            return None
        ratio = max(KEPT_SHARE, 1 - late / sum(lengths))
        offered = [_shortened(length, ratio) for length in lengths]
        spare = late - (sum(lengths) - sum(offered))
        for place in sorted(range(len(offered)), key=lambda i: offered[i] - lengths[i]):
            if spare <= -ROUNDING_SECONDS and offered[place] + ROUNDING_SECONDS <= lengths[place]:
                offered[place] += ROUNDING_SECONDS
                spare += ROUNDING_SECONDS
        if offered == lengths:
            return None
        steps = dict(zip(rests, offered, strict=True))
        return Rebudget(late_seconds=late, steps=steps, still_late_seconds=max(0.0, spare))

    def apply(self, offer: Rebudget) -> None:
        """Give the remaining steps the lengths of `offer`."""
        for i in self._to_come:
            self._extended[i] += offer.steps[self.steps[i].id] - self._rest(i)

    def rests(self) -> dict[str, float]:
        """Return the seconds that each step after the present one has, by id."""
        return {self.steps[i].id: self._rest(i) for i in self._to_come}

    @property
    def _to_come(self) -> range:
        """Places of the steps after the present one."""
        return range(self._index + 1, len(self.steps))

    def _rest(self, index: int) -> float:
        """Seconds that the step at `index` would have if it were entered now."""
        return max(0.0, self.planned(index) - self._used[index])


def _shortened(length: float, ratio: float) -> float:
    """Return `length` times `ratio` down to whole half minutes, but up to them where more than half would be lost."""
    least = math.ceil(length * KEPT_SHARE / ROUNDING_SECONDS) * ROUNDING_SECONDS
    return min(length, max(least, length * ratio // ROUNDING_SECONDS * ROUNDING_SECONDS))
