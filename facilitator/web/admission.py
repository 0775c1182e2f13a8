"""Who may stay connected: a program without a pass cannot take the connections, and with them the files, of a meeting.

Rules:

- A connection on which nobody showed a pass is closed after some seconds, and before that where there are many of them,
  the oldest first: a page that comes always finds room.
- One that showed a pass stays.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

from aiohttp import web

STRANGERS = 64
"""So many connections without a pass may be open: a browser opens 6 at most for a page."""
STRANGER_SECONDS = 10.0
"""A page shows its pass within a second; a browser that has to do it again opens another connection."""
OPEN_FILES = 4096
"""Files and connections that the program asks to be allowed: 1024 are usual, 256 on macOS."""


class Admission:
    """Where the connections of one service come in: gives `web.Server` those that it takes.

    Args:
        server: what answers them.
    """

    def __init__(self, server: web.Server) -> None:
        self._server = server
        self._strangers: dict[web.RequestHandler, asyncio.TimerHandle] = {}

    def __call__(self) -> web.RequestHandler:
        """Take one more connection: a factory of protocols."""
        if len(self._strangers) >= STRANGERS:
            self._close(next(iter(self._strangers)))
        came = self._server()
        loop = asyncio.get_running_loop()
        self._strangers[came] = loop.call_later(STRANGER_SECONDS, self._close, came)
        return came

    def know(self, request: web.Request) -> None:
        """Have the connection of a request stay, since it showed a pass."""
        timer = self._strangers.pop(request.protocol, None)
        if timer is not None:
            timer.cancel()

    def _close(self, stranger: web.RequestHandler) -> None:
        self._strangers.pop(stranger).cancel()
        stranger.force_close()

    def close(self) -> None:
        """Wait for nobody any more."""
        while self._strangers:
            self._strangers.popitem()[1].cancel()


def allow_files() -> None:
    """Ask the system for as many open files as a flood of connections may take, where it limits them lower."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415  not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
