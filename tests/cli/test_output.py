"""What the commands print and write when all is well, and how a failure differs from wrong use."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import numpy as np

from facilitator.catalog import load_process
from facilitator.data import data_path
from facilitator.findings import CODES
from speech.detection import SileroDetector
from speech.ports import FRAME, RATE_HZ
from speech.sound import read_wav, resample
from tests.cli.command import facilitator
from tests.pulse import PulseServer

SPEECH_PROBABILITY = 0.5


def test_the_devices_are_json_of_one_shape(tmp_path: Path) -> None:
    with PulseServer() as pulse:
        done = facilitator("devices", "--json", cwd=tmp_path, changes=pulse.changes)
    assert (done.code, done.err) == (0, "")
    for device in done.json:
        assert {key: type(value) for key, value in device.items()} == {
            "name": str,
            "kind": str,
            "description": str,
            "is_default": bool,
            "is_monitor": bool,
            "rate_hz": int,
        }
    assert {("call.monitor", "input", True), ("vmic", "output", False)} <= {
        (device["name"], device["kind"], device["is_monitor"]) for device in done.json
    }


def test_without_any_device_the_list_is_empty_and_says_what_to_do(tmp_path: Path) -> None:
    assert facilitator("devices", "--json", cwd=tmp_path).json == []
    done = facilitator("devices", cwd=tmp_path)
    assert done.code == 0
    assert "start the sound server" in done.out


def test_the_models_are_json_of_one_shape(tmp_path: Path) -> None:
    done = facilitator("models", "list", "--json", cwd=tmp_path, changes={"XDG_CACHE_HOME": str(tmp_path)})
    assert (done.code, done.err) == (0, "")
    for model in done.json:
        assert list(model) == ["name", "path", "size_bytes", "languages", "bundled", "seconds_per_second"]
        assert model["seconds_per_second"] is None
        assert isinstance(model["size_bytes"], int)
        assert isinstance(model["languages"], list)
    here = {model["name"]: model for model in done.json if model["path"] is not None}
    assert {name: model["bundled"] for name, model in here.items()} == {"demo": True, "floor": True}
    assert "small" in {model["name"] for model in done.json}


def test_the_checkup_is_json_of_one_shape_and_a_problem_is_exit_code_1(tmp_path: Path) -> None:
    done = facilitator("doctor", "--json", cwd=tmp_path)
    assert (done.code, done.err) == (1, "")
    findings = {finding["part"]: finding for finding in done.json}
    for finding in done.json:
        assert list(finding) == ["part", "status", "message", "action", "code"]
        assert finding["code"] in {*CODES, ""}
        assert finding["status"] in {"ok", "note", "problem"}
        assert finding["message"]
        assert finding["action"] or finding["status"] == "ok"
    parts = {
        "system",
        "configuration",
        "confinement",
        "process",
        "devices",
        "voice",
        "detector",
        "interruptions",
        "model",
    }
    assert parts <= set(findings)
    assert [part for part, finding in findings.items() if finding["status"] == "problem"] == ["devices"]


def test_the_processes_are_listed_shown_and_checked(tmp_path: Path) -> None:
    listed = facilitator("processes", "list", cwd=tmp_path)
    assert listed.out.startswith("codev  ")
    folder = listed.out.split()[1]
    shown = facilitator("processes", "show", "codev", cwd=tmp_path)
    assert all(step.id in shown.out for step in load_process("codev").steps)
    checked = facilitator("processes", "check", f"{folder}/process.toml", cwd=tmp_path)
    assert checked.out == "codev: 8 steps, en, fr (tu), fr (vous). It can be held.\n"
    assert {done.code for done in (listed, shown, checked)} == {0}


def test_a_folder_is_listed_as_it_is_called(tmp_path: Path) -> None:
    own = tmp_path / "[own]" / ("long " * 20 + "end") / "mine"
    shutil.copytree(data_path("prompts") / "codev", own)
    (tmp_path / "config.toml").write_text(f'[session]\nprocesses = "{own.parent}"\n')
    listed = facilitator("processes", "list", "--config", "config.toml", cwd=tmp_path)
    assert f"mine  {own}\n" in listed.out


def test_say_writes_speech_into_a_file(tmp_path: Path) -> None:
    done = facilitator("say", "Bonjour à tous, et merci d'être là.", "--to", "bonjour.wav", cwd=tmp_path)
    assert (done.code, done.out, done.err) == (0, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["bonjour.wav"]
    sound = read_wav(tmp_path / "bonjour.wav")
    samples = resample(sound.samples, sound.rate_hz, RATE_HZ)
    frames = samples[: len(samples) // FRAME * FRAME]
    speech = np.mean(SileroDetector().score(frames) > SPEECH_PROBABILITY)
    assert 1.0 < sound.seconds < 6.0
    assert speech > SPEECH_PROBABILITY


def test_say_replaces_a_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "bonjour.wav"
    path.write_text("something else", encoding="utf-8")
    assert facilitator("say", "Hello.", "--language", "en", "--to", path, cwd=tmp_path).code == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["bonjour.wav"]
    assert read_wav(path).seconds > 0.2


def test_a_failure_is_exit_code_1_and_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = f'[web]\nport = {port}\n[voice]\nenabled = false\n[audio]\nvoice_output = "none"\n'
        (tmp_path / "config.toml").write_text(text, encoding="utf-8")
        done = facilitator("run", "--config", "config.toml", "--ready-file", "ready", cwd=tmp_path)
    assert done.code == 1
    assert f"127.0.0.1:{port}" in done.sentence
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


def test_debug_shows_the_traceback_that_is_hidden_otherwise(tmp_path: Path) -> None:
    done = facilitator("--debug", "replay", "gone.toml", "--out", "out", cwd=tmp_path)
    assert done.code == 2
    assert "Traceback" in done.err
    assert "CallError" in done.err
