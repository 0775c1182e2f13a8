"""Recordings as sources: any format that PyAV decodes, streamed with bounded memory.

Positions count samples from the first one of the recording. A gap in the recording's own timestamps (a packet lost, a
pause of a call's recorder) is filled with silence, so that what follows stays where it belongs.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import soxr
from av.error import FFmpegError
from numpy.typing import NDArray

from speech.errors import AudioFileError
from speech.ports import FRAME, RATE_HZ, Block, Samples, Sound

if TYPE_CHECKING:
    from av.audio.codeccontext import AudioCodecContext
    from av.audio.stream import AudioStream
    from av.container import InputContainer

_BATCH_SECONDS = 1.0
_GAP_SECONDS = 0.05
_LONGEST_GAP_SECONDS = 600.0
"""Beyond this a jump is a broken timestamp, not a pause."""
_CUT_SECONDS, _CUT_SHARE = 1.0, 0.02
"""A recording shorter than it says by more than both together was cut off."""
_ESTIMATED = ("mp3", "aac")
"""Formats whose duration FFmpeg may only guess from the bit rate."""


_OPTIONS = {"err_detect": "crccheck+explode", "indexmem": "4096"}
"""Damage is an error, not a click; and FFmpeg's index of an hour of FLAC, which nobody seeks in, stays small."""


def probe(path: Path) -> float:
    """Return the duration of a recording in seconds, without decoding more of it than its beginning.

    Raises:
        AudioFileError: it is missing, empty, cannot be decoded, holds no sound or does not tell its duration.
    """
    with ExitStack() as stack:
        container, stream = _open(path, stack)
        seconds = _duration(container, stream)
    if not seconds:
        raise AudioFileError(f"The recording {path.name} does not tell how long it is: convert it to WAV or FLAC.")
    return seconds


def read_audio(path: Path) -> Sound:
    """Read a short recording whole, at its own rate, its channels averaged.

    Raises:
        AudioFileError: it is missing, empty, cannot be decoded or holds no sound.
    """
    parts: list[Samples] = []
    rate_hz = 0
    for samples, hz in _decode(path):
        if rate_hz and hz != rate_hz:
            raise AudioFileError(f"The recording {path.name} changes its sample rate: convert it to WAV.")
        rate_hz = hz
        parts.append(samples)
    if not parts:
        raise AudioFileError(f"The recording {path.name} holds no sound: choose another one.")
    return Sound(np.concatenate(parts), rate_hz)


class FileSource:
    """One recording as a channel of sound at `RATE_HZ`; `Block.at` is the position in the file. Nothing is opened yet.

    Args:
        path: any format that PyAV decodes; its channels are averaged.
        chunk_seconds: length of a block, rounded to a whole number of `FRAME`s; the last one is padded with silence.
    """

    dropped_seconds = 0.0
    """A file waits for its reader."""
    condition = None

    def __init__(self, path: Path, *, chunk_seconds: float = 1.0) -> None:
        self._path = path
        self._size = max(1, round(chunk_seconds * RATE_HZ / FRAME)) * FRAME
        self._blocks: Generator[Samples, None, None] | None = None
        self._position = 0
        self._closed = False
        # The decoder runs in a thread that a cancelled read leaves behind: the next call waits for it there.
        self._guard = threading.Lock()

    @property
    def seconds(self) -> float | None:
        """Duration in seconds, or None when the file does not tell. Opens the file for a moment."""
        try:
            return probe(self._path)
        except AudioFileError:
            return None

    async def read(self) -> Block | None:
        """Return the next block, or None at the end.

        Raises:
            AudioFileError: the recording is missing, empty or damaged here.
        """
        return await asyncio.to_thread(self._next)

    async def close(self) -> None:
        """Close the file. Closing twice does nothing."""
        self._closed = True
        await asyncio.to_thread(self._finish)

    def _next(self) -> Block | None:
        with self._guard:
            if self._closed:
                return None
            if self._blocks is None:
                self._blocks = _blocks(self._path, self._size)
            samples = next(self._blocks, None)
            if samples is None:
                return None
            block = Block(samples, self._position / RATE_HZ)
            self._position += len(samples)
            return block

    def _finish(self) -> None:
        with self._guard:
            if self._blocks is not None:
                self._blocks.close()
                self._blocks = None


def _blocks(path: Path, size: int) -> Generator[Samples, None, None]:
    """Yield blocks of `size` samples at `RATE_HZ`, the last one padded to a frame."""
    pending = np.empty(0, dtype=np.float32)
    for samples in _resampled(path):
        pending = np.concatenate((pending, samples))
        while len(pending) >= size:
            yield pending[:size]
            pending = pending[size:]
    if len(pending):
        yield np.pad(pending, (0, -len(pending) % FRAME))


def _resampled(path: Path) -> Iterator[Samples]:
    stream: soxr.ResampleStream | None = None
    current_hz = 0
    empty = np.empty(0, dtype=np.float32)
    for samples, rate_hz in _decode(path):
        if rate_hz != current_hz:  # a chained recording may change its rate
            if stream is not None:
                yield stream.resample_chunk(empty, last=True)
            stream = soxr.ResampleStream(rate_hz, RATE_HZ, 1, dtype="float32") if rate_hz != RATE_HZ else None
            current_hz = rate_hz
        yield samples if stream is None else stream.resample_chunk(samples)
    if not current_hz:
        raise AudioFileError(f"The recording {path.name} holds no sound: choose another one.")
    if stream is not None:
        yield stream.resample_chunk(empty, last=True)


def _decode(path: Path) -> Iterator[tuple[Samples, int]]:
    """Yield about a second of mono sound at a time with its rate; gaps in the timestamps are filled with silence."""
    with ExitStack() as stack:
        container, stream = _open(path, stack)
        batch: list[Samples] = []
        held, rate_hz, elapsed = 0, 0, 0.0
        origin: float | None = None
        try:
            for frame in container.decode(stream):
                if rate_hz and (frame.sample_rate != rate_hz or held >= _BATCH_SECONDS * rate_hz):
                    yield np.concatenate(batch), rate_hz
                    batch, held = [], 0
                rate_hz = frame.sample_rate
                samples = _mono(frame)
                if frame.time is not None:
                    origin = frame.time if origin is None else origin
                    gap = frame.time - origin - elapsed
                    if _GAP_SECONDS < gap < _LONGEST_GAP_SECONDS:
                        samples = np.concatenate((np.zeros(round(gap * rate_hz), dtype=np.float32), samples))
                batch.append(samples)
                held += len(samples)
                elapsed += len(samples) / rate_hz
        except (FFmpegError, ValueError, OSError):
            raise AudioFileError(
                f"The recording {path.name} is damaged at {_clock(elapsed)}: export it again."
            ) from None
        if batch:
            yield np.concatenate(batch), rate_hz
        promised = 0.0 if container.format.name in _ESTIMATED else _duration(container, stream)
        if promised - elapsed > _CUT_SECONDS + _CUT_SHARE * promised:
            where = f"{_clock(elapsed)} of {_clock(promised)}"
            raise AudioFileError(f"The recording {path.name} is cut off at {where}: export it again.")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _mono(frame: av.AudioFrame) -> Samples:
    """Return a frame's channels averaged, as float32 in [-1, 1]."""
    data: NDArray[Any] = frame.to_ndarray()
    channels = len(frame.layout.channels)
    data = data if frame.format.is_planar else data.reshape(-1, channels).T
    if data.dtype.kind == "u":
        data = (data.astype(np.float32) - 128) / 128
    elif data.dtype.kind == "i":
        data = data / -float(np.iinfo(data.dtype).min)
    return np.ascontiguousarray(data[0] if channels == 1 else data.mean(axis=0), dtype=np.float32)


def _open(path: Path, stack: ExitStack) -> tuple[InputContainer, AudioStream]:
    try:
        if path.stat().st_size == 0:
            raise AudioFileError(f"The recording {path.name} is empty: choose another one.")
        container = stack.enter_context(av.open(str(path), options=_OPTIONS))
    except FileNotFoundError:
        raise AudioFileError(f"The recording {path.name} is missing: check where it should be.") from None
    except (FFmpegError, OSError, ValueError):
        raise AudioFileError(f"The recording {path.name} cannot be read: convert it to WAV or FLAC.") from None
    if not container.streams.audio:
        raise AudioFileError(f"The file {path.name} has no sound track: choose another one.")
    stream = container.streams.audio[0]
    decoder: AudioCodecContext | None = stream.codec_context  # None, whatever its type says, for a code nobody knows
    if decoder is None:
        raise AudioFileError(f"The recording {path.name} cannot be read: convert it to WAV or FLAC.")
    decoder.options = {"err_detect": "crccheck+explode"}
    return container, stream


def _duration(container: InputContainer, stream: AudioStream) -> float:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration is not None else 0.0
