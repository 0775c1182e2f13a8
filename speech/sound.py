"""Sound as values: PCM, WAV files, rates.

Everything here is pure or touches one named file; it holds whole prompts, never whole meetings (those stream through
`speech.capture.files`).
"""

from __future__ import annotations

import io
import wave
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from speech.errors import AudioFileError
from speech.ports import RATE_HZ, Samples, Sound

_FULL_SCALE = 32768.0
_FLAC_BLOCK = 4096


def to_pcm16(samples: Samples) -> NDArray[np.int16]:
    """Return float samples in [-1, 1] as 16-bit integers; what lies outside is clipped."""
    scaled: NDArray[np.float32] = np.rint(samples * np.float32(_FULL_SCALE))
    return scaled.clip(-_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)


def from_pcm16(data: bytes) -> Samples:
    """Return little-endian 16-bit PCM as float32 in [-1, 1)."""
    return np.frombuffer(data, dtype="<i2").astype(np.float32) / np.float32(_FULL_SCALE)


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Return mono `samples` at another rate; the length is right to one sample."""
    if from_hz == to_hz or not len(samples):
        return samples
    return np.asarray(soxr.resample(samples, from_hz, to_hz), dtype=np.float32)


def fade_out(samples: Samples, rate_hz: int, seconds: float) -> Samples:
    """Return the first `seconds` of `samples`, falling to silence in a straight line."""
    count = min(len(samples), max(0, round(seconds * rate_hz)))
    return samples[:count] * np.linspace(1.0, 0.0, count, dtype=np.float32)


def write_wav(target: Path | BinaryIO, sound: Sound) -> None:
    """Write `sound` as a mono 16-bit WAV file."""
    with ExitStack() as stack:
        # Opened here: a `wave` writer that cannot open its file complains on stderr when it is collected.
        raw = stack.enter_context(target.open("wb")) if isinstance(target, Path) else target
        file = stack.enter_context(wave.open(raw, "wb"))
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sound.rate_hz)
        file.writeframes(to_pcm16(sound.samples).astype("<i2").tobytes())


def wav_bytes(sound: Sound) -> bytes:
    """Return `sound` as a mono 16-bit WAV file in memory."""
    buffer = io.BytesIO()
    write_wav(buffer, sound)
    return buffer.getvalue()


def read_wav(path: Path) -> Sound:
    """Read a PCM WAV file of 8, 16, 24 or 32 bits whole; several channels are averaged.

    Raises:
        AudioFileError: it is missing, holds no sound, was cut off, or is no PCM WAV file.
    """
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate_hz, frames = file.getparams()[:4]
            data = file.readframes(frames)
    except FileNotFoundError:
        raise AudioFileError(f"The recording {path.name} is missing: check where it should be.") from None
    except (wave.Error, EOFError, OSError):
        raise AudioFileError(f"The recording {path.name} is not a WAV file that can be read: save it again.") from None
    if not frames or len(data) != frames * width * channels:
        raise AudioFileError(f"The recording {path.name} is empty or cut off: save it again.")
    samples = _pcm(data, width).reshape(-1, channels)
    mono = samples[:, 0] if channels == 1 else samples.mean(axis=1, dtype=np.float32)
    return Sound(np.ascontiguousarray(mono, dtype=np.float32), rate_hz)


def _pcm(data: bytes, width: int) -> Samples:
    match width:
        case 1:
            return (np.frombuffer(data, dtype=np.uint8).astype(np.float32) - np.float32(128)) / np.float32(128)
        case 2:
            return from_pcm16(data)
        case 3:
            padded = np.zeros((len(data) // 3, 4), dtype=np.uint8)
            padded[:, 1:] = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3)
            data = padded.tobytes()
    return (np.frombuffer(data, dtype="<i4") / 2.0**31).astype(np.float32)


def write_flac(path: Path, samples: Samples) -> None:
    """Write mono `samples` at `RATE_HZ` as a 16-bit FLAC file."""
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE_HZ, layout="mono")
        stream.format = "s16"
        pcm = to_pcm16(samples).astype("<i2")
        for start in range(0, len(pcm), _FLAC_BLOCK):
            frame = av.AudioFrame.from_ndarray(pcm[None, start : start + _FLAC_BLOCK], format="s16", layout="mono")
            frame.rate, frame.pts = RATE_HZ, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
