"""Live capture from a real device, and what happens when it dies."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from speech.capture import device
from speech.capture.device import DeviceSource
from speech.capture.worker import Anchor, Capture, together
from speech.errors import SourceLostError
from speech.ports import FRAME, RATE_HZ, Block, Sound
from speech.sound import write_wav
from tests.pulse import PulseServer, alive


def child(source: DeviceSource) -> int:
    """Return the process id of the source's worker."""
    assert source._process is not None
    return source._process.pid


async def read(source: DeviceSource, seconds: float) -> list[Block]:
    """Read `seconds` of sound."""
    blocks: list[Block] = []
    while sum(len(block.samples) for block in blocks) < seconds * RATE_HZ:
        block = await source.read()
        assert block is not None
        blocks.append(block)
    return blocks


@pytest.fixture
async def source(pulse: PulseServer) -> AsyncIterator[DeviceSource]:
    """Return a source on what the call plays, already giving sound."""
    source = DeviceSource("call.monitor")
    await source.read()
    yield source
    await source.close()


@pytest.mark.e2e
async def test_what_the_call_plays_is_heard_with_its_time(
    pulse: PulseServer, source: DeviceSource, tmp_path: Path
) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)
    padded = np.pad(tone, RATE_HZ // 2)  # PulseAudio cuts some 10 ms off the ends of what paplay gives
    write_wav(tmp_path / "tone.wav", Sound(padded.astype(np.float32), RATE_HZ))
    asked_at = time.monotonic()
    player = pulse.start_playing("call", tmp_path / "tone.wav")
    blocks = await read(source, 4.0)
    player.wait()
    lengths = np.array([len(block.samples) for block in blocks])
    assert (lengths % FRAME == 0).all()
    assert all(block.samples.dtype == np.float32 for block in blocks)
    steps = np.diff([block.at for block in blocks])
    assert steps == pytest.approx(lengths[:-1] / RATE_HZ, abs=0.002)
    assert blocks[-1].at + lengths[-1] / RATE_HZ == pytest.approx(time.monotonic(), abs=0.3)
    samples = np.concatenate([block.samples for block in blocks])
    loud = np.flatnonzero(np.abs(samples) > 0.05)
    assert (loud[-1] - loud[0]) / RATE_HZ == pytest.approx(1.0, abs=0.01)
    assert np.abs(samples[loud[0] + 1000 : loud[-1] - 1000]).max() == pytest.approx(0.5, abs=0.02)
    assert 0.4 < blocks[0].at + loud[0] / RATE_HZ - asked_at < 3
    assert source.dropped_seconds == 0


@pytest.mark.e2e
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_worker_that_dies_or_hangs_is_a_lost_source_that_opens_again(
    source: DeviceSource, blow: signal.Signals
) -> None:
    worker = child(source)
    struck_at = time.monotonic()
    os.kill(worker, blow)
    with pytest.raises(SourceLostError, match=r"^The sound input call\.monitor went away or hung: .*\.$"):
        await read(source, 30)
    assert time.monotonic() - struck_at < 1.5
    assert not alive(worker)
    assert sum(len(block.samples) for block in await read(source, 0.2)) == 7 * FRAME
    assert child(source) != worker


@pytest.mark.e2e
async def test_a_sound_server_that_dies_is_a_lost_source(own_pulse: PulseServer) -> None:
    source = DeviceSource("call.monitor")
    await source.read()
    own_pulse.kill()
    with pytest.raises(SourceLostError, match="went away"):
        await read(source, 30)
    with pytest.raises(
        SourceLostError, match=r"^The sound input call\.monitor cannot be opened: choose another one\.$"
    ):
        await source.read()


@pytest.mark.e2e
async def test_closing_kills_the_worker_at_once_and_ends_a_waiting_reader(source: DeviceSource) -> None:
    worker = child(source)
    waiting = asyncio.create_task(read_to_end(source))
    await asyncio.sleep(0.2)
    asked_at = time.monotonic()
    await source.close()
    assert time.monotonic() - asked_at < 0.3
    assert not alive(worker)
    await asyncio.wait_for(waiting, 1)
    assert await source.read() is None
    await source.close()


async def read_to_end(source: DeviceSource) -> None:
    """Read until the source says that it has ended."""
    while await source.read() is not None:
        pass


@pytest.mark.e2e
async def test_a_reader_that_lags_loses_the_oldest_and_is_told(
    source: DeviceSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_KEPT_SECONDS", 0.5)
    await asyncio.sleep(1.5)
    first = await source.read()
    assert first is not None
    assert time.monotonic() - first.at < 1.0
    assert 0.5 < source.dropped_seconds < 1.5


@pytest.mark.e2e
async def test_an_event_loop_that_was_blocked_is_no_lost_device(source: DeviceSource) -> None:
    await read(source, 0.1)
    time.sleep(1.6)  # noqa: ASYNC251  the fault under test
    blocks = await read(source, 2.0)
    lost_seconds = blocks[-1].at - blocks[0].at - sum(len(block.samples) for block in blocks[:-1]) / RATE_HZ
    assert lost_seconds == pytest.approx(0, abs=0.05)
    assert source.dropped_seconds == 0


@pytest.mark.e2e
async def test_an_unknown_input_cannot_be_opened(pulse: PulseServer) -> None:
    source = DeviceSource("nowhere")
    with pytest.raises(SourceLostError, match="nowhere cannot be opened"):
        await source.read()
    await source.close()


@pytest.mark.e2e
async def test_a_source_closed_while_it_opens_leaves_nothing(pulse: PulseServer) -> None:
    source = DeviceSource("call.monitor")
    reading = asyncio.create_task(source.read())
    await asyncio.sleep(0.05)
    await source.close()
    assert await asyncio.wait_for(reading, 2) is None


async def test_a_machine_that_starts_no_process_is_a_lost_source(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_command: str, **_options: Any) -> None:
        raise BlockingIOError

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse)
    source = DeviceSource("call.monitor")
    for _ in range(2):
        with pytest.raises(SourceLostError, match=r"^The sound input call\.monitor could not be started: .*\.$"):
            await source.read()
    await source.close()


@pytest.mark.e2e
def test_a_worker_ends_with_a_killed_parent(pulse: PulseServer) -> None:
    script = """
import asyncio
from speech.capture.device import DeviceSource
async def main():
    source = DeviceSource("call.monitor")
    await source.read()
    print(source._process.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 3
    while alive(worker) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(worker)


class RefusingDevice:
    """Stands for sounddevice with a device that knows only 44.1 kHz; it gives a tone, then stays silent for ever."""

    class PortAudioError(Exception):
        """What sounddevice raises."""

    time = 100.0

    def query_devices(self, index: int | None = None, kind: str = "") -> Any:
        device = {"name": "pulse", "index": 0, "max_input_channels": 1, "default_samplerate": 44_100.0}
        return [device] if index is None else device

    def InputStream(self, *, samplerate: int, callback: Callable[..., None], **_options: Any) -> RefusingDevice:
        if samplerate != 44_100:
            raise self.PortAudioError
        self.callback = callback
        return self


def test_a_device_that_refuses_16_khz_is_resampled_and_keeps_its_time() -> None:
    refusing = RefusingDevice()
    capture = Capture(refusing, "default")
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100)).astype(np.float32)
    begun_at = time.monotonic()
    for start in range(0, 44_100, 441):
        age = time.monotonic() - begun_at + 1 - start / 44_100  # as if it had all come in during the last second
        times = SimpleNamespace(inputBufferAdcTime=refusing.time - age)
        capture.hear(tone[start : start + 441, np.newaxis], 441, times, None)
    frames = [frame for frame, _ in zip(capture.frames(), range(28), strict=False)]
    samples = np.concatenate([samples for _, _, samples in frames])
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(samples)) / RATE_HZ)
    assert np.abs(samples - expected)[200:-200].max() < 0.01
    steps = np.diff([at for at, _, _ in frames])
    assert steps == pytest.approx(np.full(len(steps), FRAME / RATE_HZ), abs=0.001)
    assert frames[0][0] == pytest.approx(begun_at - 1, abs=0.005)


def test_what_cannot_be_heard_travels_together_and_the_first_that_can_ends_the_wait() -> None:
    levels = [0.5, *[0.0] * 32, *[0.0001] * 6, 0.5, 0.0, 0.0]  # 32 frames of quiet, then 6 that may wait
    frames = [(n * 0.032, n / 100, np.full(FRAME, level, dtype=np.float32)) for n, level in enumerate(levels)]
    sent = list(together(frames))
    assert [len(samples) // FRAME for _, _, samples in sent] == [*[1] * 33, 4, 3, 1, 1]
    assert [at for at, _, _ in sent] == pytest.approx([n * 0.032 for n in [*range(33), 33, 37, 40, 41]])
    assert sent[-3][1] == 0.39  # what was lost by the last of them
    assert np.concatenate([samples for _, _, samples in sent]).tolist() == np.repeat(np.float32(levels), FRAME).tolist()


def test_the_anchor_smooths_jitter_follows_a_drifting_clock_and_sees_a_gap() -> None:
    anchor = Anchor(RATE_HZ)
    jitter = np.random.default_rng(3).uniform(-0.02, 0.02, 5000)
    drift = 1 + 200e-6  # a device whose clock is 200 ppm slow
    placed = np.array([anchor.place(k * 0.032 * drift + jitter[k], FRAME) for k in range(5000)])
    truth = np.arange(5000) * 0.032 * drift
    assert np.abs(placed - truth)[500:].max() < 0.006
    assert np.abs(np.diff(placed) - 0.032).max() < 0.001
    assert anchor.lost_seconds == 0
    late = truth[-1] + 0.032 + 0.5
    assert anchor.place(late, FRAME) == late
    assert anchor.lost_seconds == pytest.approx(0.5, abs=0.01)
