"""How fast a model writes: measured on the demo model in its real process, and remembered."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from speech.ports import RATE_HZ
from speech.recognition import speed
from speech.recognition.speed import Speeds
from speech.recognition.whisper import WhisperRecognizer
from tests.speech.stores import DEMO, write_model

SETTINGS = {"threads": 2, "compute_type": "auto"}


@pytest.fixture
def speeds(tmp_path: Path) -> Speeds:
    return Speeds(tmp_path / "cache" / "speeds.json")


async def test_a_decode_is_timed_by_what_it_has_to_write_whatever_was_said() -> None:
    silence = np.zeros(5 * RATE_HZ, dtype=np.float32)
    recognizer = WhisperRecognizer(DEMO)
    try:
        assert (await recognizer.transcribe(silence, language="fr")).text == ""
        await recognizer.decode_seconds(silence, language="fr", tokens=5)
        few = min([await recognizer.decode_seconds(silence, language="fr", tokens=5) for _ in range(3)])
        many = min([await recognizer.decode_seconds(silence, language="fr", tokens=200) for _ in range(3)])
    finally:
        await recognizer.close()
    assert 0 < few < many


async def test_a_figure_is_measured_once_and_holds_for_these_settings_alone(speeds: Speeds, tmp_path: Path) -> None:
    assert speeds.known(DEMO, **SETTINGS) is None
    found = await speeds.measure(DEMO, **SETTINGS)
    assert 0 < found < math.inf
    again = Speeds(tmp_path / "cache" / "speeds.json")
    assert again.known(DEMO, **SETTINGS) == found
    assert again.known(DEMO, threads=1, compute_type="auto") is None
    assert again.known(DEMO, threads=2, compute_type="float32") is None
    assert [one.name for one in (tmp_path / "cache").iterdir()] == ["speeds.json"]
    kept = (tmp_path / "cache" / "speeds.json").read_text()
    assert "demo" not in kept
    assert str(DEMO) not in kept


async def test_another_model_in_its_place_or_another_engine_is_measured_anew(
    speeds: Speeds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(DEMO, mine)
    await speeds.measure(mine, **SETTINGS)
    shutil.move(mine, tmp_path / "moved")
    assert speeds.known(tmp_path / "moved", **SETTINGS) is not None
    with monkeypatch.context() as patch:
        patch.setattr(speed, "version", lambda _: "99.0")
        assert speeds.known(tmp_path / "moved", **SETTINGS) is None
    (tmp_path / "moved" / "tokenizer.json").touch()
    assert speeds.known(tmp_path / "moved", **SETTINGS) is None


async def test_a_model_that_fails_or_takes_too_long_keeps_up_with_nothing(speeds: Speeds, tmp_path: Path) -> None:
    broken = write_model(tmp_path / "broken")
    assert await speeds.measure(broken, **SETTINGS) == math.inf
    assert speeds.known(broken, **SETTINGS) == math.inf
    hasty = Speeds(tmp_path / "hasty.json", most_seconds=0.01)
    assert await hasty.measure(DEMO, **SETTINGS) == math.inf
    assert await speeds.measure(tmp_path / "gone", **SETTINGS) == math.inf


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"x": "y"}', '{"x": null}'])
async def test_a_damaged_file_knows_nothing_and_is_made_again(speeds: Speeds, tmp_path: Path, damage: str) -> None:
    file = tmp_path / "cache" / "speeds.json"
    file.parent.mkdir()
    file.write_text(damage, encoding="utf-8")
    assert speeds.known(DEMO, **SETTINGS) is None
    broken = write_model(tmp_path / "broken")
    await speeds.measure(broken, **SETTINGS)
    assert speeds.known(broken, **SETTINGS) == math.inf


async def test_where_nothing_can_be_kept_the_figure_is_given_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    speeds = Speeds(tmp_path / "file" / "speeds.json")
    assert await speeds.measure(write_model(tmp_path / "broken"), **SETTINGS) == math.inf
    assert speeds.known(tmp_path / "broken", **SETTINGS) is None
