"""What waits to be written down, and in which order: the pile that the scribe works off.

Rules:

- First the utterances that have ended, in their order; then the first words of one that goes on; then the final pass.
- What nobody has begun with for `LATE_SECONDS` is no live text any more: it is left to the final pass, which comes to
  it as soon as nothing else waits, step or no step. So is what the recognizer failed on.
- First words are read only by a recognizer that is quick (`QUICK_SECONDS`) and as often idle as busy with them, since
  the utterance's own text waits while they are read. What is older than `FRESH_SECONDS` is thrown away.
- The sound of an utterance is held until its final pass, at most `MOST_HELD_SECONDS` in all. Where more is said, the
  oldest goes: first what has a text, which then stays as it is; what has none counts as lost.
- All of it is in memory only.

Times and lengths are session seconds: of the clock live, of the recording in a replay.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from facilitator.core.actions import OpenGrant
from facilitator.hearing import Heard

LATE_SECONDS = 15.0
"""Text that comes later helps nobody who is speaking; the start of an engine that died takes 5 s at most."""
QUICK_SECONDS = 1.5
"""What a decode may take where first words are shown: tiny and base on two cores, not small (SPEECH.md)."""
FRESH_SECONDS = 1.0
"""The next first words come after so long."""
MOST_HELD_SECONDS = 1200.0
"""20 minutes of speech, 77 MB: more than the steps that are written down last in a process of two hours."""


class Stage(StrEnum):
    """Of a text, as in `events.jsonl`."""

    PARTIAL = "partial"
    LIVE = "live"
    FINAL = "final_pass"


@dataclass(slots=True, eq=False)
class Job:
    """An utterance to be written down.

    Attributes:
        id: of the utterance.
        grant: under which it was heard.
        heard: its sound, or what there is so far of it.
        text: what is written of it; None as long as nothing is.
        once: whether it is read no second time.
    """

    id: str
    grant: OpenGrant
    heard: Heard
    text: str | None = None
    once: bool = False

    @property
    def seconds(self) -> float:
        """Length of its sound."""
        return self.heard.utterance.ended_at - self.heard.utterance.started_at


class Pile:
    """The jobs that wait.

    Args:
        late_seconds: usually `LATE_SECONDS`; infinity where nobody waits for live text.

    Attributes:
        late: whether something was too late for live text; set back by whoever tells that it was caught up.
    """

    def __init__(self, late_seconds: float = LATE_SECONDS) -> None:
        self._late_seconds = late_seconds
        self._live: deque[Job] = deque()
        self._growing: Job | None = None
        self._written: deque[Job] = deque()
        self._again: deque[Job] = deque()
        self._cost = 0.0
        self._rests_until = float("-inf")
        self.late = False

    @property
    def held_seconds(self) -> float:
        """Length of the sound that is held for later."""
        return sum(job.seconds for job in (*self._live, *self._written, *self._again))

    @property
    def waits(self) -> bool:
        """Whether there is anything to read now, first words left aside."""
        return bool(self._live or self._again)

    def add(self, job: Job) -> list[Job]:
        """Take an utterance that has ended; return what is lost for it: utterances without a text."""
        self._live.append(job)
        self._growing = None
        lost: list[Job] = []
        for queue in (self._written, self._again, self._live):
            while queue and self.held_seconds > MOST_HELD_SECONDS:
                lost.append(queue.popleft())
        return [job for job in lost if job.text is None]

    def grow(self, job: Job) -> None:
        """Take what there is of an utterance that goes on, in the place of what there was."""
        self._growing = job

    def next(self, now: float) -> tuple[Job, Stage] | None:
        """Return what is to be read next, and as what; None when nothing is."""
        while self._live:
            job = self._live.popleft()
            if now - job.heard.utterance.ended_at <= self._late_seconds:
                return job, Stage.LIVE
            self.late = True
            self._again.append(job)
        job_so_far, self._growing = self._growing, None
        if job_so_far is not None and self._may_grow(job_so_far, now):
            return job_so_far, Stage.PARTIAL
        return (self._again.popleft(), Stage.FINAL) if self._again else None

    def _may_grow(self, job: Job, now: float) -> bool:
        fresh = now - job.heard.utterance.ended_at <= FRESH_SECONDS
        return fresh and self._cost <= QUICK_SECONDS and now >= self._rests_until

    def took(self, stage: Stage, seconds: float, now: float) -> None:
        """Note how long the recognizer took, until now."""
        if stage is not Stage.FINAL:
            self._cost = seconds
        if stage is Stage.PARTIAL:
            self._rests_until = now + seconds

    def keep(self, job: Job, *, over: bool) -> None:
        """Hold an utterance that was read live for its final pass, which comes now when its step is `over`.

        What has no text comes now in any case.
        """
        if job.text is None or (over and not job.once):
            self._again.append(job)
        elif not job.once:
            self._written.append(job)

    def close(self) -> None:
        """The step is over: what was held is to be read again."""
        self._growing = None
        self._again.extend(self._written)
        self._written.clear()

    def forget(self) -> None:
        """Drop all sound whose text is known; what is to be written yet is read once."""
        self._growing = None
        self._written.clear()
        self._again = deque(job for job in self._again if job.text is None)
        for job in self._live:
            job.once = True

    def drop(self) -> None:
        """Drop everything."""
        self.forget()
        self._live.clear()
        self._again.clear()
