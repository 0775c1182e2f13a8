"""Session time goes on from the computer's, whoever sets its clock and however long it sleeps."""

from __future__ import annotations

import time

import pytest

from facilitator import clocks
from facilitator.clocks import running_seconds
from facilitator.store import contents
from facilitator.store.contents import chosen_entry, course_entry, fold
from tests.campaign.virtual import VirtualLoop, virtually
from tests.store.meetings import chosen, in_contract


def kept(at: float, running: float | None) -> contents.Kept:
    course = in_contract().durable().course
    return fold("s", [chosen_entry(chosen()), course_entry(at, time.time(), course, running)])


@virtually
async def test_a_session_goes_on_at_its_second_though_the_clock_was_set_and_the_computer_slept(
    loop: VirtualLoop,
) -> None:
    found = kept(60.0, running_seconds())
    loop.now += 10
    loop.slept += 30
    loop.shifted -= 3600
    assert found.now() == pytest.approx(100.0)


@virtually
async def test_after_a_new_start_of_the_computer_its_clock_is_what_there_is(loop: VirtualLoop) -> None:
    found = kept(60.0, running_seconds())
    loop.now += 40
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contents, "START", "another")
        loop.slept -= 900
        loop.shifted += 900
        assert found.now() == pytest.approx(100.0)


@virtually
async def test_what_an_older_program_kept_goes_on_by_the_clock(loop: VirtualLoop) -> None:
    found = kept(60.0, None)
    loop.now += 40
    loop.shifted += 5
    assert found.now() == pytest.approx(105.0)


@pytest.mark.parametrize(("platform", "clock"), [("linux", "CLOCK_BOOTTIME"), ("darwin", "CLOCK_MONOTONIC")])
def test_the_clock_that_goes_on_in_a_sleep_is_the_system_s(
    platform: str, clock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = getattr(time, clock)
    monkeypatch.setattr(clocks.sys, "platform", platform)
    monkeypatch.setattr(time, "clock_gettime", {number: 12.0}.__getitem__)
    assert running_seconds() == 12.0
    monkeypatch.setattr(clocks.sys, "platform", "win32")
    monkeypatch.setattr(time, "monotonic", lambda: 34.0)
    assert running_seconds() == 34.0
