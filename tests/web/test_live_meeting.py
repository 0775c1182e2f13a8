"""The service in front of a real session: one without devices, so that only time and commands are left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from facilitator.documents import write
from facilitator.live import Live
from facilitator.web.service import Service
from tests.deviceless import being_held, without_devices
from tests.web.conftest import Door
from tests.web.meeting import FakeMeeting
from tests.web.wire import Answer


@pytest.fixture
async def held(tmp_path: Path) -> AsyncIterator[Door]:
    """Return the door to a session that is being held."""
    live = Live(without_devices(tmp_path))
    service = Service(live)
    url = await service.start("127.0.0.1", 0)
    async with being_held(live):
        yield Door(service, FakeMeeting(), url)
        await service.close()


async def do(door: Door, name: str, **values: Any) -> Answer:
    return await door.ask(door.post(json.dumps({"command": name, **values}).encode()))


async def test_a_session_is_started_moved_and_ended_over_the_service(held: Door) -> None:
    assert (await held.ask(held.get("/api/state"))).json["phase"] == "ready"
    started = await do(held, "start")
    assert (started.json["phase"], started.json["step"]) == ("running", "welcome")
    assert (await do(held, "next")).json["step"] == "presentation"
    assert (await do(held, "back")).json["step"] == "welcome"
    assert (await do(held, "pause")).json["phase"] == "paused"
    assert (await do(held, "resume")).json["phase"] == "running"
    before = (await held.ask(held.get("/api/state"))).json["planned_seconds"]
    assert (await do(held, "extend", minutes=2)).json["planned_seconds"] == pytest.approx(before + 120)


@asynccontextmanager
async def socket(door: Door, path: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with aiohttp.ClientSession(headers=dict([door.token])) as http, http.ws_connect(f"{door.url}{path}") as ws:
        yield ws


async def shown(ws: aiohttp.ClientWebSocketResponse, what: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return the first snapshot, or view of the stage, for which `what` holds."""
    async with asyncio.timeout(10):
        while True:
            line: dict[str, Any] = await ws.receive_json()
            if line["type"] in {"snapshot", "stage"} and what(line):
                return line


async def test_what_no_event_tells_is_shown_to_every_console_all_the_same(held: Door) -> None:
    await do(held, "start")
    async with socket(held, "/api/events") as ws:
        await shown(ws, lambda _: True)
        await do(held, "edit_contract", text="Aidez-moi à dire non.")
        line = await shown(ws, lambda line: line["records"]["contract"]["text"] != "")
        assert (line["type"], line["records"]["contract"]["text"]) == ("snapshot", "Aidez-moi à dire non.")


async def test_the_stage_shows_what_the_console_does_and_the_contract_once_agreed(held: Door) -> None:
    await do(held, "start")
    async with socket(held, "/api/stage") as ws:
        line = await shown(ws, lambda _: True)
        assert (line["step"], line["shows"], line["sound"]) == ("welcome", "rules", "off")
        await do(held, "mark_contract", text="Aidez-moi à dire non.", agreed_by="Camille")
        for step in ("presentation", "clarification", "contract", "consultation"):
            await do(held, "next")
            line = await shown(ws, lambda line, step=step: line["step"] == step)
            expected = "Aidez-moi à dire non." if step == "consultation" else None
            assert line["contract"] == expected
        state = (await held.ask(held.get("/api/state"))).json
        assert line["remaining_seconds"] == pytest.approx(state["left_seconds"], abs=1.0)
        await do(held, "pause")
        assert (await shown(ws, lambda line: line["paused"]))["phase"] == "paused"


async def test_every_command_is_in_the_document_and_every_word_of_the_interface_is_given(held: Door) -> None:
    schemas = (await held.ask(held.get("/api/openapi.json"))).json["components"]["schemas"]
    assert {"command_deliver", "command_purge", "command_next"} <= set(schemas)
    strings = (await held.ask(held.get("/api/strings"))).json["strings"]
    assert strings["interface.keys.next"] == "étape suivante"


async def test_a_double_click_moves_one_step(held: Door) -> None:
    await do(held, "start")
    answers = await asyncio.gather(*(do(held, "next", if_step="welcome") for _ in range(3)))
    assert sorted(answer.status for answer in answers) == [200, 409, 409]
    assert (await held.ask(held.get("/api/state"))).json["step"] == "presentation"


def written(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("name", "values", "status", "code"),
    [
        ("start", {}, 409, "not_now"),
        ("back", {}, 409, "first_step"),
        ("say", {"key": "no_such_prompt"}, 409, "no_such_prompt"),
        ("read_back", {"record": "diary"}, 409, "no_such_record"),
        ("remind", {}, 409, "nobody_holds"),
        ("dance", {}, 400, "unknown_command"),
        ("deliver", {"folder": 3}, 400, "bad_value"),
        ("deliver", {"folder": "/proc/nothing"}, 422, "cannot_write"),
    ],
)
async def test_what_the_session_refuses_is_one_sentence(
    held: Door, name: str, values: dict[str, Any], status: int, code: str
) -> None:
    await do(held, "start")
    answer = await do(held, name, **values)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.json["error"].endswith((".", "?"))
    assert "\n" not in answer.json["error"]


async def test_documents_are_written_when_the_animator_delivers_and_not_before(held: Door, tmp_path: Path) -> None:
    await do(held, "start")
    assert written(tmp_path) == set()
    assert (await do(held, "deliver")).status == 200
    assert {"contract.md", "contract.docx", "contract.pdf", "plan.md", "plan.docx", "plan.pdf"} <= written(tmp_path)


async def plan(door: Door) -> dict[str, Any]:
    found: dict[str, Any] = (await door.ask(door.get("/api/state"))).json["records"]["plan"]
    return found


async def test_a_day_said_is_offered_and_becomes_a_due_date_when_it_is_accepted(held: Door, tmp_path: Path) -> None:
    await do(held, "start")
    await do(held, "edit_plan", text="Demain, j'appelle Nour.\nPuis j'écris.")
    call, write = (await plan(held))["items"]
    assert date.fromisoformat(call["offered"]) - datetime.now(tz=UTC).astimezone().date() <= timedelta(days=1)
    assert (call["due"], write["offered"]) == ("", "")
    assert (await do(held, "deliver")).status == 200
    assert "plan.ics" not in written(tmp_path)
    dated = {"text": call["text"], "due": call["offered"], "who": "Nour"}
    assert (await do(held, "edit_plan", items=[dated, {"text": write["text"]}], agreed_by="Camille")).status == 200
    accepted = (await plan(held))["items"][0]
    assert (accepted["text"], accepted["due"], accepted["offered"]) == (call["text"], call["offered"], "")
    assert (await do(held, "deliver")).status == 200
    assert "plan.ics" in written(tmp_path)


async def test_corrections_are_taken_back_over_the_service(held: Door) -> None:
    await do(held, "start")
    await do(held, "edit_plan", text="Un.")
    await do(held, "edit_plan", text="Deux.")
    assert (await do(held, "edit_plan", undo=True)).status == 200
    assert ((await plan(held))["text"], (await plan(held))["undoable"]) == ("Un.", True)
    await do(held, "edit_plan", undo=True)
    refused = await do(held, "edit_plan", undo=True)
    assert (refused.status, refused.json["code"]) == (409, "nothing_to_undo")


async def test_a_document_that_cannot_be_made_is_told_and_the_others_are_written(
    held: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> bytes:
        raise RuntimeError

    monkeypatch.setattr(write, "RENDERERS", {**write.RENDERERS, "pdf": fail})
    await do(held, "start")
    assert (await do(held, "deliver")).status == 200
    assert {"contract.md", "contract.docx", "plan.md", "plan.docx"} == written(tmp_path)
    warnings = (await held.ask(held.get("/api/state"))).json["warnings"]
    assert [one["message"] for one in warnings if one["code"] == "document_failed"] == [
        "Ces documents n'ont pas pu être préparés : contract.pdf, plan.pdf. Les autres sont écrits."
    ]
