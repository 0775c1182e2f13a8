"""A real speech server, aiohttp, in a thread of its own, with TLS or in clear, and the trouble it is told to make."""

from __future__ import annotations

import asyncio
import math
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.delivery.mailserver import make_certificates

TOKEN, SAID = "a token that is said nowhere", "Je parle à Marie dès lundi."


def segment(text: str, probability: float = 0.9, *, no_speech: float = 0.01, tokens: int = 8) -> dict[str, Any]:
    """Return a segment as the detailed answer has it."""
    return {
        "text": text,
        "avg_logprob": math.log(probability),
        "no_speech_prob": no_speech,
        "compression_ratio": 1.1,
        "tokens": [1] * tokens,
    }


@dataclass
class SpeechServer:
    """What the server does and has seen.

    Attributes:
        url: what a configuration names.
        ca_file: who vouches for it; None in clear.
        token: what it wants to be shown; None lets anybody in.
        answer: what comes after a form that was right, by the server: JSON, or a handler of its own.
        failures: statuses to answer first, one a request.
        forms: what came, field by field, the file as its bytes.
        requests: how many came.
        connections: how many were made, before anything is asked.
    """

    url: str = ""
    ca_file: Path | None = None
    token: str | None = TOKEN
    answer: Any = field(default_factory=lambda: {"text": SAID, "segments": [segment(SAID)]})
    failures: list[int] = field(default_factory=list)
    forms: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    requests: int = 0
    connections: int = 0
    arrived: threading.Event = field(default_factory=threading.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        self.requests += 1
        self.headers.append(dict(request.headers))
        if self.token is not None and request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.Response(status=401, text="wrong token")
        self.forms.append(_form(request.headers["Content-Type"], await request.read()))
        self.arrived.set()
        if self.failures:
            return web.Response(status=self.failures.pop(0), text="no")
        if callable(self.answer):
            made: web.StreamResponse = await self.answer(request)
            return made
        return web.json_response(self.answer)


def _form(content_type: str, body: bytes) -> dict[str, Any]:
    """Return the fields of a form; aiohttp's own reader would put the file on the disk."""
    boundary = b"\r\n--" + content_type.partition("boundary=")[2].strip('"').encode()
    form: dict[str, Any] = {}
    for part in (b"\r\n" + body).split(boundary)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = re.search(rb' name="(\w+)"', head)
        assert name is not None
        form[name[1].decode()] = value if b"filename=" in head else value.decode()
    return form


async def hang(_: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError


async def cut(request: web.Request) -> web.StreamResponse:
    """Break the connection within the answer."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"text": "Je')
    assert request.transport is not None
    request.transport.abort()
    return response


async def flood(request: web.Request) -> web.StreamResponse:
    """Answer with far more than any text of 30 s."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(64):
        await response.write(b"x" * 65536)
    return response


def text(body: str, **settings: Any) -> Callable[[web.Request], Any]:
    """Return a handler that answers `body` as it is."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=body, **settings)

    return answer


@contextmanager
def speech_server(folder: Path, *, tls: bool = True) -> Iterator[SpeechServer]:
    """Run a server on a free port of 127.0.0.1 until the end of the block."""
    server = SpeechServer()
    context = None
    if tls:
        server.ca_file, own = make_certificates(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(own)
    loop = asyncio.new_event_loop()
    app = web.Application()
    app.router.add_post("/v1/audio/transcriptions", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    started = threading.Event()

    async def start() -> None:
        await runner.setup()
        assert runner.server is not None
        made = runner.server.connection_made

        def connection_made(handler: Any, transport: asyncio.Transport) -> None:
            server.connections += 1
            made(handler, transport)

        runner.server.connection_made = connection_made
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        server.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/v1"
        started.set()

    async def stop() -> None:
        await runner.cleanup()
        left = asyncio.all_tasks() - {asyncio.current_task()}  # answers that never come
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def serve() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(stop())
        loop.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        assert not thread.is_alive()
