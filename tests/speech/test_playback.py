"""Prompts on a real output device, and what happens when it dies."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from speech.errors import SinkLostError
from speech.playback.device import DeviceSink
from speech.playback.worker import Player, Prompt
from speech.ports import Played, Samples, Sound
from tests.pulse import PulseServer, Recording, alive

RATE_HZ = 22_050
TRUTH_SECONDS = 0.05
"""The brief allows 0.1 s; measured: 0.011 s idle, 0.019 s with eight busy loops on two cores."""


def tone(seconds: float) -> Sound:
    """Return a sine at half scale."""
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)
    return Sound(wave.astype(np.float32), RATE_HZ)


def bursts(recording: Recording) -> list[tuple[float, float]]:
    """Return when each tone in `recording` began and ended, `time.monotonic()` seconds."""
    loud = np.flatnonzero(np.abs(recording.samples) > 0.01)
    breaks = np.flatnonzero(np.diff(loud) > 0.1 * recording.rate_hz)
    firsts, lasts = loud[np.r_[0, breaks + 1]], loud[np.r_[breaks, -1]]
    return [
        (recording.started_at + first / recording.rate_hz, recording.started_at + last / recording.rate_hz)
        for first, last in zip(firsts, lasts, strict=True)
    ]


def keep_busy(processes: int) -> list[subprocess.Popen[bytes]]:
    """Start processes that do nothing but compute."""
    return [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]


def ignore(_at: float) -> None:
    """Take no notice of a start."""


async def until_playing(sink: DeviceSink, sound: Sound) -> tuple[asyncio.Task[Played], float]:
    """Start `sound` and return once its first sample has left, with that time."""
    started: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(sink.play(sound, on_started=started.set_result))
    return task, await asyncio.wait_for(started, 10)


def child(sink: DeviceSink) -> int:
    """Return the process id of the sink's worker."""
    assert sink._process is not None
    return sink._process.pid


@pytest.fixture
async def sink(pulse: PulseServer) -> AsyncIterator[DeviceSink]:
    """Return a sink on the virtual microphone, its device open."""
    sink = DeviceSink("vmic")
    await sink.open()
    yield sink
    await sink.close()


@pytest.mark.e2e
@pytest.mark.parametrize("busy", [0, 4])
async def test_the_start_and_end_told_are_those_heard(pulse: PulseServer, sink: DeviceSink, busy: int) -> None:
    load = keep_busy(busy)
    told: list[float] = []
    played = []
    try:
        with Recording(pulse, "vmic", 48_000) as recording:
            for _ in range(3):
                played.append(await sink.play(tone(0.8), on_started=told.append))
                assert time.monotonic() - played[-1].ended_at < 0.1
                await asyncio.sleep(0.23)
    finally:
        for process in load:
            process.kill()
            process.wait()
    assert told == [one.started_at for one in played]
    assert sink.underflows == 0
    for one, (began, ended) in zip(played, bursts(recording), strict=True):
        assert one.completed
        assert one.started_at == pytest.approx(began, abs=TRUTH_SECONDS)
        assert one.ended_at == pytest.approx(ended, abs=TRUTH_SECONDS)
        assert ended - began == pytest.approx(0.8, abs=0.005)  # nothing was cut out or put in


@pytest.mark.e2e
async def test_a_stopped_prompt_fades_in_a_straight_line_and_is_silent_in_time(
    pulse: PulseServer, sink: DeviceSink
) -> None:
    with Recording(pulse, "vmic", 48_000) as recording:
        task, _ = await until_playing(sink, tone(5))
        await asyncio.sleep(0.5)
        asked_at = time.monotonic()
        sink.stop(0.5)
        played = await task
        await asyncio.sleep(0.2)
    assert not played.completed
    assert played.ended_at - asked_at < 0.5 + 0.03
    ((_, silent_at),) = bursts(recording)
    assert silent_at - asked_at < 0.5 + 0.03
    assert silent_at == pytest.approx(played.ended_at, abs=TRUTH_SECONDS)
    levels = envelope(recording, asked_at, silent_at)
    assert levels[0] == pytest.approx(0.5, abs=0.02)  # what was on its way is played in full
    falling = levels[(levels < 0.45) & (levels > 0.05)]
    steps = np.diff(falling)
    assert len(falling) > 10
    assert steps == pytest.approx(np.full(len(steps), steps.mean()), abs=0.01)


def envelope(recording: Recording, from_: float, to: float) -> NDArray[np.float32]:
    """Return the peak of each 10 ms."""
    first, last = (round((at - recording.started_at) * recording.rate_hz) for at in (from_, to))
    size = recording.rate_hz // 100
    piece = recording.samples[first : first + (last - first) // size * size].reshape(-1, size)
    return np.asarray(np.abs(piece).max(axis=1), dtype=np.float32)


@pytest.mark.e2e
async def test_stopping_silence_does_nothing_and_a_second_prompt_waits(sink: DeviceSink) -> None:
    sink.stop(0.3)
    first, second = await asyncio.gather(
        sink.play(tone(0.3), on_started=ignore), sink.play(tone(0.3), on_started=ignore)
    )
    assert first.completed
    assert second.completed
    assert second.started_at >= first.ended_at


@pytest.mark.e2e
async def test_a_cancelled_prompt_falls_silent_and_the_next_one_is_whole(pulse: PulseServer, sink: DeviceSink) -> None:
    with Recording(pulse, "vmic", 48_000) as recording:
        task, _ = await until_playing(sink, tone(5))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.5)
        played = await sink.play(tone(0.5), on_started=ignore)
    assert played.completed
    (began, silent_at), (again, _) = bursts(recording)
    assert silent_at - began < 0.5
    assert again == pytest.approx(played.started_at, abs=TRUTH_SECONDS)


@pytest.mark.e2e
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_worker_that_dies_or_hangs_midway_is_told_within_2_s_and_replaced(
    sink: DeviceSink, blow: signal.Signals
) -> None:
    task, _ = await until_playing(sink, tone(8))
    worker = child(sink)
    struck_at = time.monotonic()
    os.kill(worker, blow)
    with pytest.raises(SinkLostError, match=r"^The sound output vmic went away or hung: .*\.$"):
        await task
    assert time.monotonic() - struck_at < 2.1
    assert not alive(worker)
    played = await sink.play(tone(0.2), on_started=ignore)
    assert played.completed
    assert child(sink) != worker


@pytest.mark.e2e
async def test_a_worker_killed_between_prompts_costs_nothing(sink: DeviceSink) -> None:
    assert sink._process is not None
    os.kill(child(sink), signal.SIGKILL)
    await sink._process.wait()
    assert (await sink.play(tone(0.2), on_started=ignore)).completed


@pytest.mark.e2e
async def test_a_busy_computer_that_holds_the_worker_up_costs_no_output(sink: DeviceSink) -> None:
    """ALSA's plugin runs out of sound then, and makes its stream anew; over a second is longer than a death takes."""
    lost: list[float] = []
    sink.on_lost = lambda: lost.append(time.monotonic())
    worker = child(sink)
    for held_up in (0.3, 0.2, 0.6, 0.15, 1.3):
        os.kill(worker, signal.SIGSTOP)
        await asyncio.sleep(held_up)
        os.kill(worker, signal.SIGCONT)
        await asyncio.sleep(0.7)  # a stream that stays away is given up by then
        assert lost == [], f"after {held_up} s"
    assert (await sink.play(tone(0.2), on_started=ignore)).completed
    assert child(sink) == worker


@pytest.mark.e2e
async def test_a_sound_server_that_dies_is_a_lost_sink(own_pulse: PulseServer) -> None:
    sink = DeviceSink("vmic")
    task, _ = await until_playing(sink, tone(8))
    struck_at = time.monotonic()
    own_pulse.kill()
    with pytest.raises(SinkLostError, match="vmic"):
        await task
    assert time.monotonic() - struck_at < 2.1
    with pytest.raises(SinkLostError, match=r"^The sound output vmic cannot be opened: choose another one\.$"):
        await sink.play(tone(0.2), on_started=ignore)


@pytest.mark.e2e
async def test_a_sound_server_that_dies_between_prompts_is_told(own_pulse: PulseServer) -> None:
    sink = DeviceSink("vmic")
    lost = asyncio.Event()
    sink.on_lost = lost.set
    await sink.open()
    own_pulse.kill()
    await asyncio.wait_for(lost.wait(), 2.0)
    await sink.close()


async def test_a_machine_that_starts_no_process_is_a_lost_sink(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_command: str, **_options: Any) -> None:
        raise BlockingIOError

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse)
    sink = DeviceSink("vmic")
    for attempt in (sink.open(), sink.play(tone(0.1), on_started=ignore)):
        with pytest.raises(SinkLostError, match=r"^The sound output vmic could not be started: .*\.$"):
            await attempt
    await sink.close()


@pytest.mark.e2e
async def test_an_unknown_output_cannot_be_opened_and_a_closed_one_leaves_no_process(pulse: PulseServer) -> None:
    with pytest.raises(SinkLostError, match="nowhere cannot be opened"):
        await DeviceSink("nowhere").open()
    sink = DeviceSink("vmic")
    await sink.open()
    worker = child(sink)
    await sink.close()
    await sink.close()
    assert not alive(worker)


@pytest.mark.e2e
def test_a_worker_ends_with_a_killed_parent(pulse: PulseServer) -> None:
    script = """
import asyncio, os, signal
from speech.playback.device import DeviceSink
async def main():
    sink = DeviceSink("vmic")
    await sink.open()
    print(sink._process.pid, flush=True)
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


def test_a_prompt_is_handed_over_whole_in_any_pieces() -> None:
    samples: Samples = np.arange(1000, dtype=np.float32)
    for size in (1, 7, 441, 1000, 5000):
        prompt = Prompt(1, samples)
        pieces = [prompt.take(size) for _ in range(1000 // size + 1)]
        assert np.concatenate(pieces) == pytest.approx(samples)
        assert not len(prompt.take(size))


def test_a_fade_begins_where_the_prompt_is_and_ends_it() -> None:
    prompt = Prompt(1, np.ones(1000, dtype=np.float32))
    prompt.take(300)
    prompt.fade_samples, prompt.fade_from = 200, 300
    heard = np.concatenate([prompt.take(64) for _ in range(20)])
    assert heard == pytest.approx(1 - np.arange(200) / 200, abs=1e-6)


class SilentDevice:
    """Stands for sounddevice; whoever holds its stream calls the callback."""

    time, active, latency = 0.0, True, 0.1

    def query_devices(self, index: int | None = None, kind: str = "") -> Any:
        device = {"name": "pulse", "index": 0, "max_output_channels": 1, "default_samplerate": 48_000.0}
        return [device] if index is None else device

    def OutputStream(self, **_options: Any) -> SilentDevice:
        return self


def test_a_prompt_stopped_before_its_first_sample_is_never_heard() -> None:
    player = Player(SilentDevice(), "default")
    out = np.ones((480, 1), dtype=np.float32)
    player.play(Prompt(1, np.ones(48_000, dtype=np.float32)))
    player.stop(1, 0.3)
    player.fill(out, 480, SimpleNamespace(outputBufferDacTime=0.1), SimpleNamespace(output_underflow=False))
    assert not out.any()
    what, prompt, _ = player.events.get_nowait()
    assert (what, prompt.id) == ("ended", 1)
    assert player.events.empty()
