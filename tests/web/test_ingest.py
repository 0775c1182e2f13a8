"""A channel's sound over its WebSocket: who may send, what is taken, and what ends it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from facilitator.web.passes import Scope
from speech.capture.ingest import BURST_SECONDS, MESSAGES_A_SECOND, Inlet
from tests.web.conftest import Door
from tests.web.test_stage_feed import closed_with, until
from tests.web.wire import UPGRADE, message

SECOND = bytes(32_000)


@asynccontextmanager
async def sender(door: Door, channel: str = "call") -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    headers = {"Authorization": f"Bearer {door.service.ingest_token}"}
    address = f"{door.url}/api/ingest/{channel}"
    async with aiohttp.ClientSession(headers=headers) as session, session.ws_connect(address) as ws:
        yield ws


def inlet(door: Door) -> Inlet:
    return door.meeting.inlets["call"]


async def told(ws: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(await ws.receive_str(timeout=5))
    return line


async def test_a_bot_is_told_whether_it_is_heard_and_how_much_has_come(door: Door) -> None:
    async with sender(door) as ws:
        assert await told(ws) == {"listening": False, "received": 0}
        inlet(door).open()
        assert (await told(ws))["listening"] is True
        await ws.send_bytes(SECOND)
        assert (await told(ws))["received"] == 16_000
        block = await inlet(door).read()
        assert block is not None
        await inlet(door).close()
        assert (await told(ws))["listening"] is False
    await until(lambda: inlet(door).begin())


async def test_a_capture_goes_on_over_another_connection(door: Door) -> None:
    async with sender(door) as ws:
        await ws.send_str('{"capture": "tab"}')
        await ws.send_bytes(SECOND)
        while (await told(ws))["received"] < 16_000:
            pass
    await until(lambda: not inlet(door)._connected)
    async with sender(door) as ws:
        await told(ws)
        await ws.send_str('{"capture": "tab"}')
        assert await told(ws) == {"listening": False, "received": 16_000}
        await ws.send_str('{"skipped": 100}')
        await ws.send_bytes(SECOND)
        while (await told(ws))["received"] < 32_100:
            pass


async def test_a_second_sender_is_refused_and_the_first_goes_on(door: Door) -> None:
    async with sender(door) as first:
        await told(first)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with sender(door):
                pass
        assert refused.value.status == 409
        await first.send_bytes(SECOND)
        await until(lambda: inlet(door).received == 16_000)


@pytest.mark.parametrize(
    "sent",
    [
        b"x",
        b"",
        "hello",
        "{}",
        '{"capture": ""}',
        '{"capture": "x", "more": 1}',
        '{"skipped": -5}',
        '{"skipped": 99999999999}',
        '{"command": "next"}',
        "[" * 10_000,
        bytes(70_000),
    ],
    ids=lambda sent: repr(sent[:12]),
)
async def test_what_is_no_sound_ends_it(door: Door, sent: bytes | str) -> None:
    async with sender(door) as ws:
        await told(ws)
        await ws.send_bytes(sent) if isinstance(sent, bytes) else await ws.send_str(sent)
        assert await closed_with(ws) in {1008, 1009}
    await until(lambda: not inlet(door)._connected)
    assert (door.meeting.done, inlet(door).received) == ([], 0)


async def test_a_flood_ends_it(door: Door) -> None:
    async with sender(door) as ws:
        await told(ws)
        closing = asyncio.create_task(closed_with(ws))
        for _ in range(int(BURST_SECONDS * MESSAGES_A_SECOND) + 2_000):
            if closing.done() or ws.closed:
                break
            await ws.send_bytes(b"\0\0")
        assert await closing == 1008
    assert inlet(door).received <= (BURST_SECONDS + 30) * MESSAGES_A_SECOND


async def test_a_bots_token_opens_nothing_else(door: Door) -> None:
    bot = ("Authorization", f"Bearer {door.service.ingest_token}")
    for target in ("/api/state", "/api/strings", "/api/openapi.json", "/api/prompts/p1.wav", "/api/stage"):
        answer = await door.ask(message("GET", target, (door.host, bot)))
        assert answer.status == 403, target
    answer = await door.ask(door.post_to("/api/commands", b'{"command": "next"}', bot))
    assert answer.status == 403
    assert door.meeting.done == []
    asked = await door.ask(door.post_to("/api/ticket", b'{"scope": "ingest"}', door.token))
    assert asked.status == 400


async def test_the_stage_and_strangers_may_not_send(door: Door) -> None:
    stage = await door.cookie(Scope.STAGE)
    console = await door.cookie(Scope.CONSOLE)
    for headers, status in (
        ((door.host, stage, door.origin, *UPGRADE), 403),
        ((door.host, *UPGRADE), 401),
        ((door.host, console, *UPGRADE), 403),  # no page of ours says where it is from
        ((door.host, console, ("Origin", "http://evil.example"), *UPGRADE), 403),
        ((door.host, ("Authorization", "Bearer x"), *UPGRADE), 401),
    ):
        answer = await door.ask(message("GET", "/api/ingest/call", headers))
        assert answer.status == status, headers
    assert inlet(door).begin(), "a refused sender holds the channel"
    inlet(door).end()


async def test_a_channel_that_takes_no_sound_and_what_is_no_socket_are_told(door: Door) -> None:
    assert (await door.ask(door.get("/api/ingest/Camille"))).status == 404
    assert (await door.ask(door.get("/api/ingest/call"))).status == 426
    assert inlet(door).begin()
    inlet(door).end()


async def test_it_ends_with_the_service(door: Door) -> None:
    async with sender(door) as ws:
        await told(ws)
        await door.service.close()
        message_ = await ws.receive(timeout=5)
        assert message_.type in {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED}
