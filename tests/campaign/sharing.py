"""A tab that the console shares: the call's sound over `/api/ingest/call`, in the place of a device's.

It meets the faults that a device meets: lost, its connection is cut; hanging, it keeps what it has and sends it late;
garbage, it sends what is no sound, which ends its connection.
"""

from __future__ import annotations

import asyncio
import itertools
import json

import numpy as np

from facilitator.web.service import Service
from speech.ports import FRAME_SECONDS
from tests.campaign.caller import Caller
from tests.campaign.virtual import ZERO
from tests.campaign.world import CALL, Sound, World, pcm
from tests.web.wire import TEXT, frame

BINARY = 2
GARBAGE = frame(BINARY, b"\xff" * 63)


class Share:
    """The tab.

    Args:
        world: knows who speaks, and which fault is on.
        service: takes the sound.
    """

    def __init__(self, world: World, service: Service) -> None:
        self._world = world
        self._service = service
        self._caller: Caller | None = None
        self._captures = itertools.count()
        self._waiting: list[tuple[float, tuple[bool, ...]]] = []

    async def send(self) -> None:
        """Send for as long as the session lasts."""
        world = self._world
        seconds = world.frames * FRAME_SECONDS
        while True:
            at = world.loop.now
            await asyncio.sleep(seconds)
            if world.active("call_lost"):
                self._cut()
                continue
            self._waiting.append((at, world.voiced(CALL, at - ZERO, world.frames)))
            if world.active("call_hangs"):
                continue
            caller = await self._connected()
            if caller is None:
                self._waiting.clear()
            elif world.active("call_garbage"):
                caller.send(GARBAGE)
                self._waiting.clear()
            else:
                self._send_all(caller)

    def _cut(self) -> None:
        if self._caller is not None:
            self._caller.abort()
        self._caller = None
        self._waiting.clear()

    async def _connected(self) -> Caller | None:
        """Return the connection, a new one where the last one ended; None where there is none to be had yet."""
        if self._caller is None or self._caller.is_closing():
            self._caller = caller = Caller(self._service)
            if await caller.follow(f"/api/ingest/{CALL}") != 101:
                self._cut()
                return None
            self._world.fired["shared_call"] += 1
            caller.send(frame(TEXT, json.dumps({"capture": str(next(self._captures))}).encode()))
        self._caller.forget()
        return self._caller

    def _send_all(self, caller: Caller) -> None:
        world = self._world
        heard = self._service._meeting.inlets[CALL].listening
        for at, voiced in self._waiting:
            samples = np.frombuffer(pcm(voiced, round(at / FRAME_SECONDS)), dtype=np.float32)
            caller.send(frame(BINARY, np.ceil(samples * 32767).astype("<i2").tobytes()))  # never zeros to the bit
            if heard:
                world.sounds.append(Sound(CALL, at + world.loop.slept - ZERO, voiced, world.now()))
        self._waiting.clear()
