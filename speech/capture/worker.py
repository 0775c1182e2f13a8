"""The process that holds a capture device: `python -m speech.capture.worker NAME`.

PortAudio's callback only copies and hands over on a bounded queue; the main thread turns what it gave into frames of
`FRAME` samples at `RATE_HZ` and writes them to standard output. Nothing touches a disk. The process ends when standard
input closes, so it never goes on listening after its parent, and when the sound server puts it on another device.
"""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import soxr

from speech.capture import loopback
from speech.capture.protocol import CONDITION, HEADER, SOUND
from speech.devices import LOOPBACK, portaudio_index
from speech.errors import DeviceNotFoundError
from speech.ports import FRAME, INAUDIBLE, RATE_HZ, Samples
from speech.silence import Condition
from speech.soundserver import NO_DEVICE, watch

_QUEUE_SECONDS = 10.0
"""Sound kept while the parent takes none; beyond it the newest is dropped and counted."""
_LATENCY_SECONDS = 0.1
_OLDEST_SECONDS = 2.0
"""No sound is as old when it is handed over: some host APIs leave the times at zero."""
_JUMP_SECONDS = 0.1
"""A block this far from where the count of samples puts it means that sound was lost in between."""
_SETTLING_SECONDS = 2.0
"""A sound server's idle null sink may run at half speed this long after a stream opens: nothing is lost then."""
_QUIET_FRAMES = 32
"""Inaudible frames (1 s) after which all that depends on a voice's end has happened."""
_TOGETHER = 4
"""So many of those that follow travel together (0.13 s): the parent wakes less often. The first that may be heard ends
the wait."""
_PULL = 0.01
"""Share of the rest by which each block moves the anchor: follows a device's clock, averages jitter over some 3 s."""


Frame = tuple[float, float, Samples]
"""Time of the first sample, seconds lost so far, samples at `RATE_HZ`."""


class Anchor:
    """When a sample was taken: the count of samples, held to the clock. Times are `time.monotonic()` seconds.

    Args:
        rate_hz: of the samples counted.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._next_at: float | None = None
        self._placed = 0
        self.lost_seconds = 0.0

    def place(self, measured_at: float, count: int) -> float:
        """Return when the first of the next `count` samples was taken.

        Args:
            measured_at: what the device says of it; jitters.
            count: how many samples the block has.
        """
        at = measured_at if self._next_at is None else self._next_at
        late = measured_at - at
        if abs(late) > _JUMP_SECONDS:
            if self._placed > _SETTLING_SECONDS * self._rate_hz:
                self.lost_seconds += max(0.0, late)
            at = measured_at
        else:
            at += _PULL * late
        self._placed += count
        self._next_at = at + count / self._rate_hz
        return at


class Capture:
    """The stream and its queue. `hear` runs on PortAudio's thread, `frames` on the main one.

    Args:
        sounddevice: the module.
        name: the device to open.
    """

    def __init__(self, sounddevice: Any, name: str) -> None:
        index = portaudio_index(sounddevice, name, "input")
        self._dropped = 0
        self.stream: Any = None
        self.rate_hz = RATE_HZ
        try:
            self._open(sounddevice, index, FRAME)
        except sounddevice.PortAudioError:  # a device that knows only its own rate
            self.rate_hz = int(sounddevice.query_devices(index, "input")["default_samplerate"])
            self._open(sounddevice, index, 0)
        length = FRAME / RATE_HZ
        self._heard: queue.Queue[tuple[float, Samples]] = queue.Queue(maxsize=round(_QUEUE_SECONDS / length))

    def _open(self, sounddevice: Any, index: int | None, size: int) -> None:
        self.stream = sounddevice.InputStream(
            samplerate=self.rate_hz,
            device=index,
            channels=1,
            dtype="float32",
            blocksize=size,
            latency=_LATENCY_SECONDS,
            callback=self.hear,
        )

    def hear(self, data: Any, count: int, times: Any, _status: Any) -> None:
        """Copy and hand over. What an overflow loses shows as a jump of the device's time."""
        age = float(self.stream.time - times.inputBufferAdcTime)
        age = age if 0 <= age < _OLDEST_SECONDS else count / self.rate_hz
        try:
            self._heard.put_nowait((time.monotonic() - age, data[:, 0].copy()))
        except queue.Full:
            self._dropped += count

    def frames(self) -> Iterator[Frame]:
        """Yield (time of the first sample, seconds lost so far, `FRAME` samples at `RATE_HZ`) for ever."""
        anchor = Anchor(self.rate_hz)
        stream = None if self.rate_hz == RATE_HZ else soxr.ResampleStream(self.rate_hz, RATE_HZ, 1, dtype="float32")
        pending = np.empty(0, dtype=np.float32)
        while True:
            measured_at, samples = self._heard.get()
            at = anchor.place(measured_at, len(samples))
            ends_at = at + len(samples) / self.rate_hz
            samples = samples if stream is None else stream.resample_chunk(samples)
            held = 0.0 if stream is None else stream.delay() / RATE_HZ
            pending = np.concatenate((pending, samples))
            first_at = ends_at - held - len(pending) / RATE_HZ
            while len(pending) >= FRAME:
                yield first_at, anchor.lost_seconds, pending[:FRAME]
                pending = pending[FRAME:]
                first_at += FRAME / RATE_HZ


def together(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Yield `frames`, several in one where nothing was to be heard for a while."""
    quiet, first, held = 0, 0.0, list[Samples]()
    for at, lost_seconds, samples in frames:
        first = first if held else at
        held.append(samples)
        quiet = quiet + 1 if float(np.abs(samples).max()) < INAUDIBLE else 0
        if quiet <= _QUIET_FRAMES or len(held) == _TOGETHER:
            yield first, lost_seconds, np.concatenate(held)
            held = []


def main() -> None:
    """Capture until the parent closes standard input or takes nothing any more, or the device is lost."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the parent's to act on
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    import sounddevice  # noqa: PLC0415  loading it starts PortAudio

    name = sys.argv[1]
    try:
        if sys.platform == "win32" and name.endswith(LOOPBACK):
            frames = loopback.capture(name)
        else:
            capture = Capture(sounddevice, name)
            capture.stream.start()
            frames = capture.frames()
    except (sounddevice.PortAudioError, DeviceNotFoundError, ValueError):
        os._exit(NO_DEVICE)
    threading.Thread(target=watch, args=(name, "input", _tell, lambda: os._exit(0)), daemon=True).start()
    for at, lost_seconds, samples in together(frames):
        _write(SOUND, at, lost_seconds, samples.astype("<f4").tobytes())


def _tell(condition: Condition) -> None:
    _write(CONDITION, 0.0, 0.0, json.dumps(dataclasses.asdict(condition)).encode())


_writing = threading.Lock()


def _write(kind: bytes, at: float, lost_seconds: float, data: bytes) -> None:
    view = memoryview(HEADER.pack(kind, at, lost_seconds, len(data)) + data)
    try:
        with _writing:
            while view:
                view = view[os.write(1, view) :]
    except OSError:  # the parent is gone
        os._exit(0)


def _leave_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
