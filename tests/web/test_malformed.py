"""Requests that are no HTTP: aiohttp answers them before our checks. Nothing may be done, and nothing told."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.web.service import Service
from tests.web.conftest import Door
from tests.web.meeting import FakeMeeting
from tests.web.wire import ANSWER_SECONDS, UPGRADE, message

NEXT = b'{"command": "next"}'
POST = b"POST /api/commands HTTP/1.1\r\nHost: {host}\r\n"
MALFORMED = {
    "no version": b"GET /api/state\r\n\r\n",
    "a version of its own": b"GET /api/state HTTP/9.9\r\nHost: {host}\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n",
    "a method that is none": b"N\x00XT /api/commands HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "a NUL in a header": POST + b"X: a\x00b\r\n\r\n",
    "a header without a colon": POST + b"Secret\r\n\r\n",
    "a space before a colon": b"POST /api/commands HTTP/1.1\r\nHost : {host}\r\n\r\n",
    "a folded header": POST + b"X: a\r\n b\r\n\r\n",
    "a long header": b"GET /api/state HTTP/1.1\r\nHost: {host}\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
    "a long address": b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "ten thousand headers": b"GET /api/state HTTP/1.1\r\nHost: {host}\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a length that is no number": POST + b"Content-Length: 1e3\r\n\r\n",
    "two lengths": POST + b"Content-Length: 19\r\nContent-Length: 5\r\n\r\n" + NEXT,
    "a length and chunks": POST + b"Content-Length: 19\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a coding that is none": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "only line feeds": b"GET /api/state HTTP/1.1\nHost: {host}\n\n",
    "a host in the address": b"GET //evil.example/api/state HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "CONNECT": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "a broken port": b"GET http://127.0.0.1:x/ HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "a broken IPv6": b"GET http://[::1/ HTTP/1.1\r\nHost: {host}\r\n\r\n",
}


def harmless(door: Door, raw: bytes) -> None:
    """Say that nothing was done and that what came back shows nothing of the inside or of the meeting."""
    assert door.meeting.done == []
    assert door.meeting.followers == []
    for secret in (b"Traceback", b".py", b"site-packages", b"welcome", door.service.token.encode()):
        assert secret not in raw
    assert b"access-control-" not in raw.lower()


async def raw_answer(door: Door, data: bytes) -> bytes:
    """Return everything that comes back before the service closes, or falls silent for a moment."""
    async with door.wire() as wire:
        await wire.send(data)
        collected = b""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while chunk := await asyncio.wait_for(wire.reader.read(65_536), 0.3):
                    collected += chunk
        except (TimeoutError, ConnectionError):
            pass
        return collected


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_request_does_nothing_and_learns_nothing(door: Door, data: bytes) -> None:
    with_token = (
        f"127.0.0.1:{door.port}\r\nContent-Type: application/json\r\nAuthorization: Bearer {door.service.token}"
    )
    raw = await raw_answer(door, data.replace(b"{host}", with_token.encode()))
    first = raw.partition(b"\r\n")[0]
    assert not first.startswith(b"HTTP/1.1 2")
    assert not first.startswith(b"HTTP/1.1 5")
    harmless(door, raw)


async def test_an_expectation_that_is_unknown_is_refused_and_sealed(door: Door) -> None:
    answer = await door.ask(door.post(NEXT, ("Expect", "a-miracle")))
    assert answer.status == 417
    assert answer.is_sealed
    assert door.meeting.done == []


async def test_a_body_that_breaks_off_does_nothing(door: Door) -> None:
    for cut in (
        door.post(NEXT)[:-1],
        door.post(b"", ("Transfer-Encoding", "chunked")) + b"13\r\n" + NEXT,
        door.post(b"", ("Transfer-Encoding", "chunked")) + b"zz\r\n" + NEXT + b"\r\n0\r\n\r\n",
        door.post(b"", ("Transfer-Encoding", "chunked")) + b"-1\r\n",
    ):
        harmless(door, await raw_answer(door, cut))


async def test_a_request_hidden_in_a_refused_body_is_not_done(door: Door) -> None:
    hidden = door.post(NEXT)
    refused = message("POST", "/api/commands", (door.host, ("Content-Type", "text/plain")), hidden)
    raw = await raw_answer(door, refused)
    assert raw.count(b"HTTP/1.1 ") == 1
    harmless(door, raw)


@pytest.mark.parametrize("missing", range(1, len(UPGRADE)))
async def test_half_an_upgrade_is_no_upgrade(door: Door, missing: int) -> None:
    headers = tuple(header for place, header in enumerate(UPGRADE) if place != missing)
    raw = await raw_answer(door, message("GET", "/api/events", (door.host, door.token, *headers)))
    assert raw.startswith(b"HTTP/1.1 4")
    harmless(door, raw)


@settings(max_examples=25)
@given(st.lists(st.binary(max_size=120) | st.sampled_from([b"\r\n", b" HTTP/1.1\r\n", b"GET /", b": "]), max_size=12))
def test_noise_does_nothing(parts: list[bytes]) -> None:
    async def send() -> None:
        meeting = FakeMeeting()
        service = Service(meeting)
        door = Door(service, meeting, await service.start("127.0.0.1", 0))
        try:
            async with door.wire() as wire:
                await wire.send(b"".join(parts) + b"\r\n\r\n")
                wire.writer.write_eof()
                answer = await wire.answer()
            assert answer is None or 400 <= answer.status < 500
            assert meeting.done == []
        finally:
            await service.close()

    asyncio.run(send())
