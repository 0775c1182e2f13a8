"""The open stages: each shows what everybody may see, and is a tab that may play; they outlive the set-up."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from facilitator.core.stage import StageView
from facilitator.web import openapi
from facilitator.web.feeds import Feed, open_socket
from facilitator.web.meeting import End, Line, Tab, Tabs

CHATTER, CHATTER_SECONDS = 20, 2.0
"""A stage that says more than so many things within so long is let go: it says two for each prompt."""
_RUNNING = {"now", "remaining_seconds"}
"""What of its view changes as time passes."""


class Staged(Protocol):
    """What a stage needs of a session, or of a set-up."""

    @property
    def tabs(self) -> Tabs:
        """The stage's tabs."""
        ...

    def stage(self) -> StageView:
        """Return what everybody may see now."""
        ...

    def watch_changes(self, on_change: Callable[[], None]) -> End:
        """Have `on_change` called when something else is to be shown."""
        ...


@dataclass(eq=False, slots=True)
class _Open:
    """One open stage: the tab that it is of the session, and what ends its watching."""

    feed: Feed
    tab: Tab
    unwatch: End

    def close(self) -> None:
        """Leave the session."""
        self.tab.close()
        self.unwatch()


class Stages:
    """Every open stage.

    Args:
        shown: the session, or the set-up before it.
        on_change: called when one comes or goes.
    """

    def __init__(self, shown: Staged, on_change: Callable[[], None]) -> None:
        self._shown = shown
        self._on_change = on_change
        self._open: list[_Open] = []

    def __len__(self) -> int:
        return len(self._open)

    def go_on(self, shown: Staged) -> None:
        """Show another session: each stage stays open, and one that plays goes on playing."""
        self._shown = shown
        for stage in self._open:
            plays = stage.tab.sound in {"here", "elsewhere"}
            stage.close()
            stage.tab = shown.tabs.open(stage.feed.tell)
            stage.unwatch = shown.watch_changes(stage.feed.refresh)
            if plays:
                stage.tab.unlocked(unlocked=True)
            stage.feed.refresh()

    async def serve(self, request: web.Request, closing: asyncio.Event) -> web.StreamResponse:
        """Show a stage until it goes, or the service closes."""
        socket = await open_socket(request)
        if isinstance(socket, web.Response):
            return socket

        def view() -> tuple[object, Line]:
            shown, sound = self._shown.stage(), stage.tab.sound
            what = tuple(getattr(shown, field.name) for field in fields(shown) if field.name not in _RUNNING)
            return (*what, sound), {"type": "stage", **asdict(shown), "sound": sound}

        feed = Feed(view)
        stage = _Open(feed, self._shown.tabs.open(feed.tell), self._shown.watch_changes(feed.refresh))
        self._open.append(stage)
        self._on_change()
        try:
            await feed.serve(request, socket, reading=_read(socket, stage), closing=closing)
        finally:
            self._open.remove(stage)
            self._on_change()
            stage.close()
        return socket


async def _read(socket: web.WebSocketResponse, stage: _Open) -> None:
    """Take what a stage may say; return when it says anything else, too much, or goes."""
    times: deque[float] = deque(maxlen=CHATTER)
    while (message := await socket.receive()).type is WSMsgType.TEXT:
        now = time.monotonic()
        if len(times) == CHATTER and now - times[0] < CHATTER_SECONDS:
            return
        times.append(now)
        if (said := _said(message.data)) is None:
            return
        said(stage.tab)


def _said(text: str) -> Callable[[Tab], None] | None:
    """Return what a stage's line means; None when it is none of those it may send."""
    try:
        line: Any = openapi.StageLine.validate_json(text)
    except ValueError:
        return None
    if isinstance(line, openapi.Unlocked):
        return lambda tab: tab.unlocked(unlocked=line.unlocked)
    return lambda tab: tab.played(line.played, line.started_at)
