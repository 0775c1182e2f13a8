"""The double of the meeting behaves as the service is promised."""

from __future__ import annotations

from typing import Any

import pytest

from facilitator.web.service import Meeting, RefusedError
from tests.web.meeting import STEPS, FakeMeeting


@pytest.fixture
def meeting() -> FakeMeeting:
    return FakeMeeting()


async def test_it_is_a_meeting_whose_steps_follow_each_other(meeting: FakeMeeting) -> None:
    as_meeting: Meeting = meeting
    seen = [as_meeting.snapshot().step]
    for _ in STEPS[1:]:
        await as_meeting.command("next", {}, None)
        seen.append(as_meeting.snapshot().step)
    assert tuple(seen) == STEPS
    with pytest.raises(RefusedError) as refused:
        await as_meeting.command("next", {}, None)
    assert (refused.value.status, refused.value.code) == (409, "last_step")


async def test_it_refuses_what_a_session_refuses_and_notes_only_what_was_done(meeting: FakeMeeting) -> None:
    for name, values, if_step, status in (
        ("next", {}, "presentation", 409),
        ("dance", {}, None, 400),
        ("extend", {"minutes": "two"}, None, 400),
    ):
        with pytest.raises(RefusedError) as refused:
            await meeting.command(name, values, if_step)
        assert refused.value.status == status
    await meeting.command("extend", {"minutes": 2}, "welcome")
    assert meeting.done == [("extend", {"minutes": 2})]


async def test_it_tells_its_followers_until_they_leave(meeting: FakeMeeting) -> None:
    heard: list[dict[str, Any]] = []
    leave = meeting.follow(heard.append)
    await meeting.command("next", {}, None)
    leave()
    await meeting.command("next", {}, None)
    assert [line["step"] for line in heard] == ["presentation"]


def test_its_defect_shows_in_the_snapshot(meeting: FakeMeeting) -> None:
    meeting.defect = KeyError("x")
    with pytest.raises(KeyError):
        meeting.snapshot()
