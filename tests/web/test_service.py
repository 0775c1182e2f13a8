"""What the service answers: health, state, commands; how it starts and ends."""

from __future__ import annotations

import asyncio
import json
import time
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.commands import COMMANDS
from facilitator.errors import ServiceError
from facilitator.web.service import Service
from tests.web.conftest import Door
from tests.web.meeting import FakeMeeting
from tests.web.wire import message

CLOSES_WITHIN_SECONDS = 8.0


def command(name: str, **values: Any) -> bytes:
    return json.dumps({"command": name, **values}).encode()


async def test_health_says_ok_and_nothing_else(door: Door) -> None:
    answer = await door.ask(message("GET", "/healthz", (door.host,)))
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.is_sealed


async def test_the_state_is_the_snapshot(door: Door) -> None:
    answer = await door.ask(door.get("/api/state"))
    assert answer.status == 200
    assert answer.is_sealed
    assert answer.named("content-type") == ["application/json; charset=utf-8"]
    assert answer.json["step"] == "welcome"
    assert answer.json["title"] == "Accueil"
    assert [step["id"] for step in answer.json["steps"]] == ["welcome", "presentation", "clarification"]


async def test_a_command_is_done_with_its_values_and_answers_the_new_state(door: Door) -> None:
    answer = await door.ask(door.post(command("extend", minutes=2)))
    assert answer.status == 200
    assert door.meeting.done == [("extend", {"minutes": 2})]
    answer = await door.ask(door.post(command("next", if_step="welcome")))
    assert answer.json["step"] == "presentation"
    assert answer.is_sealed


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (command("dance"), 400, "unknown_command"),
        (command("extend"), 400, "bad_value"),
        (command("extend", minutes="2"), 400, "bad_value"),
        (command("next", foo=1), 400, "bad_value"),
        (command("next", if_step="evaluation"), 409, "not_this_step"),
    ],
)
async def test_a_refusal_has_a_status_a_code_and_a_sentence(door: Door, body: bytes, status: int, code: str) -> None:
    answer = await door.ask(door.post(body))
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.json["error"].endswith((".", "?"))
    assert answer.is_sealed
    assert door.meeting.done == []


async def test_a_double_click_on_next_moves_one_step(door: Door) -> None:
    click = door.post(command("next", if_step="welcome"))
    answers = await asyncio.gather(door.ask(click), door.ask(click))
    assert sorted(answer.status for answer in answers) == [200, 409]
    assert door.meeting.step == "presentation"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"next",
        b"null",
        b"true",
        b"3",
        b'"next"',
        b'["next"]',
        b"{}",
        b'{"command": null}',
        b'{"command": ["next"]}',
        b'{"command": {"name": "next"}}',
        b'{"command": "next", "if_step": 3}',
        b'{"command": "next", "if_step": ["welcome"]}',
        b'{"command": "next"} {"command": "next"}',
        b"{'command': 'next'}",
        b'{"command": "next",}',
        b'{"command": "\\ud800"}',
        b'{"command": "say", "text": "\\ud800"}',
        b'{"command": "say", "\\ud800": ""}',
        b'{"command": "say", "text": "\xff"}',
        b"\xef\xbb\xbf" + b'{"command": "dance"}',
        b"\xff\xfe" + '{"command": "dance"}'.encode("utf-16-le"),
        b'{"command": "extend", "seconds": NaN}',
        b'{"command": "extend", "seconds": Infinity}',
        b'{"command": "extend", "seconds": -Infinity}',
        b'{"command": "extend", "seconds": 1e999}',
        b'{"command": "extend", "seconds": ' + b"9" * 400 + b"}",
        b'{"command": "extend", "seconds": ' + b"9" * 5000 + b"}",
        b'{"command": "extend", "seconds": ' + b"9" * 60000 + b"}",
        b'{"command": "extend", "seconds": true}',
        b'{"command": "extend", "seconds": 0}',
        b'{"command": "extend", "seconds": -1}',
        b'{"command": "say", "text": {}}',
        b'{"command": "mark_contract", "utterances": "abc"}',
        b'{"command": "mark_contract", "utterances": [1]}',
        b'{"command": "mark_contract", "utterances": {"a": "b"}}',
        b'{"command": "mark_contract", "utterances": ' + b"[" * 400 + b"]" * 400 + b"}",
        b'{"command": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b"[" * 60_000,
        b'{"a":' * 12_000 + b"1" + b"}" * 3,
        b'{"command": "' + b"x" * 60_000 + b'"}',
        b'{"command": "__class__", "self": 1}',
        b'{"command": "next", "events": 1, "model_config": 1}',
        b"\x00" * 100,
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_a_body_that_makes_no_sense_is_the_callers_error(door: Door, body: bytes) -> None:
    answer = await door.ask(door.post(body, ("Content-Length", "0")) if not body else door.post(body))
    assert 400 <= answer.status < 500
    assert answer.is_sealed
    assert b"Traceback" not in answer.body
    assert door.meeting.done == []


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from([*COMMANDS, "deliver"]) | st.text(max_size=12)
keys = st.sampled_from(["if_step", "text", "key", "minutes", "seconds", "utterances", "agreed_by", "record"])
objects = st.dictionaries(keys | st.text(max_size=6), values, max_size=4)
likely = st.builds(lambda name, more: json.dumps({"command": name, **more}).encode(), names, objects)
bodies = likely | values.map(lambda value: json.dumps(value).encode()) | st.binary(min_size=1, max_size=200)


@settings(max_examples=40)
@given(st.lists(bodies, min_size=1, max_size=25))
def test_no_body_whatsoever_is_a_defect(batch: list[bytes]) -> None:
    async def send() -> list[int]:
        service = Service(FakeMeeting())
        door = Door(service, FakeMeeting(), await service.start("127.0.0.1", 0))
        try:
            async with door.wire() as wire:
                return [(await wire.ask(door.post(body))).status for body in batch]
        finally:
            await service.close()

    assert set(asyncio.run(send())) <= {200, 400, 409}


async def test_a_defect_is_told_as_one_without_its_text(door: Door) -> None:
    door.meeting.defect = RuntimeError("Camille a dit que")
    for data in (door.get("/api/state"), door.post(command("next"))):
        answer = await door.ask(data)
        assert answer.status == 500
        assert answer.is_sealed
        assert answer.json == {"error": "The facilitator has a defect (RuntimeError): please report it."}


async def test_what_is_not_there_is_404_and_sealed(door: Door) -> None:
    for target in (
        "/api",
        "/api/state/",
        "/stage/",
        "/pages/x.js",
        "/pages/../guard.py",
        "/../etc/passwd",
        "/%2e%2e/config.toml",
        "//api/state",
    ):
        answer = await door.ask(door.get(target))
        assert answer.status == 404, target
        assert answer.is_sealed


async def test_a_compressed_body_is_not_unpacked(door: Door) -> None:
    bomb = zlib.compress(b'{"command": "next"}'.ljust(50_000_000))
    assert len(bomb) < 60_000
    began = time.monotonic()
    answer = await door.ask(door.post(bomb, ("Content-Encoding", "deflate")))
    assert answer.status == 400
    assert time.monotonic() - began < 2
    assert door.meeting.done == []


async def test_it_answers_on_loopback_alone_and_nothing_listens_after_its_end() -> None:
    service = Service(FakeMeeting())
    url = await service.start("127.0.0.1", 0)
    host, _, port = url.removeprefix("http://").partition(":")
    assert host == "127.0.0.1"
    assert (
        await Door(service, FakeMeeting(), url).ask(message("GET", "/healthz", (("Host", f"{host}:{port}"),)))
    ).status == 200
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.2", int(port))
    await service.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", int(port))
    await service.close()


async def test_closing_waits_for_nobody() -> None:
    meeting = FakeMeeting()
    service = Service(meeting)
    door = Door(service, meeting, await service.start("127.0.0.1", 0))
    async with door.wire() as idle, door.wire() as half, door.wire(receive_buffer=4096) as deaf, door.wire() as fresh:
        assert (await idle.ask(door.get("/api/state"))).status == 200
        await half.send(door.post(command("next"))[:-5])
        meeting.title = "x" * 1_000_000
        assert (await deaf.ask(door.upgrade())).status == 101  # then reads nothing, not even the first snapshot
        assert (await fresh.ask(door.upgrade())).status == 101  # reads, but never agrees to close
        began = time.monotonic()
        await service.close()
        assert time.monotonic() - began < CLOSES_WITHIN_SECONDS
        for wire in (idle, half, deaf, fresh):
            assert await wire.is_closed()
    assert meeting.done == []
    assert meeting.followers == []


@pytest.mark.parametrize("host", ["no-such-host.invalid", "", "a..b", "x" * 300])
async def test_an_address_that_cannot_be_used_is_said_in_one_sentence(host: str) -> None:
    service = Service(FakeMeeting())
    with pytest.raises(ServiceError, match=r"cannot answer on .* \([^()]+\): set another host or port in \[web\]\.$"):
        await service.start(host, 0)
    await service.close()


@pytest.mark.parametrize(
    "host",
    [*("0", "0x0", "00", "0.0", "0.0.0.0", "::", "::0", "0:0::0", "::ffff:0.0.0.0"), "192.0.2.1", "2001:db8::1"],  # noqa: S104  they are refused
)
async def test_no_other_computer_reaches_it_however_the_address_is_spelled(host: str) -> None:
    """Reproduced: only `0.0.0.0` and `::` were refused, and the others bind every address too."""
    service = Service(FakeMeeting())
    with pytest.raises(ServiceError, match=r"^Other computers could reach .*: set host in \[web\] to 127\.0\.0\.1\.$"):
        await service.start(host, 0)
    await service.close()


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "127.0.0.1"])
async def test_other_spellings_of_this_computer_are_answered_as_browsers_spell_it(host: str) -> None:
    service = Service(FakeMeeting())
    url = await service.start(host, 0)
    assert url.startswith("http://127.0.0.1:")
    answer = await Door(service, FakeMeeting(), url).ask(
        message("GET", "/healthz", (("Host", url.removeprefix("http://")),))
    )
    assert answer.status == 200
    await service.close()


async def test_a_port_in_use_is_said_in_one_sentence(door: Door) -> None:
    with pytest.raises(ServiceError, match=f"127.0.0.1:{door.port} .*address already in use"):
        await Service(FakeMeeting()).start("127.0.0.1", door.port)


async def test_a_service_that_never_started_closes() -> None:
    await Service(FakeMeeting()).close()
