"""What the check-up says where a system has no means to confine us."""

from __future__ import annotations

import pytest

from facilitator import checkup
from facilitator.checkup import UNCONFINED, Finding
from facilitator.cli import parts
from facilitator.config import Config, TranscriptionConfig
from speech.confinement import CORE, MEMORY, NETWORK


@pytest.mark.parametrize("refused", [(CORE,), (MEMORY, NETWORK), (CORE, MEMORY, NETWORK)])
def test_what_is_refused_here_is_said_and_no_more(refused: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "refused_here", lambda: refused)
    told = checkup._confinement()
    assert (told.part, told.status) == ("confinement", "note")
    assert {name for name, sentence in UNCONFINED.items() if sentence in told.message} == set(refused)


def test_where_nothing_is_refused_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "refused_here", tuple)
    assert isinstance(told := checkup._confinement(), Finding)
    assert told.status == "ok"


async def test_a_model_that_is_not_wanted_is_not_said_to_be_missing() -> None:
    config = Config(transcription=TranscriptionConfig(model="none"))
    assert parts.choose_model(config) is None
    assert parts.told_of_recognizer(config, None) == []
    assert parts.make_recognizer(config, None) is None
    found = [await checkup._model(config, made_of(config))]
    assert [finding.message for finding in found] == ["Switched off: contract and plan are written by hand."]


def made_of(config: Config) -> checkup.Parts:
    """Return a check-up's parts, of which only the model is asked for."""
    return checkup.Parts(
        config_file=None,
        open_voice=lambda: parts.open_voice(config, "fr"),
        open_detector=lambda: None,
        choose_model=lambda: parts.choose_model(config),
        make_recognizer=lambda model: parts.make_recognizer(config, model),
        installed=list,
        measure=lambda _: 0.0,
    )
