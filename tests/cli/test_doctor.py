"""The check-up on real devices: in each broken set-up the right diagnosis, and nothing else called broken."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facilitator.config import load_config
from facilitator.findings import CODES
from facilitator.sound_checkup import check_route, place_of
from speech.ports import RATE_HZ, Sound
from speech.sound import write_wav
from tests.cli.command import NO_SOUND_SERVER, ROOT, facilitator
from tests.pulse import PulseServer
from tests.speech.voices import speak

CONFIG = """
[audio]
call_input = "call.monitor"
microphone_input = "{microphone}"
voice_output = "vmic"
{beside}
[voice]
enabled = {enabled}
name = "{voice}"
[transcription]
model = "{model}"
"""


@contextmanager
def desk_server(folder: Path) -> Iterator[PulseServer]:
    """Give a server on which a call and somebody at the microphone can be heard: the set-up that is not broken."""
    noise = np.random.default_rng(1).normal(0, 0.1, 60 * RATE_HZ).astype(np.float32)
    write_wav(folder / "noise.wav", Sound(noise, RATE_HZ))
    with PulseServer("desk") as server:
        yield server


def check_up(
    pulse: PulseServer, folder: Path, *options: str, changes: dict[str, str] | None = None, **values: str
) -> dict[str, dict[str, Any]]:
    """Return what the doctor finds, by part."""
    given = {"microphone": "desk.monitor", "beside": "", "enabled": "false", "voice": "", **values}
    given.setdefault("model", str(folder / "model"))
    (folder / "config.toml").write_text(CONFIG.format(**given), encoding="utf-8")
    if not (folder / "model").exists():
        shutil.copytree(ROOT / "models" / "demo", folder / "model")
    command = ("doctor", "--json", *options, "--config", "config.toml")
    done = facilitator(*command, cwd=folder, changes={**pulse.changes, **(changes or {})})
    assert done.err == ""
    found = {finding["part"]: finding for finding in done.json}
    assert done.code == any(finding["status"] == "problem" for finding in found.values())
    return found


def wrong(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {part: finding["code"] for part, finding in found.items() if finding["code"]}


def play(pulse: PulseServer, folder: Path, *sinks: str) -> None:
    for sink in sinks:
        pulse.start_playing(sink, folder / "noise.wav")


def refuse(pulse: PulseServer, folder: Path) -> dict[str, str]:
    """Return what makes a client one that the server does not let in."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pulse.pactl(
        "load-module", "module-native-protocol-tcp", "listen=127.0.0.1", f"port={port}", f"auth-cookie={folder}/theirs"
    )
    (folder / "ours").write_bytes(os.urandom(256))
    return {"PULSE_SERVER": f"tcp:127.0.0.1:{port}", "PULSE_COOKIE": str(folder / "ours")}


Broken = Callable[[PulseServer, Path], dict[str, Any] | None]


def muted(pulse: PulseServer, folder: Path) -> None:
    play(pulse, folder, "call", "desk")
    pulse.pactl("set-source-mute", "desk.monitor", "1")


def no_device(pulse: PulseServer, _folder: Path) -> None:
    for sink in ("call", "vmic", "desk"):
        pulse.unplug(sink)


def wrong_rate(pulse: PulseServer, folder: Path) -> dict[str, Any]:
    pulse.plug("headset", rate_hz=8_000)
    play(pulse, folder, "call", "headset")
    return {"microphone": "headset.monitor"}


def no_model(pulse: PulseServer, folder: Path) -> dict[str, Any]:
    play(pulse, folder, "call", "desk")
    return {"model": ""}


def elsewhere(pulse: PulseServer, folder: Path) -> None:
    play(pulse, folder, "desk")
    pulse.pactl("set-sink-mute", "vmic", "1")


def no_headset(pulse: PulseServer, folder: Path) -> dict[str, Any]:
    play(pulse, folder, "call", "desk")
    return {"beside": 'microphone_to_call = "desk.monitor"\nvoice_monitor = "headset"'}


def no_voice(pulse: PulseServer, folder: Path) -> dict[str, Any]:
    play(pulse, folder, "call", "desk")
    return {"enabled": "true", "voice": "nobody"}


SETUPS: dict[str, tuple[Broken, dict[str, str]]] = {
    "nothing broken": (lambda pulse, folder: play(pulse, folder, "call", "desk"), {}),
    "no server": (lambda *_: {"changes": {"PULSE_SERVER": NO_SOUND_SERVER}}, {"devices": "no_server"}),
    "no device": (no_device, {"devices": "no_device"}),
    "muted": (muted, {"microphone_input": "muted"}),
    "silent": (lambda pulse, folder: play(pulse, folder, "call"), {"microphone_input": "silent"}),
    "no model": (no_model, {"model": "no_model"}),
    "no headset": (no_headset, {"voice_monitor": "no_device"}),
    "no voice": (no_voice, {"voice": "no_voice"}),
    "wrong rate": (wrong_rate, {"microphone_input": "wrong_rate"}),
    "the call elsewhere, the voice muted": (elsewhere, {"call_input": "wrong_device", "voice_output": "muted"}),
    "no permission": (lambda pulse, folder: {"changes": refuse(pulse, folder)}, {"devices": "no_permission"}),
}


@pytest.mark.e2e
def test_each_broken_set_up_is_told_for_what_it_is(tmp_path: Path) -> None:
    def diagnose(name: str) -> dict[str, str]:
        folder = tmp_path / name.replace(" ", "-")
        folder.mkdir()
        with desk_server(folder) as pulse:
            found = check_up(pulse, folder, **(SETUPS[name][0](pulse, folder) or {}))
        assert all(finding["action"] for finding in found.values() if finding["code"])
        return wrong(found)

    with ThreadPoolExecutor(3) as pool:  # each mostly waits
        found = dict(zip(SETUPS, pool.map(diagnose, SETUPS), strict=True))
    assert found == {name: expected for name, (_, expected) in SETUPS.items()}


@pytest.mark.e2e
def test_in_depth_a_tone_and_a_sentence_are_heard_back_and_the_models_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk_server(tmp_path) as pulse:
        play(pulse, tmp_path, "call", "desk")
        found = check_up(pulse, tmp_path, "--deep", enabled="true")
        assert wrong(found) == {}
        assert "heard back from vmic" in found["route"]["message"]
        assert "model keeps up" in found["speed"]["message"]
        assert found["recognizer"]["status"] == "ok"
        kept = [path for path in tmp_path.rglob("*") if path.is_file() and not {"model", "noise.wav"} & {*path.parts}]
        assert [path.name for path in kept] == ["config.toml"]

        pulse.use(monkeypatch)
        pulse.pactl("set-sink-mute", "vmic", "1")
        route = asyncio.run(check_route(load_config(tmp_path / "config.toml"), Sound(speak("Bonjour.", "fr"), RATE_HZ)))
        assert (route.status, route.code) == ("problem", "not_heard_back")


def test_a_sound_is_found_where_it_is_and_noise_is_not_taken_for_it() -> None:
    rng = np.random.default_rng(0)
    played = rng.normal(0, 0.1, RATE_HZ).astype(np.float32)
    heard = rng.normal(0, 0.05, 4 * RATE_HZ).astype(np.float32)
    assert place_of(played, heard)[1] < 0.1
    silence = np.zeros_like(heard)
    assert place_of(played, np.concatenate([silence, heard]))[1] < 0.1
    assert place_of(played, silence) == (0, 0.0)
    heard[12_345 : 12_345 + RATE_HZ] -= 0.5 * played
    place, likeness = place_of(played, heard)
    assert place == 12_345
    assert likeness > 0.6
    assert place_of(played, np.concatenate([silence, heard, silence]))[0] == len(silence) + 12_345
    assert place_of(played, played[:100]) == (0, 0.0)


@pytest.mark.parametrize("guide", ["guide.fr.md", "guide.en.md"])
def test_the_guide_names_every_code_and_every_code_is_used(guide: str) -> None:
    text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
    assert {code for code in CODES if f"`{code}`" not in text} == set()
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "facilitator").glob("*checkup.py"))
    assert {code for code in CODES if f'"{code}"' not in sources} == set()
