"""`/healthz`, `/api/state`, `/api/commands`, `/api/events` on 127.0.0.1."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Protocol

from aiohttp import WSCloseCode, web

from facilitator.core.snapshot import Snapshot
from facilitator.errors import ServiceError
from facilitator.web.guard import BODY_BYTES, Guard, error

QUEUE = 512
"""Messages that wait for a reader; one that falls further behind is let go, and may come back."""
FRAME_BYTES = 64 * 1024
_ANY = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  they are refused
PATIENCE_SECONDS = 1.0
"""How long a reader has to agree that its connection ends; then it is cut."""

_SILENT = logging.getLogger("facilitator.web.silent")
"""For aiohttp: what it would say of a malformed request is a traceback with parts of that request in it."""
_SILENT.propagate = False
_SILENT.addHandler(logging.NullHandler())


class RefusedError(Exception):
    """A command that was not done: the HTTP status, a stable code, and one sentence for the animator."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code


class Meeting(Protocol):
    """What the service serves."""

    def snapshot(self) -> Snapshot:
        """Return what is to be shown now."""
        ...

    async def command(self, name: str, values: dict[str, Any], if_step: str | None) -> Mapping[str, Any] | None:
        """Do a command; return what its answer says beside the snapshot.

        Raises:
            RefusedError: it was not done.
        """
        ...

    def follow(self, on_line: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Have `on_line` called with every event line from now on; return what ends it."""
        ...


class Service:
    """The local service of one session."""

    def __init__(self, meeting: Meeting) -> None:
        self.token = secrets.token_urlsafe(32)
        self._meeting = meeting
        self._guard = Guard(self.token)
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> str:
        """Answer on `host` and `port` (0 for any free one); return the address, `http://127.0.0.1:8123`.

        Raises:
            ServiceError: the address cannot be used.
        """
        if host in _ANY:
            raise ServiceError(f"{host} means every address of this computer: set the one to answer on in [web].")
        app = web.Application(middlewares=[self._guard.check], client_max_size=BODY_BYTES)
        app.on_response_prepare.append(self._guard.seal)
        app.router.add_get("/healthz", _health)
        app.router.add_get("/api/state", self._state)
        app.router.add_post("/api/commands", self._commands)
        app.router.add_get("/api/events", self._events)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=_SILENT,
            auto_decompress=False,  # a body may not grow beyond what was sent
            shutdown_timeout=2 * PATIENCE_SECONDS,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except (OSError, UnicodeError) as reason:  # the latter: a host that is no name at all
            await self._runner.cleanup()
            why = str(reason.strerror).rpartition(": ")[2] if isinstance(reason, OSError) else "no such host"
            raise ServiceError(
                f"The local service cannot answer on {host}:{port} ({why}): set another host or port in [web]."
            ) from None
        number = self._runner.addresses[0][1]
        self._guard.authority = f"[{host}]:{number}" if ":" in host else f"{host}:{number}"
        return f"http://{self._guard.authority}"

    async def close(self) -> None:
        """Answer nothing more. Takes a few seconds at most, whatever the readers do."""
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _state(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(asdict(self._meeting.snapshot()))

    async def _commands(self, request: web.Request) -> web.Response:
        try:
            body = await request.json()
        except (ValueError, RecursionError):
            return error(400, "The body is not JSON.")
        if not isinstance(body, dict) or not isinstance(body.get("command"), str):
            return error(400, 'Send an object such as {"command": "next"}.')
        name, if_step = body.pop("command"), body.pop("if_step", None)
        if if_step is not None and not isinstance(if_step, str):
            return error(400, "if_step must be the id of a step.")
        try:
            said = await self._meeting.command(name, body, if_step)
        except RefusedError as refused:
            return web.json_response({"error": str(refused), "code": refused.code}, status=refused.status)
        return web.json_response({**asdict(self._meeting.snapshot()), **(said or {})})

    async def _events(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(heartbeat=20, timeout=PATIENCE_SECONDS, max_msg_size=FRAME_BYTES, compress=False)
        if not socket.can_prepare(request):
            return error(426, "This is a WebSocket.")
        await socket.prepare(request)
        lines: asyncio.Queue[dict[str, Any]] = asyncio.Queue(QUEUE)
        late = asyncio.Event()

        def on_line(line: dict[str, Any]) -> None:
            try:
                lines.put_nowait(line)
            except asyncio.QueueFull:
                late.set()

        unfollow = self._meeting.follow(on_line)
        loop = asyncio.get_running_loop()
        sending = loop.create_task(self._send(socket, lines))
        reading = loop.create_task(socket.receive())  # nothing is expected: commands are posted
        tasks = [sending, reading, loop.create_task(late.wait()), loop.create_task(self._closing.wait())]
        code = WSCloseCode.POLICY_VIOLATION
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if self._closing.is_set():
                code = WSCloseCode.GOING_AWAY
            elif late.is_set():
                code = WSCloseCode.TRY_AGAIN_LATER
            elif sending.done():
                code = WSCloseCode.INTERNAL_ERROR
        finally:
            unfollow()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await _let_go(request, socket, code)
        return socket

    async def _send(self, socket: web.WebSocketResponse, lines: asyncio.Queue[dict[str, Any]]) -> None:
        """Send a snapshot, then what happens, with a new snapshot after each burst of it."""
        await self._send_snapshot(socket)
        while True:
            await socket.send_str(_json(await lines.get()))
            if lines.empty():
                await self._send_snapshot(socket)

    async def _send_snapshot(self, socket: web.WebSocketResponse) -> None:
        await socket.send_str(_json({"type": "snapshot", **asdict(self._meeting.snapshot())}))


async def _let_go(request: web.Request, socket: web.WebSocketResponse, code: WSCloseCode) -> None:
    """Close a connection, and cut it where the other side does not read or does not answer."""
    transport = request.transport
    try:
        async with asyncio.timeout(2 * PATIENCE_SECONDS):
            await socket.close(code=code)
    except TimeoutError:
        pass
    except asyncio.CancelledError:
        # Ending a sender that waits for its reader cancels, in aiohttp, also whoever waits for that reader next: us.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
    finally:
        if transport is not None:
            transport.abort()


async def _health(request: web.Request) -> web.Response:
    del request
    return web.Response(text="ok")


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)
