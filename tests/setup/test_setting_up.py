"""The set-up: choices live in it, the check ends with its watchers, and the session is made of what was chosen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from facilitator.config import AudioConfig, Config, SessionConfig
from facilitator.errors import StoreError
from facilitator.followup import FollowUp
from facilitator.setup import setting_up as module
from facilitator.setup.choices import Choices
from facilitator.setup.setting_up import SettingUp
from facilitator.store.contents import Person
from facilitator.web.meeting import RefusedError
from speech.devices import Device
from tests.setup.room import Room, until

LISTENING = Config(audio=AudioConfig(call_input="call.monitor", microphone_input="mic"))
PLAN = FollowUp.model_validate_json('{"on": "2026-11-03", "items": [{"text": "Je l\'appelle"}]}')


@pytest.fixture
async def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture
async def setup(room: Room) -> AsyncIterator[SettingUp]:
    made = room.set_up(LISTENING)
    await made.start()
    yield made
    await made.close()


def refused(raised: pytest.ExceptionInfo[RefusedError]) -> tuple[int, str]:
    return raised.value.status, raised.value.code


async def test_it_starts_with_what_the_configuration_and_the_command_line_say(room: Room) -> None:
    setup = room.set_up(LISTENING, [Person(name="Camille", role="client")], follow_up=PLAN)
    await setup.start()
    view = setup.view()
    assert [person.name for person in view.choices.people] == ["Camille"]
    assert (view.choices.call_input, view.troubles) == ("call.monitor", {})
    assert view.follow_up is not None
    assert (view.follow_up.on, view.follow_up.actions) == ("2026-11-03", 1)
    assert [device.name for device in view.devices] == ["call.monitor", "mic", "out", "vmic"]
    await setup.close()


async def test_a_change_is_told_to_everybody_who_watches(setup: SettingUp) -> None:
    told: list[int] = []
    end = setup.watch_changes(lambda: told.append(setup.view().choices.duration or 0))
    await setup.change({"duration": 60, "people": [{"name": "Nour", "role": "consultant"}]})
    assert told == [60]
    end()
    await setup.change({"duration": 120})
    assert told == [60]


async def test_another_language_changes_the_words_at_once(setup: SettingUp) -> None:
    await setup.change({"language": "en"})
    assert setup.strings()["interface.setup.title"] == "Prepare the session"
    assert setup.view().said.startswith("Welcome.")
    assert setup.stage().language == "en"


@pytest.mark.parametrize("wrong", [{"lenght": 60}, {"duration": "long"}, {"people": "Camille"}, {"way": "mail"}])
async def test_what_is_no_choice_changes_nothing(setup: SettingUp, wrong: dict[str, Any]) -> None:
    before = setup.view()
    with pytest.raises(RefusedError) as raised:
        await setup.change(wrong)
    assert raised.value.status == 400
    assert str(raised.value).endswith(("?", "."))
    assert setup.view() == before


async def test_nothing_is_captured_but_while_somebody_watches_the_levels(setup: SettingUp, room: Room) -> None:
    assert not room.open
    first, second = setup.listen(lambda: None), setup.listen(lambda: None)
    await until(lambda: [level.state for level in setup.levels()] == ["silent", "heard"])
    assert setup.listening
    first()
    assert setup.listening
    await setup.change({"call_input": "none"})
    assert [level.channel for level in setup.levels()] == ["microphone"]
    second()
    assert not setup.listening
    await until(lambda: not room.open)


async def test_the_check_ends_when_the_session_begins(setup: SettingUp, room: Room) -> None:
    end = setup.listen(lambda: None)
    await until(lambda: room.open)
    await setup.begin()
    assert not setup.listening
    await until(lambda: not room.open)
    end()
    end = setup.listen(lambda: None)
    assert not setup.listening
    end()


async def test_a_device_that_vanishes_is_told_beside_its_field(
    setup: SettingUp, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    told = asyncio.Event()
    end = setup.watch_changes(told.set)
    room.devices = tuple(device for device in room.devices if device.name != "mic")
    await asyncio.wait_for(told.wait(), 5)
    assert set(setup.view().troubles) == {"microphone_input"}
    assert "mic" in setup.view().troubles["microphone_input"]
    assert setup.view().choices.microphone_input == "mic"
    end()


async def test_the_voice_is_tried_on_the_chosen_output(setup: SettingUp, room: Room) -> None:
    await setup.change({"output": "vmic"})
    room.may_play.clear()
    setup.say()
    assert setup.view().voice[0] == "playing"
    with pytest.raises(RefusedError) as raised:
        setup.say()
    assert refused(raised) == (409, "not_now")
    room.may_play.set()
    await until(lambda: setup.view().voice[0] == "played")
    assert [name for name, _ in room.played] == ["vmic"]
    await setup.change({"output": "out"})
    assert setup.view().voice[0] == "idle"


async def test_a_voice_that_was_not_played_is_never_said_to_be(setup: SettingUp, room: Room) -> None:
    room.broken.add("default")
    setup.say()
    await until(lambda: setup.view().voice[0] == "failed")
    room.mute = True
    setup.say()
    await until(lambda: setup.view().voice[0] == "none")
    await setup.change({"output": "gone"})
    with pytest.raises(RefusedError) as raised:
        setup.say()
    assert refused(raised) == (409, "device_gone")
    await setup.change({"way": "none"})
    with pytest.raises(RefusedError):
        setup.say()


async def test_through_the_stage_it_is_played_by_the_tab_that_may(setup: SettingUp) -> None:
    await setup.change({"way": "stage"})
    setup.say()
    await until(lambda: setup.view().voice[0] == "locked")
    lines: list[dict[str, Any]] = []
    tab = setup.tabs.open(lines.append)
    tab.unlocked(unlocked=True)
    setup.say()
    await until(lambda: lines)
    assert setup.stage().speaking == setup.strings()["interface.setup.sample"]
    assert lines[0]["type"] == "prompt"
    assert setup.tabs.wav(lines[0]["id"])
    tab.played(lines[0]["id"], None)
    await until(lambda: setup.view().voice[0] == "played")
    assert setup.stage().speaking is None
    tab.close()


async def test_a_tab_that_goes_in_the_middle_was_not_heard(setup: SettingUp) -> None:
    await setup.change({"way": "stage"})
    lines: list[dict[str, Any]] = []
    tab = setup.tabs.open(lines.append)
    tab.unlocked(unlocked=True)
    setup.say()
    await until(lambda: lines)
    tab.close()
    await until(lambda: setup.view().voice[0] == "locked")


async def test_the_session_is_made_of_what_was_chosen(setup: SettingUp, room: Room) -> None:
    people = [{"name": "Camille", "role": "client"}, {"name": "Nour", "role": "consultant"}]
    await setup.change({"duration": 60, "people": people, "way": "stage"})
    assert await setup.begin() is room.meeting
    [(config, choices, follow_up)] = room.begun
    assert (config.session.duration, config.audio.voice_output, follow_up) == (60, "stage", None)
    assert [person.name for person in choices.present()] == ["Camille", "Nour"]
    assert setup.view().state == "beginning"
    with pytest.raises(RefusedError) as raised:
        await setup.change({"duration": 90})
    assert refused(raised) == (409, "begun")


async def test_a_session_that_cannot_begin_says_why_and_loses_nothing(setup: SettingUp, room: Room) -> None:
    await setup.change({"people": [{"name": "Nour", "role": "consultant"}]})
    with pytest.raises(RefusedError) as raised:
        await setup.begin()
    assert refused(raised) == (409, "troubles")
    await setup.change({"people": []})
    room.failure = StoreError("The disk is full: make room.")
    with pytest.raises(RefusedError) as raised:
        await setup.begin()
    assert (refused(raised), str(raised.value)) == ((422, "not_begun"), "The disk is full: make room.")
    assert (setup.view().notice, setup.view().state) == ("The disk is full: make room.", "open")
    room.failure = None
    await setup.begin()
    assert len(room.begun) == 1


async def test_a_defect_leaves_the_set_up_open(setup: SettingUp, room: Room) -> None:
    room.failure = RuntimeError()
    with pytest.raises(RuntimeError):
        await setup.begin()
    assert setup.view().state == "open"


async def test_a_device_that_is_gone_at_the_last_moment_is_found(setup: SettingUp, room: Room) -> None:
    room.devices = (Device("out", "output", "Speakers", is_default=True, is_monitor=False),)
    with pytest.raises(RefusedError) as raised:
        await setup.begin()
    assert refused(raised) == (409, "troubles")
    assert room.begun == []


async def test_a_plan_is_taken_from_its_file_and_left_out_again(setup: SettingUp, room: Room) -> None:
    await setup.bring(f"Le plan\n\n{PLAN.to_line()}\n".encode())
    assert setup.view().follow_up is not None
    with pytest.raises(RefusedError) as raised:
        await setup.bring(b"a shopping list")
    assert refused(raised) == (422, "no_plan")
    assert setup.view().follow_up is not None
    await setup.begin()
    assert room.begun[0][2] == PLAN


async def test_no_plan_is_taken_where_it_was_left_out(setup: SettingUp, room: Room) -> None:
    await setup.bring(PLAN.to_line().encode())
    await setup.bring(b"")
    assert setup.view().follow_up is None


async def kept_by(room: Room, **choices: Any) -> Choices | None:
    """Hold a set-up to its end with these choices, and return what is kept of it."""
    setup = room.set_up(LISTENING)
    await setup.start()
    await setup.change({"duration": 60, "people": [{"name": "Camille", "role": "client"}], **choices})
    await setup.begin()
    await setup.close()
    return room.kept.read()


async def test_nothing_is_kept_unless_it_is_asked_for(room: Room) -> None:
    assert await kept_by(room, keep=False, keep_names=True) is None
    settings = await kept_by(room, keep=True)
    assert settings is not None
    assert (settings.duration, settings.people) == (60, ())
    assert await kept_by(room, keep=False) is None


async def test_the_group_before_is_offered_and_taken_only_when_asked(room: Room) -> None:
    await kept_by(room, keep=True, keep_names=True)
    setup = room.set_up(LISTENING)
    await setup.start()
    view = setup.view()
    assert (view.choices.duration, view.choices.people, view.kept) == (60, (), True)
    assert [person.name for person in view.previous] == ["Camille"]
    await setup.forget()
    view = setup.view()
    assert (view.previous, view.kept, view.choices.keep, view.choices.duration) == ((), False, False, 60)
    assert room.kept.read() is None
    await setup.close()


async def test_what_the_command_line_says_goes_before_what_was_kept(room: Room) -> None:
    await kept_by(room, keep=True)
    config = LISTENING.model_copy(update={"session": SessionConfig(duration=120)})
    setup = room.set_up(config, [Person(name="Nour", role="client")], given={"duration"})
    await setup.start()
    assert setup.view().choices.duration == 120
    assert [person.name for person in setup.view().choices.people] == ["Nour"]
    await setup.close()


async def test_what_could_not_be_forgotten_is_never_said_to_be(
    setup: SettingUp, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck() -> None:
        raise StoreError("The keyring does not answer: unlock it.")

    monkeypatch.setattr(room.kept, "forget", stuck)
    with pytest.raises(RefusedError) as raised:
        await setup.forget()
    assert refused(raised) == (422, "not_forgotten")


async def test_models_and_a_server_are_offered_in_words(room: Room) -> None:
    room.models = ("small", "large")
    setup = room.set_up(LISTENING)
    await setup.start()
    assert [one.name for one in setup.view().writers] == [
        "Le meilleur modèle pour cet ordinateur", "small", "large", "Rien : le texte se saisit à la main",
    ]  # fmt: skip
    await setup.close()
