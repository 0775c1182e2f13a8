"""The set-up's addresses: for the console alone, then none; the session goes on where the set-up was."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from facilitator.commands import COMMANDS
from facilitator.config import AudioConfig, Config
from facilitator.errors import StoreError
from facilitator.setup.setting_up import SettingUp
from facilitator.web import openapi
from facilitator.web.passes import Scope
from facilitator.web.service import Service
from tests.setup.room import Room, until
from tests.setup.test_setting_up import PLAN

LISTENING = Config(audio=AudioConfig(call_input="call.monitor", microphone_input="mic"))
ADDRESSES = ["", "/plan", "/forget", "/say", "/begin", "/resume", "/destroy", "/events", "/levels"]
SOCKETS = ["/events", "/levels"]


@dataclass
class Desk:
    """A service in set-up, and who may ask it."""

    room: Room
    setup: SettingUp
    service: Service
    http: aiohttp.ClientSession

    def url(self, path: str) -> str:
        return f"{self.service.url}/api{path}"

    async def ask(self, path: str, body: object = None) -> tuple[int, Any]:
        """Return status and answer: of a GET, or of a POST where there is a body."""
        method = "GET" if body is None else "POST"
        async with self.http.request(method, self.url(path), json=body) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    room = Room(tmp_path)
    setup = room.set_up(LISTENING)
    await setup.start()
    service = Service(set_up=setup)
    await service.start("127.0.0.1", 0)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {service.token}"}) as http:
        yield Desk(room, setup, service, http)
    await setup.close()
    await service.close()


@pytest.mark.parametrize("path", ADDRESSES)
async def test_neither_the_stage_nor_a_stranger_comes_in(desk: Desk, path: str) -> None:
    ticket = desk.service.link(Scope.STAGE).partition("#")[2]
    method = "POST" if path not in {"", *SOCKETS} else "GET"
    for token, status in ((ticket, 403), ("", 401), ("x", 401)):
        headers = {"Authorization": f"Bearer {token}"}
        body = {} if method == "POST" else None
        async with desk.http.request(method, desk.url(f"/setup{path}"), json=body, headers=headers) as answer:
            assert answer.status == status
    assert desk.room.begun == []


@pytest.mark.parametrize("path", SOCKETS)
async def test_no_other_page_may_open_its_sockets(desk: Desk, path: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
        await desk.http.ws_connect(desk.url(f"/setup{path}"), origin="http://127.0.0.1:1")
    assert raised.value.status == 403
    assert not desk.setup.listening


async def test_choices_are_sent_and_shown_and_live_in_the_service(desk: Desk) -> None:
    status, view = await desk.ask("/setup", {"duration": 60})
    assert (status, view["choices"]["duration"], view["stage"]) == (200, 60, {"open": 0, "sound": "locked"})
    assert await desk.ask("/setup") == (200, view)
    status, refusal = await desk.ask("/setup", {"lenght": 60})
    assert (status, refusal["code"]) == (400, "unknown_choice")
    assert "duration" in refusal["error"] or "?" in refusal["error"] or "there are" in refusal["error"]


async def test_until_it_begins_there_is_no_session(desk: Desk) -> None:
    for path in ("/state", "/events"):
        status, refusal = await desk.ask(path)
        assert (status, refusal["error"][:35]) == (409, "The session is still being set up: ")
    assert (await desk.ask("/commands", {"command": "next"}))[0] == 409
    assert (await desk.ask("/strings"))[1]["strings"]["interface.setup.title"] == "Préparer la séance"


async def test_the_session_goes_on_at_the_same_address_with_the_same_pass(desk: Desk) -> None:
    async with desk.http.get(f"{desk.service.url}/") as page:
        before = await page.text()
    assert "/pages/setup.js" in before
    assert await desk.ask("/setup/begin", {}) == (200, {"begun": True})
    async with desk.http.get(f"{desk.service.url}/") as page:
        assert "/pages/console.js" in await page.text()
    assert (await desk.ask("/state"))[0] == 200
    assert (await desk.ask("/commands", {"command": "next"}))[0] == 200
    for path in ("/setup", "/setup/events"):
        assert (await desk.ask(path))[0] == 409
    assert (await desk.ask("/setup/begin", {}))[0] == 409
    assert len(desk.room.begun) == 1


async def test_every_open_page_is_told_that_it_began(desk: Desk) -> None:
    async with desk.http.ws_connect(desk.url("/setup/events")) as first:
        assert (await first.receive_json())["type"] == "setup"
        await desk.ask("/setup", {"duration": 60})
        assert (await first.receive_json())["choices"]["duration"] == 60
        await desk.ask("/setup/begin", {})
        lines = [await first.receive_json()]
        while lines[-1]["type"] != "begun":
            lines.append(await first.receive_json())
        assert lines[0]["state"] == "beginning"


async def test_a_stage_that_plays_goes_on_into_the_session(desk: Desk) -> None:
    async with desk.http.ws_connect(desk.url("/stage")) as stage:
        assert (await stage.receive_json())["sound"] == "locked"
        await stage.send_json({"unlocked": True})
        assert (await stage.receive_json())["sound"] == "here"
        assert (await desk.ask("/setup"))[1]["stage"] == {"open": 1, "sound": "on"}
        await desk.ask("/setup/begin", {})
        line = await stage.receive_json()
        while line["step"] != desk.room.meeting.step:
            line = await stage.receive_json()
        await until(lambda: desk.room.meeting.tabs.there)
        assert desk.room.meeting.tabs.there[0].said == [True]
        await stage.send_json({"played": "p1", "started_at": 1.0})
        await until(lambda: desk.room.meeting.tabs.there[0].said == [True, ("p1", 1.0)])
    await until(lambda: not desk.room.meeting.tabs.there)
    assert desk.room.meeting.watchers == []


async def test_the_sound_check_lasts_as_long_as_its_socket(desk: Desk) -> None:
    async with desk.http.ws_connect(desk.url("/setup/levels")) as socket:
        line = await socket.receive_json()
        while [level["state"] for level in line["levels"]] != ["silent", "heard"]:
            line = await socket.receive_json()
        assert line["on"]
        assert desk.room.open
    await until(lambda: not desk.room.open)
    assert not desk.setup.listening


async def test_a_plan_is_brought_larger_than_other_bodies_may_be(desk: Desk) -> None:
    content = base64.b64encode(PLAN.to_line().encode() + b" " * 200_000).decode()
    status, view = await desk.ask("/setup/plan", {"content": content})
    assert (status, view["follow_up"]) == (200, {"on": "2026-11-03", "actions": 1})
    assert (await desk.ask("/setup/plan", {"content": "%"}))[0] == 400
    assert (await desk.ask("/setup/plan", {"content": base64.b64encode(b"other").decode()}))[0] == 422
    assert (await desk.ask("/setup/plan", {"content": ""}))[1]["follow_up"] is None
    assert (await desk.ask("/setup/plan", {"content": "A" * openapi.PLAN_BYTES}))[0] == 413


async def test_what_could_not_begin_says_so_and_stays(desk: Desk) -> None:
    desk.room.failure = StoreError("The disk is full: make room.")
    assert await desk.ask("/setup/begin", {}) == (
        422,
        {"error": "The disk is full: make room.", "code": "not_begun"},
    )
    assert (await desk.ask("/setup"))[1]["notice"] == "The disk is full: make room."
    assert (await desk.ask("/setup/say", {}))[0] == 200
    await until(lambda: desk.setup.view().voice[0] == "played")
    assert (await desk.ask("/setup/forget", {}))[0] == 200


# --- made from the document ---

SCHEMA = schemathesis.openapi.from_dict(openapi.document(COMMANDS)).include(path_regex="^/api/setup")


@pytest.fixture(scope="module")
def set_up_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return a service in a set-up that never begins, in a thread of its own: schemathesis waits for each answer."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    folder = tmp_path_factory.mktemp("set-up")

    async def begin() -> tuple[Service, SettingUp]:
        room = Room(folder)
        room.failure = StoreError("The disk is full: make room.")
        setup = room.set_up(LISTENING)
        await setup.start()
        service = Service(set_up=setup)
        await service.start("127.0.0.1", 0)
        return service, setup

    service, setup = asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
    yield service
    for closing in (setup.close(), service.close()):
        asyncio.run_coroutine_threadsafe(closing, loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@SCHEMA.parametrize()
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
def test_nothing_made_from_the_document_is_a_defect(case: schemathesis.Case, set_up_service: Service) -> None:
    headers = {"Authorization": f"Bearer {set_up_service.token}"}
    answer = case.call(base_url=set_up_service.url, headers=headers, timeout=10)
    checks = [not_a_server_error, status_code_conformance, response_schema_conformance]
    case.validate_response(answer, checks=checks, headers=headers)
