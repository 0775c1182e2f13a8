"""What an output of Windows plays, as a capture: the endpoint's loopback, through SoundCard. Not tried on Windows yet.

PortAudio has no loopback there. The whole endpoint is captured, not one program: some call applications give silence to
the latter. While nothing plays, Windows gives nothing at all, not even silence: that is filled in by the clock.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import soxr

from speech.devices import LOOPBACK
from speech.errors import DeviceNotFoundError
from speech.ports import FRAME, RATE_HZ, Samples

_RATE_HZ = 48_000
_CHUNK_SECONDS = 0.1
_SLACK_SECONDS = 0.3
"""What plays may come this late: only what is missing beyond it is silence."""

Chunk = tuple[float, Samples]


class Filler:
    """Makes a stream as long as the time it takes. Times are seconds of one clock that never goes back.

    Args:
        rate_hz: of the samples.
        began_at: when the stream began.
    """

    def __init__(self, rate_hz: int, began_at: float) -> None:
        self._rate_hz = rate_hz
        self._began_at = began_at
        self._count = 0
        self._quiet = True

    @property
    def reached(self) -> float:
        """Up to when the stream goes."""
        return self._began_at + self._count / self._rate_hz

    def fill(self, samples: Samples, now: float) -> Chunk:
        """Return the next samples with the silence that is missing before them, and when that all begins.

        Args:
            samples: what came, mono; empty where nothing did. The last of it was taken at `now` at the latest.
            now: the present time.
        """
        missing = now - len(samples) / self._rate_hz - self.reached
        playing_again = self._quiet and len(samples) > 0
        self._quiet = len(samples) == 0
        # silence is filled in behind what may still come; what plays again then closes up with the present
        lacking = missing if playing_again else missing - _SLACK_SECONDS
        if lacking > 0:
            samples = np.concatenate((np.zeros(round(lacking * self._rate_hz), dtype=np.float32), samples))
        at = self.reached
        self._count += len(samples)
        return at, samples


def frames(chunks: Iterator[Chunk], rate_hz: int) -> Iterator[tuple[float, float, Samples]]:
    """Yield (time of the first sample, 0 seconds lost, `FRAME` samples at `RATE_HZ`) of a stream without gaps."""
    stream = soxr.ResampleStream(rate_hz, RATE_HZ, 1, dtype="float32")
    pending = np.empty(0, dtype=np.float32)
    for at, samples in chunks:
        ends_at = at + len(samples) / rate_hz
        pending = np.concatenate((pending, stream.resample_chunk(samples)))
        first_at = ends_at - (stream.delay() + len(pending)) / RATE_HZ
        while len(pending) >= FRAME:
            yield first_at, 0.0, pending[:FRAME]
            pending = pending[FRAME:]
            first_at += FRAME / RATE_HZ


def filled(take: Callable[[float], Samples | None], filler: Filler, clock: Callable[[], float]) -> Iterator[Chunk]:
    """Yield what `take` gives, and silence where it gives nothing, until it gives None.

    Args:
        take: returns what came within so many seconds, empty where nothing did; None at the end.
        filler: of this stream.
        clock: the filler's.
    """
    while (samples := take(_CHUNK_SECONDS)) is not None:
        at, whole = filler.fill(samples, clock())
        if len(whole):
            yield at, whole


def capture(name: str) -> Iterator[tuple[float, float, Samples]]:
    """Yield the frames of an output's loopback, as `frames` does; times are of `time.monotonic()`.

    Args:
        name: of the output, with `LOOPBACK`.

    Raises:
        DeviceNotFoundError: there is no such output, or SoundCard is not installed.
    """
    try:
        import soundcard  # noqa: PLC0415  Windows only, and it starts WASAPI
    except (ImportError, OSError):
        raise DeviceNotFoundError("The loopback needs SoundCard: install codev-facilitator[loopback].") from None
    wanted = name.removesuffix(LOOPBACK)
    found = [one for one in soundcard.all_microphones(include_loopback=True) if one.isloopback and one.name == wanted]
    if not found:
        raise DeviceNotFoundError(f"There is no output called {wanted}: choose another one.")
    heard: queue.Queue[Samples | None] = queue.Queue()
    threading.Thread(target=_record, args=(found[0], heard), daemon=True).start()

    def take(seconds: float) -> Samples | None:
        try:
            return heard.get(timeout=seconds)
        except queue.Empty:
            return np.empty(0, dtype=np.float32)

    return frames(filled(take, Filler(_RATE_HZ, time.monotonic()), time.monotonic), _RATE_HZ)


def _record(microphone: Any, heard: queue.Queue[Samples | None]) -> None:
    """Hand over what comes; None when the output is gone."""
    try:
        with microphone.recorder(samplerate=_RATE_HZ, channels=1) as recorder:
            while True:
                heard.put(np.asarray(recorder.record(numframes=None), dtype=np.float32).reshape(-1))
    except (RuntimeError, OSError):
        heard.put(None)
