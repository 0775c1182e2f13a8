"""What the sound server says of a device in use: muted, nothing plays, plays elsewhere; and a stream that it moves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from speech.capture.device import DeviceSource
from speech.errors import SinkLostError, SourceLostError
from speech.playback.device import DeviceSink
from speech.ports import RATE_HZ, Sound
from speech.silence import Condition
from speech.sound import write_wav
from tests.pulse import PulseServer

pytestmark = [pytest.mark.e2e]


def tone(folder: Path, seconds: float = 30.0) -> Path:
    path = folder / "tone.wav"
    samples = 0.3 * np.sin(np.arange(round(seconds * RATE_HZ)) * 0.1)
    write_wav(path, Sound(samples.astype(np.float32), RATE_HZ))
    return path


async def heard(source: DeviceSource, until: Callable[[], bool], within: float = 5.0) -> None:
    """Read until a condition holds."""
    deadline = time.monotonic() + within
    while not until():
        assert time.monotonic() < deadline, source.condition
        await source.read()


def stream_of(pulse: PulseServer, kind: str) -> str:
    """Return the number of the only stream of ours of this kind."""
    listed = pulse.pactl("list", kind).split("\n\n")
    (ours,) = [one for one in listed if "codev-facilitator" in one]
    return ours.split("#")[1].split("\n")[0]


async def test_a_calls_condition_follows_what_plays_and_what_is_muted(own_pulse: PulseServer, tmp_path: Path) -> None:
    source = DeviceSource("call.monitor")
    try:
        await heard(source, lambda: source.condition == Condition(playing=False))
        elsewhere = own_pulse.start_playing("vmic", tone(tmp_path))
        await heard(source, lambda: source.condition == Condition(playing=False, elsewhere="vmic.monitor"))
        here = own_pulse.start_playing("call", tmp_path / "tone.wav")
        await heard(source, lambda: source.condition == Condition(playing=True))
        for change, undo in (
            (("set-sink-mute", "call", "1"), ("set-sink-mute", "call", "0")),
            (("set-source-mute", "call.monitor", "1"), ("set-source-mute", "call.monitor", "0")),
            (("set-source-volume", "call.monitor", "0"), ("set-source-volume", "call.monitor", "100%")),
        ):
            await asyncio.to_thread(own_pulse.pactl, *change)
            await heard(source, lambda: source.condition == Condition(muted=True, playing=True))
            await asyncio.to_thread(own_pulse.pactl, *undo)
            await heard(source, lambda: source.condition == Condition(playing=True))
        for player in (here, elsewhere):
            player.kill()
        await heard(source, lambda: source.condition == Condition(playing=False))
    finally:
        await source.close()


async def test_our_own_voice_is_no_call(own_pulse: PulseServer) -> None:
    sink, source = DeviceSink("call"), DeviceSource("call.monitor")
    try:
        await sink.open()
        await heard(source, lambda: source.condition is not None)
        assert source.condition == Condition(playing=False)
    finally:
        await source.close()
        await sink.close()


async def test_a_stream_that_is_moved_stops_at_once_and_goes_back_to_its_device(
    own_pulse: PulseServer, tmp_path: Path
) -> None:
    source = DeviceSource("call.monitor")
    try:
        await heard(source, lambda: source.condition is not None)
        own_pulse.start_playing("vmic", tone(tmp_path))
        own_pulse.pactl("move-source-output", stream_of(own_pulse, "source-outputs"), "vmic.monitor")
        with pytest.raises(SourceLostError, match=r"went away"):
            await heard(source, lambda: False)
        block = await source.read()
        assert block is not None
        assert not block.samples.any(), "it hears the other device"
    finally:
        await source.close()


async def test_an_output_stream_that_is_moved_is_lost_and_opened_again_where_it_belongs(own_pulse: PulseServer) -> None:
    sink = DeviceSink("vmic")
    lost = asyncio.Event()
    sink.on_lost = lost.set
    try:
        await sink.open()
        own_pulse.pactl("move-sink-input", stream_of(own_pulse, "sink-inputs"), "call")
        await asyncio.wait_for(lost.wait(), 2)
        await sink.open()
        listed = own_pulse.pactl("list", "short", "sinks")
        (vmic,) = [line.split("\t")[0] for line in listed.splitlines() if "\tvmic\t" in line]
        assert f"Sink: {vmic}" in own_pulse.pactl("list", "sink-inputs")
    finally:
        await sink.close()


async def test_an_output_that_is_muted_is_told_when_it_opens_and_when_it_plays(own_pulse: PulseServer) -> None:
    own_pulse.pactl("set-sink-mute", "vmic", "1")
    told: list[bool] = []
    sink = DeviceSink("vmic")
    sink.on_muted = told.append
    try:
        await sink.open()
        assert told == [True]
        own_pulse.pactl("set-sink-mute", "vmic", "0")
        await sink.play(Sound(np.zeros(1600, dtype=np.float32), RATE_HZ), on_started=lambda _: None)
        assert told == [True, False]
    finally:
        await sink.close()


async def test_the_default_is_followed_when_it_changes(own_pulse: PulseServer, tmp_path: Path) -> None:
    own_pulse.pactl("set-default-source", "vmic.monitor")
    source = DeviceSource("default")
    try:
        await heard(source, lambda: source.condition is not None)
        own_pulse.start_playing("call", tone(tmp_path))
        own_pulse.pactl("set-default-source", "call.monitor")
        changed_at, sound = time.monotonic(), False
        while not sound:
            assert time.monotonic() - changed_at < 3.0
            try:
                block = await source.read()
            except SourceLostError:
                continue
            assert block is not None
            sound = bool(block.samples.any())
    finally:
        await source.close()


async def test_a_device_that_comes_back_at_another_rate_is_waited_for(own_pulse: PulseServer, tmp_path: Path) -> None:
    source = DeviceSource("call.monitor")
    try:
        await heard(source, lambda: source.condition is not None)
        own_pulse.unplug("call")
        with pytest.raises(SourceLostError):
            await heard(source, lambda: False)
        with pytest.raises(SourceLostError, match="cannot be opened"):
            await source.read()
        reading = asyncio.create_task(source.read())
        await asyncio.sleep(0.5)
        assert not reading.done(), "it does not wait"
        own_pulse.plug("call", rate_hz=8_000)
        assert await asyncio.wait_for(reading, 3.0) is not None
    finally:
        await source.close()


async def test_a_sound_server_that_was_killed_is_waited_for(own_pulse: PulseServer) -> None:
    sink, source = DeviceSink("vmic"), DeviceSource("call.monitor")
    try:
        await sink.open()
        await heard(source, lambda: source.condition is not None)
        own_pulse.kill()
        with pytest.raises(SourceLostError):
            await heard(source, lambda: False)
        reading = asyncio.create_task(source.read())
        own_pulse.restart()
        assert await asyncio.wait_for(reading, 3.0) is not None
        await sink.open()
    except SinkLostError:
        pytest.fail("the output did not come back")
    finally:
        await source.close()
        await sink.close()
