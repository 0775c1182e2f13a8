"""The same pipeline on a recorded call: its sources, its sink and its clock are the recording's."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facilitator.call import MIXED_CHANNEL, Call
from facilitator.core import events as ev
from facilitator.core import facts
from facilitator.core.mixed import CUE_PROBABILITY
from facilitator.core.process import Process
from facilitator.core.session import Session
from facilitator.core.state import Settings, names_by_role
from facilitator.documents.write import Written, write_documents
from facilitator.errors import FailureError, UsageError
from facilitator.eventlog import EventLog
from facilitator.hearing import Ear, RecordedHearing
from facilitator.runner import Runner
from facilitator.scribe import Scribe
from facilitator.speaking import Speaker
from facilitator.store.disk import FOLDER_MODE, write_private
from facilitator.timed_mouth import TimedMouth
from facilitator.timeline import ReplayClock, Timeline
from facilitator.watching import Watch
from facilitator.wording import Language
from speech.capture.files import FileSource
from speech.detection import SileroDetector
from speech.ports import FRAME_SECONDS, OtherVoiceDetector, Recognizer, Sound
from speech.sound import wav_bytes
from speech.synthesis.cache import PromptCache

CHUNK_SECONDS = 16 * FRAME_SECONDS
"""Recordings are read so far ahead: well under the segmenter's pre-roll, and few enough calls."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay needs besides the call itself.

    Attributes:
        process: the method.
        language: the words.
        cache: renders the prompts; None for a replay without a voice.
        recognizer: writes down; None when there is no model.
        speed: seconds of recording in a real second; infinity for as fast as possible.
        spoken_reminders: as in the configuration.
        replies_allowed: as in the configuration.
        detector: tells other voices on a mixed call; None for none.
        cue_probability: from which probability on they are told.
    """

    process: Process
    language: Language
    cache: PromptCache | None
    recognizer: Recognizer | None
    speed: float
    spoken_reminders: bool = False
    replies_allowed: bool = False
    detector: OtherVoiceDetector | None = None
    cue_probability: float = CUE_PROBABILITY["balanced"]

    async def run(
        self,
        call: Call,
        out: Path,
        *,
        on_fact: Callable[[facts.Fact], None] | None = None,
        on_rendered: Callable[[int, int], None] | None = None,
    ) -> list[Path]:
        """Replay `call` and write what a session writes into `out`.

        Returns:
            The documents written.

        Raises:
            UsageError: `out` cannot be written.
            FailureError: it could be at first, and no longer can.
        """
        try:
            log = await asyncio.to_thread(_open_log, out)
            await asyncio.to_thread(SileroDetector)  # loads the model that all detectors share
        except OSError as error:
            raise UsageError(f"{out} cannot be written ({error.strerror}): choose another folder with --out.") from None
        timeline = Timeline(ReplayClock(self.speed))
        runner = self._runner(call, timeline)
        files = _PromptFiles(out, timeline, runner.speaker)
        runner.watch(lambda fact: log.append(files.line(fact)))
        if on_fact is not None:
            runner.watch(on_fact)
        try:
            for failure in await runner.speaker.render_ahead(runner.session.prompts_ahead(), on_rendered):
                _later(timeline, runner, ev.Warned(at=0.0, code="voice_failed", message=failure))
            self._plan(call, timeline, runner)
            await runner.run()
            await timeline.drain()
            written = await asyncio.to_thread(self._documents, call, out, runner)
            if written.failure:
                fact = facts.Warning(at=runner.session.now, code="document_failed", message=written.failure)
                log.append(fact.to_line())
                if on_fact is not None:
                    on_fact(fact)
            for path in written.paths:
                log.append({"type": "document_written", "at": round(runner.session.now, 3), "path": str(path)})
            await log.close()
        except OSError as error:
            raise FailureError(
                f"{out} cannot be written ({error.strerror}): free some space or choose another."
            ) from None
        finally:
            await runner.close()
        return list(written.paths)

    def _runner(self, call: Call, timeline: Timeline) -> Runner:
        settings = Settings(
            process=self.process,
            seconds=call.seconds,
            participants=call.participants,
            language=call.file.language,
            spoken_reminders=self.spoken_reminders,
            replies_allowed=self.replies_allowed,
            mixed=MIXED_CHANNEL if call.mixed else None,
            cue_probability=self.cue_probability if self.detector is not None else None,
        )
        channels = [
            (Ear(track.channel, SileroDetector()), FileSource(track.path, chunk_seconds=CHUNK_SECONDS))
            for track in call.tracks
        ]
        names = " ".join(person.name for person in call.participants)
        watch = None
        if call.mixed and self.detector is not None:
            watch = Watch(MIXED_CHANNEL, self.detector, timeline, on_trouble=lambda code: self._warn(runner, code))
        runner = Runner(
            session=Session(settings, self.language),
            timeline=timeline,
            language=self.language,
            hearing=RecordedHearing(timeline, channels, call.length, watch),
            speaker=Speaker(timeline, self.cache, self.language),
            scribe=Scribe(timeline, self.recognizer, self.language, names),
        )
        runner.speaker.connect(runner.receive, TimedMouth(timeline, runner.receive) if self.cache is not None else None)
        return runner

    def _plan(self, call: Call, timeline: Timeline, runner: Runner) -> None:
        _later(timeline, runner, ev.ConsentGiven(at=0.0))
        for code, who in call.warnings:
            message = self.language.plain(f"interface.warnings.{code}", name=who)
            _later(timeline, runner, ev.Warned(at=0.0, code=code, message=message))
        if self.recognizer is None:
            timeline.at(0.0, lambda _: self._warn(runner, "no_model"))
        if call.mixed and self.detector is None:
            timeline.at(0.0, lambda _: self._warn(runner, "no_detector"))
        for event in call.events:
            _later(timeline, runner, event)

    def _warn(self, runner: Runner, code: str) -> None:
        message = self.language.plain(f"interface.warnings.{code}")
        runner.give(ev.Warned(at=runner.timeline.at_hand, code=code, message=message))

    def _documents(self, call: Call, out: Path, runner: Runner) -> Written:
        return write_documents(
            out,
            process=self.process,
            records=runner.snapshot().records,
            language=self.language,
            names=names_by_role(self.process, call.participants),
            began=dt.datetime.now(tz=dt.UTC).astimezone(),
        )


def _open_log(out: Path) -> EventLog:
    for folder in (out, out / "prompts"):
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    return EventLog(out / "events.jsonl")


def _later(timeline: Timeline, runner: Runner, event: ev.Event) -> None:
    timeline.at(event.at, lambda _: runner.give(event))


class _PromptFiles:
    """Writes each prompt as it was spoken, and names the file in its line."""

    def __init__(self, out: Path, timeline: Timeline, speaker: Speaker) -> None:
        self._out = out
        self._timeline = timeline
        self._speaker = speaker

    def line(self, fact: facts.Fact) -> dict[str, Any]:
        """Return the line of `events.jsonl` for `fact`."""
        line = fact.to_line()
        if isinstance(fact, facts.PromptSpoken):
            name = f"prompts/{fact.id}.wav"
            seconds = fact.ended_at - fact.started_at
            sound = self._speaker.spoken(fact.id, seconds, completed=fact.completed)
            self._timeline.require(self._write(self._out / name, sound))
            line["file"] = name
        return line

    async def _write(self, path: Path, sound: Sound) -> None:
        await asyncio.to_thread(write_private, path, wav_bytes(sound))  # some say a name
