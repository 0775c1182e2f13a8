"""The set-up's part of the service: `/api/setup…`, for the console's pass alone.

While a set-up goes on, `/` is its page; once the session has begun, `/` is the console, and every request here is told
so. What is asked is done by the set-up; nothing is decided here.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sized
from typing import Any, Protocol

from aiohttp import web
from pydantic import BaseModel

from facilitator.core.stage import StageView
from facilitator.setup.view import Level, SetUpView
from facilitator.web.feeds import Feed, open_socket, read_nothing
from facilitator.web.guard import error
from facilitator.web.meeting import End, Line, Meeting, Tabs
from facilitator.web.openapi import PLAN_BYTES, Brought
from facilitator.web.reading import read_object


class SetUp(Protocol):
    """What the service needs of a set-up."""

    @property
    def tabs(self) -> Tabs:
        """The stage's tabs."""
        ...

    @property
    def commands(self) -> Mapping[str, type[BaseModel]]:
        """Every command's values by its name, of the session that will be."""
        ...

    @property
    def listening(self) -> bool:
        """Whether the sound check goes on."""
        ...

    def strings(self) -> Mapping[str, str]:
        """Return the words of the pages by key."""
        ...

    def stage(self) -> StageView:
        """Return what everybody may see."""
        ...

    def view(self) -> SetUpView:
        """Return what the page shows now."""
        ...

    def levels(self) -> Iterable[Level]:
        """Return how loud each channel is now."""
        ...

    def watch_changes(self, on_change: Callable[[], None]) -> End:
        """Have `on_change` called when something else is to be shown."""
        ...

    def listen(self, on_level: Callable[[], None]) -> End:
        """Begin the sound check, for as long as anybody listens."""
        ...

    async def change(self, values: Mapping[str, Any]) -> None:
        """Choose something else."""
        ...

    async def bring(self, content: bytes) -> None:
        """Take the plan that a client brings back."""
        ...

    async def forget(self) -> None:
        """Destroy what is kept from the session before."""
        ...

    def say(self) -> None:
        """Have the voice say one sentence."""
        ...

    async def begin(self) -> Meeting:
        """Make the session of what was chosen."""
        ...

    async def resume(self) -> Meeting:
        """Go on with the session that was broken off."""
        ...

    async def destroy(self) -> None:
        """Destroy the session that was broken off."""
        ...


class SetUpRoutes:
    """The addresses of a set-up.

    Args:
        current: the set-up; None when there is none, or the session has begun.
        stages: those that are open.
        go_on: has the service serve the session that was made.
        closing: set when the service closes.
    """

    def __init__(
        self,
        current: Callable[[], SetUp | None],
        stages: Sized,
        go_on: Callable[[Meeting], None],
        closing: asyncio.Event,
    ) -> None:
        self._current = current
        self._stages = stages
        self._go_on = go_on
        self._closing = closing
        self.feeds: set[Feed] = set()

    def add_to(self, app: web.Application) -> None:
        """Have `app` answer here."""
        app.router.add_get("/api/setup", self._view)
        app.router.add_post("/api/setup", self._change)
        app.router.add_post("/api/setup/plan", self._bring)
        app.router.add_post("/api/setup/forget", self._forget)
        app.router.add_post("/api/setup/say", self._say)
        app.router.add_post("/api/setup/begin", self._begin)
        app.router.add_post("/api/setup/resume", self._resume)
        app.router.add_post("/api/setup/destroy", self._destroy)
        app.router.add_get("/api/setup/events", self._events)
        app.router.add_get("/api/setup/levels", self._levels)

    def _set_up(self) -> SetUp:
        found = self._current()
        if found is None:
            raise web.HTTPConflict(reason="There is no set-up any more: the session has begun.")
        return found

    def _line(self, setup: SetUp) -> Line:
        stage = {"open": len(self._stages), "sound": setup.tabs.sound}
        return {**setup.view().model_dump(mode="json"), "stage": stage}

    def _answer(self, setup: SetUp) -> web.Response:
        return web.json_response(self._line(setup))

    async def _view(self, request: web.Request) -> web.Response:
        del request
        return self._answer(self._set_up())

    async def _change(self, request: web.Request) -> web.Response:
        setup, values = self._set_up(), await read_object(request)
        await setup.change(values)
        return self._answer(setup)

    async def _bring(self, request: web.Request) -> web.Response:
        setup = self._set_up()
        body = await read_object(request.clone(client_max_size=PLAN_BYTES))
        try:
            content = base64.b64decode(Brought.model_validate(body).content, validate=True)
        except (ValueError, binascii.Error):
            return error(400, 'Send an object such as {"content": "…"}, a file in base64.')
        await setup.bring(content)
        return self._answer(setup)

    async def _forget(self, request: web.Request) -> web.Response:
        setup = self._set_up()
        await _nothing(request)
        await setup.forget()
        return self._answer(setup)

    async def _say(self, request: web.Request) -> web.Response:
        setup = self._set_up()
        await _nothing(request)
        setup.say()
        return self._answer(setup)

    async def _begin(self, request: web.Request) -> web.Response:
        setup = self._set_up()
        await _nothing(request)
        self._go_on(await setup.begin())
        return web.json_response({"begun": True})

    async def _resume(self, request: web.Request) -> web.Response:
        setup = self._set_up()
        await _nothing(request)
        self._go_on(await setup.resume())
        return web.json_response({"begun": True})

    async def _destroy(self, request: web.Request) -> web.Response:
        setup = self._set_up()
        await _nothing(request)
        await setup.destroy()
        return self._answer(setup)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        setup = self._set_up()
        socket = await open_socket(request)
        if isinstance(socket, web.Response):
            return socket

        def view() -> tuple[object, Line]:
            if self._current() is not setup:
                return "begun", {"type": "begun"}
            line = {"type": "setup", **self._line(setup)}
            return line, line

        feed = Feed(view)
        with contextlib.ExitStack() as followed:
            self.feeds.add(feed)
            followed.callback(self.feeds.discard, feed)
            followed.callback(setup.watch_changes(feed.refresh))
            await feed.serve(request, socket, reading=read_nothing(socket), closing=self._closing)
        return socket

    async def _levels(self, request: web.Request) -> web.StreamResponse:
        setup = self._set_up()
        socket = await open_socket(request)
        if isinstance(socket, web.Response):
            return socket

        def view() -> tuple[object, Line]:
            line = {
                "type": "levels",
                "on": setup.listening,
                "levels": [level.model_dump() for level in setup.levels()],
            }
            return line, line

        feed = Feed(view)
        with contextlib.ExitStack() as followed:
            followed.callback(setup.listen(feed.refresh))
            await feed.serve(request, socket, reading=read_nothing(socket), closing=self._closing)
        return socket


async def _nothing(request: web.Request) -> None:
    """Read a body that must be an empty object.

    Raises:
        HTTPBadRequest: it is none.
    """
    if await read_object(request):
        raise web.HTTPBadRequest(reason="Send an empty object: {}.")
