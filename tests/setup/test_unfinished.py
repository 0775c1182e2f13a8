"""A session that was broken off, in the set-up: it goes on, or is destroyed, and never said to be before it is."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from facilitator.config import Config
from facilitator.errors import StoreError
from facilitator.setup.means import Unfinished
from facilitator.web.meeting import RefusedError
from tests.setup.room import Room
from tests.setup.test_setting_up import LISTENING, refused


@pytest.fixture
async def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def left(resume: Any, destroy: Any) -> Unfinished:
    began = dt.datetime(2026, 11, 24, 14, 2, tzinfo=dt.UTC)
    return Unfinished(began, began, "Contrat", resume, destroy)


async def test_a_session_that_was_broken_off_goes_on_on_the_devices_that_are_chosen(room: Room) -> None:
    asked: list[str] = []

    async def resume(config: Config) -> Any:
        asked.append(config.audio.call_input)
        if len(asked) == 1:
            raise StoreError("It is held elsewhere: end it there first.")
        return room.meeting

    setup = room.set_up(LISTENING, unfinished=left(resume, list))
    await setup.start()
    await setup.change({"call_input": "mic", "microphone_input": "none"})
    with pytest.raises(RefusedError) as raised:
        await setup.resume()
    assert refused(raised) == (422, "not_begun")
    assert (setup.view().state, setup.view().notice) == ("open", "It is held elsewhere: end it there first.")
    assert await setup.resume() is room.meeting
    assert asked == ["mic", "mic"]
    with pytest.raises(RefusedError) as raised:
        await setup.destroy()
    assert refused(raised) == (409, "begun")
    await setup.close()


async def test_it_is_gone_once_it_was_destroyed_and_not_before(room: Room) -> None:
    answers = [StoreError("The keyring does not answer: unlock it."), None]

    def destroy() -> None:
        if (failure := answers.pop(0)) is not None:
            raise failure

    setup = room.set_up(LISTENING, unfinished=left(None, destroy))
    await setup.start()
    with pytest.raises(RefusedError) as raised:
        await setup.destroy()
    assert refused(raised) == (422, "not_destroyed")
    assert setup.view().unfinished is not None
    await setup.destroy()
    assert setup.view().unfinished is None
    for ask in (setup.destroy, setup.resume):
        with pytest.raises(RefusedError) as raised:
            await ask()
        assert refused(raised) == (409, "not_now")
    assert setup.view().state == "open"
    await setup.close()
