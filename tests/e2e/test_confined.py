"""Every process of a real session, asked of the kernel while it works: what it could give away, and to whom."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

import pytest

from tests.confined import AS_ANYBODY, core_limits, descriptors, family, has_seccomp_filter, readable_by_another_program
from tests.e2e.live import ROOT, running
from tests.pulse import PulseServer

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

CONFIG = """
[audio]
call_input = "call.monitor"
voice_output = "vmic"
[transcription]
model = "{model}"
"""
PARTS = {"facilitator": "-m facilitator", "capture": "speech.capture.worker", "playback": "speech.playback.worker",
         "recognizer": "speech.recognition.worker"}  # fmt: skip
PEOPLE = ("--participant", "Camille=client", "--participant", "Nour=consultant")


async def test_no_process_of_a_session_can_be_looked_into(tmp_path: Path, pulse: PulseServer) -> None:
    model = shutil.copytree(ROOT / "models" / "demo", tmp_path / "model")
    pulse.environment |= {"AWS_SECRET_ACCESS_KEY": "nobody's business"}
    async with running(pulse, tmp_path, CONFIG.format(model=model), *PEOPLE, through=AS_ANYBODY) as run:
        capturing = [what for what in family(run.process.pid).values() if PARTS["capture"] in what]
        assert capturing == []  # before consent nothing is even opened
        await run.to_contract()
        deadline = run.now() + 20
        while True:
            there = {
                name: pid
                for pid, what in family(run.process.pid).items()
                for name, part in PARTS.items()
                if part in what
            }
            if there.keys() == PARTS.keys() and has_seccomp_filter(there["recognizer"]):
                break
            assert run.now() < deadline, f"only {list(there)} run"
            await asyncio.sleep(0.1)
        for name, pid in there.items():
            assert core_limits(pid) == ("0", "0"), name
            assert not await asyncio.to_thread(readable_by_another_program, pid), name
        workers = {name: pid for name, pid in there.items() if name != "facilitator"}
        for name, pid in workers.items():
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            assert b"AWS_SECRET" not in environment, name
            assert (b"PULSE_SERVER" in environment) is (name != "recognizer")
            assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
            opened = {what for what in descriptors(pid).values() if what.startswith("/")}
            assert {
                what for what in opened if not what.startswith(("/dev/null", "/memfd:", "/dev/shm/pulse"))
            } == set(), name
        assert not any(what.startswith("socket:") for what in list(descriptors(there["recognizer"]).values())[2:])
        await run.command("listening_pause")
        assert not any(PARTS["capture"] in what for what in family(run.process.pid).values())
