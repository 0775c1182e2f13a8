"""What the scribe cannot write down is kept as sound where that is wanted, and told once it is on the disk."""

from __future__ import annotations

from typing import Any

import pytest

from facilitator.core import events as ev
from facilitator.core.actions import OpenGrant
from facilitator.hearing import Heard
from tests.fakes import FakeRecognizer
from tests.test_scribe import GRANT, ONE, desk, heard


@pytest.mark.parametrize(("kept", "warned"), [(True, []), (False, ["recognizer_failed"])])
async def test_without_a_recognizer_sound_is_kept_where_that_is_wanted(*, kept: bool, warned: list[str]) -> None:
    asked: list[tuple[str, OpenGrant, Heard]] = []

    async def keep(*sound: Any) -> bool:
        asked.append(sound)
        assert it.written == [], "it was told before it was kept"
        return kept

    async with desk(None, keep=keep) as it:
        said = heard(0.0, ONE)
        it.scribe.heard(said)
        await it.until_written(1)
        assert asked == [("u001", GRANT, said)]
        assert it.written == [("u001", "live", None)]
        assert it.warned == warned
        assert isinstance(it.listener.events[0], ev.UtteranceHeard)


async def test_the_sound_that_a_recognizer_fails_on_is_kept_and_told() -> None:
    async def keep(*_: Any) -> bool:
        return True

    async with desk(FakeRecognizer(failing=[0, 1]), keep=keep) as it:
        it.scribe.heard(heard(0.0, ONE))
        await it.until_written(1)
        assert it.written == [("u001", "final_pass", None)]
        assert it.warned == ["sound_kept"]
