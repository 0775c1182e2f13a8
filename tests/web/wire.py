"""HTTP and WebSocket as raw bytes, so that a test can send what no client library would."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ANSWER_SECONDS = 10.0
UPGRADE = (
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)
TEXT, PING = 1, 9
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def named(self, name: str) -> list[str]:
        """Return the values of a header."""
        return [value for key, value in self.headers if key == name.lower()]

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def is_sealed(self) -> bool:
        """Whether it carries what every answer of the service carries, and shares nothing with other origins."""
        return (
            self.named("cache-control") == ["no-store"]
            and self.named("x-content-type-options") == ["nosniff"]
            and self.named("cross-origin-resource-policy") == ["same-origin"]
            and "frame-ancestors 'none'" in "".join(self.named("content-security-policy"))
            and not any(name.startswith("access-control-") for name, _ in self.headers)
        )


def message(method: str, target: str, headers: Headers = (), body: bytes = b"") -> bytes:
    """Return one HTTP/1.1 request with exactly these headers, and a Content-Length where there is a body."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    lines += [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


def frame(opcode: int, payload: bytes, *, last: bool = True, claimed: int | None = None) -> bytes:
    """Return a masked WebSocket frame; `claimed` is the length that its head states, where that is a lie."""
    length = len(payload) if claimed is None else claimed
    first = opcode | (0x80 if last else 0)
    if length < 126:
        head = struct.pack("!BB", first, 0x80 | length)
    elif length < 1 << 16:
        head = struct.pack("!BBH", first, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, length)
    return head + bytes(4) + payload  # a mask of zeros leaves the payload as it is


class Wire:
    """One connection to the service. Use as an async context manager.

    Args:
        port: of the service, on 127.0.0.1.
        receive_buffer: bytes that the kernel holds for this side; small for a client that does not read.
    """

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self._port = port
        self._receive_buffer = receive_buffer
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        plain = socket.socket()
        plain.setblocking(False)
        if self._receive_buffer is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", self._port))
        self.reader, self.writer = await asyncio.open_connection(sock=plain, limit=self._receive_buffer or 1 << 16)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.transport.abort()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)

    async def send(self, data: bytes) -> None:
        """Send bytes; what does not get away within the time is dropped, as is a connection that is closed."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                self.writer.write(data)
                await self.writer.drain()
        except (TimeoutError, ConnectionError):
            pass

    async def answer(self, *, has_body: bool = True) -> Answer | None:
        """Return the next answer; None when the connection was closed without one."""
        async with asyncio.timeout(ANSWER_SECONDS):
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            first, *rest = head.decode("latin-1").rstrip("\r\n").split("\r\n")
            pairs = (line.partition(":") for line in rest)
            headers = tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)
            length = int(dict(headers).get("content-length", "0")) if has_body else 0
            return Answer(int(first.split()[1]), headers, await self.reader.readexactly(length))

    async def ask(self, data: bytes, *, has_body: bool = True) -> Answer:
        """Send a request and return its answer."""
        await self.send(data)
        answer = await self.answer(has_body=has_body)
        assert answer is not None, "closed without an answer"
        return answer

    async def is_closed(self) -> bool:
        """Read on to the end; return whether it came within the time."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while await self.reader.read(1 << 16):
                    pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True


def memory_bytes() -> int:
    """Return the memory that this process has in use (resident), bytes."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
