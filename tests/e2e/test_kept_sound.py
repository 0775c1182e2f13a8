"""A session without a model keeps the sound of what is to be written down, and no other, until it is written down."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from facilitator.store.folder import Sessions
from facilitator.store.keys import FileVault, Keys
from facilitator.store.sound import KeptSound
from speech.ports import RATE_HZ, Sound
from speech.sound import write_wav
from tests.cli.command import ROOT, command
from tests.e2e.live import running
from tests.pulse import PulseServer
from tests.speech.voices import speak

pytestmark = [pytest.mark.e2e]

BEFORE = "Antoine peut m'aider à définir mes priorités"
REQUEST = "ma demande au groupe c'est de préparer l'entretien avec Sophie"
CONFIG = """
[voice]
enabled = false
[audio]
call_input = "call.monitor"
[privacy]
keep_sound = true
"""


@pytest.fixture
def pulse(tmp_path: Path) -> Iterator[PulseServer]:
    with PulseServer() as server:
        homes = {f"XDG_{name}_HOME": str(tmp_path / name.lower()) for name in ("CONFIG", "CACHE", "DATA", "STATE")}
        server.environment |= {**homes, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
        yield server


async def test_the_contract_waits_as_sound_and_is_written_down(tmp_path: Path, pulse: PulseServer) -> None:
    paths = {text: tmp_path / f"{place}.wav" for place, text in enumerate((BEFORE, REQUEST))}
    for text, path in paths.items():
        write_wav(path, Sound(speak(text, "fr"), RATE_HZ))
    async with running(pulse, tmp_path, CONFIG) as run:
        shot = await run.command("consent")
        (told,) = [one["message"] for one in shot["warnings"] if one["code"] == "no_model"]
        assert "« facilitator transcribe » l'écrira, puis l'effacera" in told
        await run.command("start")
        await run.command("next")
        await run.command("next")
        await asyncio.to_thread(pulse.play, "call", paths[BEFORE])
        await run.command("next")
        await run.wait_for("step_started", step="contract")
        await asyncio.to_thread(pulse.play, "call", paths[REQUEST])
        shot = await run.command("next")
        async with asyncio.timeout(10):
            while not shot["records"]["contract"]["lost"]:
                shot = await run.command("hush")
        await run.command("end")
        await run.wait_for("session_ended")
        assert await asyncio.wait_for(run.process.wait(), 15) == 0
    (path,) = (tmp_path / "data").rglob("*.session")
    (keys,) = (tmp_path / "state").rglob("keys")
    sessions = Sessions(path.parent, Keys([FileVault(keys)]))
    store, kept = sessions.open(path.stem)
    sounds = [KeptSound.from_bytes(store.sound(place)) for place in store.sounds()]
    store.close()
    assert kept.chosen.keeps_sound
    assert {sound.about.record for sound in sounds if sound is not None} == {"contract"}
    seconds = sum(len(sound.samples) for sound in sounds if sound is not None) / RATE_HZ
    assert seconds < len(speak(REQUEST, "fr")) / RATE_HZ + 1.5, "more is kept than was said in the step"

    model = await asyncio.to_thread(shutil.copytree, ROOT / "models" / "demo", tmp_path / "model")
    arguments = command("transcribe", path.stem, "--model", model)
    done = await asyncio.to_thread(
        subprocess.run, arguments, cwd=ROOT, env=pulse.environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    text = sessions.read(path.stem).durable.records["contract"].text
    assert "Sophie" in text
    assert "Antoine" not in text
    assert list(keys.glob("*.sound")) == []
