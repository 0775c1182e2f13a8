"""Recordings as sources."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from speech.capture.files import FileSource, probe, read_audio
from speech.errors import AudioFileError
from speech.ports import FRAME, RATE_HZ, Block, Sound
from speech.sound import write_wav


def encode(path: Path, samples: NDArray[np.float32], rate_hz: int, codec: str, layout: str = "mono") -> Path:
    """Write `samples` [n] or [2, n] through PyAV."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate_hz)
        assert isinstance(stream, av.AudioStream)
        stream.layout = layout
        channels = np.atleast_2d(samples)
        for start in range(0, channels.shape[1], 8000):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels[:, start : start + 8000]), "fltp", layout)
            frame.sample_rate = rate_hz
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_sound_in_a_code_that_nobody_knows_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    write_wav(path, Sound(np.full(RATE_HZ, 0.1, np.float32), RATE_HZ))
    content = bytearray(path.read_bytes())
    content[20:22] = b"\x15\x41"  # the code's number
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match=r"^The recording call\.wav cannot be read: convert it to WAV or FLAC\.$"):
        probe(path)


def noise(seconds: float, rate_hz: int) -> NDArray[np.float32]:
    """Return noise: nothing that a lossless coder could shorten."""
    return (0.3 * np.random.default_rng(1).standard_normal(round(seconds * rate_hz))).clip(-1, 1).astype(np.float32)


async def read_all(source: FileSource) -> list[Block]:
    """Read `source` to its end."""
    blocks = []
    while (block := await source.read()) is not None:
        blocks.append(block)
    await source.close()
    return blocks


@pytest.mark.parametrize(
    ("suffix", "codec", "rate_hz"),
    [
        ("wav", "pcm_s16le", 16_000),
        ("wav", "pcm_f32le", 44_100),
        ("flac", "flac", 48_000),
        ("flac", "flac", 22_050),
        ("mka", "pcm_s16le", 8000),
        ("webm", "libopus", 48_000),
    ],
)
async def test_any_format_becomes_whole_frames_of_the_exact_length(
    tmp_path: Path, suffix: str, codec: str, rate_hz: int
) -> None:
    time = np.arange(round(7.3 * rate_hz)) / rate_hz
    path = encode(tmp_path / f"a.{suffix}", (0.5 * np.sin(2 * np.pi * 300 * time)).astype(np.float32), rate_hz, codec)
    blocks = await read_all(FileSource(path))
    heard = np.concatenate([block.samples for block in blocks])
    assert all(block.samples.dtype == np.float32 and len(block.samples) % FRAME == 0 for block in blocks)
    assert {len(block.samples) for block in blocks[:-1]} == {31 * FRAME}
    positions = np.cumsum([0, *(len(block.samples) for block in blocks[:-1])]) / RATE_HZ
    assert [block.at for block in blocks] == pytest.approx(positions)
    assert len(heard) == -(-round(7.3 * RATE_HZ) // FRAME) * FRAME
    sounding = np.flatnonzero(np.abs(heard) > 0.05)
    assert sounding[-1] / RATE_HZ == pytest.approx(7.3, abs=0.005)
    expected = 0.5 * np.sin(2 * np.pi * 300 * np.arange(RATE_HZ * 7) / RATE_HZ)
    assert np.sqrt(np.mean((heard[: RATE_HZ * 7] - expected) ** 2)) < 0.02  # nothing drifted in 7 s
    assert probe(path) == pytest.approx(7.3, abs=0.02)
    assert FileSource(path).seconds == pytest.approx(7.3, abs=0.02)


async def test_channels_are_averaged_and_blocks_have_the_length_asked_for(tmp_path: Path) -> None:
    both = np.stack((np.full(RATE_HZ, 0.5, dtype=np.float32), np.full(RATE_HZ, -0.1, dtype=np.float32)))
    path = encode(tmp_path / "s.wav", both, RATE_HZ, "pcm_s16le", "stereo")
    blocks = await read_all(FileSource(path, chunk_seconds=0.1))
    assert {len(block.samples) for block in blocks[:-1]} == {3 * FRAME}
    assert blocks[3].samples == pytest.approx(np.full(3 * FRAME, 0.2), abs=1e-3)


async def test_a_pause_in_the_timestamps_becomes_silence(tmp_path: Path) -> None:
    path = tmp_path / "paused.mka"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE_HZ)
        for start in (0, 3 * RATE_HZ):  # one second of sound, two of nothing, one of sound
            data = np.full((1, RATE_HZ), 16_000, dtype=np.int16)
            frame = av.AudioFrame.from_ndarray(data, "s16", "mono")
            frame.sample_rate, frame.pts = RATE_HZ, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    heard = np.concatenate([block.samples for block in await read_all(FileSource(path))])
    loud = np.abs(heard) > 0.1
    assert loud[: RATE_HZ - 600].all()
    assert not loud[RATE_HZ + 600 : 3 * RATE_HZ - 600].any()
    assert loud[3 * RATE_HZ + 600 : 4 * RATE_HZ].all()


@pytest.mark.parametrize("damage", ["missing", "empty", "noise", "no sound", "a folder"])
async def test_what_is_no_recording_is_named_in_one_sentence(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "session.flac"
    if damage == "empty":
        path.touch()
    elif damage == "noise":
        path.write_bytes(os.urandom(5000))
    elif damage == "no sound":
        encode(path, np.empty(0, dtype=np.float32), RATE_HZ, "flac")
    elif damage == "a folder":
        path.mkdir()
    source = FileSource(path)
    with pytest.raises(AudioFileError, match=r"^The recording session\.flac .*: .*\.$"):
        await read_all(source)
    await source.close()
    if damage != "no sound":
        assert source.seconds is None
        with pytest.raises(AudioFileError, match=r"session\.flac"):
            probe(path)
    with pytest.raises(AudioFileError, match=r"session\.flac"):
        read_audio(path)


async def test_a_video_without_sound_says_so(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        container.mux(stream.encode(None))
    with pytest.raises(AudioFileError, match=r"^The file film\.mp4 has no sound track"):
        probe(path)


@pytest.mark.parametrize(("suffix", "codec"), [("flac", "flac"), ("mka", "pcm_s16le"), ("webm", "libopus")])
async def test_a_recording_damaged_midway_gives_its_sound_up_to_there_then_says_where(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    path = encode(tmp_path / f"a.{suffix}", noise(20, 48_000), 48_000, codec)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    source = FileSource(path)
    blocks: list[Block | None] = []

    async def read_on() -> None:
        while not blocks or blocks[-1] is not None:
            blocks.append(await source.read())

    with pytest.raises(AudioFileError, match=rf"^The recording a\.{suffix} is (damaged|cut off) at 0:(09|10).*\.$"):
        await read_on()
    await source.close()
    assert 7 < sum(len(block.samples) for block in blocks if block is not None) / RATE_HZ <= 10.5


async def test_closing_in_the_middle_ends_the_recording(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", Sound(noise(5, RATE_HZ), RATE_HZ))
    source = FileSource(tmp_path / "a.wav")
    assert await source.read() is not None
    await source.close()
    await source.close()
    assert await source.read() is None
    assert source.dropped_seconds == 0


async def test_a_cancelled_read_does_not_break_the_next_one(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", Sound(noise(5, 44_100), 44_100))
    source = FileSource(tmp_path / "a.wav")
    task = asyncio.create_task(source.read())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    blocks = await read_all(source)
    assert blocks[-1].at + len(blocks[-1].samples) / RATE_HZ == pytest.approx(5, abs=0.04)


def test_an_hour_streams_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "hour.flac"
    minute = np.tile(noise(1, RATE_HZ), 60)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=RATE_HZ)
        for number in range(60):
            frame = av.AudioFrame.from_ndarray((minute * 32767).astype(np.int16)[np.newaxis], "s16", "mono")
            frame.sample_rate, frame.pts = RATE_HZ, number * len(minute)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    script = """
import asyncio, resource, sys
from pathlib import Path
from speech.capture.files import FileSource
async def main():
    source, total = FileSource(Path(sys.argv[1])), 0
    await source.read()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while block := await source.read():
        total += len(block.samples)
    await source.close()
    print(total, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    total, growth_kb = map(int, done.stdout.split())
    assert total + 31 * FRAME == 3600 * RATE_HZ
    assert growth_kb < 20_000  # whole, it would be 230 MB
