"""PCM, WAV files, rates."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from speech.errors import AudioFileError
from speech.ports import Samples, Sound
from speech.sound import fade_out, from_pcm16, read_wav, resample, to_pcm16, wav_bytes, write_wav


def tone(seconds: float, rate_hz: int, hz: float = 440.0) -> Samples:
    """Return a sine at half scale."""
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.float32)


def test_pcm_clips_and_comes_back_within_half_a_step() -> None:
    samples = np.array([-2.0, -1.0, -0.5, 0.0, 0.25, 1.0, 2.0], dtype=np.float32)
    back = from_pcm16(to_pcm16(samples).tobytes())
    assert np.abs(back - samples.clip(-1, 1)).max() <= 1 / 32768


def test_a_wav_file_comes_back_as_it_was(tmp_path: Path) -> None:
    sound = Sound(tone(0.5, 22_050), 22_050)
    write_wav(tmp_path / "a.wav", sound)
    back = read_wav(tmp_path / "a.wav")
    assert back.rate_hz == 22_050
    assert back.seconds == pytest.approx(0.5, abs=1e-4)
    assert np.abs(back.samples - sound.samples).max() <= 1 / 32768
    assert wav_bytes(sound) == (tmp_path / "a.wav").read_bytes()


@pytest.mark.parametrize(
    ("width", "low", "high"),
    [(1, b"\x00", b"\xc0"), (2, struct.pack("<h", -32768), struct.pack("<h", 16384)), (3, b"\0\0\x80", b"\0\0\x40")],
)
def test_every_width_is_read_and_channels_are_averaged(tmp_path: Path, width: int, low: bytes, high: bytes) -> None:
    with wave.open(str(tmp_path / "s.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(width)
        file.setframerate(8000)
        file.writeframes((low + high) * 10)
    assert read_wav(tmp_path / "s.wav").samples == pytest.approx(np.full(10, (-1.0 + 0.5) / 2))


@pytest.mark.parametrize("damage", ["missing", "empty", "noise", "no sound", "cut off"])
def test_a_damaged_wav_file_is_named_in_one_sentence(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "prompt.wav"
    whole = wav_bytes(Sound(tone(0.1, 8000), 8000))
    content = {"empty": b"", "noise": b"nonsense" * 20, "cut off": whole[:-100]}
    if damage == "no sound":
        write_wav(path, Sound(np.empty(0, dtype=np.float32), 8000))
    elif damage != "missing":
        path.write_bytes(content[damage])
    with pytest.raises(AudioFileError, match=r"^The recording prompt\.wav .*: .*\.$"):
        read_wav(path)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(22_050, 16_000), (16_000, 44_100), (48_000, 16_000), (8000, 8000)])
def test_resampling_keeps_length_and_pitch(from_hz: int, to_hz: int) -> None:
    samples = resample(tone(1.0, from_hz), from_hz, to_hz)
    assert abs(len(samples) - to_hz) <= 1
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.argmax(spectrum) * to_hz / len(samples) == pytest.approx(440, abs=1.5)


def test_a_fade_is_a_straight_line_to_silence() -> None:
    faded = fade_out(np.ones(1000, dtype=np.float32), 1000, 0.5)
    assert faded == pytest.approx(np.linspace(1, 0, 500), abs=1e-6)
    assert len(fade_out(np.ones(10, dtype=np.float32), 1000, 0.5)) == 10
