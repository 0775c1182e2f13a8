"""The voice on a device: a stop counts from when a prompt was asked for, a lost device is told and taken back.

The device is a child process that plays nothing but speaks the protocol; files in its folder say how it behaves.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from facilitator import speaking
from facilitator.core import events as ev
from facilitator.core.actions import Prompt, Speak, StopSpeaking
from facilitator.core.courtesy import HUSH_FADE_SECONDS, Voice
from facilitator.core.ears import Ears
from facilitator.core.process import Cue
from facilitator.speaking import DeviceMouth
from facilitator.timeline import LiveClock, Timeline
from speech.own_voice import OwnVoice
from speech.playback import device
from speech.playback.device import DeviceSink
from speech.ports import RATE_HZ, Samples, Sound
from tests.fakes import FakeTold
from tests.pulse import alive

CHILD = """
import json, os, struct, sys, threading, time
from pathlib import Path
folder = Path(sys.argv[1])
header = struct.Struct("<cIdI")
timers = {}
def say(**what):
    os.write(1, json.dumps(what).encode() + b"\\n")
def end(id_, completed):
    say(id=id_, ended=time.monotonic(), completed=completed, underflows=0)
(folder / f"child-{os.getpid()}").touch()
while (folder / "slow").exists():
    time.sleep(0.01)
if (folder / "missing").exists():
    say(lost=True)
    os._exit(0)
say(ready=48000)
def live():
    while time.sleep(0.25) is None:
        say(alive=True)
threading.Thread(target=live, daemon=True).start()
while head := sys.stdin.buffer.read(header.size):
    command, id_, number, length = header.unpack(head)
    payload = sys.stdin.buffer.read(length)
    with (folder / "commands").open("ab") as commands:
        commands.write(command)
    if command == b"P":
        say(id=id_, started=time.monotonic())
        timers[id_] = threading.Timer(length / 4 / number, end, (id_, True))
        timers[id_].start()
    elif timers[id_].is_alive():
        timers[id_].cancel()
        end(id_, False)
os._exit(0)
"""
LOST = "DeviceLost voice_output"
RECOVERED = "DeviceRecovered voice_output"


class Stage:
    """A mouth on the scripted device, its timeline running, and what it reported."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.timeline = Timeline(LiveClock())
        self.events: list[ev.Event] = []
        self.told_of = FakeTold()
        self.sink = DeviceSink("scripted")
        clock = self.timeline.clock
        assert isinstance(clock, LiveClock)
        self.mouth = DeviceMouth(self.timeline, clock, self.sink, OwnVoice(), self.events.append, told=self.told_of)
        self.running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            at, callback = await self.timeline.next(lambda: None)
            if callback is not None:
                callback(at)

    def play(self, name: str, seconds: float = 0.2) -> None:
        self.mouth.play(name, Sound(np.full(round(seconds * RATE_HZ), 0.1, dtype=np.float32), RATE_HZ), 0.0)

    def told(self) -> list[str]:
        """Return kind and subject of each event."""
        return [told(event) for event in self.events]

    def of(self, kind: str) -> list[str]:
        return [one for one in self.told() if one.startswith(kind)]

    async def until(self, condition: Callable[[], bool], within: float = 5.0) -> None:
        """Wait until `condition` holds, at most `within` seconds."""
        deadline = time.monotonic() + within
        while not condition():
            assert not self.running.done(), self.running
            assert time.monotonic() < deadline, self.told()
            await asyncio.sleep(0.005)

    def children(self) -> list[int]:
        """Return the process id of every child so far."""
        return [int(path.name.removeprefix("child-")) for path in self.folder.glob("child-*")]

    def commands(self) -> str:
        """Return every command that any child was given, a letter each."""
        return (self.folder / "commands").read_text()

    async def is_opening(self) -> None:
        await self.until(lambda: len(self.children()) > 0)


def told(event: ev.Event) -> str:
    match event:
        case ev.PromptEnded(prompt_id=prompt_id, completed=completed):
            return f"PromptEnded {prompt_id} {'whole' if completed else 'stopped'}"
        case ev.PromptStarted() | ev.PromptFailed():
            return f"{type(event).__name__} {event.prompt_id}"
        case ev.DeviceLost() | ev.DeviceRecovered():
            return f"{type(event).__name__} {event.device}"
    return type(event).__name__


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """Return a stage whose device answers at once, unless the test says otherwise."""
    command = [sys.executable, "-S", "-E", "-c", CHILD, str(tmp_path)]
    monkeypatch.setattr(device, "device_command", lambda *_, **__: command)
    stage = Stage(tmp_path)
    yield stage
    stage.running.cancel()
    await asyncio.gather(stage.running, return_exceptions=True)
    await stage.timeline.cancel()
    await stage.mouth.close()


async def test_a_prompt_that_nobody_stops_is_told_whole(stage: Stage) -> None:
    stage.play("p1")
    await stage.until(lambda: len(stage.events) == 2)
    assert stage.told() == ["PromptStarted p1", "PromptEnded p1 whole"]


async def test_a_stop_before_the_first_step_ends_the_prompt_unheard(stage: Stage) -> None:
    await stage.sink.open()
    stage.play("p1")
    stage.mouth.stop(0.0)
    await stage.until(lambda: len(stage.events) == 1, within=1.0)
    stage.play("p2")
    await stage.until(lambda: len(stage.events) == 3)
    assert stage.told() == ["PromptEnded p1 stopped", "PromptStarted p2", "PromptEnded p2 whole"]


async def test_a_stop_while_the_prompt_is_resampled_ends_it_unheard(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(samples: Samples, *_rates: int) -> Samples:
        begun.set()
        go_on.wait(5)
        return samples

    monkeypatch.setattr(speaking, "resample", slow)
    await stage.sink.open()
    stage.play("p1")
    await stage.until(begun.is_set)
    stage.mouth.stop(0.3)
    try:
        await stage.until(lambda: stage.told() == ["PromptEnded p1 stopped"], within=1.0)
    finally:
        go_on.set()
    stage.play("p2")
    await stage.until(lambda: len(stage.events) == 3)
    assert stage.told()[1:] == ["PromptStarted p2", "PromptEnded p2 whole"]


@pytest.mark.parametrize("opened_by", ["the prompt", "the session"])
async def test_a_stop_while_the_device_opens_ends_the_prompt_and_not_the_opening(stage: Stage, opened_by: str) -> None:
    (stage.folder / "slow").touch()
    opening = asyncio.create_task(stage.sink.open()) if opened_by == "the session" else None
    await asyncio.sleep(0)
    stage.play("p1")
    await stage.is_opening()
    stage.mouth.stop(0.3)
    await stage.until(lambda: stage.told() == ["PromptEnded p1 stopped"], within=1.0)
    stage.play("p2")
    await asyncio.sleep(0.1)
    (stage.folder / "slow").unlink()
    await stage.until(lambda: len(stage.events) == 3)
    assert stage.told()[1:] == ["PromptStarted p2", "PromptEnded p2 whole"]
    assert len(stage.children()) == 1
    if opening is not None:
        await opening


async def test_a_stop_ends_what_waits_for_the_prompt_before_it_too(stage: Stage) -> None:
    sound = Sound(np.zeros(4 * RATE_HZ, dtype=np.float32), RATE_HZ)
    started = asyncio.Event()
    first = asyncio.create_task(stage.sink.play(sound, on_started=lambda _: started.set()))
    second = asyncio.create_task(stage.sink.play(sound, on_started=lambda _: pytest.fail("it was heard")))
    await started.wait()
    stage.sink.stop(0.1)
    assert not any(played.completed for played in await asyncio.wait_for(asyncio.gather(first, second), 1.0))


async def test_a_stop_without_a_prompt_is_forgotten(stage: Stage) -> None:
    stage.mouth.stop(0.3)
    await stage.sink.open()
    stage.mouth.stop(0.3)
    stage.play("p1")
    await stage.until(lambda: len(stage.events) == 2)
    stage.mouth.stop(0.3)
    stage.play("p2")
    await stage.until(lambda: len(stage.events) == 4)
    assert stage.of("PromptEnded") == ["PromptEnded p1 whole", "PromptEnded p2 whole"]


async def test_a_stop_while_it_plays_ends_it(stage: Stage) -> None:
    stage.play("p1", 4.0)
    await stage.until(lambda: stage.told() == ["PromptStarted p1"])
    stage.mouth.stop(0.3)
    await stage.until(lambda: len(stage.events) == 2, within=1.0)
    assert stage.told()[1:] == ["PromptEnded p1 stopped"]


@pytest.mark.parametrize("by", ["hush", "a voice"])
async def test_an_unheard_prompt_is_over_after_a_hush_and_waits_again_after_a_voice(stage: Stage, by: str) -> None:
    (stage.folder / "slow").touch()
    prompt = Prompt(
        id="p1", step="welcome", cue=Cue.OPENING, key="", text="", due_at=0.0, deadline_at=10.0, silence_seconds=0.6
    )
    voice, silence, voices = Voice(), Ears(), Ears()
    silence.hear(ev.ChannelOpened(at=0.0, channel="call"))
    voices.hear(ev.ChannelOpened(at=0.0, channel="call"))
    voices.hear(ev.VoiceRose(at=1.1, channel="call", since=1.05))
    voice.ask(prompt, 0.0)
    voice.ready("p1")
    assert voice.decide(1.0, silence, deaf=False) == [Speak(prompt=prompt)]
    stage.play("p1")
    await stage.is_opening()
    decided = voice.stop(HUSH_FADE_SECONDS) if by == "hush" else voice.decide(1.1, voices, deaf=False)
    (stop,) = decided
    assert isinstance(stop, StopSpeaking)
    stage.mouth.stop(stop.fade_seconds)
    await stage.until(lambda: stage.told() == ["PromptEnded p1 stopped"], within=1.0)
    over = voice.ended("p1", stage.events[-1].at)
    assert (over, voice.pending) == ((prompt, []) if by == "hush" else (None, [prompt]))
    assert voice.speaking is None


async def test_a_device_lost_between_prompts_is_told_once_and_taken_back(stage: Stage) -> None:
    await stage.sink.open()
    (stage.folder / "missing").touch()
    (first,) = stage.children()
    struck_at = time.monotonic()
    os.kill(first, signal.SIGKILL)
    await stage.until(lambda: stage.told() == [LOST], within=2.0)
    stage.play("p1")
    await stage.until(lambda: stage.of("PromptFailed") != [])
    await stage.until(lambda: len(stage.children()) >= 5)
    assert time.monotonic() - struck_at > 1.9  # one at once, one for the prompt, the others a second apart
    (stage.folder / "missing").unlink()
    await stage.until(lambda: stage.of(RECOVERED) != [])
    stage.play("p2")
    await stage.until(lambda: stage.of("PromptEnded") != [])
    assert stage.told() == [LOST, "PromptFailed p1", RECOVERED, "PromptStarted p2", "PromptEnded p2 whole"]
    os.kill(max(stage.children(), key=lambda pid: (stage.folder / f"child-{pid}").stat().st_mtime), signal.SIGKILL)
    await stage.until(lambda: stage.told()[5:] == [LOST, RECOVERED])


async def test_a_device_lost_within_a_prompt_is_told_once(stage: Stage) -> None:
    stage.play("p1", 4.0)
    await stage.until(lambda: stage.told() == ["PromptStarted p1"])
    (child,) = stage.children()
    os.kill(child, signal.SIGKILL)
    await stage.until(lambda: stage.of(RECOVERED) != [])
    assert sorted(stage.told()[1:]) == [LOST, RECOVERED, "PromptFailed p1"]


async def test_a_device_that_never_opened_is_told_even_when_its_prompt_was_stopped(stage: Stage) -> None:
    for name in ("slow", "missing"):
        (stage.folder / name).touch()
    stage.play("p1")
    await stage.is_opening()
    stage.mouth.stop(0.3)
    (stage.folder / "slow").unlink()
    await stage.until(lambda: stage.told() == ["PromptEnded p1 stopped", LOST], within=2.0)


async def test_a_device_that_hangs_between_prompts_is_told_before_the_next_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_MUTE_SECONDS", 1.0)
    await stage.sink.open()
    (child,) = stage.children()
    os.kill(child, signal.SIGSTOP)
    await stage.until(lambda: stage.told() == [LOST, RECOVERED])
    assert not alive(child)


@pytest.mark.parametrize("when", ["idle", "opening"])
async def test_closing_is_no_loss_and_leaves_no_process(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    monkeypatch.setattr(DeviceMouth, "START_SECONDS", 30.0)  # a busy computer takes its time to start a process
    if when == "opening":
        (stage.folder / "slow").touch()
        stage.play("p1")
        await stage.is_opening()
        stage.mouth.stop(0.3)
    else:
        await stage.sink.open()
    (child,) = stage.children()
    await stage.mouth.close()
    await asyncio.sleep(0.1)
    assert not alive(child)
    assert stage.of("Device") == []
    stage.play("p2")
    (stage.folder / "slow").unlink(missing_ok=True)
    await stage.until(lambda: stage.of("PromptEnded p2") != [])
