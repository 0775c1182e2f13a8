"""`facilitator replay` of one mixed call: the same at every speed, and it says so when nothing can be told."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facilitator.demo import make_call
from speech.capture.files import FileSource
from speech.ports import Samples
from speech.sound import write_flac
from tests.cli.command import facilitator
from tests.cli.test_replay import SCRIPT

MUTE = "[voice]\nenabled = false\n"


async def read(path: Path) -> Samples:
    source = FileSource(path, chunk_seconds=10.24)
    parts = []
    while (block := await source.read()) is not None:
        parts.append(block.samples)
    return np.concatenate(parts)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recorded call of three people in one recording, about 25 s long."""
    folder = tmp_path_factory.mktemp("mixed")
    tracks = asyncio.run(make_call(SCRIPT, {}, folder, lambda *_: None)).parent
    sounds = [asyncio.run(read(path)) for path in sorted(tracks.glob("*.flac"))]
    write_flac(tracks / "call.flac", np.sum(sounds, axis=0, dtype=np.float32))
    lines = (tracks / "CALL.toml").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("track = ")]
    (tracks / "MIXED.toml").write_text("\n".join(['audio = "call.flac"', *kept]) + "\n", encoding="utf-8")
    return tracks / "MIXED.toml"


def replay(call: Path, folder: Path, config: str, speed: str = "max") -> list[dict[str, Any]]:
    folder.mkdir()
    (folder / "config.toml").write_text(MUTE + config, encoding="utf-8")
    done = facilitator("replay", call, "--out", "out", "--speed", speed, "--config", "config.toml", cwd=folder)
    assert (done.code, done.err) == (0, "")
    return [json.loads(line) for line in (folder / "out" / "events.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_mixed_call_gives_the_same_events_at_every_speed(mixed: Path, tmp_path: Path) -> None:
    first = replay(mixed, tmp_path / "first", '[listening]\ncues = "more"\n')
    assert first == replay(mixed, tmp_path / "slower", '[listening]\ncues = "more"\n', "20")
    assert "no_detector" not in {line.get("code") for line in first}
    for flag in (line for line in first if line["type"] == "interruption_flagged"):
        assert (flag["evidence"], flag["who"], flag["step"]) == ("overlap", None, "presentation")
        assert 0.5 <= flag["confidence"] <= 1


def test_without_a_detector_a_mixed_call_says_so_and_flags_nothing(mixed: Path, tmp_path: Path) -> None:
    lines = replay(mixed, tmp_path / "none", '[listening]\ndetector = "none"\n')
    (warning,) = [line for line in lines if line.get("code") == "no_detector"]
    assert warning["message"].startswith("Dans cet appel, toutes les voix sont mêlées")
    assert not [line for line in lines if line["type"] == "interruption_flagged"]
