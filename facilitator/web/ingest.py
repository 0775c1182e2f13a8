"""A channel's sound over a WebSocket: binary messages of mono 16-bit samples at 16 kHz, little-endian.

The service says `{"listening", "received"}`, samples of the present capture, at once, when that changes and about once
a second. A sender may first name its capture, to go on where it was after a lost connection, and say what it skips.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

from aiohttp import WSMsgType, web

from facilitator.web import openapi
from facilitator.web.feeds import Feed, open_socket
from facilitator.web.guard import error
from facilitator.web.meeting import Inlet, Line

_ACKNOWLEDGED_SAMPLES = 16_000


async def ingest(request: web.Request, inlets: Mapping[str, Inlet], closing: asyncio.Event) -> web.StreamResponse:
    """Take a channel's sound until its sender goes, or sends what it may not."""
    channel = request.match_info["channel"]
    inlet = inlets.get(channel)
    if inlet is None:
        return error(404, "This session takes no sound for that channel: see call_input in [audio].")
    if not inlet.begin():
        return error(409, "That channel has a sender already.")
    with contextlib.ExitStack() as begun:
        begun.callback(inlet.end)
        socket = await open_socket(request)
        if isinstance(socket, web.Response):
            return socket

        def view() -> tuple[object, Line]:
            line = {"listening": inlet.listening, "received": inlet.received}
            return (inlet.listening, inlet.received // _ACKNOWLEDGED_SAMPLES), line

        feed = Feed(view)
        begun.callback(inlet.follow(feed.refresh))
        await feed.serve(request, socket, reading=_read(socket, inlet, feed), closing=closing)
    return socket


async def _read(socket: web.WebSocketResponse, inlet: Inlet, feed: Feed) -> None:
    """Take what a sender may say; return when it says anything else, or goes."""
    while True:
        message = await socket.receive()
        try:
            if message.type is WSMsgType.BINARY:
                inlet.take(message.data)
                feed.refresh()
            elif message.type is WSMsgType.TEXT:
                line = openapi.SenderLine.validate_json(message.data)
                if isinstance(line, openapi.Capture):
                    inlet.resume(line.capture)
                    feed.tell({"listening": inlet.listening, "received": inlet.received})
                else:
                    inlet.skip(line.skipped)
            else:
                return
        except ValueError:  # no sound, too much of it, or no line of ours
            return
