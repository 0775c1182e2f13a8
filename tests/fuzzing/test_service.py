"""What the local service of a real session is sent, almost right: bodies of commands, and frames on its sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from facilitator.commands import COMMANDS
from facilitator.errors import UsageError
from facilitator.live import Live
from facilitator.web.service import Service
from tests.deviceless import being_held, without_devices
from tests.fuzzing.mutations import mutated, numbers, try_all
from tests.web.conftest import Door
from tests.web.meeting import FakeMeeting
from tests.web.wire import TEXT, UPGRADE, frame, message

Count = Callable[[str], None]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    LEAVES, lambda one: st.lists(one, max_size=2) | st.dictionaries(st.text(max_size=6), one, max_size=2), max_leaves=5
)
RIGHT: dict[str, dict[str, Any]] = {
    "extend": {"minutes": 2},
    "say": {"text": "Nous reprenons."},
    "edit_contract": {"text": "Comment dire non ?"},
    "edit_plan": {"items": [{"text": "J'appelle.", "due": "2026-12-04"}], "agreed_by": "Camille"},
    "mark_contract": {},
    "deliver": {"to": "camille@example.org", "confirm": False},
    "purge": {"confirm": True},
}
NAMES = sorted({*COMMANDS, *RIGHT})


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Give the body of a command with some of its values wrong; a folder is never named: it would be written to."""
    name = draw(st.sampled_from(NAMES))
    values = dict(RIGHT.get(name, {}))
    for _ in range(draw(st.integers(0, 2))):
        key = draw(st.sampled_from([*values, "if_step", "text", "key", "undo", "items", "utterances", "seconds"]))
        values[key] = draw(VALUES)
    body = json.dumps({"command": name, **values}).encode()
    return draw(st.just(body) | mutated(body).filter(lambda one: b"folder" not in one))


def with_session(folder: Path, what: Callable[[Door], Coroutine[Any, Any, None]], **changed: Any) -> None:
    """Do `what` at the door of a session without devices; afterwards it must still answer, and nothing was raised.

    Args:
        folder: for its documents.
        what: is given the door.
        changed: settings that are not those of a session without devices.
    """
    defects: list[str] = []

    async def hold() -> None:
        live = Live(without_devices(folder, **changed))
        live.follow(lambda line: defects.append(str(line)) if line.get("code") == "defect" else None)
        service = Service(live)
        door = Door(service, FakeMeeting(), await service.start("127.0.0.1", 0))
        async with being_held(live) as holding:
            try:
                if changed.get("listens"):
                    await live.command("consent", {}, None)
                await live.command("start", {}, None)
                await what(door)
                if holding.done():  # it was ended: by itself, and well
                    holding.result()
                assert (await door.ask(door.get("/api/state"))).status == 200
            finally:
                await service.close()

    asyncio.run(hold())
    assert defects == []


@numbers(12)
def test_bodies_of_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, examples: int, count: Count) -> None:
    monkeypatch.chdir(tmp_path)
    statuses: list[int] = []

    def send(batch: list[bytes]) -> None:
        told: list[int] = []

        async def send_all(door: Door) -> None:
            async with door.wire() as wire:
                for body in batch:
                    answer = await wire.ask(door.post(body))
                    assert answer.status in {200, 400, 409, 422}, (answer.status, body, answer.body)
                    told.append(answer.status)

        with_session(tmp_path, send_all)
        statuses.extend(told)
        if 200 not in told:
            raise UsageError("All of them were refused.")

    try_all(st.lists(bodies(), min_size=15, max_size=25), send, examples, "a session's service, in batches", count)
    count(f"fuzzing commands: {len(statuses)} sent, {statuses.count(200)} done, the others refused")


@numbers(15)
@pytest.mark.parametrize("socket", ["events", "stage"])
def test_frames_of_a_socket(tmp_path: Path, socket: str, examples: int, count: Count) -> None:
    right = frame(TEXT, b'{"unlocked": true}') + frame(TEXT, b'{"played": "p1", "started_at": 1.5}')

    def send(content: bytes) -> None:
        closed: list[bool] = []

        async def send_it(door: Door) -> None:
            async with door.wire() as wire:
                opening = message("GET", f"/api/{socket}", (door.host, door.token, *UPGRADE))
                assert (await wire.ask(opening)).status == 101
                await wire.send(content)
                wire.writer.write_eof()
                closed.append(await wire.is_closed())

        with_session(tmp_path, send_it)
        assert closed == [True]
        raise UsageError("It was let go.")

    inputs = mutated(right) | st.binary(max_size=80) | st.binary(max_size=60).map(lambda one: frame(TEXT, one))
    try_all(inputs, send, examples, f"the socket of {socket}", count)
