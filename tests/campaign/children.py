"""The child processes of `speech`, as the ends of their pipes: capture, playback and recognition.

What they say is what `speech/*/protocol.py` and `wire.py` have; in a fault they die, hang or say what is none of it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import zlib
from collections.abc import Callable
from typing import Any

from speech.capture import protocol as capture
from speech.playback import protocol as playback
from speech.ports import FRAME_SECONDS
from speech.recognition import wire
from speech.soundserver import NO_DEVICE
from tests.campaign.virtual import ZERO
from tests.campaign.world import CALL, CAREFUL, MICROPHONE, Play, Sound, World, pcm

_PIDS = itertools.count(50_000_000)
"""Far above the system's: none of these can be somebody's process."""
SPEAK_AHEAD_SECONDS = 0.1
GARBAGE = b"\xff" * 64


class Child:
    """One child process."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.loop = world.loop
        self.name = name
        self.pid = next(_PIDS)
        self.returncode: int | None = None
        self.stdin = self
        self.stdout = asyncio.StreamReader(limit=1 << 22)
        self._gone = asyncio.Event()
        self._input = b""

    def later(self, seconds: float, do: Callable[[], None]) -> None:
        """Do something unless the process is gone by then."""
        self.loop.call_later(seconds, lambda: do() if self.returncode is None else None)

    def say(self, data: bytes) -> None:
        if self.returncode is None:
            self.stdout.feed_data(data)

    def die(self, code: int) -> None:
        if self.returncode is None:
            self.returncode = code
            self.stdout.feed_eof()
            self._gone.set()

    # --- what asyncio's Process and its pipe have ---

    def kill(self) -> None:
        self.die(-9)

    async def wait(self) -> int:
        await self._gone.wait()
        assert self.returncode is not None
        return self.returncode

    async def communicate(self) -> None:
        await self.stdout.read()
        await self.wait()

    def write(self, data: bytes) -> None:
        self._input += data
        if self.returncode is None:
            self.take()

    def take(self) -> None:
        self._input = b""

    async def drain(self) -> None:
        if self.returncode is not None:
            raise ConnectionResetError

    def close(self) -> None:
        """Nothing is held."""

    async def wait_closed(self) -> None:
        """Nothing is held."""


class CaptureChild(Child):
    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.later(0.2, self._open)

    def _open(self) -> None:
        if self.world.active(f"{self.name}_lost"):
            self.die(NO_DEVICE)
        else:
            self._at = self.loop.now
            self.later(self.world.frames * FRAME_SECONDS, self._block)

    def _block(self) -> None:
        world, frames = self.world, self.world.frames
        if world.active(f"{self.name}_lost"):
            self.die(0)
            return
        self.later(frames * FRAME_SECONDS, self._block)
        at, self._at = self._at, self._at + frames * FRAME_SECONDS
        if self.name == CALL and world.active("call_hangs"):
            return
        if self.name == CALL and world.active("call_garbage"):
            self.say(GARBAGE)
            return
        voiced = world.voiced(self.name, at - ZERO, frames)
        session = at + self.loop.slept - ZERO
        world.sounds.append(Sound(self.name, session, voiced, world.now()))
        sound = pcm(voiced, round(at / FRAME_SECONDS))
        self.say(capture.HEADER.pack(capture.SOUND, at, 0.0, len(sound)) + sound)


class PlaybackChild(Child):
    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self._playing: int | None = None
        self._play: Play | None = None
        self.later(0.3, self._open)

    def _open(self) -> None:
        self._hanging = False
        if self.world.active("voice_lost"):
            self._lose()
        elif fault := self.world.active("voice_hangs"):
            self.later(self.world.left(fault), self._open)
        else:
            self._report(ready=16000)
            self._watch()
            self._idle()

    def _watch(self) -> None:
        if self.world.active("voice_lost"):
            self._lose()
        self.later(0.25, self._watch)

    def _idle(self) -> None:
        if self._playing is None and not self.world.has("voice_hangs"):  # which nothing that is played has met yet
            self.say(json.dumps({"alive": True}).encode() + b"\n")
        self.later(playback.IDLE_SECONDS, self._idle)

    def _lose(self) -> None:
        if self._play is not None:
            self._play.ended = self.world.now()
        self._report(lost=True)
        self.die(0)

    def _report(self, **what: Any) -> None:
        if not self.world.active("voice_hangs"):
            self.say(json.dumps(what).encode() + b"\n")

    def take(self) -> None:
        while len(self._input) >= playback.HEADER.size:
            command, number, value, length = playback.HEADER.unpack(self._input[: playback.HEADER.size])
            if len(self._input) < playback.HEADER.size + length:
                return
            self._input = self._input[playback.HEADER.size + length :]
            if command == playback.PLAY:
                self._begin(number, length / 4 / value)
            elif self._playing == number:
                self._stop(number, value)

    def _begin(self, number: int, seconds: float) -> None:
        play = self._play = Play(self.world.now(), seconds)
        self.world.plays.append(play)
        self._playing = number

        def start() -> None:
            if self._playing != number:
                return
            play.started = self.world.now()
            self._report(id=number, started=self.loop.now)
            self._alive(number)
            self.later(seconds, lambda: self._end(number, completed=True))

        self.later(SPEAK_AHEAD_SECONDS, start)

    def _alive(self, number: int) -> None:
        if self._playing == number:
            self._report(id=number, alive=True)
            self.later(playback.ALIVE_SECONDS, lambda: self._alive(number))

    def _stop(self, number: int, fade: float) -> None:
        begun = self._play is not None and self._play.started is not None
        self.later(max(fade, 0.1) if begun else 0.0, lambda: self._end(number, completed=False))

    def _end(self, number: int, *, completed: bool) -> None:
        if self._playing == number:
            self._playing = None
            assert self._play is not None
            self._play.ended, self._play = self.world.now(), None
            self._report(id=number, ended=self.loop.now, completed=completed, underflows=0)

    def die(self, code: int) -> None:
        if self._play is not None and self.returncode is None:
            self._play.ended = self.world.now()
        super().die(code)


class EngineChild(Child):
    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self._loaded = False
        self._watch()

    def _watch(self) -> None:
        if self._loaded and self.world.active("engine_killed"):
            self.die(-11)
        self.later(0.5, self._watch)

    def take(self) -> None:
        while len(self._input) >= 4:
            length = int.from_bytes(self._input[:4], "big")
            header = json.loads(self._input[4 : 4 + length])
            payload = self._input[4 + length : 4 + length + header["bytes"]]
            self._input = self._input[4 + length + header["bytes"] :]
            if "model" in header:
                self._load()
            else:
                self._decode(header, payload)

    def _load(self) -> None:
        if fault := self.world.active("load_hangs"):
            self.later(self.world.left(fault), self._load)
        elif self.world.active("load_fails"):
            self.later(0.1, lambda: self.say(wire.pack({"error": "RuntimeError"})))
        else:
            self.later(0.4, self._ready)

    def _ready(self) -> None:
        self._loaded = True
        self.say(wire.pack({"ready": True}))

    def _decode(self, header: dict[str, Any], payload: bytes) -> None:
        reply = {"text": f"Parole {zlib.crc32(payload) % 1000}.", "confidence": 0.9}
        seconds = 0.15 + len(payload) / 64_000 * (0.2 if header["careful"] else 0.05)
        if fault := self.world.active("engine_hangs"):
            seconds += self.world.left(fault)
            if header["careful"]:
                self.world.met.append((CAREFUL, self.world.now()))
        if self.world.active("engine_killed"):
            self.later(0.05, lambda: self.die(-11))
        elif self.world.active("engine_garbage"):
            self.later(0.05, lambda: self.say(GARBAGE))
        elif self.world.active("engine_odd"):
            self.later(seconds, lambda: self.say(wire.pack({"confidence": 1})))
        else:
            self.later(seconds, lambda: self.say(wire.pack(reply)))


_KINDS = {
    "speech.capture.worker": CaptureChild,
    "speech.playback.worker": PlaybackChild,
    "speech.recognition.worker": EngineChild,
}


class Children:
    """In the place of `asyncio.create_subprocess_exec`, and of `os.kill` for what it started."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._started: dict[int, Child] = {}

    async def start(self, *command: str, **_options: Any) -> Child:
        module = next(part for part in command if part in _KINDS)
        name = next((part for part in command if part in {CALL, MICROPHONE}), module)
        child = _KINDS[module](self._world, name)
        self._started[child.pid] = child
        return child

    def kill(self, pid: int, _signal: int) -> None:
        if pid not in self._started:
            raise ProcessLookupError(pid)
        self._started[pid].kill()

    def end(self) -> None:
        """End whatever still runs, as the system does once the pipes of its parent are closed."""
        for child in self._started.values():
            child.die(0)
