"""A client of the local service, over a connection in memory: the service's own code reads and writes the bytes."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from facilitator.web import service as module
from facilitator.web.service import Service
from tests.campaign.virtual import PORT

AUTHORITY = f"127.0.0.1:{PORT}"
FULL_BYTES = 64 * 1024


async def serve(meeting: Any) -> Service:
    """Return the service of a session, which `Caller` can reach."""
    service = Service(meeting)
    with patch.object(module, "read_pages", dict):
        await service.start("127.0.0.1", 0)
    return service


class Caller(asyncio.Transport):
    """One connection. What it does not take is held back from it once there is much."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        assert service._admission is not None
        self._service = service
        self._loop = asyncio.get_running_loop()
        self._protocol = service._admission()
        self._received = bytearray()
        self._news = asyncio.Event()
        self._closed = False
        self._paused = False
        self.stuck = False
        self._protocol.connection_made(self)

    # --- the client's side ---

    def send(self, data: bytes) -> None:
        if not self._closed:
            self._protocol.data_received(data)

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Return the status of an answer, and what it holds."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        self.send((head + self._pass()).encode() + data)
        return await self.answer()

    def _pass(self) -> str:
        return f"Host: {AUTHORITY}\r\nAuthorization: Bearer {self._service.token}\r\n\r\n"

    async def answer(self) -> tuple[int, Any]:
        """Return the next answer; status 0 when the connection ended instead."""
        while b"\r\n\r\n" not in self._received:
            if self._closed:
                return 0, None
            self._news.clear()
            await self._news.wait()
        head, _, _ = bytes(self._received).partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        length = int(fields.get("Content-Length", 0))
        while len(self._received) < len(head) + 4 + length and not self._closed:
            self._news.clear()
            await self._news.wait()
        body = bytes(self._received[len(head) + 4 : len(head) + 4 + length])
        del self._received[: len(head) + 4 + length]
        kind = fields.get("Content-Type", "")
        return int(head.split()[1]), json.loads(body) if kind.startswith("application/json") and body else body

    async def follow(self, path: str = "/api/events") -> int:
        """Open a socket, the console's feed unless told; return the status."""
        key = base64.b64encode(b"0123456789abcdef").decode()
        upgrade = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}"
        self.send(f"GET {path} HTTP/1.1\r\n{upgrade}\r\n{self._pass()}".encode())
        status, _ = await self.answer()
        return status

    def forget(self) -> None:
        """Take what has come, and look at none of it."""
        self._received.clear()

    async def take_all(self, stuck: Callable[[], bool]) -> None:
        """Take what comes, twice a second, as a reader does that may get stuck; return when the connection ends."""
        while not self._closed:
            self.stuck = stuck()
            if not self.stuck:
                self._received.clear()
            if self._paused and not self.stuck:
                self._paused = False
                self._protocol.resume_writing()
            await asyncio.sleep(0.5)

    # --- the service's side: a transport ---

    def write(self, data: Any) -> None:
        if self._closed:
            return
        self._received += data
        self._news.set()
        if self.stuck and len(self._received) > FULL_BYTES and not self._paused:
            self._paused = True
            self._protocol.pause_writing()

    def writelines(self, list_of_data: Any) -> None:
        for data in list_of_data:
            self.write(data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 40000) if name == "peername" else default

    def is_closing(self) -> bool:
        return self._closed

    def is_reading(self) -> bool:
        return not self._closed

    def pause_reading(self) -> None:
        """All that is sent was sent."""

    def resume_reading(self) -> None:
        """All that is sent was sent."""

    def get_write_buffer_size(self) -> int:
        return len(self._received) if self.stuck else 0

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        if not self._closed and not self._loop.is_closed():
            self._closed = True
            self._news.set()
            self._loop.call_soon(self._protocol.connection_lost, None)
