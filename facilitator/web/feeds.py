"""What is sent to an open WebSocket: lines in their order, and the newest view whenever it has changed.

A reader that does not read costs a bounded memory and delays nobody: lines wait for it up to `QUEUE`, then it is let
go; a view is made only when it can be sent, so that any number of changes is one view.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import WSCloseCode, web

from facilitator.web.guard import error
from facilitator.web.meeting import Line

QUEUE = 512
"""Lines that wait for a reader; one that falls further behind is let go, and may come back."""
FRAME_BYTES = 64 * 1024
PATIENCE_SECONDS = 1.0
"""How long a reader has to agree that its connection ends; then it is cut."""

View = Callable[[], tuple[object, Line]]
"""Returns what is to be shown now, and what tells it from another: the same without the times that run."""


class Feed:
    """One reader.

    Args:
        view: what it is shown, first of all and after each change.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._lines: deque[Line] = deque()
        self._news = asyncio.Event()
        self._news.set()
        self._late = asyncio.Event()

    def tell(self, line: Line) -> None:
        """Have a line sent, and the view after it."""
        if len(self._lines) >= QUEUE:
            self._late.set()
        else:
            self._lines.append(line)
            self._news.set()

    def refresh(self) -> None:
        """Have the view sent if it is another than the last one."""
        self._news.set()

    async def serve(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        *,
        reading: Coroutine[Any, Any, None],
        closing: asyncio.Event,
    ) -> None:
        """Send until the reader goes, falls behind or says what it may not, or the service closes.

        Args:
            request: what opened the socket.
            socket: open.
            reading: reads what the reader says; it returns when the reader is to go.
            closing: set when the service closes.
        """
        loop = asyncio.get_running_loop()
        sending = loop.create_task(self._send(socket))
        waits = self._late.wait(), closing.wait()
        tasks = [sending, loop.create_task(reading), *(loop.create_task(wait) for wait in waits)]
        code = WSCloseCode.POLICY_VIOLATION
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if closing.is_set():
                code = WSCloseCode.GOING_AWAY
            elif self._late.is_set():
                code = WSCloseCode.TRY_AGAIN_LATER
            elif sending.done():
                code = WSCloseCode.INTERNAL_ERROR
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await _let_go(request, socket, code)

    async def _send(self, socket: web.WebSocketResponse) -> None:
        shown: object = None
        while True:
            await self._news.wait()
            self._news.clear()
            told = bool(self._lines)
            while self._lines:
                await socket.send_str(as_json(self._lines.popleft()))
            what, line = self._view()
            if told or what != shown:
                shown = what
                await socket.send_str(as_json(line))


async def open_socket(request: web.Request) -> web.WebSocketResponse | web.Response:
    """Return the WebSocket that `request` asks for, open, or what a request that asks for none is told."""
    socket = web.WebSocketResponse(heartbeat=20, timeout=PATIENCE_SECONDS, max_msg_size=FRAME_BYTES, compress=False)
    if not socket.can_prepare(request):
        return error(426, "This is a WebSocket.")
    await socket.prepare(request)
    return socket


async def read_nothing(socket: web.WebSocketResponse) -> None:
    """Return when the reader says anything, or goes."""
    await socket.receive()


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


def as_json(line: Line) -> str:
    """Return a line as JSON."""
    return json.dumps(line, ensure_ascii=False)
