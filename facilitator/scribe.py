"""The scribe: gives utterances to the recognizer, one after the other, and brings their text back."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial

from facilitator.core import events as ev
from facilitator.core.actions import OpenGrant
from facilitator.hearing import Heard, Listener
from facilitator.timeline import Timeline
from facilitator.wording import Language
from speech.errors import RecognizerError
from speech.ports import Recognizer


@dataclass(frozen=True, slots=True)
class _Job:
    id: str
    grant: OpenGrant
    heard: Heard

    def event(self, at: float, text: str | None) -> ev.UtteranceWritten:
        utterance = self.heard.utterance
        return ev.UtteranceWritten(
            at=at,
            channel=self.heard.channel,
            id=self.id,
            record=self.grant.record,
            step=self.grant.step,
            stage="live",
            text=text,
            started_at=utterance.started_at,
            ended_at=utterance.ended_at,
        )


class Scribe:
    """Writes down what a grant let through. Without a recognizer it writes nothing.

    Args:
        timeline: gives the time.
        recognizer: the engine, or None.
        language: what is spoken, and the words for what goes wrong.
        hotwords: names to expect, separated by spaces.
        first: what the ids of utterances begin with; another one in each process that holds a session.
    """

    def __init__(
        self,
        timeline: Timeline,
        recognizer: Recognizer | None,
        language: Language,
        hotwords: str,
        *,
        first: str = "u",
    ) -> None:
        self._timeline = timeline
        self._recognizer = recognizer
        self._language = language
        self._hotwords = hotwords
        self._first = first
        self._jobs: deque[_Job] = deque()
        self._busy = False
        self._count = 0

    def take(self, grant: OpenGrant, heard: Heard, listener: Listener) -> None:
        """Have one utterance written down."""
        if self._recognizer is None:
            return
        self._count += 1
        job = _Job(f"{self._first}{self._count:03d}", grant, heard)
        utterance = heard.utterance
        listener.receive(
            ev.UtteranceHeard(
                at=self._timeline.at_hand,
                channel=heard.channel,
                id=job.id,
                record=grant.record,
                step=grant.step,
                started_at=utterance.started_at,
                ended_at=utterance.ended_at,
            ),
        )
        self._jobs.append(job)
        if not self._busy:
            self._busy = True
            self._timeline.work(self._write(self._recognizer, listener))

    async def _write(self, recognizer: Recognizer, listener: Listener) -> None:
        try:
            while self._jobs:
                job = self._jobs.popleft()
                text = await self._text(recognizer, job)
                self._timeline.at(self._timeline.clock.now(), partial(self._tell, listener, job, text))
        finally:
            self._busy = False

    async def _text(self, recognizer: Recognizer, job: _Job) -> str | None:
        """Return the text, None when the recognizer failed."""
        try:
            transcript = await recognizer.transcribe(
                job.heard.utterance.samples,
                language=self._language.code,
                hotwords=self._hotwords,
            )
        except RecognizerError:
            return None
        return transcript.text

    def _tell(self, listener: Listener, job: _Job, text: str | None, at: float) -> None:
        if text is None:
            message = self._language.plain("interface.warnings.recognizer_failed")
            listener.receive(ev.Warned(at=at, code="recognizer_failed", message=message))
        listener.receive(job.event(at, text))

    async def close(self) -> None:
        """End the engine."""
        if self._recognizer is not None:
            await self._recognizer.close()
