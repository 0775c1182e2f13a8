"""The scribe: has written down what a grant lets through, as it is said and once more when its step is over.

Rules:

- An utterance has one id from its first words (`partial`) through its text (`live`) to its final pass, so that a mark
  means the same before and after. The final pass reads each utterance again with a larger search: the lines stay what
  they were, an utterance each. Where it finds nothing, what was written stays.
- `writing.py` says in which order and what is given up on a slow computer; the animator is told when the text falls
  behind, and when all of it is written, once a step; where some of it was lost, only that it is no longer late.
- A replay gives nothing up, so that its events do not depend on the computer. At full speed it has no first words: its
  clock stands still while the recognizer works, so nobody could see them, and each would make the replay longer.
- What the recognizer fails on is given to it again, in the final pass; what it fails on there and then counts as lost.
- What takes its time is told within 2 s of being overdue: an engine that gets ready, one that reads.
- The sound of what is lost, or of all where there is no recognizer, is kept only where the animator allows it.
- A pause of listening drops all sound whose text is known, the session's end drops all.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial

from facilitator.core import events as ev
from facilitator.core.actions import OpenGrant
from facilitator.hearing import Heard, Listener
from facilitator.timeline import Timeline
from facilitator.wording import Language
from facilitator.writing import LATE_SECONDS, Job, Pile, Stage
from speech.ports import Recognizer

LATE, CAUGHT_UP, ON_TIME = "writing_late", "writing_caught_up", "writing_on_time"
FAILED, KEPT = "recognizer_failed", "sound_kept"
LOADING, LOADED, NOT_LOADED = "recognizer_loading", "recognizer_back", "recognizer_not_ready"
"""What the animator is told: keys of the languages' `interface.warnings`."""
OVERDUE_SECONDS = 1.5
"""So long after it was due, what is not there is told."""
USUAL_SECONDS = 3.0
"""What the slowest model that keeps up takes for an utterance on two cores, `small`: 2.6 s (SPEECH.md)."""
CAREFUL_FACTOR = 4.0
"""The larger search of a final pass may take so many times as long (`speech/recognition/whisper.py`)."""
KeepSound = Callable[[str, OpenGrant, Heard], Awaitable[bool]]
"""Keeps an utterance's sound by its id and under its grant; says whether it is on the disk."""


class Scribe:
    """Writes down what a grant let through. Without a recognizer it writes nothing.

    Args:
        timeline: gives the time.
        recognizer: the engine, or None.
        language: what is spoken, and the words for what goes wrong.
        hotwords: names to expect, separated by spaces.
        first: what the ids of utterances begin with; another one in each process that holds a session.
        keep: keeps the sound of what cannot be written down; None lets it go.
    """

    def __init__(
        self,
        timeline: Timeline,
        recognizer: Recognizer | None,
        language: Language,
        hotwords: str,
        *,
        first: str = "u",
        keep: KeepSound | None = None,
    ) -> None:
        self._timeline = timeline
        self._recognizer = recognizer
        self._language = language
        self._hotwords = hotwords
        self._first = first
        self._keep = keep
        self._listener: Listener | None = None
        self._grant: OpenGrant | None = None
        self._pile = Pile(math.inf if timeline.clock.waits_for_required else LATE_SECONDS)
        self._at_hand: Job | None = None
        self._work: asyncio.Task[None] | None = None
        self._growing: dict[str, Job] = {}
        self._once = False
        self._passing = False
        self._lost = False
        self._told: set[str] = set()
        self._count = 0
        self._usual = USUAL_SECONDS

    def connect(self, listener: Listener) -> None:
        """Tell `listener` what is written down."""
        self._listener = listener

    def open(self, grant: OpenGrant) -> None:
        """Write down what is heard from now on, for `grant`; the engine gets ready."""
        self._grant = grant
        self._once = False
        self._told.clear()
        if self._recognizer is not None and self._work is None:  # an engine at work is ready
            self._timeline.work(self._get_ready(self._recognizer))

    async def _get_ready(self, recognizer: Recognizer) -> None:
        """Have the engine get ready."""
        try:
            with self._patience(OVERDUE_SECONDS, LOADING):
                await recognizer.start()
        except Exception:  # noqa: BLE001  each utterance tries again
            code = NOT_LOADED
        else:
            code = LOADED if LOADING in self._told else ""
        if code and not self._timeline.clock.waits_for_required:
            self._timeline.at(self._timeline.clock.now(), partial(self._warn_once, code))

    @contextmanager
    def _patience(self, seconds: float, code: str) -> Iterator[None]:
        """Tell the animator `code` where what is done within takes longer; a replay has time."""
        if self._timeline.clock.waits_for_required:
            yield
            return
        late = asyncio.get_running_loop().call_later(seconds, self._overdue, code)
        try:
            yield
        finally:
            late.cancel()

    def _overdue(self, code: str) -> None:
        self._pile.late = self._pile.late or code == LATE  # told again when all of it is written
        self._timeline.at(self._timeline.clock.now(), partial(self._warn_once, code))

    def growing(self, heard: Heard) -> None:
        """Have the first words of an utterance written down, if there is time."""
        if self._grant is None or self._recognizer is None or self._timeline.clock.waits_for_pending:
            return
        before = self._growing.get(heard.channel)
        job = Job(self._new_id() if before is None else before.id, self._grant, heard)
        self._growing[heard.channel] = job
        self._pile.grow(job)
        self._start()

    def heard(self, heard: Heard) -> None:
        """Have an utterance written down, under the grant it was cut from."""
        if self._grant is None or (self._recognizer is None and self._keep is None):
            return
        first_words = self._growing.pop(heard.channel, None)
        name = self._new_id() if first_words is None else first_words.id
        job = Job(name, self._grant, heard, once=self._once)
        utterance = heard.utterance
        self._receive(
            ev.UtteranceHeard(
                at=self._timeline.at_hand,
                channel=heard.channel,
                id=job.id,
                record=job.grant.record,
                step=job.grant.step,
                started_at=utterance.started_at,
                ended_at=utterance.ended_at,
            ),
        )
        if self._recognizer is None:
            self._lose(job, Stage.LIVE)
            return
        for lost in self._pile.add(job):
            self._lose(lost, Stage.FINAL)
        self._start()

    def close_grant(self) -> None:
        """Read what was heard once more: its step is over, and every utterance has been handed over."""
        for nothing in self._growing.values():  # first words of what turned out to be none
            self._tell(nothing, Stage.LIVE, "", self._timeline.at_hand)
        self._growing.clear()
        self._grant = None
        self._pile.close()
        if not self._passing and (self._pile.waits or self._work is not None):
            self._passing = True
            self._receive(ev.FinalPassBegan(at=self._timeline.at_hand))
            self._start()

    def forget(self) -> None:
        """Drop the sound that is only held to be read again: listening has stopped."""
        self._once = True
        self._pile.forget()
        if self._at_hand is not None:
            self._at_hand.once = True

    def stop(self) -> None:
        """Drop all sound, also what the engine has at hand: the session is over."""
        self._grant = None
        self._pile.drop()
        if self._work is not None:
            self._work.cancel()

    def _new_id(self) -> str:
        self._count += 1
        return f"{self._first}{self._count:03d}"

    def _start(self) -> None:
        if self._work is None and self._recognizer is not None:
            self._work = self._timeline.work(self._write(self._recognizer))

    async def _write(self, recognizer: Recognizer) -> None:
        clock = self._timeline.clock
        try:
            while (found := self._pile.next(clock.now())) is not None:
                job, stage = found
                self._at_hand = job
                if self._pile.late:
                    self._timeline.at(clock.now(), partial(self._warn_once, LATE))
                begun = clock.now()
                usual = self._usual * (CAREFUL_FACTOR if stage is Stage.FINAL else 1.0)
                with self._patience(usual + OVERDUE_SECONDS, LATE):
                    text = await self._text(recognizer, job, stage)
                self._pile.took(stage, clock.now() - begun, clock.now())
                self._take(job, stage, text)
        finally:
            self._at_hand = self._work = None
        self._timeline.at(clock.now(), self._tell_all_written)

    def _take(self, job: Job, stage: Stage, text: str | None) -> None:
        """Take what the recognizer made of a job, None when it failed."""
        if stage is Stage.PARTIAL and (text is None or not self._grows(job)):
            return
        if stage is Stage.LIVE:
            job.text = text
            self._pile.keep(job, over=self._grant is None)
            if text is None:
                return
        if stage is Stage.FINAL and job.text is not None:
            text = text or job.text
        if text is None:
            self._lose(job, stage)
            return
        self._timeline.at(self._timeline.clock.now(), partial(self._tell, job, stage, text))

    def _lose(self, job: Job, stage: Stage) -> None:
        """Have the sound of what cannot be written down kept, where that is wanted, and say what became of it."""
        self._lost = True
        if self._keep is None:
            self._timeline.at(self._timeline.clock.now(), partial(self._tell_lost, job, stage, FAILED))
        else:
            self._timeline.work(self._keep_sound(self._keep, job, stage))

    async def _keep_sound(self, keep: KeepSound, job: Job, stage: Stage) -> None:
        try:
            kept = await keep(job.id, job.grant, job.heard)
        except Exception:  # noqa: BLE001  an utterance of which nothing is told would hold the session's end up
            kept = False
        code = FAILED if not kept else KEPT if self._recognizer is not None else ""  # without one: told at the start
        self._timeline.at(self._timeline.clock.now(), partial(self._tell_lost, job, stage, code))

    def _tell_lost(self, job: Job, stage: Stage, code: str, at: float) -> None:
        if code:
            self._warn(code, at)
        self._tell(job, stage, None, at)

    def _grows(self, job: Job) -> bool:
        """Whether the utterance goes on."""
        growing = self._growing.get(job.heard.channel)
        return growing is not None and growing.id == job.id

    async def _text(self, recognizer: Recognizer, job: Job, stage: Stage) -> str | None:
        """Return the text, None when the recognizer failed."""
        try:
            transcript = await recognizer.transcribe(
                job.heard.utterance.samples,
                language=self._language.code,
                hotwords=self._hotwords,
                careful=stage is Stage.FINAL,
            )
        except Exception:  # noqa: BLE001  whatever it raises, the next utterance is written down
            return None
        return transcript.text

    def _tell(self, job: Job, stage: Stage, text: str | None, at: float) -> None:
        utterance = job.heard.utterance
        self._receive(
            ev.UtteranceWritten(
                at=at,
                channel=job.heard.channel,
                id=job.id,
                record=job.grant.record,
                step=job.grant.step,
                stage=stage.value,
                text=text,
                started_at=utterance.started_at,
                ended_at=utterance.ended_at,
            )
        )

    def _tell_all_written(self, at: float) -> None:
        """Tell that nothing waits any more, unless something has come meanwhile."""
        if self._work is not None:
            return
        if self._pile.late:
            self._pile.late = False
            if CAUGHT_UP not in self._told:
                self._told.add(CAUGHT_UP)
                self._warn(ON_TIME if self._lost else CAUGHT_UP, at)
        self._lost = False
        if self._passing:
            self._passing = False
            self._receive(ev.FinalPassEnded(at=at))

    def _warn_once(self, code: str, at: float) -> None:
        if code not in self._told:
            self._told.add(code)
            self._warn(code, at)

    def _warn(self, code: str, at: float) -> None:
        message = self._language.plain(f"interface.warnings.{code}")
        self._receive(ev.Warned(at=at, code=code, message=message))

    def _receive(self, event: ev.Event) -> None:
        if self._listener is not None:
            self._listener.receive(event)

    async def close(self) -> None:
        """End the engine."""
        if self._recognizer is not None:
            await self._recognizer.close()
