"""Which detector of other voices a session gets, and what the check-up says of it."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest

from facilitator.checkup import Parts, _interruptions
from facilitator.cli import parts
from facilitator.config import Config, ListeningConfig
from facilitator.errors import InstallationError, UsageError
from facilitator.findings import Finding
from speech.interruptions.detector import PrimedDetector
from tests.cli.command import facilitator


def chosen(detector: str) -> Config:
    return Config(listening=ListeningConfig(detector=detector))


def finding(config: Config) -> Finding:
    async def never() -> None:
        raise AssertionError

    used = Parts(
        config_file=None,
        open_voice=never,
        open_detector=lambda: parts.open_detector(config),
        choose_model=lambda: None,
        make_recognizer=lambda _: None,
        installed=list,
        measure=lambda _: 0.0,
    )
    return _interruptions(config, used)


def test_the_one_that_comes_along_serves_unless_another_is_named() -> None:
    assert isinstance(parts.open_detector(Config()), PrimedDetector)
    assert isinstance(parts.open_detector(chosen(str(parts.floor_model()))), PrimedDetector)
    assert parts.open_detector(chosen("none")) is None
    assert finding(Config()).status == "ok"


def test_a_folder_that_holds_none_is_refused_in_one_sentence(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "gone"):
        with pytest.raises(UsageError, match=r"holds no detector of interruptions: name another") as caught:
            parts.open_detector(chosen(str(folder)))
        assert caught.value.exit_code == 2
        assert finding(chosen(str(folder))).status == "problem"


def test_an_installation_without_it_goes_on_without_it() -> None:
    with patch.object(parts, "data_path", side_effect=InstallationError("It is not there.")):
        assert parts.open_detector(Config()) is None
        assert finding(Config()) == Finding(
            "interruptions", "note", "The detector is missing: on one mixed call none is told.", "Install it again."
        )
    assert finding(chosen("none")).status == "note"


def test_the_list_of_models_says_what_it_is_for(tmp_path: Path) -> None:
    shown = " ".join(facilitator("models", "list", cwd=tmp_path).out.split())
    assert "floor" in shown
    assert "comes along, hears interruptions on one mixed call" in shown
    assert "comes along, for the sample session only" in shown
