"""Connections without a pass: a page that comes always finds room, and nobody stays who shows none."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack

import pytest

from facilitator.web import admission
from tests.web.conftest import Door


async def test_a_flood_of_silent_connections_keeps_no_page_out(door: Door) -> None:
    async with AsyncExitStack() as stack:
        known = await stack.enter_async_context(door.wire())
        assert (await known.ask(door.get("/api/state"))).status == 200
        silent = [await stack.enter_async_context(door.wire()) for _ in range(admission.STRANGERS + 20)]
        assert (await door.ask(door.get("/api/state"))).status == 200
        for wire in silent[:20]:
            assert await wire.is_closed()
        assert door.connections <= admission.STRANGERS + 1
        assert (await known.ask(door.get("/api/state"))).status == 200, "who showed a pass stays"


async def test_who_shows_no_pass_is_let_go(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "STRANGER_SECONDS", 0.2)
    async with door.wire() as silent, door.wire() as stranger, door.wire() as known:
        assert (await known.ask(door.get("/api/state"))).status == 200
        assert (await stranger.ask(door.post_to("/api/commands", b"{}"))).status == 401
        assert await silent.is_closed()
        assert await stranger.is_closed()
        assert (await known.ask(door.get("/api/state"))).status == 200


@pytest.mark.skipif(sys.platform == "win32", reason="the limit is of POSIX")
def test_as_many_files_are_allowed_as_a_flood_may_take() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        admission.allow_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(admission.OPEN_FILES, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
