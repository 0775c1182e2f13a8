"""The local service on 127.0.0.1: the two pages, their feeds, the commands, the prompts; `openapi.py` describes it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

from aiohttp import WSMsgType, web

from facilitator.core.snapshot import Snapshot
from facilitator.core.stage import StageView
from facilitator.errors import ServiceError
from facilitator.web import openapi
from facilitator.web.feeds import FRAME_BYTES, PATIENCE_SECONDS, QUEUE, Feed, open_socket
from facilitator.web.guard import BODY_BYTES, Guard, error
from facilitator.web.ingest import ingest
from facilitator.web.meeting import Line, Meeting, RefusedError, Tab
from facilitator.web.pages import ADDRESSES, File, answer, read_pages
from facilitator.web.passes import Passes, Scope

__all__ = ["FRAME_BYTES", "QUEUE", "Meeting", "RefusedError", "Service"]

CHATTER, CHATTER_SECONDS = 20, 2.0
"""A stage that says more than so many things within so long is let go: it says two for each prompt."""
CALL = "call"
"""The channel that a page of ours may feed."""
_ANY = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  they are refused
_RUNNING = {"at", "elapsed_seconds", "left_seconds", "overrun_seconds", "ends_at", "expected_end", "rebudget"}
"""What of a snapshot changes as time passes; of an offer, only that there is one counts."""
_STAGE_RUNNING = {"now", "remaining_seconds"}

_SILENT = logging.getLogger("facilitator.web.silent")
"""For aiohttp: what it would say of a malformed request is a traceback with parts of that request in it."""
_SILENT.propagate = False
_SILENT.addHandler(logging.NullHandler())


class Service:
    """The local service of one session.

    Args:
        meeting: the session.
        key: signs the cookies of its pages; the same key in a later process knows them again.
    """

    def __init__(self, meeting: Meeting, key: bytes | None = None) -> None:
        self.key = key or secrets.token_bytes(32)
        self._passes = Passes(self.key)
        self._meeting = meeting
        self._guard = Guard(self._passes)
        self._closing = asyncio.Event()
        self._pages: dict[str, File] = {}
        self._stages = 0
        self._consoles: set[Feed] = set()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The address that it answers on, such as `http://127.0.0.1:8123`."""
        return f"http://{self._guard.authority}"

    @property
    def port(self) -> int:
        """The port that it answers on."""
        return self._guard.port

    @property
    def token(self) -> str:
        """The bearer token of this run, which opens everything."""
        return self._passes.token

    @property
    def ingest_token(self) -> str:
        """The bearer token with which a meeting bot may send sound, and do nothing else."""
        return self._passes.ingest_token

    async def start(self, host: str, port: int) -> str:
        """Answer on `host` and `port` (0 for any free one); return the address, `http://127.0.0.1:8123`.

        Raises:
            ServiceError: the address cannot be used.
        """
        if host in _ANY:
            raise ServiceError(f"{host} means every address of this computer: set the one to answer on in [web].")
        self._pages = await asyncio.to_thread(read_pages)
        self._runner = web.AppRunner(
            self._app(),
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
        return self.url

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard.check], client_max_size=BODY_BYTES)
        app.on_response_prepare.append(self._guard.seal)
        app.router.add_get("/healthz", _health)
        for address in (*ADDRESSES, "/pages/{name}"):
            app.router.add_get(address, self._page)
        app.router.add_post("/api/session", self._session)
        app.router.add_post("/api/ticket", self._ticket)
        app.router.add_get("/api/strings", self._strings)
        app.router.add_get("/api/state", self._state)
        app.router.add_post("/api/commands", self._commands)
        app.router.add_get("/api/events", self._events)
        app.router.add_get("/api/stage", self._stage)
        app.router.add_get("/api/ingest/{channel}", self._ingest)
        app.router.add_get("/api/prompts/{id}.wav", self._prompt)
        app.router.add_get("/api/openapi.json", self._openapi)
        return app

    async def close(self) -> None:
        """Answer nothing more. Takes a few seconds at most, whatever the readers do."""
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()

    def link(self, scope: Scope) -> str:
        """Return a new link to a page, which opens once."""
        path = "/stage" if scope is Scope.STAGE else "/"
        return f"{self.url}{path}#{self._passes.ticket(scope)}"

    # --- pages, and who may have them ---

    async def _page(self, request: web.Request) -> web.Response:
        return answer(self._pages, request)

    async def _session(self, request: web.Request) -> web.Response:
        body = await _object(request)
        ticket = body.get("ticket")
        scope = self._passes.exchange(ticket) if isinstance(ticket, str) and len(body) == 1 else None
        if scope is None:
            return error(401, "This link was opened before, or is of another session: ask for a new one.")
        answered = web.json_response({"scope": scope.value})
        name, value = self._passes.cookie(scope, self._guard.port)
        answered.set_cookie(name, value, path="/api", httponly=True, samesite="Strict")
        return answered

    async def _ticket(self, request: web.Request) -> web.Response:
        body = await _object(request)
        try:
            scope = Scope(body["scope"])
        except (KeyError, ValueError):
            scope = Scope.INGEST
        if scope is Scope.INGEST:  # a bot has no page
            return error(400, 'Send an object such as {"scope": "stage"}.')
        return web.json_response({"url": self.link(scope)})

    async def _strings(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({"language": self._meeting.stage().language, "strings": dict(self._meeting.strings())})

    async def _openapi(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(openapi.document(self._meeting.commands))

    # --- the console's ---

    def _shown(self, shot: Snapshot) -> Line:
        stage = {"open": self._stages, "sound": self._meeting.tabs.sound}
        return {**asdict(shot), "stage": stage, "call_page": self._call_page}

    @property
    def _call_page(self) -> str:
        """Whether a page sends the call's sound: `off` (the session hears it otherwise), `wanted`, or `on`."""
        inlet = self._meeting.inlets.get(CALL)
        return "off" if inlet is None else "on" if inlet.connected else "wanted"

    async def _state(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(self._shown(self._meeting.snapshot()))

    async def _commands(self, request: web.Request) -> web.Response:
        body = await _object(request)
        if not isinstance(body.get("command"), str):
            return error(400, 'Send an object such as {"command": "next"}.')
        name, if_step = body.pop("command"), body.pop("if_step", None)
        if if_step is not None and not isinstance(if_step, str):
            return error(400, "if_step must be the id of a step.")
        try:
            said = await self._meeting.command(name, body, if_step)
        except RefusedError as refused:
            return web.json_response({"error": str(refused), "code": refused.code}, status=refused.status)
        return web.json_response({**self._shown(self._meeting.snapshot()), **(said or {})})

    def _console_view(self) -> tuple[object, Line]:
        shot = self._meeting.snapshot()
        line = self._shown(shot)
        what = *_steady(shot, _RUNNING), shot.rebudget is None, self._stages, line["stage"]["sound"], line["call_page"]
        return what, {"type": "snapshot", **line}

    async def _events(self, request: web.Request) -> web.StreamResponse:
        socket = await open_socket(request)
        if isinstance(socket, web.Response):
            return socket
        feed = Feed(self._console_view)
        with contextlib.ExitStack() as followed:
            self._consoles.add(feed)
            followed.callback(self._consoles.discard, feed)
            followed.callback(self._meeting.follow(feed.tell))
            followed.callback(self._meeting.watch_changes(feed.refresh))
            reading = _read_nothing(socket)  # commands are posted
            await feed.serve(request, socket, reading=reading, closing=self._closing)
        return socket

    # --- the stage's ---

    async def _stage(self, request: web.Request) -> web.StreamResponse:
        socket = await open_socket(request)
        if isinstance(socket, web.Response):
            return socket

        def view() -> tuple[object, Line]:
            shown = self._meeting.stage()
            what = *_steady(shown, _STAGE_RUNNING), tab.sound
            return what, {"type": "stage", **asdict(shown), "sound": tab.sound}

        feed = Feed(view)
        tab = self._meeting.tabs.open(feed.tell)
        with contextlib.ExitStack() as followed:
            followed.callback(tab.close)
            self._stages_changed(1)
            followed.callback(self._stages_changed, -1)
            followed.callback(self._meeting.watch_changes(feed.refresh))
            reading = _read_stage(socket, tab)
            await feed.serve(request, socket, reading=reading, closing=self._closing)
        return socket

    async def _ingest(self, request: web.Request) -> web.StreamResponse:
        return await ingest(request, self._meeting.inlets, self._closing, self._consoles_changed)

    def _stages_changed(self, by: int) -> None:
        self._stages += by
        self._consoles_changed()

    def _consoles_changed(self) -> None:
        for feed in self._consoles:
            feed.refresh()

    async def _prompt(self, request: web.Request) -> web.Response:
        wav = self._meeting.tabs.wav(request.match_info["id"])
        if wav is None:
            raise web.HTTPNotFound
        return web.Response(body=wav, content_type="audio/wav")


def _steady(shown: Snapshot | StageView, running: set[str]) -> tuple[object, ...]:
    return tuple(getattr(shown, field.name) for field in fields(shown) if field.name not in running)


async def _object(request: web.Request) -> Line:
    """Return the object that was sent.

    Raises:
        HTTPBadRequest: it is none.
    """
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(reason="The body is not JSON.") from None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(reason="The body is no object.")
    return body


async def _read_nothing(socket: web.WebSocketResponse) -> None:
    """Return when the reader says anything, or goes."""
    await socket.receive()


async def _read_stage(socket: web.WebSocketResponse, tab: Tab) -> None:
    """Take what a stage may say; return when it says anything else, too much, or goes."""
    times: deque[float] = deque(maxlen=CHATTER)
    while (message := await socket.receive()).type is WSMsgType.TEXT:
        now = time.monotonic()
        if len(times) == CHATTER and now - times[0] < CHATTER_SECONDS:
            return
        times.append(now)
        if (said := _said(message.data)) is None:
            return
        said(tab)


def _said(text: str) -> Callable[[Tab], None] | None:
    """Return what a stage's line means; None when it is none of those it may send."""
    try:
        line: Any = openapi.StageLine.validate_json(text)
    except ValueError:
        return None
    if isinstance(line, openapi.Unlocked):
        return lambda tab: tab.unlocked(unlocked=line.unlocked)
    return lambda tab: tab.played(line.played, line.started_at)


async def _health(request: web.Request) -> web.Response:
    del request
    return web.Response(text="ok")
