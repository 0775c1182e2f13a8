"""Hearing: from sound to the core's events, channel by channel, and to utterances where a grant allows it.

Rules:

- Sound is heard only between `start` and `stop`; what is read outside is thrown away unheard.
- Every change of voice is told at its own session time, so that a replay, which reads ahead, tells it no sooner.
- Sound reaches a segmenter only while a grant is open, and leaves it cut to the grant's own start and end.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from facilitator.core import events as ev
from facilitator.timeline import LiveClock, Timeline
from speech.detection import SpeechGate, VoiceChange, VoiceKind
from speech.errors import AudioFileError, SourceLostError
from speech.own_voice import OwnVoice, OwnVoiceFilter
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
SILENT_SECONDS = 20.0
"""A channel that has carried nothing but zeros for so long since it opened is probably the wrong one."""
RETRY_SECONDS = 1.0
"""How often a device that went away is tried again."""

_EVENTS: Mapping[VoiceKind, type[ev.VoiceRose | ev.VoiceFell | ev.SpeechStarted | ev.SpeechEnded]] = {
    VoiceKind.ROSE: ev.VoiceRose,
    VoiceKind.FELL: ev.VoiceFell,
    VoiceKind.STARTED: ev.SpeechStarted,
    VoiceKind.ENDED: ev.SpeechEnded,
}


@dataclass(frozen=True, slots=True)
class Heard:
    """An utterance cut from `channel` under a grant."""

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


class Ear:
    """One channel: its detector, its gate and its segmenter."""

    def __init__(self, channel: str, detector: SpeechDetector) -> None:
        self.channel = channel
        self._detector = detector
        self._gate: SpeechGate | None = None
        self._segmenter = Segmenter()
        self._recent: deque[Block] = deque()

    def restart(self) -> None:
        """Forget everything heard."""
        self._detector.reset()
        self._gate = None
        self._recent.clear()
        if not self._segmenter.is_open:
            self._segmenter = Segmenter()

    async def hear(self, block: Block) -> tuple[list[VoiceChange], Utterance | None]:
        """Return the changes of voice in `block`, whose `at` is in session seconds, and speech grown too long."""
        if self._gate is None:
            self._gate = SpeechGate(start_at=block.at)
        elif (ahead := block.at - self._gate.now) > LOST_SECONDS:
            self._gate.skip_to(block.at)
        elif abs(ahead) > DRIFT_SECONDS:
            self._gate.follow(block.at)
        if len(block.samples) <= INLINE_FRAMES * FRAME_SECONDS * RATE_HZ:
            probabilities = self._detector.score(block.samples)
        else:
            probabilities = await asyncio.to_thread(self._detector.score, block.samples)
        self._recent.append(block)
        while self._recent[0].at < block.at - RECENT_SECONDS:
            self._recent.popleft()
        utterance = self._segmenter.add(block.samples, block.at) if self._segmenter.is_open else None
        return self._gate.push(probabilities), utterance

    def changed(self, change: VoiceChange) -> Utterance | None:
        """Follow a change of voice at its time; return the utterance that it ended, under a grant."""
        if change.kind is VoiceKind.STARTED:
            self._segmenter.speech_started(change.since)
        if change.kind is VoiceKind.ENDED:
            return self._segmenter.speech_ended(change.since)
        return None

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

    def __init__(self, timeline: Timeline, ears: Sequence[Ear]) -> None:
        self._timeline = timeline
        self._ears = tuple(ears)
        self._listener: Listener | None = None
        self._generation = 0
        self._on = False

    def connect(self, listener: Listener) -> None:
        """Tell `listener` what is heard."""
        self._listener = listener

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

    def open_grant(self, at: float) -> None:
        """Let sound from `at` on reach the recognizer."""
        for ear in self._ears:
            ear.open_grant(at)

    def close_grant(self, at: float) -> None:
        """Let no sound from `at` on reach the recognizer, even within a word."""
        for ear in self._ears:
            self._hand_over(ear, ear.close_grant(at))

    async def close(self) -> None:
        """Give every source back."""

    async def _take(self, blocks: Sequence[tuple[Ear, Block]]) -> None:
        """Hear one block of each channel, and tell their changes at their times, channel by channel."""
        generation = self._generation
        heard = await asyncio.gather(*(ear.hear(block) for ear, block in blocks))
        if generation != self._generation:
            return
        for (ear, _), (changes, utterance) in zip(blocks, heard, strict=True):
            self._hand_over(ear, utterance)
            self._tell(ear, changes)

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

    def _hand_over(self, ear: Ear, utterance: Utterance | None) -> None:
        if utterance is not None and self._listener is not None:
            self._listener.heard(Heard(ear.channel, utterance))


class RecordedHearing(Hearing):
    """Channels read from recordings that begin together at session second 0."""

    def __init__(self, timeline: Timeline, channels: Sequence[tuple[Ear, AudioSource]], seconds: float) -> None:
        """Prepare to read.

        Args:
            timeline: where what is heard is told.
            channels: each ear with the source of its sound.
            seconds: length of the whole; shorter recordings are silent from their end on.
        """
        super().__init__(timeline, [ear for ear, _ in channels])
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


class LiveHearing(Hearing):
    """Channels captured from devices: opened by `start`, closed at once by `stop`."""

    def __init__(
        self,
        timeline: Timeline,
        clock: LiveClock,
        channels: Sequence[tuple[Ear, Callable[[], AudioSource]]],
        own: OwnVoice,
        *,
        on_dropped: Callable[[str, float], None],
        on_silent: Callable[[str], None],
    ) -> None:
        """Prepare to capture; nothing is opened yet.

        Args:
            timeline: where what is heard is told.
            clock: tells a block's session time.
            channels: each ear with what opens the source of its sound.
            own: what our voice says, which is taken out where it comes back.
            on_dropped: told the channel and the seconds of sound that were lost.
            on_silent: told a channel that opened and has carried nothing at all since, not even noise.
        """
        super().__init__(timeline, [ear for ear, _ in channels])
        self._clock = clock
        self._channels = tuple((ear, make, OwnVoiceFilter(own)) for ear, make in channels)
        self._own = own
        self._on_dropped = on_dropped
        self._on_silent = on_silent
        self._tasks: list[asyncio.Task[None]] = []
        self._sources: set[AudioSource] = set()

    def start(self) -> None:
        """Open the devices."""
        super().start()
        self._tasks = [self._timeline.work(self._capture(*channel)) for channel in self._channels]

    def stop(self) -> None:
        """Close the devices at once."""
        super().stop()
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """Stop, and wait until every device was given back."""
        self.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _capture(self, ear: Ear, make: Callable[[], AudioSource], own: OwnVoiceFilter) -> None:
        """Capture one channel for as long as listening lasts, through losses of its device."""
        lost = False
        while True:
            source = make()
            try:
                dropped, opened, zeros = 0.0, False, 0.0
                while (block := await source.read()) is not None:
                    if lost:
                        lost = False
                        self._report(ev.DeviceRecovered(at=self._clock.now(), device=ear.channel))
                    if not opened:
                        opened = True
                        self._report(ev.ChannelOpened(at=self._clock.now(), channel=ear.channel))
                    if source.dropped_seconds > dropped:
                        self._on_dropped(ear.channel, source.dropped_seconds - dropped)
                        dropped = source.dropped_seconds
                    zeros = self._watch_zeros(ear.channel, block, zeros)
                    await self._take([(ear, await self._cleaned(block, own))])
            except SourceLostError:
                if not lost:
                    lost = True
                    self._tell(ear, ear.finish())
                    self._report(ev.DeviceLost(at=self._clock.now(), device=ear.channel))
            finally:
                with suppress(SourceLostError):
                    await source.close()
            await asyncio.sleep(RETRY_SECONDS)

    def _watch_zeros(self, channel: str, block: Block, zeros: float) -> float:
        """Return the seconds of zeros since the channel opened, infinite once it carried a sound or was reported.

        Zeros to the bit, never loudness: people who listen politely and mute are no fault.
        """
        if block.samples.any():
            return float("inf")
        if zeros < SILENT_SECONDS <= zeros + len(block.samples) / RATE_HZ:
            self._on_silent(channel)
        return zeros + len(block.samples) / RATE_HZ

    async def _cleaned(self, captured: Block, own: OwnVoiceFilter) -> Block:
        """Return a block at its session time, without our own voice."""
        block = Block(captured.samples, self._clock.from_monotonic(captured.at))
        if not self._own.may_be_heard(block.at, block.at + len(block.samples) / RATE_HZ):
            return own.clean(block)
        return await asyncio.to_thread(own.clean, block)

    def _report(self, event: ev.Event) -> None:
        if self._listener is not None:
            self._listener.receive(event)
