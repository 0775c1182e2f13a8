"""Sessions that a speech server transcribes: a recorded one from end to end, and what a live one says of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest

from speech.ports import RATE_HZ, Sound
from speech.sound import write_wav
from tests.cli.command import facilitator
from tests.e2e.live import running
from tests.pulse import PulseServer
from tests.speech.speechserver import SAID, speech_server
from tests.speech.voices import speak

pytestmark = pytest.mark.e2e

PRESENTATION = 'audio = "call.wav"\n[[steps]]\nid = "presentation"\nat = 0.0\nminutes = 0.1\n'
CALL = f'{PRESENTATION}[[steps]]\nid = "contract"\nat = 6.0\nminutes = 0.2\n'


def record(folder: Path, call: str = CALL) -> None:
    """Write a call in which somebody speaks once in each of two steps, only the second of which is written down."""
    sound = np.zeros(16 * RATE_HZ, dtype=np.float32)
    for second, text in ((1, "Voici la situation."), (8, "Je voudrais parler à mon équipe.")):
        said = speak(text, "fr")
        sound[second * RATE_HZ :][: len(said)] += said
    write_wav(folder / "call.wav", Sound(sound, RATE_HZ))
    (folder / "CALL.toml").write_text(call, encoding="utf-8")


def test_a_recorded_session_is_written_down_by_the_server(tmp_path: Path) -> None:
    record(tmp_path)
    with speech_server(tmp_path, tls=False) as server:
        server.token = None
        text = f'[transcription]\nserver = "{server.url}"\nglossary = ["CODIR"]\n[voice]\nenabled = false\n'
        (tmp_path / "config.toml").write_text(text, encoding="utf-8")
        done = facilitator("replay", "CALL.toml", "--out", "out", "--config", "config.toml", cwd=tmp_path)
        assert (done.code, done.err) == (0, "")
        assert {form["prompt"] for form in server.forms} == {"CODIR"}
    assert SAID in (tmp_path / "out" / "contract.md").read_text(encoding="utf-8")


def test_the_sound_of_steps_that_are_not_written_down_goes_nowhere(tmp_path: Path) -> None:
    record(tmp_path, PRESENTATION)
    with speech_server(tmp_path, tls=False) as server:
        text = f'[transcription]\nserver = "{server.url}"\n[voice]\nenabled = false\n'
        (tmp_path / "config.toml").write_text(text, encoding="utf-8")
        done = facilitator("replay", "CALL.toml", "--out", "out", "--config", "config.toml", cwd=tmp_path)
        assert done.code == 0
        assert (server.requests, server.connections) == (0, 0)


def test_a_server_that_refuses_costs_its_words_and_nothing_else(tmp_path: Path) -> None:
    record(tmp_path)
    with speech_server(tmp_path, tls=False) as server:
        text = f'[transcription]\nserver = "{server.url}"\n[voice]\nenabled = false\n'
        (tmp_path / "config.toml").write_text(text, encoding="utf-8")
        done = facilitator("replay", "CALL.toml", "--out", "out", "--config", "config.toml", cwd=tmp_path)
        assert done.code == 0
    lines = [json.loads(line) for line in (tmp_path / "out" / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert "recognizer_failed" in [line.get("code") for line in lines]
    assert (tmp_path / "out" / "contract.pdf").is_file()


@pytest.mark.asyncio
async def test_a_live_session_names_the_server_before_anybody_agrees(tmp_path: Path) -> None:
    config = """
    [transcription]
    server = "https://speech.example.org"
    [audio]
    call_input = "call.monitor"
    voice_output = "vmic"
    """
    with PulseServer() as pulse:
        async with running(pulse, tmp_path, config) as run:
            await run.command("start")
            await run.wait_until_speaking()
            await run.command("hush")
            said = await run.wait_for("prompt_spoken", cue="opening")
            await run.command("end")
            await asyncio.wait_for(run.process.wait(), 30)
    told = " ".join(run.published)
    assert "speech_server" in told
    assert "serveur speech.example.org" in told
    assert "transcrit par le serveur speech.example.org" in said["text"]
    assert "Tout est traité sur cet ordinateur" not in said["text"]
