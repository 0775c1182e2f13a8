"""The sound check: levels, and whether a sound ever came; nothing is open before it or after it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facilitator.setup import levels
from facilitator.setup.levels import LOWEST_DB, Meter, SoundCheck
from speech.ports import RATE_HZ
from tests.setup.room import Room, RoomSource, tone, until

TENTH = RATE_HZ // 10


@pytest.mark.parametrize(
    ("level", "db"), [(1.0, 0.0), (0.1, -20.0), (0.01, -40.0), (0.000_1, LOWEST_DB), (0.0, LOWEST_DB)]
)
def test_a_level_is_the_mean_power_below_full_scale(level: float, db: float) -> None:
    meter = Meter()
    assert meter.take(np.tile(np.array([level, -level], dtype=np.float32), TENTH // 2))
    assert meter.db == pytest.approx(db, abs=0.1)


def test_a_level_is_told_once_a_tenth_of_a_second() -> None:
    meter = Meter()
    told = [meter.take(np.full(TENTH // 4, 0.1, dtype=np.float32)) for _ in range(8)]
    assert told == [False, False, False, True] * 2


def test_what_is_heard_is_told_from_zeros_never_from_loudness() -> None:
    meter = Meter()
    zeros = np.zeros(RATE_HZ, dtype=np.float32)
    meter.take(zeros)
    assert meter.state == "silent"
    meter.take(np.full(10, 1e-5, dtype=np.float32))
    assert meter.state == "heard"
    meter.take(zeros)
    meter.take(zeros)
    assert meter.state == "heard"
    meter.take(zeros)
    assert meter.state == "gone"
    meter.take(tone(0.1))
    assert meter.state == "heard"


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def checking(room: Room) -> tuple[SoundCheck, list[int]]:
    told: list[int] = []
    check = SoundCheck(lambda name: RoomSource(room, name))
    check.watch(lambda: told.append(1), None)
    return check, told


async def test_each_device_has_its_level_for_as_long_as_the_check_lasts(room: Room) -> None:
    check, told = checking(room)
    assert not check.on
    check.start({"call": "call.monitor", "microphone": "mic"})
    assert [level.state for level in check.levels()] == ["opening", "opening"]
    await until(lambda: [level.state for level in check.levels()] == ["silent", "heard"])
    assert [level.db for level in check.levels()] == [LOWEST_DB, pytest.approx(-20.0, abs=0.1)]
    assert {source.name for source in room.open} == {"call.monitor", "mic"}
    check.stop()
    assert (check.on, check.levels()) == (False, ())
    await check.close()
    assert room.open == set()
    assert told


async def test_another_device_is_opened_in_place_of_the_one_before(room: Room) -> None:
    check, _ = checking(room)
    check.start({"microphone": "call.monitor"})
    await until(lambda: [level.state for level in check.levels()] == ["silent"])
    check.start({"microphone": "mic"})
    await until(lambda: [level.state for level in check.levels()] == ["heard"])
    await until(lambda: {source.name for source in room.open} == {"mic"})
    check.start({})
    await until(lambda: not room.open)
    await check.close()


async def test_a_device_that_does_not_open_is_told_and_tried_again(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "RETRY_SECONDS", 0.01)
    check, _ = checking(room)
    check.start({"microphone": "unplugged"})
    await until(lambda: [level.state for level in check.levels()] == ["lost"])
    room.carried["unplugged"] = tone(0.5)
    await until(lambda: [level.state for level in check.levels()] == ["heard"])
    await check.close()


async def test_a_check_ends_by_itself(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "LONGEST_SECONDS", 0.05)
    check, _ = checking(room)
    check.start({"microphone": "mic"})
    await until(lambda: not check.on)
    await until(lambda: not room.open)
    await check.close()
