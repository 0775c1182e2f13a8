"""A device that stays away: another one is offered, taken by one command, and in use within 3 s; nothing is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.live import Run, running
from tests.e2e.test_devices_come_and_go import CONFIG, PEOPLE, assert_written, in_contract, pulse
from tests.pulse import PulseServer

pytestmark = [pytest.mark.e2e]

__all__ = ["pulse"]  # the fixture: its default devices are others than the chosen ones

TAKEN_SECONDS = 3.0


async def take(run: Run, device: str, part: str) -> dict[str, Any]:
    """Take what is offered in place of `device`, and assert that it is in use soon."""
    await run.wait_for("warning", code=f"{part}_away", seconds=25)
    offers = {}
    while part not in offers:
        await asyncio.sleep(0.05)
        offers = {one["part"]: one["offer"] for one in run.snapshot["health"] if one["offer"]}
    asked_at = run.now()
    await run.command("take_device", device=device)
    back = await run.wait_for("device_recovered", device=device)
    print(f"{device}: {offers[part]['name']} in use {back['at'] - asked_at:.2f} s after it was asked for")
    assert back["at"] - asked_at < TAKEN_SECONDS
    assert run.all("device_taken") == [
        {"type": "device_taken", "at": run.all("device_taken")[0]["at"], "device": device, "name": offers[part]["name"]}
    ]
    offered: dict[str, Any] = offers[part]
    return offered


async def test_the_calls_sound_is_heard_from_another_device(tmp_path: Path, pulse: PulseServer) -> None:
    async with in_contract(pulse, tmp_path) as (run, request):
        await run.command("take_device", status=409, device="call")
        await asyncio.to_thread(pulse.unplug, "call")
        await run.wait_for("device_lost", device="call")
        await assert_written(run, pulse, "desk", "microphone", request)
        offer = await take(run, "call", "call")
        assert offer["name"] == "other.monitor"
        await assert_written(run, pulse, "other", "call", request)
        await run.command("listening_pause")
        await run.command("listening_resume")
        await assert_written(run, pulse, "other", "call", request)
        assert len(run.all("device_lost")) == 1


async def test_the_voice_is_played_on_another_device(tmp_path: Path, pulse: PulseServer) -> None:
    async with running(pulse, tmp_path, CONFIG.format(model="none"), "--duration", "60", *PEOPLE) as run:
        await run.command("start")
        await run.wait_until_speaking()
        await run.command("hush")
        await asyncio.to_thread(pulse.unplug, "vmic")
        await run.wait_for("device_lost", device="voice_output")
        offer = await take(run, "voice_output", "voice")
        assert offer["name"] == "other"
        await run.command("say", text="La voix est revenue.")
        spoken = await run.wait_for("prompt_spoken", cue="custom")
        assert spoken["completed"]
        sinks = dict(line.split("\t")[1::-1] for line in pulse.pactl("list", "short", "sinks").splitlines())
        played = [line.split("\t")[1] for line in pulse.pactl("list", "short", "sink-inputs").splitlines()]
        assert played == [sinks["other"]]
