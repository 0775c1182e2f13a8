"""Hearing: from sound to the core's events, channel by channel, and to utterances where a grant allows it.

Rules:

- Sound is heard only between `start` and `stop`; what is read outside is thrown away unheard.
- Every change of voice is told at its own session time, so that a replay, which reads ahead, tells it no sooner.
- Sound reaches a segmenter only while a grant is open, and leaves it cut to the grant's own start and end.
- Speech that goes on under a grant is shown about once a second as it stands at that moment, never as far as was read.
- What tells other voices on a mixed channel (`watching.py`) is given each block after it was heard here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facilitator.core import events as ev
from facilitator.timeline import Timeline
from facilitator.watching import Watch
from speech.detection import SpeechGate, VoiceChange, VoiceKind
from speech.errors import AudioFileError
from speech.ports import FRAME_SECONDS, RATE_HZ, AudioSource, Block, SpeechDetector
from speech.recognition.segmenter import Segmenter, Utterance

RECENT_SECONDS = 1.5
"""Sound kept from before a grant is asked for, so that one that opens within a block starts at its own time."""
INLINE_FRAMES = 4
"""Up to so many frames are scored at once on the loop (0.2 ms each); more go to a thread."""
LOST_SECONDS = 0.1
"""A gap between blocks from which sound counts as lost."""
DRIFT_SECONDS = 0.05
"""How far the count of frames may be from the blocks' own times, which are unsteady by some milliseconds."""

GROWTH_SECONDS = 1.0
"""Speech that goes on is shown after so long, and again each time."""

_EVENTS: Mapping[VoiceKind, type[ev.VoiceRose | ev.VoiceFell | ev.SpeechStarted | ev.SpeechEnded]] = {
    VoiceKind.ROSE: ev.VoiceRose,
    VoiceKind.FELL: ev.VoiceFell,
    VoiceKind.STARTED: ev.SpeechStarted,
    VoiceKind.ENDED: ev.SpeechEnded,
}


@dataclass(frozen=True, slots=True)
class Heard:
    """An utterance cut from `channel` under a grant, or what there is so far of one that goes on."""

    channel: str
    utterance: Utterance


class Listener(Protocol):
    """Who is told what was heard."""

    def receive(self, event: ev.Event) -> None:
        """Take an event."""
        ...

    def heard(self, heard: Heard) -> None:
        """Take an utterance to be written down."""
        ...

    def growing(self, heard: Heard) -> None:
        """Take what there is so far of an utterance that goes on; `heard` brings the whole of it later."""
        ...


class Ear:
    """One channel: its detector, its gate and its segmenter."""

    def __init__(self, channel: str, detector: SpeechDetector) -> None:
        self.channel = channel
        self._detector = detector
        self._gate: SpeechGate | None = None
        self._segmenter = Segmenter()
        self._recent: deque[Block] = deque()
        self._shown_at = float("-inf")
        self.speech: NDArray[np.float32] = np.zeros(0, dtype=np.float32)
        """Probability of speech of each frame of the last block."""

    def restart(self) -> None:
        """Forget everything heard."""
        self._detector.reset()
        self._gate = None
        self._recent.clear()
        if not self._segmenter.is_open:
            self._segmenter = Segmenter()

    def renew(self, at: float) -> None:
        """Begin anew after a failure; under a grant, sound from session second `at` on reaches the recognizer."""
        granted, self._segmenter = self._segmenter.is_open, Segmenter()
        self.restart()
        if granted:
            self._segmenter.open(at)

    def drop(self) -> None:
        """Keep no sound from before: it may be asked for no more."""
        self._recent.clear()

    async def hear(self, block: Block) -> tuple[list[VoiceChange], Utterance | None]:
        """Return the changes of voice in `block`, whose `at` is in session seconds, and speech grown too long."""
        if self._gate is None:
            self._gate = SpeechGate(start_at=block.at)
        elif (ahead := block.at - self._gate.now) > LOST_SECONDS:
            self._gate.skip_to(block.at)
        elif abs(ahead) > DRIFT_SECONDS:
            self._gate.follow(block.at)
        if len(block.samples) <= INLINE_FRAMES * FRAME_SECONDS * RATE_HZ:
            self.speech = self._detector.score(block.samples)
        else:
            self.speech = await asyncio.to_thread(self._detector.score, block.samples)
        self._recent.append(block)
        while self._recent[0].at < block.at - RECENT_SECONDS:
            self._recent.popleft()
        utterance = self._segmenter.add(block.samples, block.at) if self._segmenter.is_open else None
        return self._gate.push(self.speech), utterance

    def changed(self, change: VoiceChange) -> Utterance | None:
        """Follow a change of voice at its time; return the utterance that it ended, under a grant."""
        if change.kind is VoiceKind.STARTED:
            self._segmenter.speech_started(change.since)
        if change.kind is VoiceKind.ENDED:
            return self._segmenter.speech_ended(change.since)
        return None

    @property
    def granted(self) -> bool:
        """Whether sound may reach the recognizer."""
        return self._segmenter.is_open

    def growing(self, at: float) -> Utterance | None:
        """Return what there is at `at` of speech that goes on; None when there is nothing new to show.

        Nothing is shown while the voice is silent: the speech may be over, and its own text then comes sooner.
        """
        if self._gate is None or not self._gate.voiced or at < self._shown_at + GROWTH_SECONDS:
            return None
        utterance = self._segmenter.so_far(at)
        if utterance is None or utterance.ended_at - utterance.started_at < GROWTH_SECONDS:
            return None
        self._shown_at = at
        return utterance

    def open_grant(self, at: float) -> None:
        """Let sound from `at` on reach the recognizer."""
        self._segmenter.open(at)
        for block in self._recent:
            self._segmenter.add(block.samples, block.at)

    def close_grant(self, at: float) -> Utterance | None:
        """Let no sound from `at` on reach the recognizer; return the speech that was going on."""
        return self._segmenter.close(at)

    def finish(self) -> list[VoiceChange]:
        """Return the changes that the end of the stream brings."""
        return [] if self._gate is None else self._gate.finish()


class Hearing:
    """All channels of a session. A subclass brings the sound; this one, without channels, hears nothing."""

    def __init__(self, timeline: Timeline, ears: Sequence[Ear], watch: Watch | None = None) -> None:
        """Prepare to hear.

        Args:
            timeline: where what is heard is told.
            ears: one for each channel.
            watch: what tells other voices on the mixed channel; None without a detector or such a channel.
        """
        self._timeline = timeline
        self._ears = tuple(ears)
        self._watch = watch
        self._listener: Listener | None = None
        self._generation = 0
        self._on = False

    def connect(self, listener: Listener) -> None:
        """Tell `listener` what is heard."""
        self._listener = listener
        if self._watch is not None:
            self._watch.connect(listener.receive)

    def start(self) -> None:
        """Begin to listen."""
        self._on = True
        self._generation += 1
        for ear in self._ears:
            ear.restart()

    def stop(self) -> None:
        """Hear nothing more from this moment on, not even what was read already."""
        self._on = False
        self._generation += 1
        for ear in self._ears:
            ear.drop()
        if self._watch is not None:
            self._watch.forget()

    def watch_floor(self, channel: str, at: float) -> None:
        """Tell other voices than the holder's on this mixed channel, from `at` on."""
        if self._watch is not None and self._watch.channel == channel:
            self._watch.start(at)

    def leave_floor(self) -> None:
        """Tell other voices no more, and forget every voice."""
        if self._watch is not None:
            self._watch.stop()

    def open_grant(self, at: float) -> None:
        """Let sound from `at` on reach the recognizer."""
        for ear in self._ears:
            ear.open_grant(at)

    def close_grant(self, at: float) -> None:
        """Let no sound from `at` on reach the recognizer, even within a word."""
        for ear in self._ears:
            self._hand_over(ear, ear.close_grant(at))

    async def close(self) -> None:
        """Give every source back, and forget every voice."""
        if self._watch is not None:
            await self._watch.close()

    async def _take(self, blocks: Sequence[tuple[Ear, Block]], *, own_voice: bool = False) -> None:
        """Hear one block of each channel, and tell their changes at their times, channel by channel.

        Args:
            blocks: each ear with the next block of its channel.
            own_voice: whether our own voice may sound in them.
        """
        generation = self._generation
        heard = await asyncio.gather(*(ear.hear(block) for ear, block in blocks))
        if generation != self._generation:
            for ear, _ in blocks:
                ear.drop()
            return
        for (ear, block), (changes, utterance) in zip(blocks, heard, strict=True):
            self._hand_over(ear, utterance)
            self._tell(ear, changes)
            if ear.granted:
                self._timeline.at(block.at + len(block.samples) / RATE_HZ, self._shower(ear))
            if self._watch is not None and self._watch.channel == ear.channel:
                self._watch.hear(block, ear.speech, own_voice=own_voice)

    def _tell(self, ear: Ear, changes: Sequence[VoiceChange]) -> None:
        for change in changes:
            self._timeline.at(change.at, self._teller(ear, change))

    def _teller(self, ear: Ear, change: VoiceChange) -> Callable[[float], None]:
        generation = self._generation

        def tell(at: float) -> None:
            if generation != self._generation or self._listener is None:
                return
            self._hand_over(ear, ear.changed(change))  # first, so that a mark waits for these words
            event = _EVENTS[change.kind]
            self._listener.receive(event(at=at, channel=ear.channel, since=change.since))

        return tell

    def _shower(self, ear: Ear) -> Callable[[float], None]:
        generation = self._generation

        def show(at: float) -> None:
            utterance = ear.growing(at) if generation == self._generation else None
            if utterance is not None and self._listener is not None:
                self._listener.growing(Heard(ear.channel, utterance))

        return show

    def _hand_over(self, ear: Ear, utterance: Utterance | None) -> None:
        if utterance is not None and self._listener is not None:
            self._listener.heard(Heard(ear.channel, utterance))


class RecordedHearing(Hearing):
    """Channels read from recordings that begin together at session second 0."""

    def __init__(
        self,
        timeline: Timeline,
        channels: Sequence[tuple[Ear, AudioSource]],
        seconds: float,
        watch: Watch | None = None,
    ) -> None:
        """Prepare to read.

        Args:
            timeline: where what is heard is told.
            channels: each ear with the source of its sound.
            seconds: length of the whole; shorter recordings are silent from their end on.
            watch: what tells other voices on the mixed channel.
        """
        super().__init__(timeline, [ear for ear, _ in channels], watch)
        self._open = list(channels)
        self._seconds = seconds
        timeline.at(0.0, self._pull)
        timeline.at(seconds, self._end)

    def _pull(self, _at: float) -> None:
        self._timeline.require(self._read())

    async def _read(self) -> None:
        """Read one block of each channel, ahead of its time, and come back when its time is over."""
        blocks = await asyncio.gather(*(source.read() for _, source in self._open), return_exceptions=True)
        read: list[tuple[Ear, Block]] = []
        for (ear, source), block in zip(tuple(self._open), blocks, strict=True):
            if isinstance(block, Block):
                read.append((ear, block))
                continue
            if isinstance(block, AudioFileError):
                self._warn("audio_damaged", str(block))
            elif isinstance(block, BaseException):
                raise block
            self._open.remove((ear, source))
            await source.close()
            self._tell(ear, ear.finish() if self._on else [])
        if self._on:
            await self._take(read)
            if self._watch is not None:
                await self._watch.work_off()
        if read:
            self._timeline.at(min(block.at + len(block.samples) / RATE_HZ for _, block in read), self._pull)

    def _warn(self, code: str, message: str) -> None:
        if self._listener is not None:
            self._listener.receive(ev.Warned(at=self._timeline.clock.now(), code=code, message=message))

    def _end(self, at: float) -> None:
        if self._listener is not None:
            self._listener.receive(ev.AudioEnded(at=at))

    async def close(self) -> None:
        """Close every recording."""
        for _, source in self._open:
            await source.close()
        await super().close()
