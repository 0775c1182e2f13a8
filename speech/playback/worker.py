"""The process that holds an output device: `python -m speech.playback.worker NAME [MICROPHONE]`.

Its stream stays open between prompts and plays silence, so that a prompt starts without opening anything. It ends when
standard input closes, so it never outlives its parent, when the device stops asking for sound, or when the sound server
puts the stream on another device.

With a microphone it carries that too, mixed with the prompts (`speech.mixing`), for as long as it lives. A microphone
that is lost costs no prompt.
"""

from __future__ import annotations

import json
import math
import os
import queue
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from speech.devices import portaudio_index
from speech.errors import DeviceNotFoundError
from speech.mixing import Mixer
from speech.playback.protocol import ALIVE_SECONDS, HEADER, IDLE_SECONDS, PLAY
from speech.ports import Samples
from speech.silence import Condition
from speech.sound import resample
from speech.soundserver import watch

LATENCY_SECONDS = 0.1
"""Sound handed over in advance: large enough for two busy cores, small enough for a fade of 0.3 s to end in time."""
_FURTHEST_SECONDS = 2.0
"""No sound is handed over so long in advance: some host APIs leave the times at zero."""
_SHORTEST_FADE_SECONDS = 0.01
"""A step to silence would click."""
_START_SECONDS = 6.0
"""A sound server may take what fills its buffer, then nothing for over a second before it plays: that is no death."""
_KNOWN_SECONDS = 0.2
"""A sound server tells a device's condition while the stream begins to flow; where there is none, nothing comes."""
HEARD_SECONDS = 0.02
"""Asked of a microphone that is carried: a person's voice waits so long on its way in."""
CARRYING_SECONDS = 0.045 if sys.platform == "linux" else 0.02
"""Handed over in advance while a microphone is carried: a person's voice waits so long on its way out. ALSA's pulse
plugin ran out of sound 12 times in 40 s with 0.02, 4 times in 30 s with 0.03, and not at all with 0.045."""
_DEAD_SECONDS = 1.0
"""A device that gives no sound this long is gone."""
_DEAD_CHECKS = round(1.0 / ALIVE_SECONDS)
"""A device that asks for no sound in so many checks, one after the other, is gone: it asks every 20 ms or so. Counted,
not timed: where the computer held this whole process up, nobody could ask."""


@dataclass(slots=True)
class Prompt:
    """One prompt on its way through the callback.

    Attributes:
        id: the parent's number for it.
        samples: mono float32 at the stream's rate.
        position: the next sample to hand over.
        started_at: when its first sample leaves, once known.
        fade_from: position where the fade begins; None while nobody stops it.
        fade_samples: length of the fade; 0 when it was stopped before its first sample.
    """

    id: int
    samples: Samples
    position: int = 0
    started_at: float | None = None
    fade_from: int | None = None
    fade_samples: int = 0

    def take(self, count: int) -> Samples:
        """Return up to `count` next samples, faded where the fade has reached; fewer at the end."""
        fade_from = self.fade_from  # `stop` may set it meanwhile, on its own thread
        end = len(self.samples) if fade_from is None else min(len(self.samples), fade_from + self.fade_samples)
        block = self.samples[self.position : min(self.position + count, end)]
        if fade_from is not None:
            places = np.arange(self.position, self.position + len(block), dtype=np.float32)
            block = block * np.clip(1 - (places - fade_from) / self.fade_samples, 0, 1)
        self.position += len(block)
        return block


class Microphone:
    """A person's microphone on its way to the output. `hear` runs on PortAudio's thread.

    Args:
        sounddevice: the module.
        name: the device to open.
        to_hz: rate of the output.
    """

    def __init__(self, sounddevice: Any, name: str, to_hz: int) -> None:
        index = portaudio_index(sounddevice, name, "input")
        self._astray = False
        self.heard_at = time.monotonic()
        try:
            self.mixer = self._open(sounddevice, index, to_hz, to_hz)
        except sounddevice.PortAudioError:  # a device that knows only its own rate
            rate_hz = int(sounddevice.query_devices(index, "input")["default_samplerate"])
            self.mixer = self._open(sounddevice, index, rate_hz, to_hz)
        self.stream.start()

    def _open(self, sounddevice: Any, index: int | None, rate_hz: int, to_hz: int) -> Mixer:
        self.stream = sounddevice.InputStream(
            samplerate=rate_hz,
            device=index,
            channels=1,
            dtype="float32",
            latency=HEARD_SECONDS,
            callback=self.hear,
        )
        return Mixer(rate_hz, to_hz)

    def hear(self, data: Any, _count: int, _times: Any, _status: Any) -> None:
        """Copy and hand over."""
        if not self._astray:
            self.heard_at = time.monotonic()
            self.mixer.put(data[:, 0].copy())

    def leave(self) -> None:
        """The sound server put the stream on another device, be it the call itself: carry nothing of that."""
        self._astray = True
        self.heard_at = -math.inf

    @property
    def carried(self) -> bool:
        """Whether sound comes."""
        return time.monotonic() - self.heard_at < _DEAD_SECONDS


class Player:
    """The stream and the prompt in it. `fill` runs on PortAudio's thread, all else on others.

    Args:
        sounddevice: the module.
        name: the device to open.
        microphone: what is to be carried too; "" for none.
    """

    def __init__(self, sounddevice: Any, name: str, microphone: str = "") -> None:
        index = portaudio_index(sounddevice, name, "output")
        device = sounddevice.query_devices(index, "output")
        self.rate_hz = int(device["default_samplerate"])
        self.underflows = 0
        self.asked_at = time.monotonic()
        self.flows = threading.Event()
        self._handed_over = 0
        self.events: queue.SimpleQueue[tuple[str, Prompt, float]] = queue.SimpleQueue()
        self._prompt: Prompt | None = None
        self._next_leaves_at = 0.0
        self.microphone: Microphone | None = None
        self.carries = bool(microphone)
        if microphone:
            with suppress(sounddevice.PortAudioError, DeviceNotFoundError, ValueError):
                self.microphone = Microphone(sounddevice, microphone, self.rate_hz)
        self.stream = sounddevice.OutputStream(
            samplerate=self.rate_hz,
            device=index,
            channels=min(2, device["max_output_channels"]),
            dtype="float32",
            latency=CARRYING_SECONDS if microphone else LATENCY_SECONDS,
            callback=self.fill,
        )

    def fill(self, out: Any, frames: int, times: Any, status: Any) -> None:
        """Hand over the next `frames` samples and note when the prompt's first and last ones leave."""
        self.asked_at = now = time.monotonic()
        self.underflows += bool(status.output_underflow)
        prompt, filled = self._prompt, 0
        voice = np.zeros(frames, dtype=np.float32)
        leaves_at = now + self._ahead(times)
        if prompt is not None:
            block = prompt.take(frames)
            filled = len(block)
            if prompt.started_at is None and prompt.position:
                prompt.started_at = leaves_at
                self.events.put(("started", prompt, leaves_at))
            voice[:filled] = block
            if filled < frames:
                self._prompt = None
                self.events.put(("ended", prompt, leaves_at + filled / self.rate_hz))
        out[:] = (voice if self.microphone is None else self.microphone.mixer.mix(voice))[:, np.newaxis]
        self._next_leaves_at = leaves_at + frames / self.rate_hz
        self._handed_over += frames
        if self._handed_over > 3 * LATENCY_SECONDS * self.rate_hz:  # more than any buffer of ours: it truly plays
            self.flows.set()

    @property
    def carried(self) -> bool:
        """Whether a microphone is carried, and sound comes from it."""
        return self.microphone is not None and self.microphone.carried

    def play(self, prompt: Prompt) -> None:
        """Play `prompt` from the next callback on, in place of any other."""
        self._prompt = prompt

    def stop(self, id_: int, fade_seconds: float) -> None:
        """Fade the prompt `id_`: silence leaves within `fade_seconds`, as far as what is on its way allows.

        A prompt of which nothing was handed over ends without having started.
        """
        prompt = self._prompt
        if prompt is not None and prompt.id == id_ and prompt.fade_from is None:
            position = prompt.position
            seconds = max(_SHORTEST_FADE_SECONDS, fade_seconds - (self._next_leaves_at - time.monotonic()))
            prompt.fade_samples = max(1, round(seconds * self.rate_hz)) if position else 0
            prompt.fade_from = position

    def _ahead(self, times: Any) -> float:
        """Return in how many seconds what is handed over now will leave."""
        ahead = float(times.outputBufferDacTime - self.stream.time)
        return ahead if 0 <= ahead < _FURTHEST_SECONDS else float(self.stream.latency)


def main() -> None:
    """Serve the parent until it closes standard input or the device goes away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the parent's to act on
    import sounddevice  # noqa: PLC0415  loading it starts PortAudio

    try:
        player = Player(sounddevice, *sys.argv[1:])
        player.stream.start()
    except (sounddevice.PortAudioError, DeviceNotFoundError, ValueError):
        _leave(lost=True)
    known = threading.Event()
    following = (sys.argv[1], "output", partial(_tell_condition, known), partial(_leave, lost=True))
    threading.Thread(target=watch, args=following, daemon=True).start()
    if player.microphone is not None:
        carrying = (sys.argv[2], "input", _ignore, player.microphone.leave)
        threading.Thread(target=watch, args=carrying, daemon=True).start()
    if not player.flows.wait(_START_SECONDS):
        _leave(lost=True)
    known.wait(_KNOWN_SECONDS)
    if player.carries:
        _report(carried=player.carried)
    _report(ready=player.rate_hz)
    threading.Thread(target=_tell, args=(player,), daemon=True).start()
    _obey(player)


def _obey(player: Player) -> None:
    """Carry out commands until there are no more."""
    commands = sys.stdin.buffer
    while header := commands.read(HEADER.size):
        command, id_, number, length = HEADER.unpack(header)
        payload = commands.read(length)
        if command == PLAY:
            samples = np.frombuffer(payload, dtype="<f4")
            player.play(Prompt(id_, resample(samples, round(number), player.rate_hz)))
        else:
            player.stop(id_, number)
    _leave()


def _tell(player: Player) -> None:
    """Report each event when it has truly happened, that a prompt goes on, and the loss of the device."""
    playing: int | None = None
    carried, told_at = player.carried, time.monotonic()
    asked_at, unasked = player.asked_at, 0
    while True:
        if player.carried != carried:
            carried = player.carried
            _report(carried=carried)
        try:
            what, prompt, at = player.events.get(timeout=ALIVE_SECONDS)
        except queue.Empty:
            asked_at, before = player.asked_at, asked_at
            unasked = unasked + 1 if asked_at == before else 0
            if unasked >= _DEAD_CHECKS or not player.stream.active:
                _leave(lost=True)
            if playing is not None:
                _report(id=playing, alive=True)
            elif time.monotonic() - told_at >= IDLE_SECONDS:
                told_at = time.monotonic()
                _report(alive=True)
            continue
        time.sleep(max(0.0, at - time.monotonic()))
        if what == "started":
            playing = prompt.id
            _report(id=prompt.id, started=at)
        else:
            playing = None
            completed = prompt.fade_from is None
            _report(id=prompt.id, ended=at, completed=completed, underflows=player.underflows)


def _ignore(_condition: Condition) -> None:
    """What is wrong with a microphone is told by who listens to it."""


def _tell_condition(known: threading.Event, condition: Condition) -> None:
    _report(muted=condition.muted)
    known.set()


def _report(**what: Any) -> None:
    try:
        os.write(1, json.dumps(what).encode() + b"\n")
    except OSError:
        os._exit(0)


def _leave(*, lost: bool = False) -> None:
    """End at once: PortAudio's own way out may hang with its device."""
    if lost:
        _report(lost=True)
    os._exit(0)


if __name__ == "__main__":
    main()
