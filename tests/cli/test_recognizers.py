"""Which model a session gets: the largest that keeps up on this computer."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from facilitator.cli import parts
from facilitator.config import Config, SessionConfig, TranscriptionConfig
from speech.recognition.speed import KEEPS_UP
from tests.cli.command import facilitator
from tests.speech.stores import DEMO

FRENCH_ONLY = "large-v3-distil-fr"


def chosen(**settings: Any) -> Config:
    return Config(transcription=TranscriptionConfig(**settings))


def install(data: Path, name: str, size: int) -> Path:
    """Put a model there, a copy of the demo model that is larger by `size` bytes."""
    shutil.copytree(DEMO, data / name)
    (data / name / "README.md").write_bytes(bytes(size))
    return data / name


@pytest.fixture
def three(data: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Return the speeds of three installed models, for the test to set; `measured` names what was measured."""
    for count, name in enumerate(("base", "small", FRENCH_ONLY)):
        install(data, name, 1000 * count)
    speeds: dict[str, float] = {}
    known: dict[str, float] = {}

    def measure(_: Config, model: Path) -> float:
        known[model.name] = speeds[model.name]
        return speeds[model.name]

    monkeypatch.setattr(parts, "measure_model", measure)
    monkeypatch.setattr(parts, "speed_of", lambda _, model: known.get(model.name))
    return speeds


def name(model: Path | None) -> str | None:
    return None if model is None else model.name


def test_the_largest_model_that_keeps_up_is_chosen(three: dict[str, float]) -> None:
    three |= {"base": 0.1, "small": 0.4, FRENCH_ONLY: KEEPS_UP}
    assert name(parts.choose_model(Config())) == FRENCH_ONLY
    assert parts.told_of_recognizer(Config(), parts.choose_model(Config())) == []


def test_a_model_that_is_too_slow_is_left_and_larger_ones_are_not_waited_for(three: dict[str, float]) -> None:
    three |= {"base": 0.1, "small": KEEPS_UP + 0.01}  # a measurement of the third would be a KeyError
    assert name(parts.choose_model(Config())) == "base"


def test_where_nothing_keeps_up_the_smallest_serves_and_that_is_told(three: dict[str, float]) -> None:
    three |= {"base": 2.0}
    model = parts.choose_model(Config())
    assert name(model) == "base"
    assert parts.told_of_recognizer(Config(), model) == ["slow_model"]


def test_a_meeting_that_has_begun_waits_for_no_measurement(three: dict[str, float]) -> None:
    assert name(parts.choose_model(Config(), measure=False)) == "base"
    three |= {"base": 0.1, "small": 0.3, FRENCH_ONLY: 3.0}
    parts.choose_model(Config())
    three.clear()
    assert name(parts.choose_model(Config(), measure=False)) == "small"


def test_a_model_of_another_language_is_not_chosen(three: dict[str, float]) -> None:
    three |= {"base": 0.1, "small": 0.1, FRENCH_ONLY: 0.1}
    assert name(parts.choose_model(Config(session=SessionConfig(language="en")))) == "small"


def test_what_need_not_keep_up_is_written_by_the_largest(three: dict[str, float]) -> None:
    assert name(parts.choose_model(Config(), live=False)) == FRENCH_ONLY


def test_a_model_that_is_named_is_taken_as_it_is(three: dict[str, float], data: Path) -> None:
    assert name(parts.choose_model(chosen(model="small"))) == "small"
    assert name(parts.choose_model(chosen(model=str(data / "base")))) == "base"


def test_speeds_are_measured_and_listed_by_the_command(data: Path, tmp_path: Path) -> None:
    install(data, "mine", 0)
    broken = install(data, "broken", 10)
    (broken / "tokenizer.json").write_text("{}", encoding="utf-8")
    before = {one["name"]: one for one in facilitator("models", "list", "--json", cwd=tmp_path).json}
    assert before["mine"]["seconds_per_second"] is None
    done = facilitator("models", "list", "--measure", "--json", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    after = {one["name"]: one["seconds_per_second"] for one in done.json}
    assert 0 < after["mine"] < 10
    assert after["broken"] is after["small"] is None
    shown = facilitator("models", "list", cwd=tmp_path).out
    assert f"{parts.speed_of(Config(), data / 'mine'):.2f} s for a second of speech" in shown
    assert "fails or is far too slow" in shown
    known = parts.speed_of(Config(), data / "mine")
    assert known == pytest.approx(after["mine"], abs=0.001)
    (tmp_path / "no.toml").write_text('[transcription]\nthreads = "x"\n', encoding="utf-8")
    assert "'transcription.threads'" in facilitator("models", "list", "--config", "no.toml", cwd=tmp_path).sentence
