"""Devices that go away in mid-session and come back: told, taken again within 3 s, and nothing lost on the others."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from speech.ports import RATE_HZ, Sound
from speech.sound import write_wav
from tests.e2e.live import ROOT, Run, running
from tests.pulse import PulseServer
from tests.speech.voices import speak

pytestmark = [pytest.mark.e2e]

REQUEST = "ma demande au groupe c'est de préparer l'entretien avec Sophie"
CONFIG = """
[audio]
call_input = "call.monitor"
microphone_input = "desk.monitor"
voice_output = "vmic"
[transcription]
model = "{model}"
"""
PEOPLE = ("--participant", "Camille=client", "--participant", "Helene=animator")
TOLD_SECONDS = 2.0
BACK_SECONDS = 3.0
SILENCE_SECONDS = 10.0


@pytest.fixture
def pulse(tmp_path: Path) -> Iterator[PulseServer]:
    """Return a server with a call, a virtual microphone, the animator's microphone and a default that nobody chose."""
    with PulseServer("desk", "other") as server:
        homes = {f"XDG_{name}_HOME": str(tmp_path / name.lower()) for name in ("CONFIG", "CACHE", "DATA", "STATE")}
        server.environment |= {**homes, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
        server.pactl("set-default-source", "other.monitor")
        server.pactl("set-default-sink", "other")
        time.sleep(2.2)
        yield server


@asynccontextmanager
async def in_contract(pulse: PulseServer, folder: Path) -> AsyncIterator[tuple[Run, Path]]:
    """Hold a session in the contract, the voice silent; give it with the recording of a request."""
    model = await asyncio.to_thread(shutil.copytree, ROOT / "models" / "demo", folder / "model")
    request = folder / "request.wav"
    await asyncio.to_thread(write_wav, request, Sound(speak(REQUEST, "fr"), RATE_HZ))
    async with running(pulse, folder, CONFIG.format(model=model), "--duration", "60", *PEOPLE) as run:
        await run.to_contract()
        await run.command("hush")
        yield run, request


async def gone(run: Run, what: Callable[[], None], *devices: str) -> None:
    """Do `what`, and assert that the loss of each of `devices` is told in time, and of no other."""
    before = len(run.all("device_lost"))
    at = run.now()
    await asyncio.to_thread(what)
    for device in devices:
        line = await run.wait_for(
            "device_lost", device=device, count=len(run.all("device_recovered", device=device)) + 1
        )
        print(f"{device}: told after {line['at'] - at:.2f} s")
        assert line["at"] - at < TOLD_SECONDS
    assert len(run.all("device_lost")) == before + len(devices)


async def back(run: Run, what: Callable[[], None], *devices: str) -> None:
    """Do `what`, and assert that each of `devices` is in use again in time."""
    await asyncio.to_thread(what)
    at = run.now()
    for device in devices:
        line = await run.wait_for("device_recovered", device=device, count=len(run.all("device_lost", device=device)))
        print(f"{device}: back {line['at'] - at:.2f} s after its return")
        assert line["at"] - at < BACK_SECONDS


async def assert_written(run: Run, pulse: PulseServer, sink: str, channel: str, request: Path) -> None:
    """Say the request there, and assert that it is written down."""
    count = len(run.all("utterance_transcribed", stage="live", channel=channel)) + 1
    await asyncio.to_thread(pulse.play, sink, request)
    line = await run.wait_for("utterance_transcribed", stage="live", channel=channel, count=count)
    assert "sophie" in line["text"].lower()


async def test_each_device_and_the_server_itself_come_back_and_nothing_is_lost_meanwhile(
    tmp_path: Path, pulse: PulseServer
) -> None:
    async with in_contract(pulse, tmp_path) as (run, request):
        await gone(run, lambda: pulse.unplug("call"), "call")
        await assert_written(run, pulse, "desk", "microphone", request)
        await back(run, lambda: pulse.plug("call", rate_hz=16_000), "call")
        await assert_written(run, pulse, "call", "call", request)

        await run.command("say", text="Cette phrase est assez longue pour que la sortie s'en aille avant sa fin.")
        await run.wait_until_speaking()
        await gone(run, lambda: pulse.unplug("vmic"), "voice_output")
        cut = await run.wait_for("prompt_withheld", cue="custom", reason="voice_failed")
        await back(run, lambda: pulse.plug("vmic"), "voice_output")
        await run.command("say")
        again = await run.wait_for("prompt_spoken", cue="custom", seconds=60)
        assert (again["text"], again["completed"]) == (cut["text"], True)

        await gone(run, pulse.kill, "call", "microphone", "voice_output")

        await back(run, pulse.restart, "call", "microphone", "voice_output")
        said_on = (("desk", "microphone"), ("call", "call"))
        await asyncio.gather(*(assert_written(run, pulse, sink, channel, request) for sink, channel in said_on))
        silent_since = run.now()
        count = len(run.all("warning", code="call_silent")) + 1
        told = await run.wait_for("warning", code="call_silent", count=count)  # nothing plays into it any more
        print(f"call: its silence told after {told['at'] - silent_since:.1f} s")
        assert told["at"] - silent_since < SILENCE_SECONDS
        assert not run.all("prompt_withheld", reason="no_pause")
