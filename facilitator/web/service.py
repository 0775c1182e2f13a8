"""The local service on 127.0.0.1: the two pages, their feeds, the commands, the prompts; `openapi.py` describes it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import secrets
import socket
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from typing import Any

from aiohttp import web

from facilitator.core.snapshot import Snapshot
from facilitator.errors import ServiceError
from facilitator.web import openapi
from facilitator.web.admission import Admission, allow_files
from facilitator.web.feeds import FRAME_BYTES, PATIENCE_SECONDS, QUEUE, Feed, open_socket, read_nothing
from facilitator.web.guard import BODY_BYTES, NOT_YOURS, Guard, error
from facilitator.web.ingest import ingest
from facilitator.web.meeting import Line, Meeting, RefusedError
from facilitator.web.pages import ADDRESSES, SET_UP, File, answer, read_pages
from facilitator.web.passes import PAGES, Passes, Scope
from facilitator.web.reading import read_object
from facilitator.web.setup import SetUp, SetUpRoutes
from facilitator.web.stages import Stages

__all__ = ["FRAME_BYTES", "QUEUE", "Meeting", "RefusedError", "Service"]

CALL = "call"
"""The channel that a page of ours may feed."""
CONSOLES_COMMANDS = frozenset({"edit_contract", "edit_plan", "deliver", "purge"})
"""What is done to the client's words: whoever may only drive may not do it."""
CONSOLES_VALUES = {"mark_contract": "text"}
"""What also does that, of a command that is else for whoever drives."""
_WITHOUT_WORDS: dict[str, Any] = {"records": {}, "follow_up": None, "speaking": None, "cues": (), "pending": ()}
_WORDS = frozenset({"text"})
"""What of a snapshot, and of an event line, holds words of the contract and the plan."""
_RUNNING = {"at", "elapsed_seconds", "left_seconds", "overrun_seconds", "ends_at", "expected_end", "rebudget"}
"""What of a snapshot changes as time passes; of an offer, only that there is one counts."""

_SILENT = logging.getLogger("facilitator.web.silent")
"""For aiohttp: what it would say of a malformed request is a traceback with parts of that request in it."""
_SILENT.propagate = False
_SILENT.addHandler(logging.NullHandler())


class Service:
    """The local service of one session, and of its set-up before.

    Args:
        meeting: the session; None where `set_up` is still to make it.
        key: signs the cookies of its pages; the same key in a later process knows them again.
        set_up: what the session is made on; None where there is one.
    """

    def __init__(
        self, meeting: Meeting | None = None, key: bytes | None = None, *, set_up: SetUp | None = None
    ) -> None:
        self.key = key or secrets.token_bytes(32)
        self._passes = Passes(self.key)
        self._held = meeting
        self._before = set_up
        self._guard = Guard(self._passes)
        self._closing = asyncio.Event()
        self._pages: dict[str, File] = {}
        self._consoles: set[Feed] = set()
        self._stages = Stages(self._here, self._consoles_changed)
        self._set_up = SetUpRoutes(lambda: self._before, self._stages, self.go_on, self._closing)
        self._runner: web.AppRunner | None = None
        self._admission: Admission | None = None
        self._listening: asyncio.Server | None = None

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
        return self._passes.tokens[Scope.CONSOLE]

    @property
    def tokens(self) -> dict[str, str]:
        """The bearer tokens of this run by what they open: the value of each scope."""
        return {scope.value: token for scope, token in self._passes.tokens.items()}

    @property
    def ingest_token(self) -> str:
        """The bearer token with which a meeting bot may send sound, and do nothing else."""
        return self._passes.tokens[Scope.INGEST]

    async def start(self, host: str, port: int) -> str:
        """Answer on `host` and `port` (0 for any free one); return the address, `http://127.0.0.1:8123`.

        Raises:
            ServiceError: the address cannot be used.
        """
        address = await _loopback(host, port)
        self._pages = await asyncio.to_thread(read_pages)
        self._runner = web.AppRunner(
            self._app(),
            access_log=None,
            logger=_SILENT,
            auto_decompress=False,  # a body may not grow beyond what was sent
            shutdown_timeout=2 * PATIENCE_SECONDS,
        )
        await self._runner.setup()
        assert self._runner.server is not None
        allow_files()
        self._admission = Admission(self._runner.server)
        self._guard.on_pass = self._admission.know
        try:
            self._listening = await asyncio.get_running_loop().create_server(self._admission, address, port)
        except OSError as reason:
            await self._runner.cleanup()
            raise _unusable(host, port, str(reason.strerror).rpartition(": ")[2]) from None
        number = self._listening.sockets[0].getsockname()[1]
        self._guard.authority = f"[{address}]:{number}" if ":" in address else f"{address}:{number}"
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
        self._set_up.add_to(app)
        return app

    async def close(self) -> None:
        """Answer nothing more. Takes a few seconds at most, whatever the readers do."""
        self._closing.set()
        if self._listening is not None:
            self._listening.close()
        if self._admission is not None:
            self._admission.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def link(self, scope: Scope) -> str:
        """Return a new link to a page, which opens once."""
        path = "/stage" if scope is Scope.STAGE else "/"
        return f"{self.url}{path}#{self._passes.ticket(scope)}"

    def go_on(self, meeting: Meeting) -> None:
        """Serve the session that was set up, under the same address, token and cookies, on the stages that are open."""
        self._held, self._before = meeting, None
        self._stages.go_on(meeting)
        self._consoles_changed()

    @property
    def _meeting(self) -> Meeting:
        """The session.

        Raises:
            HTTPConflict: it is still being set up.
        """
        if self._held is None:
            raise web.HTTPConflict(reason="The session is still being set up: begin it on its page.")
        return self._held

    @property
    def _here(self) -> Meeting | SetUp:
        """What there is of the session now."""
        here = self._held or self._before
        assert here is not None
        return here

    # --- pages, and who may have them ---

    async def _page(self, request: web.Request) -> web.Response:
        return answer(self._pages, request, SET_UP if self._held is None and request.path == "/" else request.path)

    async def _session(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        ticket = body.get("ticket")
        scope = self._passes.exchange(ticket) if isinstance(ticket, str) and len(body) == 1 else None
        if scope is None:
            return error(401, "This link was opened before, or is of another session: ask for a new one.")
        answered = web.json_response({"scope": scope.value})
        name, value = self._passes.cookie(scope, self._guard.port)
        answered.set_cookie(name, value, path="/api", httponly=True, samesite="Strict")
        return answered

    async def _ticket(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        try:
            scope = PAGES[PAGES.index(body["scope"])]
        except (KeyError, ValueError):  # the others have no page
            return error(400, 'Send an object such as {"scope": "stage"}.')
        return web.json_response({"url": self.link(scope)})

    async def _strings(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({"language": self._here.stage().language, "strings": dict(self._here.strings())})

    async def _openapi(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(openapi.document(self._here.commands))

    # --- the console's ---

    def _shown(self, request: web.Request, shot: Snapshot) -> Line:
        shown = shot if self._guard.is_console(request) else replace(shot, **_WITHOUT_WORDS)
        stage = {"open": len(self._stages), "sound": self._meeting.tabs.sound}
        return {**asdict(shown), "stage": stage, "call_page": self._call_page}

    @property
    def _call_page(self) -> str:
        """Whether a page sends the call's sound: `off` (the session hears it otherwise), `wanted`, or `on`."""
        inlet = self._meeting.inlets.get(CALL)
        return "off" if inlet is None else "on" if inlet.connected else "wanted"

    async def _state(self, request: web.Request) -> web.Response:
        return web.json_response(self._shown(request, self._meeting.snapshot()))

    async def _commands(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        if not isinstance(body.get("command"), str):
            return error(400, 'Send an object such as {"command": "next"}.')
        name, if_step = body.pop("command"), body.pop("if_step", None)
        if if_step is not None and not isinstance(if_step, str):
            return error(400, "if_step must be the id of a step.")
        about_words = name in CONSOLES_COMMANDS or CONSOLES_VALUES.get(name) in body
        if about_words and not self._guard.is_console(request):
            return error(403, NOT_YOURS)
        said = await self._meeting.command(name, body, if_step)
        return web.json_response({**self._shown(request, self._meeting.snapshot()), **(said or {})})

    def _console_view(self, request: web.Request) -> tuple[object, Line]:
        shot = self._meeting.snapshot()
        line = self._shown(request, shot)
        sound = line["stage"]["sound"], line["call_page"]
        what = *_steady(shot, _RUNNING), shot.rebudget is None, len(self._stages), sound
        return what, {"type": "snapshot", **line}

    async def _events(self, request: web.Request) -> web.StreamResponse:
        meeting = self._meeting
        socket = await open_socket(request)
        if isinstance(socket, web.Response):
            return socket
        feed = Feed(lambda: self._console_view(request))
        tell = feed.tell if self._guard.is_console(request) else _without_words(feed.tell)
        with contextlib.ExitStack() as followed:
            self._consoles.add(feed)
            followed.callback(self._consoles.discard, feed)
            followed.callback(meeting.follow(tell))
            followed.callback(meeting.watch_changes(feed.refresh))
            reading = read_nothing(socket)  # commands are posted
            await feed.serve(request, socket, reading=reading, closing=self._closing)
        return socket

    # --- the stage's ---

    async def _stage(self, request: web.Request) -> web.StreamResponse:
        return await self._stages.serve(request, self._closing)

    async def _ingest(self, request: web.Request) -> web.StreamResponse:
        return await ingest(request, self._meeting.inlets, self._closing, self._consoles_changed)

    def _consoles_changed(self) -> None:
        for feed in (*self._consoles, *self._set_up.feeds):
            feed.refresh()

    async def _prompt(self, request: web.Request) -> web.Response:
        wav = self._here.tabs.wav(request.match_info["id"])
        if wav is None:
            raise web.HTTPNotFound
        return web.Response(body=wav, content_type="audio/wav")


async def _loopback(host: str, port: int) -> str:
    """Return the address of this computer that `host` names. What it binds counts, not its spelling: `0` is every one.

    Raises:
        ServiceError: it names none, or one that other computers reach.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as reason:  # the latter: a host that is no name at all
        raise _unusable(host, port, "no such host" if isinstance(reason, UnicodeError) else reason.strerror) from None
    addresses = [str(place[0]) for *_, place in found]
    if not all(ipaddress.ip_address(address).is_loopback for address in addresses):
        raise ServiceError(f"Other computers could reach {host}: set host in [web] to 127.0.0.1.")
    return addresses[0]


def _unusable(host: str, port: int, why: str | None) -> ServiceError:
    return ServiceError(f"The local service cannot answer on {host}:{port} ({why}): set another host or port in [web].")


def _without_words(tell: Callable[[Line], None]) -> Callable[[Line], None]:
    """Return what tells the lines without what was said, or is said of it."""
    return lambda line: tell({key: value for key, value in line.items() if key not in _WORDS})


def _steady(shown: Snapshot, running: set[str]) -> tuple[object, ...]:
    return tuple(getattr(shown, field.name) for field in fields(shown) if field.name not in running)


async def _health(request: web.Request) -> web.Response:
    del request
    return web.Response(text="ok")
