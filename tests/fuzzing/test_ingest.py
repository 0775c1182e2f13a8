"""What senders of sound send, almost right, cut and out of order: tabs that the console shares, and meeting bots.

Two things are tried: that a sender which keeps to the protocol gets every sample through, whatever else comes between
and wherever its connections are cut; and that a real session lives through what is nothing like it.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from facilitator.core.process import Participant
from facilitator.errors import UsageError
from facilitator.web.service import Service
from speech.capture.ingest import BURST_SECONDS, Inlet
from speech.ports import FRAME, RATE_HZ
from tests.fuzzing.mutations import mutated, numbers, try_all
from tests.fuzzing.test_service import with_session
from tests.web.conftest import Door
from tests.web.meeting import FakeMeeting
from tests.web.test_stage_feed import until
from tests.web.wire import PING, TEXT, UPGRADE, Wire, frame, message

Count = Callable[[str], None]
BINARY, PERIOD = 2, 30_000
MOST_SAMPLES = 8_000
Move = tuple[str, int, bytes]

WRONG = st.one_of(
    st.binary(max_size=40).map(lambda one: frame(TEXT, one)),
    st.binary(max_size=40).map(lambda one: frame(BINARY, one + b"x" * (len(one) % 2 == 0))),
    st.sampled_from(
        [
            frame(BINARY, b""),
            frame(BINARY, bytes(70_000)),
            frame(BINARY, b"", claimed=1 << 62),
            frame(BINARY, b"xx", last=False) + frame(BINARY, b"xx"),
            frame(PING, bytes(200)),
            frame(3, b"xx"),
            frame(8, b"\x00"),
            b"\xff" * 40,
            frame(TEXT, b'{"capture": "other"}'),
            frame(TEXT, b'{"skipped": -1}'),
        ]
    ),
)
"""What ends a sender that has sent sound."""
MOVES = st.tuples(
    st.sampled_from(["send", "send", "send", "half", "drop", "wrong", "second"]), st.integers(1, MOST_SAMPLES), WRONG
)


def sound(first: int, count: int) -> bytes:
    """Return samples that say which they are, counted round."""
    return (np.arange(first, first + count) % PERIOD).astype("<i2").tobytes()


@dataclass
class Sender:
    """Keeps to the protocol: after a lost connection it goes on where the service says that it was."""

    door: Door
    inlet: Inlet
    sent: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    wire: Wire | None = None

    async def connect(self) -> Wire:
        if self.wire is not None:
            return self.wire
        await until(lambda: not self.inlet.connected)
        self.wire = wire = await self.door.wire().__aenter__()
        assert (await wire.ask(opening(self.door, "call"))).status == 101
        await wire.send(frame(TEXT, b'{"capture": "tab"}'))
        async with asyncio.timeout(10):
            while "capture" not in (line := await told(wire)):
                pass
        assert line["received"] <= self.sent
        self.seen["sent again"] += self.sent - line["received"]
        self.sent = line["received"]
        return wire

    async def drop(self) -> None:
        wire, self.wire = self.wire, None
        if wire is not None:
            await wire.__aexit__(None, None, None)

    async def move(self, kind: str, count: int, wrong: bytes) -> None:
        self.seen[kind] += 1
        wire = await self.connect()
        whole = frame(BINARY, sound(self.sent, count))
        match kind:
            case "send":
                await wire.send(whole)
                self.sent += count
            case "half":
                await wire.send(whole[: count % len(whole)])
                self.sent += count  # as far as it knows
                await self.drop()
            case "drop":
                await self.drop()
            case "wrong":
                await wire.send(frame(BINARY, sound(self.sent, 1)) + wrong)
                self.sent += 1
                wire.writer.write_eof()
                assert await wire.is_closed()
                await self.drop()
            case "second":
                async with self.door.wire() as other:
                    assert (await other.ask(opening(self.door, "call"))).status == 409


def opening(door: Door, channel: str) -> bytes:
    bot = ("Authorization", f"Bearer {door.service.ingest_token}")
    return message("GET", f"/api/ingest/{channel}", (door.host, bot, *UPGRADE))


async def told(wire: Wire) -> dict[str, Any]:
    """Return the next line of the service; empty for a frame that is none."""
    first, length = await wire.reader.readexactly(2)
    payload = await wire.reader.readexactly(length)
    line: dict[str, Any] = json.loads(payload) if first & 15 == TEXT else {}
    return line


async def heard(inlet: Inlet, count: int) -> list[int]:
    """Read whole frames of `count` samples."""
    found: list[int] = []
    while len(found) < count // FRAME * FRAME:
        block = await inlet.read()
        assert block is not None
        found += np.rint(block.samples * 32768).astype(int).tolist()
    return found


async def send_all(moves: list[Move], seen: Counter[str]) -> None:
    meeting = FakeMeeting()
    service = Service(meeting)
    inlet = meeting.inlets["call"]
    sender = Sender(Door(service, meeting, await service.start("127.0.0.1", 0)), inlet, seen=seen)
    try:
        inlet.open()
        for move in moves:
            await sender.move(*move)
        await sender.move("send", 1, b"")
        await until(lambda: inlet.received == sender.sent)
        assert await heard(inlet, sender.sent) == [at % PERIOD for at in range(sender.sent // FRAME * FRAME)]
        seen["samples"] += sender.sent
    finally:
        await sender.drop()
        await service.close()


@numbers(25)
def test_a_sender_gets_every_sample_through_once_and_in_order(examples: int, count: Count) -> None:
    seen = Counter[str]()

    def send(moves: list[Move]) -> None:
        asyncio.run(send_all(moves, seen))
        if not {"half", "drop", "wrong"}.isdisjoint(kind for kind, _, _ in moves):
            raise UsageError("Its connection was lost.")

    try_all(st.lists(MOVES, min_size=4, max_size=20), send, examples, "senders of sound, cut", count)
    count("fuzzing senders of sound: " + ", ".join(f"{what} {number}" for what, number in seen.items()))
    assert min(seen[what] for what in ("half", "drop", "wrong", "second", "sent again", "samples")) > 0


RIGHT = frame(TEXT, b'{"capture": "a"}') + frame(BINARY, sound(0, 2_000)) + frame(TEXT, b'{"skipped": 400}')
STREAMS = st.one_of(mutated(RIGHT + frame(BINARY, sound(2_400, 600))), st.binary(max_size=80), WRONG)
FLOODS = st.sampled_from(
    [b"", frame(PING, b"") * 20_000, frame(BINARY, b"xx") * 20_000, frame(BINARY, bytes(60_000)) * 60]
)
"""Sound faster than any capture gives it is more than `BURST_SECONDS` at once, in seconds or in messages."""


@numbers(10)
@pytest.mark.parametrize("way", ["browser", "tracks"])
def test_a_session_lives_through_what_its_senders_send(tmp_path: Path, way: str, examples: int, count: Count) -> None:
    assert len(frame(BINARY, bytes(60_000)) * 60) > BURST_SECONDS * RATE_HZ
    people = tuple(Participant(name, "consultant", name if way == "tracks" else None) for name in ("Ana", "Nour"))
    channels = ["Ana", "Nour"] if way == "tracks" else ["call"]
    seen = Counter[str]()

    def send(streams: list[tuple[bytes, bytes]]) -> None:
        async def send_them(door: Door) -> None:
            inlets = door.service._meeting.inlets
            assert sorted(inlets) == sorted(channels)
            for place, (stream, flood) in enumerate(streams):
                channel = channels[place % len(channels)]
                inlet = inlets[channel]
                await until(lambda inlet=inlet: not inlet.connected)
                async with door.wire() as wire:
                    assert (await wire.ask(opening(door, channel))).status == 101
                    await wire.send(stream + flood)
                    with suppress(OSError):
                        wire.writer.write_eof()
                    assert await wire.is_closed()
                seen["streams"] += 1
                seen["floods"] += bool(flood)
            for channel in channels:
                inlet = inlets[channel]
                await until(lambda inlet=inlet: not inlet.connected)
                async with door.wire() as wire:
                    assert (await wire.ask(opening(door, channel))).status == 101
                    await wire.send(frame(TEXT, b'{"capture": "good"}') + frame(BINARY, sound(0, 16_000)))
                    await until(lambda inlet=inlet: inlet.received == 16_000)

        with_session(tmp_path, send_them, call_input=way, participants=people, listens=True)
        raise UsageError("All of them were let go.")

    inputs = st.lists(st.tuples(STREAMS, FLOODS), min_size=4, max_size=8)
    try_all(inputs, send, examples, f"senders of sound to a session ({way})", count)
    count(f"fuzzing ingest ({way}): " + ", ".join(f"{what} {number}" for what, number in seen.items()))
