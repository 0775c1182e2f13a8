"""The service on a real socket, and what asks it."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from facilitator.web.passes import Scope
from facilitator.web.service import Service
from tests.web.meeting import FakeMeeting
from tests.web.wire import UPGRADE, Answer, Headers, Wire, message


@dataclass
class Door:
    """The service's address and token, and the requests a friend would send."""

    service: Service
    meeting: FakeMeeting
    url: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def host(self) -> tuple[str, str]:
        return ("Host", f"127.0.0.1:{self.port}")

    @property
    def token(self) -> tuple[str, str]:
        return ("Authorization", f"Bearer {self.service.token}")

    @property
    def connections(self) -> int:
        """How many connections the service holds open."""
        assert self.service._runner is not None
        assert self.service._runner.server is not None
        return len(self.service._runner.server.connections)

    def get(self, target: str, *more: tuple[str, str]) -> bytes:
        return message("GET", target, (self.host, self.token, *more))

    def post(self, body: bytes, *more: tuple[str, str]) -> bytes:
        headers = (self.host, self.token, ("Content-Type", "application/json"), *more)
        return message("POST", "/api/commands", headers, body)

    def post_to(self, target: str, body: bytes, *headers: tuple[str, str]) -> bytes:
        """Return a POST of JSON with these headers, and no pass of its own."""
        return message("POST", target, (self.host, ("Content-Type", "application/json"), *headers), body)

    @property
    def origin(self) -> tuple[str, str]:
        return ("Origin", f"http://127.0.0.1:{self.port}")

    async def cookie(self, scope: Scope) -> tuple[str, str]:
        """Return the cookie that a page gets for its link."""
        ticket = self.service.link(scope).partition("#")[2]
        answer = await self.ask(self.post_to("/api/session", json.dumps({"ticket": ticket}).encode(), self.origin))
        assert answer.status == 200
        return ("Cookie", answer.named("set-cookie")[0].partition(";")[0])

    def upgrade(self, *more: tuple[str, str], host: bool = True) -> bytes:
        headers: Headers = (*((self.host,) if host else ()), self.token, *UPGRADE, *more)
        return message("GET", "/api/events", headers)

    def wire(self, *, receive_buffer: int | None = None) -> Wire:
        return Wire(self.port, receive_buffer=receive_buffer)

    async def ask(self, data: bytes, *, has_body: bool = True) -> Answer:
        """Return the answer to one request on a connection of its own."""
        async with self.wire() as wire:
            return await wire.ask(data, has_body=has_body)


@pytest.fixture
async def door(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Door]:
    """Return a running service; nothing may have been logged when it closes."""
    meeting = FakeMeeting()
    service = Service(meeting)
    with caplog.at_level(logging.WARNING):
        url = await service.start("127.0.0.1", 0)
        try:
            yield Door(service, meeting, url)
        finally:
            await service.close()
    assert (meeting.followers, meeting.watchers, meeting.tabs.there) == ([], [], [])
    logged = [*caplog.get_records("setup"), *caplog.get_records("call"), *caplog.records]
    assert [record.getMessage() for record in logged if record.name != "facilitator.web.silent"] == []
