"""A voice beside a recording: nobody hears it, and everything takes as long as if somebody did."""

from __future__ import annotations

from facilitator.core import events as ev
from facilitator.speaking import Receive
from facilitator.timeline import Timeline
from speech.ports import Sound


class TimedMouth:
    """Plays beside a recording: a prompt takes its time and nobody hears it.

    Args:
        timeline: where a prompt's end is told.
        receive: told what becomes of each prompt.
    """

    def __init__(self, timeline: Timeline, receive: Receive) -> None:
        self._timeline = timeline
        self._receive = receive
        self._playing: str | None = None
        self._ends_at = 0.0

    def play(self, prompt_id: str, sound: Sound, at: float) -> None:
        """Start a prompt at `at`."""
        self._playing, self._ends_at = prompt_id, at + sound.seconds
        self._receive(ev.PromptStarted(at=at, prompt_id=prompt_id))
        self._end_at(prompt_id, self._ends_at, completed=True)

    def stop(self, fade_seconds: float) -> None:
        """End the prompt after its fade."""
        if self._playing is not None:
            self._end_at(self._playing, self._timeline.at_hand + fade_seconds, completed=False)

    def _end_at(self, prompt_id: str, at: float, *, completed: bool) -> None:
        def end(now: float) -> None:
            if self._playing == prompt_id:
                self._playing = None
                self._receive(ev.PromptEnded(at=now, prompt_id=prompt_id, completed=completed))

        self._timeline.at(at, end)

    async def close(self) -> None:
        """Nothing is held."""
