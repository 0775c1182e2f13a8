"""What comes to a session from outside besides the animator: a reader of its events, and faults that last no time."""

from __future__ import annotations

import asyncio

from facilitator.web.service import Service
from tests.campaign.caller import AUTHORITY, Caller
from tests.campaign.virtual import ZERO
from tests.campaign.world import WOKE, Fault, World

FLOOD = 100
MALFORMED: tuple[tuple[str, bytes], ...] = (
    ("/api/commands", b"{"),
    ("/api/commands", b"[]"),
    ("/api/commands", b'{"command": 3}'),
    ("/api/commands", b'{"command": "extend", "seconds": -1}'),
    ("/api/commands", b'{"command": "extend", "seconds": 1e999}'),
    ("/api/commands", b'{"command": "edit_contract", "text": null}'),
    ("/api/commands", b'{"command": "next", "if_step": {}}'),
    ("/api/commands", b"[" * 60_000),
    ("/api/commands", b'"' + b"x" * 70_000 + b'"'),
    ("/api/session", b'{"ticket": 1}'),
    ("/api/ticket", b'{"scope": "all"}'),
    ("/api/nothing", b"{}"),
)
RAW = (
    b"\x16\x03\x01\x02\x00",
    b"GET /\r\n\r\n",
    b"POST /api/commands HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
)


class Trouble:
    """Clients that ask for what they may not, readers that go, a computer that sleeps, a clock that is set.

    Args:
        world: knows what comes when.
        service: the session's.
        statuses: filled with what was answered.
    """

    def __init__(self, world: World, service: Service, statuses: list[int]) -> None:
        self._world = world
        self._service = service
        self._statuses = statuses
        self._readers: list[Caller] = []

    async def read(self) -> None:
        """Follow the events as a console does."""
        if not self._world.reader:
            return
        caller = Caller(self._service)
        self._readers.append(caller)
        self._statuses.append(await caller.follow())
        await caller.take_all(lambda: self._world.active("reader_stuck") is not None)

    async def come(self) -> None:
        for fault in self._world.faults:
            if fault.start == fault.end and fault.kind != "killed":
                wait = fault.start + ZERO - self._world.loop.now
                if wait > 0:
                    await asyncio.sleep(wait)
                    await self._moment(fault)

    async def _moment(self, fault: Fault) -> None:
        world = self._world
        world.met.append((fault.kind, world.now()))
        match fault.kind:
            case "suspend":
                world.loop.slept += fault.size
                world.met.append((WOKE, world.now()))
            case "wall_set":
                world.loop.shifted += fault.size
            case "reader_gone":
                if not self._readers:
                    return
                self._readers[0].abort()
            case "api_flood":
                callers = [Caller(self._service) for _ in range(20)]
                many = [one.post("/api/commands", {"command": "no_such"}) for one in callers]
                for _ in range(FLOOD // 20):
                    self._statuses += [status for status, _ in await asyncio.gather(*many)]
                    many = [one.post("/api/commands", {"command": "no_such"}) for one in callers]
                for one in many:
                    one.close()
            case "api_malformed":
                await self._malformed(int(fault.size * 1000))
        world.fired[fault.kind] += 1

    async def _malformed(self, which: int) -> None:
        caller = Caller(self._service)
        status, _ = await caller.post(*MALFORMED[which % len(MALFORMED)])
        self._statuses.append(status)
        caller = Caller(self._service)
        caller.send(RAW[which % len(RAW)].replace(b"Host: x", f"Host: {AUTHORITY}".encode()))
        await asyncio.sleep(0.1)
        caller.abort()
