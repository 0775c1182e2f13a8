"""Tokens by scope: a button beside the keyboard drives, a clock on the wall watches, and neither gets at the words."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from facilitator.commands import COMMANDS
from facilitator.core.snapshot import RecordView
from facilitator.web.service import CONSOLES_COMMANDS
from tests.web.conftest import Door
from tests.web.wire import UPGRADE, message

WORDS = "dire non à l'équipe"
DRIVES = sorted({*COMMANDS, "deliver", "purge"} - CONSOLES_COMMANDS)
VALUES: dict[str, dict[str, Any]] = {
    "extend": {"minutes": 1}, "say": {"key": "rules"}, "edit_contract": {"text": "x"}, "edit_plan": {"text": "x"},
}  # fmt: skip


def bearer(door: Door, scope: str) -> tuple[str, str]:
    return ("Authorization", f"Bearer {door.service.tokens[scope]}")


def post(door: Door, scope: str, command: str) -> bytes:
    body = json.dumps({"command": command, **VALUES.get(command, {})}).encode()
    return door.post_to("/api/commands", body, bearer(door, scope))


@pytest.fixture
def wordy(door: Door, monkeypatch: pytest.MonkeyPatch) -> Door:
    """Return a door to a session that has something written down, and says it."""
    record = RecordView(WORDS, agreed=True, agreed_by="Camille", agreed_at=1.0, corrections=(), outstanding=0, lost=0,
                        utterances=({"id": "u1", "text": WORDS},))  # fmt: skip
    plain = door.meeting.snapshot
    monkeypatch.setattr(
        door.meeting, "snapshot",
        lambda: replace(plain(), records={"contract": record}, speaking=WORDS, pending=(WORDS,)),
    )  # fmt: skip
    return door


def test_every_scope_has_a_token_of_its_own_and_the_full_one_is_the_first_page(door: Door) -> None:
    assert list(door.service.tokens) == ["console", "drive", "watch", "ingest"]
    assert len(set(door.service.tokens.values())) == 4
    assert door.service.tokens["console"] == door.service.token


@pytest.mark.parametrize("scope", ["console", "drive"])
@pytest.mark.parametrize("command", DRIVES)
async def test_who_drives_may_give_every_command_that_is_not_about_the_words(
    door: Door, scope: str, command: str
) -> None:
    assert (await door.ask(post(door, scope, command))).status in {200, 400}  # 400: it wants other values


@pytest.mark.parametrize("command", sorted(CONSOLES_COMMANDS))
async def test_who_drives_neither_changes_nor_hands_over_nor_destroys_the_words(door: Door, command: str) -> None:
    for scope in ("drive", "watch"):
        answer = await door.ask(post(door, scope, command))
        assert answer.status == 403
        assert answer.is_sealed
    assert door.meeting.done == []


async def test_who_drives_marks_the_contract_that_was_said_and_gives_it_no_words(door: Door) -> None:
    given = {"command": "mark_contract", "text": "Other words.", "agreed_by": "Camille"}
    answers = [
        await door.ask(door.post_to("/api/commands", json.dumps(given).encode(), bearer(door, scope)))
        for scope in ("drive", "console")
    ]
    assert [answer.status for answer in answers] == [403, 200]
    assert [name for name, *_ in door.meeting.done] == ["mark_contract"]


async def test_who_watches_does_nothing_and_nobody_but_the_console_makes_links(door: Door) -> None:
    for command in DRIVES:
        assert (await door.ask(post(door, "watch", command))).status == 403
    for scope in ("drive", "watch"):
        for page in ("console", "stage"):
            body = json.dumps({"scope": page}).encode()
            assert (await door.ask(door.post_to("/api/ticket", body, bearer(door, scope)))).status == 403
        for target in ("/api/strings", "/api/prompts/p1.wav", "/nowhere"):
            assert (await door.ask(message("GET", target, (door.host, bearer(door, scope))))).status == 403
        data = message("GET", "/api/stage", (door.host, bearer(door, scope), *UPGRADE))
        assert (await door.ask(data)).status == 403
    assert door.meeting.done == []
    assert door.meeting.tabs.there == []


@pytest.mark.parametrize(("scope", "told"), [("console", True), ("drive", False), ("watch", False)])
async def test_the_words_are_the_consoles(wordy: Door, scope: str, told: bool) -> None:
    state = await wordy.ask(message("GET", "/api/state", (wordy.host, bearer(wordy, scope))))
    assert state.status == 200
    assert state.json["step"] == "welcome"
    assert (WORDS in json.dumps(state.json, ensure_ascii=False)) is told
    if scope != "watch":
        answer = await wordy.ask(post(wordy, scope, "next"))
        assert (WORDS in json.dumps(answer.json, ensure_ascii=False)) is told


@pytest.mark.parametrize(("scope", "told"), [("console", True), ("drive", False), ("watch", False)])
async def test_the_events_go_without_their_words(wordy: Door, scope: str, told: bool) -> None:
    headers = dict([bearer(wordy, scope)])
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{wordy.url}/api/events", headers=headers) as ws:
        first = await ws.receive_json(timeout=10)
        wordy.meeting.tell({"type": "contract_agreed", "at": 2.0, "text": WORDS, "agreed_by": "Camille"})
        line = await ws.receive_json(timeout=10)
    assert line["type"] == "contract_agreed"
    assert line["at"] == 2.0
    assert ("text" in line) is told
    assert (WORDS in json.dumps([first, line], ensure_ascii=False)) is told
