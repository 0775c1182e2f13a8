"""What is to be changed before a session can begin is told beside its field; all else may begin."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from facilitator.config import Config
from facilitator.data import data_path
from facilitator.setup.choices import Choices, PersonChosen
from facilitator.setup.offer import Offer, troubles, words
from facilitator.setup.showing import ready, show
from facilitator.setup.view import DeviceShown
from tests.setup.room import DEVICES

OFFER = Offer(
    devices=tuple(
        DeviceShown(
            name=one.name,
            kind=one.kind,
            description=one.description,
            is_default=one.is_default,
            is_monitor=one.is_monitor,
        )
        for one in DEVICES
    ),
    models=("small",),
)
GOOD = Choices.of(Config()).model_copy(update={"call_input": "call.monitor", "microphone_input": "mic"})


def chosen(**changes: Any) -> Choices:
    return Choices.model_validate({**GOOD.model_dump(), **changes})


def people(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"people": [{"name": name, "role": role} for name, role in pairs]}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"listens": False, "call_input": "gone"},
        {"duration": 75, "language": "en", "address": "vous"},
        {"call_input": "Headset", "microphone_input": "none"},
        {"way": "stage", "output": "gone"},
        {"way": "none", "output": "gone"},
        {"output": "vmic", "microphone_input": "default"},
        {"writer": "small"},
        {"writer": "none"},
        people(("Camille", "client"), ("Nour", "consultant"), ("Ana", "animator")),
    ],
)
def test_nothing_is_wrong_with_what_can_be(changes: dict[str, Any]) -> None:
    assert troubles(chosen(**changes), OFFER) == {}


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"process": "other"}, "process", "no_process"),
        ({"language": "de"}, "language", "no_language"),
        ({"address": "usted"}, "address", "no_address"),
        ({"duration": None}, "duration", "duration"),
        ({"duration": 9}, "duration", "duration"),
        ({"duration": 481}, "duration", "duration"),
        (people(("Camille", "client"), (" ", "consultant")), "people.1", "no_name"),
        (people(("Camille", "client"), ("camille ", "consultant")), "people.1", "name_twice"),
        (people(("Camille", "client"), ("Nour", "expert")), "people.1", "no_role"),
        (people(("Nour", "consultant")), "people", "no_client"),
        ({"output": "gone"}, "output", "device_gone"),
        ({"output": "mic"}, "output", "device_gone"),
        ({"call_input": "out"}, "call_input", "device_gone"),
        ({"microphone_input": "gone"}, "microphone_input", "device_gone"),
        ({"microphone_input": "call.monitor"}, "microphone_input", "same_input"),
        ({"call_input": "none", "microphone_input": "none"}, "listens", "no_input"),
        ({"writer": "large"}, "writer", "no_model"),
        ({"writer": "server"}, "writer", "no_model"),
    ],
)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_each_thing_that_cannot_be_has_its_sentence(
    changes: dict[str, Any], field: str, code: str, language: str
) -> None:
    choices = chosen(**{"language": language, **changes})
    if code == "no_address":
        choices = chosen(**changes)
    found = troubles(choices, OFFER)
    assert {name: trouble[0] for name, trouble in found.items()} == {field: code}
    sentence = show(choices, OFFER).troubles[field]
    assert sentence.endswith((".", "?"))
    assert "{" not in sentence


def test_a_computer_without_devices_says_so_of_its_own_choice() -> None:
    found = troubles(chosen(microphone_input="default", call_input="none"), Offer())
    assert found == {"output": ("no_output", {}), "microphone_input": ("no_default_input", {})}


def test_the_page_shows_the_plan_and_what_will_be_said() -> None:
    view = show(chosen(duration=60), OFFER)
    assert [(step.title, step.minutes) for step in view.plan][:2] == [("Accueil", 5), ("Exposé", 5)]
    assert sum(step.minutes for step in view.plan) == 60
    assert view.lengths == (60, 90, 120)
    assert "pendant cinq minutes" in view.said
    assert "j'écoute" in view.said
    assert [role.name for role in view.roles] == ["Client", "Consultant", "Animateur"]
    assert [(one.id, one.name) for one in view.languages] == [("en", "English"), ("fr", "Français")]
    assert view.addresses == ("tu", "vous")
    assert "j'écoute" not in show(chosen(listens=False), OFFER).said


def test_what_will_be_said_names_the_server_and_the_sound_that_is_kept() -> None:
    served = Offer(devices=OFFER.devices, server="speech.example.org")
    assert "speech.example.org" in show(chosen(writer="server"), served).said
    assert "speech.example.org" in {one.id: one.name for one in show(GOOD, served).writers}["server"]
    assert "speech.example.org" not in show(GOOD, served).said
    assert "chiffré" in show(GOOD, Offer(devices=OFFER.devices, keeps_sound=True)).said


def test_a_length_that_is_too_short_for_a_step_has_its_sentence_and_no_plan(tmp_path: Path) -> None:
    shutil.copytree(data_path("prompts/codev"), tmp_path / "brief")
    file = tmp_path / "brief" / "process.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("60 = 5", "60 = 1"), encoding="utf-8")
    short = show(chosen(process=str(tmp_path / "brief"), duration=10), OFFER)
    assert short.troubles == {"duration": "10 minutes sont trop courtes pour toutes les étapes."}
    assert (short.plan, short.said) == ((), "")


def test_a_process_that_cannot_be_read_leaves_the_rest_of_the_page() -> None:
    lost = show(chosen(process="other"), OFFER)
    assert (lost.roles, lost.languages) == ((), ())
    assert words(chosen(process="other"), OFFER).code == "fr"


def test_the_session_to_come_is_shown_ready_whatever_is_still_wrong() -> None:
    for choices in (GOOD, chosen(duration=None), chosen(process="other"), chosen(**people(("A", "expert")))):
        settings, language = ready(choices, OFFER)
        assert settings.seconds
        assert language.code == "fr"
        assert settings.participants == ()


def test_a_process_that_the_configuration_names_by_its_path_can_be_chosen(tmp_path: Path) -> None:
    offer = Offer(named=(str(tmp_path / "ours"),))
    assert [(one.id, one.name) for one in offer.processes()] == [("codev", "codev"), (str(tmp_path / "ours"), "ours")]


def test_a_person_is_kept_as_written() -> None:
    assert chosen(**people((" Nour", "client"))).people == (PersonChosen(name=" Nour", role="client"),)
