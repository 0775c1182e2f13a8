"""What is chosen on the page makes the same configuration as the one that it came from, but for what was changed."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from facilitator.config import AudioConfig, Config, ListeningConfig, SessionConfig, TranscriptionConfig, VoiceConfig
from facilitator.setup.choices import AUTO, SERVER, Choices, PersonChosen
from facilitator.store.contents import Person

SERVED = TranscriptionConfig(server="https://speech.example.org/v1")
CONFIGS = [
    Config(),
    Config(session=SessionConfig(duration=60, language="en", address="vous"), audio=AudioConfig(voice_output="stage")),
    Config(voice=VoiceConfig(enabled=False), audio=AudioConfig(voice_output="none")),
    Config(audio=AudioConfig(call_input="call.monitor", microphone_input="mic", voice_output="vmic")),
    Config(listening=ListeningConfig(enabled=False), transcription=SERVED),
    Config(transcription=TranscriptionConfig(model="large")),
    Config(transcription=TranscriptionConfig(model="none")),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_choices_that_nobody_changed_leave_the_configuration_as_it_is(config: Config) -> None:
    assert Choices.of(config).onto(config) == config


def test_what_is_chosen_is_in_the_configuration_and_nothing_else_changes() -> None:
    config = Config(transcription=SERVED, voice=VoiceConfig(words_per_minute=140))
    choices = Choices.of(config).model_copy(
        update={"duration": 75, "way": "stage", "call_input": "call.monitor", "writer": "small", "listens": False}
    )
    changed = choices.onto(config)
    assert (changed.session.duration, changed.audio.voice_output, changed.audio.call_input) == (
        75,
        "stage",
        "call.monitor",
    )
    assert (changed.transcription.server, changed.transcription.model) == ("", "small")
    assert not changed.listening.enabled
    assert changed.voice.words_per_minute == 140


def test_a_session_without_a_voice_has_none_and_one_with_a_voice_has_it_again() -> None:
    silent = Config(voice=VoiceConfig(enabled=False))
    assert Choices.of(silent).way == "none"
    assert Choices.of(silent).model_copy(update={"way": "device"}).onto(silent).voice.enabled


@pytest.mark.parametrize(
    ("settings", "writer"),
    [(TranscriptionConfig(), AUTO), (SERVED, SERVER), (TranscriptionConfig(model="none"), "none")],
)
def test_what_writes_is_what_the_configuration_says(settings: TranscriptionConfig, writer: str) -> None:
    assert Choices.of(Config(transcription=settings)).writer == writer


def test_people_are_those_of_the_command_line_without_spaces_around_their_names() -> None:
    choices = Choices.of(Config(), [Person(name="Camille", role="client")])
    assert choices.people == (PersonChosen(name="Camille", role="client"),)
    written = choices.model_copy(update={"people": (PersonChosen(name="  Nour ", role="consultant"),)})
    assert written.present() == (Person(name="Nour", role="consultant"),)


def test_nothing_is_an_input_where_nothing_is_listened_to() -> None:
    config = Config(audio=AudioConfig(call_input="call.monitor"))
    assert Choices.of(config).inputs == {"call": "call.monitor"}
    assert Choices.of(config).model_copy(update={"listens": False}).inputs == {}


@pytest.mark.parametrize(
    "wrong", [{"way": "by hand"}, {"duration": 1.5}, {"listens": "yes"}, {"people": [{"name": "A"}]}]
)
def test_what_is_no_choice_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Choices.model_validate({**Choices.of(Config()).model_dump(), **wrong})
