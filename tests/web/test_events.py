"""The WebSocket of events: a snapshot first, then what happens; a reader that misbehaves harms only itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from facilitator.web.service import FRAME_BYTES, QUEUE
from tests.web.conftest import Door
from tests.web.wire import PING, TEXT, Wire, frame, memory_bytes

MEMORY_BYTES = 10_000_000
LET_GO_SECONDS = 5.0
SLOWEST_SECONDS = 2.0
"""How long a well-behaved reader may wait for an event during a flood, on a busy machine; 0.1 s on a quiet one."""
CLOSE, CONTINUATION, BINARY = 8, 0, 2


@asynccontextmanager
async def console(door: Door) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A well-behaved reader."""
    headers = dict([door.token])
    async with aiohttp.ClientSession(headers=headers) as session, session.ws_connect(f"{door.url}/api/events") as ws:
        yield ws


async def following(door: Door, count: int) -> None:
    """Wait until so many readers follow the meeting."""
    async with asyncio.timeout(LET_GO_SECONDS):
        while len(door.meeting.followers) != count:
            await asyncio.sleep(0.01)


async def received(ws: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    value: dict[str, Any] = await ws.receive_json(timeout=20)
    return value


@asynccontextmanager
async def rude(door: Door, *, receive_buffer: int | None = None) -> AsyncIterator[Wire]:
    """A reader that speaks bytes."""
    async with door.wire(receive_buffer=receive_buffer) as wire:
        assert (await wire.ask(door.upgrade())).status == 101
        yield wire


async def test_a_snapshot_comes_first_then_events_then_a_new_snapshot(door: Door) -> None:
    async with console(door) as ws:
        first = await received(ws)
        assert (first["type"], first["step"]) == ("snapshot", "welcome")
        await door.meeting.command("next", {}, None)
        assert await received(ws) == {"type": "step_started", "at": 1.0, "step": "presentation"}
        again = await received(ws)
        assert (again["type"], again["step"]) == ("snapshot", "presentation")


async def test_a_burst_ends_in_one_snapshot(door: Door) -> None:
    async with console(door) as ws:
        await received(ws)
        for number in range(QUEUE):
            door.meeting.tell({"type": "warning", "message": f"é{number}"})
        lines = [await received(ws) for _ in range(QUEUE + 1)]
    assert [line.get("message") for line in lines] == [*(f"é{number}" for number in range(QUEUE)), None]


async def test_the_upgrade_is_sealed_too(door: Door) -> None:
    assert (await door.ask(door.upgrade())).is_sealed


async def test_without_an_upgrade_it_says_what_it_is(door: Door) -> None:
    answer = await door.ask(door.get("/api/events"))
    assert answer.status == 426
    assert answer.is_sealed
    assert door.meeting.followers == []


async def test_a_second_console_leaves_the_first_alive(door: Door) -> None:
    async with console(door) as first, console(door) as second:
        for ws in (first, second):
            assert (await received(ws))["type"] == "snapshot"
        await door.meeting.command("next", {}, None)
        for ws in (first, second):
            assert (await received(ws))["type"] == "step_started"


async def test_a_reader_that_leaves_is_forgotten(door: Door) -> None:
    async with console(door) as ws:
        await received(ws)
        await following(door, 1)
    await following(door, 0)


async def test_a_reader_that_vanishes_while_much_happens_leaves_no_trace(door: Door) -> None:
    async with rude(door, receive_buffer=4096):
        await following(door, 1)
        for number in range(QUEUE):
            door.meeting.tell({"type": "warning", "message": "x" * 2000, "number": number})
        await asyncio.sleep(0.05)
    door.meeting.tell({"type": "warning"})
    await following(door, 0)


async def test_a_reader_that_never_reads_is_let_go_and_the_others_miss_nothing(door: Door) -> None:
    door.meeting.title = "x" * 10_000
    async with console(door) as ws, rude(door, receive_buffer=4096) as deaf:
        await received(ws)
        await following(door, 2)
        before, told, heard = memory_bytes(), 0, 0
        async with asyncio.timeout(20):
            while len(door.meeting.followers) == 2 or told < 10 * QUEUE:
                for _ in range(8):
                    door.meeting.tell({"type": "warning", "message": "y" * 1000, "number": told})
                    told += 1
                while heard < told:
                    line = await received(ws)
                    if line["type"] == "warning":
                        assert line["number"] == heard
                        heard += 1
                await asyncio.sleep(0)
        assert memory_bytes() - before < MEMORY_BYTES
        assert len(door.meeting.followers) == 1
        async with asyncio.timeout(LET_GO_SECONDS):
            while door.connections != 1:
                await asyncio.sleep(0.01)
        assert await deaf.is_closed()


async def test_a_slow_reader_is_told_why_it_is_let_go(door: Door) -> None:
    async with console(door) as ws:
        await received(ws)
        for number in range(QUEUE + 1):
            door.meeting.tell({"type": "warning", "number": number})
        async with asyncio.timeout(5):
            while not ws.closed:
                await ws.receive()
        assert ws.close_code == aiohttp.WSCloseCode.TRY_AGAIN_LATER
    await following(door, 0)


async def test_at_the_services_end_readers_are_told_that_it_goes(door: Door) -> None:
    async with console(door) as ws:
        await received(ws)
        closing = asyncio.create_task(door.service.close())
        message = await ws.receive(timeout=5)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, aiohttp.WSCloseCode.GOING_AWAY)
        await closing


async def test_a_defect_in_the_snapshot_ends_the_connection_and_says_so(door: Door) -> None:
    async with console(door) as ws:
        await received(ws)
        door.meeting.defect = RuntimeError("Camille a dit que")
        door.meeting.tell({"type": "warning"})
        assert (await received(ws)) == {"type": "warning"}
        message = await ws.receive(timeout=5)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, aiohttp.WSCloseCode.INTERNAL_ERROR)
        door.meeting.defect = None
    await following(door, 0)


@pytest.mark.parametrize("kind", ["text", "binary"])
async def test_nothing_is_expected_from_a_reader(door: Door, kind: str) -> None:
    async with console(door) as ws:
        await received(ws)
        await (ws.send_str('{"command": "next"}') if kind == "text" else ws.send_bytes(b'{"command": "next"}'))
        message = await ws.receive(timeout=5)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, aiohttp.WSCloseCode.POLICY_VIOLATION)
    await following(door, 0)
    assert door.meeting.done == []


JUNK = {
    "bytes that are no frame": b"\xff" * 64,
    "an unmasked frame": b"\x81\x02hi",
    "a reserved opcode": frame(3, b"x"),
    "a reserved bit": bytes([0x80 | 0x40 | TEXT, 0x81]) + bytes(4) + b"x",
    "a continuation of nothing": frame(CONTINUATION, b"x"),
    "a ping of 200 bytes": frame(PING, b"x" * 200),
    "a ping in pieces": frame(PING, b"x", last=False),
    "text that is no UTF-8": frame(TEXT, b"\xff\xfe"),
    "a close with a wrong code": frame(CLOSE, b"\x00\x01"),
    "a close of one byte": frame(CLOSE, b"\x03"),
    "a close with broken UTF-8": frame(CLOSE, b"\x03\xe8\xff"),
    "a length of 2^63": frame(BINARY, b"x" * 100, claimed=1 << 63),
    "a frame over the limit": frame(BINARY, b"x" * (FRAME_BYTES + 1)),
    "HTTP": b"POST /api/commands HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK.keys())
async def test_junk_costs_only_its_sender(door: Door, junk: bytes) -> None:
    async with console(door) as ws, rude(door) as wire:
        await received(ws)
        await following(door, 2)
        await wire.send(junk)
        await following(door, 1)
        assert await wire.is_closed()
        await door.meeting.command("extend", {"minutes": 1}, None)
        assert (await received(ws))["type"] == "extend"
    assert door.meeting.done == [("extend", {"minutes": 1})]


PIECE = frame(CONTINUATION, b"x" * 1000, last=False)
FLOODS = {
    "a frame of 16 MiB": (frame(BINARY, b"", claimed=16 << 20), b"x" * 65_536, 256),
    "a frame of 16 MiB, in pieces": (
        frame(BINARY, b"x", last=False),
        frame(CONTINUATION, b"x" * 1000, last=False),
        20_000,
    ),
    "a million tiny messages": (b"", frame(TEXT, b"x") * 1000, 1000),
    "a million tiny pieces": (frame(TEXT, b"x", last=False), frame(CONTINUATION, b"x", last=False) * 1000, 1000),
    "a flood of pings": (b"", frame(PING, b"x" * 100) * 1000, 1000),
    "a flood of pongs": (b"", frame(10, b"x" * 100) * 1000, 100),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
async def test_a_flood_costs_little_and_only_its_sender(door: Door, flood: tuple[bytes, bytes, int]) -> None:
    first, piece, count = flood
    async with console(door) as ws, rude(door, receive_buffer=4096) as wire:
        await received(ws)
        await following(door, 2)
        before, slowest = memory_bytes(), 0.0
        loop = asyncio.get_running_loop()

        async def send() -> None:
            await wire.send(first)
            for _ in range(count):
                if wire.writer.transport.is_closing():
                    return
                await wire.send(piece)

        sending = asyncio.create_task(send())
        for _ in range(40):
            asked = loop.time()
            door.meeting.tell({"type": "warning"})
            assert (await received(ws))["type"] == "warning"
            assert (await received(ws))["type"] == "snapshot"
            slowest = max(slowest, loop.time() - asked)
            await asyncio.sleep(0.01)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        assert memory_bytes() - before < MEMORY_BYTES
        assert slowest < SLOWEST_SECONDS
    await following(door, 0)


async def test_a_snapshot_with_any_text_arrives(door: Door) -> None:
    door.meeting.title = "« À bientôt » \u2028 \x00 😀"
    async with console(door) as ws:
        assert (await received(ws))["title"] == door.meeting.title
    answer = await door.ask(door.get("/api/state"))
    assert json.loads(answer.body)["title"] == door.meeting.title
