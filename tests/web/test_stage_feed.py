"""The stage's WebSocket: its own snapshots, what it is to play, and the two things that it may say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from facilitator.web.feeds import QUEUE
from facilitator.web.passes import Scope
from facilitator.web.stages import CHATTER
from tests.web.conftest import Door
from tests.web.meeting import FakeTab
from tests.web.test_events import JUNK, MEMORY_BYTES, console, received
from tests.web.wire import UPGRADE, memory_bytes, message

WAIT_SECONDS = 20.0
"""For what takes milliseconds on a quiet machine, and seconds on one without a free core."""
PRIVATE = ("cues", "warnings", "records", "pending", "rebudget", "stage", "steps", "holder", "interruptions")


@asynccontextmanager
async def stage(door: Door) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A stage, opened by its cookie as a browser does."""
    headers = dict([await door.cookie(Scope.STAGE), door.origin])
    async with aiohttp.ClientSession(headers=headers) as session, session.ws_connect(f"{door.url}/api/stage") as ws:
        yield ws


async def until(condition: Any) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


async def closed_with(ws: aiohttp.ClientWebSocketResponse) -> int | None:
    async with asyncio.timeout(5):
        while not ws.closed:
            await ws.receive()
    return ws.close_code


async def test_its_own_snapshot_comes_first_and_again_at_each_change(door: Door) -> None:
    async with stage(door) as ws:
        first = await received(ws)
        assert (first["type"], first["step"], first["remaining_seconds"]) == ("stage", "welcome", 300.0)
        assert [name for name in PRIVATE if name in first] == []
        await door.meeting.command("next", {}, None)
        assert (await received(ws))["step"] == "presentation"


async def test_event_lines_and_what_changes_nothing_on_it_do_not_reach_it(door: Door) -> None:
    async with stage(door) as ws:
        await received(ws)
        door.meeting.tell({"type": "warning", "message": "privé"})
        door.meeting.change()
        await door.meeting.command("next", {}, None)
        assert (await received(ws))["step"] == "presentation"


async def test_many_changes_at_once_are_one_snapshot(door: Door) -> None:
    async with stage(door) as ws:
        await received(ws)
        for number in range(5 * QUEUE):
            door.meeting.title = f"titre {number}"
            door.meeting.change()
        assert (await received(ws))["title"] == f"titre {5 * QUEUE - 1}"
        door.meeting.tabs.there[0].tell({"type": "stop", "id": "p1"})
        assert (await received(ws))["type"] == "stop"


async def test_it_is_told_what_to_play_and_says_when_it_did(door: Door) -> None:
    async with stage(door) as ws:
        assert (await received(ws))["sound"] == "locked"
        (tab,) = door.meeting.tabs.there
        await ws.send_json({"unlocked": True})
        assert (await received(ws))["sound"] == "here"
        cue = {"type": "prompt", "id": "p1", "text": "Bonjour", "url": "/api/prompts/p1.wav", "start_in_seconds": 0.2}
        tab.tell(cue)
        assert await received(ws) == cue
        assert (await received(ws))["type"] == "stage"
        await ws.send_json({"played": "p1", "started_at": 12.5})
        await ws.send_json({"played": "p1"})
        await ws.send_json({"unlocked": False})
        assert (await received(ws))["sound"] == "locked"
        assert tab.said == [True, ("p1", 12.5), ("p1", None), False]


async def test_the_console_knows_how_many_stages_there_are_and_whether_one_plays(door: Door) -> None:
    async with console(door) as ws:
        assert (await received(ws))["stage"] == {"open": 0, "sound": "locked"}
        async with stage(door) as other:
            await received(other)
            assert (await received(ws))["stage"] == {"open": 1, "sound": "locked"}
            await other.send_json({"unlocked": True})
            assert (await received(ws))["stage"] == {"open": 1, "sound": "on"}
        while (await received(ws))["stage"]["open"]:
            pass
    await until(lambda: door.meeting.tabs.there == [])


@pytest.mark.parametrize(
    "said",
    [
        '{"command": "next"}',
        '{"unlocked": 1}',
        '{"unlocked": "true"}',
        '{"unlocked": true, "played": "p1"}',
        '{"played": 3}',
        '{"played": null}',
        '{"played": "p1", "started_at": "now"}',
        '{"played": "p1", "started_at": NaN}',
        '{"played": "p1", "started_at": 1e999}',
        '{"played": "' + "x" * 65 + '"}',
        '{"played": "p1", "text": "x"}',
        "{}",
        "[]",
        "null",
        "played",
        "",
        "[" * 30_000,
        '{"unlocked": true} {"unlocked": true}',
    ],
    ids=lambda said: said[:40],
)
async def test_anything_else_that_it_says_closes_it(door: Door, said: str) -> None:
    async with stage(door) as ws:
        await received(ws)
        (tab,) = door.meeting.tabs.there
        await ws.send_str(said)
        assert await closed_with(ws) == aiohttp.WSCloseCode.POLICY_VIOLATION
    assert tab.said == []
    assert door.meeting.done == []


async def test_bytes_close_it(door: Door) -> None:
    async with stage(door) as ws:
        await received(ws)
        await ws.send_bytes(b'{"unlocked": true}')
        assert await closed_with(ws) == aiohttp.WSCloseCode.POLICY_VIOLATION


async def test_who_says_too_much_is_let_go(door: Door) -> None:
    async with stage(door) as ws:
        await received(ws)
        (tab,) = door.meeting.tabs.there
        for _ in range(50 * CHATTER):
            if ws.closed:
                break
            await ws.send_str('{"played": "p1"}')
        assert await closed_with(ws) == aiohttp.WSCloseCode.POLICY_VIOLATION
        assert len(tab.said) == CHATTER


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK.keys())
async def test_junk_costs_only_its_sender(door: Door, junk: bytes) -> None:
    async with stage(door) as ws, door.wire() as wire:
        await received(ws)
        cookie = await door.cookie(Scope.STAGE)
        data = message("GET", "/api/stage", (door.host, cookie, door.origin, *UPGRADE))
        assert (await wire.ask(data)).status == 101
        await until(lambda: len(door.meeting.tabs.there) == 2)
        await wire.send(junk)
        await until(lambda: len(door.meeting.tabs.there) == 1)
        assert await wire.is_closed()
        await door.meeting.command("next", {}, None)
        assert (await received(ws))["step"] == "presentation"


async def test_a_stage_that_never_reads_costs_little_and_delays_nobody(door: Door) -> None:
    door.meeting.title = "x" * 10_000
    cookie = await door.cookie(Scope.STAGE)
    async with stage(door) as ws, door.wire(receive_buffer=4096) as deaf:
        await received(ws)
        data = message("GET", "/api/stage", (door.host, cookie, door.origin, *UPGRADE))
        assert (await deaf.ask(data)).status == 101
        await until(lambda: len(door.meeting.tabs.there) == 2)
        before = memory_bytes()
        for number in range(1000):
            door.meeting.title = f"{number:010}" * 1000
            door.meeting.change()
            assert (await received(ws))["title"].startswith(f"{number:010}")
        assert memory_bytes() - before < MEMORY_BYTES
        ready: list[FakeTab] = door.meeting.tabs.there
        for number in range(QUEUE + 1):  # more to play than waits for anybody
            ready[1].tell({"type": "prompt", "id": str(number)})
        await until(lambda: len(ready) == 1)


async def test_a_defect_closes_it_and_says_nothing_of_it(door: Door) -> None:
    async with stage(door) as ws:
        await received(ws)
        door.meeting.defect = RuntimeError("Camille a dit que")
        door.meeting.change()
        assert await closed_with(ws) == aiohttp.WSCloseCode.INTERNAL_ERROR
        door.meeting.defect = None


async def test_at_the_services_end_it_is_told_that_it_goes(door: Door) -> None:
    async with stage(door) as ws:
        await received(ws)
        closing = asyncio.create_task(door.service.close())
        assert await closed_with(ws) == aiohttp.WSCloseCode.GOING_AWAY
        await closing


async def test_without_an_upgrade_it_says_what_it_is(door: Door) -> None:
    answer = await door.ask(door.get("/api/stage"))
    assert (answer.status, answer.is_sealed) == (426, True)
    assert json.loads(answer.body)["error"] == "This is a WebSocket."
