"""What others tried on such services, as raw bytes on a real `facilitator run`, and what is left of one that ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from tests.e2e.live import Run, running
from tests.web.test_events import JUNK
from tests.web.test_guard import HOSTS, ORIGINS
from tests.web.test_malformed import MALFORMED
from tests.web.wire import UPGRADE, Headers, Wire, message

pytestmark = [pytest.mark.e2e]

CONFIG = """
[voice]
enabled = false
[listening]
enabled = false
[web]
port = {port}
"""
NEXT = b'{"command": "next"}'
KINDS = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json-evil",
    "",
)
SITES = ("cross-site", "same-site", "")
METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE")
MOST_BYTES = 10 << 20
FLOOD = 20_000


@pytest.fixture
def machine(tmp_path: Path) -> Any:
    """Return the environment of a computer without sound."""
    folders = {f"XDG_{name}_HOME": str(tmp_path / name.lower()) for name in ("DATA", "STATE", "CACHE", "CONFIG")}
    return SimpleNamespace(
        environment=os.environ | folders | {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    )


def attacks(run: Run, port: int) -> dict[str, bytes]:
    """Return every request that must be refused, by what it tries."""
    host = ("Host", f"127.0.0.1:{port}")
    right = ("Authorization", f"Bearer {run.known['token']}")
    json_ = ("Content-Type", "application/json")
    tried: dict[str, bytes] = {}

    def everywhere(name: str, *headers: tuple[str, str]) -> None:
        tried[f"{name}, reading"] = message("GET", "/api/state", headers)
        tried[f"{name}, a command"] = message("POST", "/api/commands", (*headers, json_), NEXT)
        tried[f"{name}, a socket"] = message("GET", "/api/events", (*headers, *UPGRADE))

    for hosts in HOSTS:
        named: Headers = tuple(("Host", one.format(port=port, other=port - 1)) for one in hosts)
        everywhere(f"host {hosts}", *named, right)
    for origin in ORIGINS:
        everywhere(f"origin {origin}", host, right, ("Origin", origin.format(port=port, other=port - 1)))
    for site in SITES:
        everywhere(f"site {site}", host, right, ("Sec-Fetch-Site", site))
    for wrong in ("", "Bearer", "Bearer x", f"Bearer {run.known['token'][:-1]}", f"Basic {run.known['token']}"):
        everywhere(f"token {wrong[:12]}", host, ("Authorization", wrong))
    everywhere("no token", host)
    everywhere("a token as cookie", host, ("Cookie", f"token={run.known['token']}"))
    tried["a token in the address"] = message("GET", f"/api/state?token={run.known['token']}", (host,))
    for kind in KINDS:
        tried[f"a body of {kind}"] = message("POST", "/api/commands", (host, right, ("Content-Type", kind)), NEXT)
    for method in METHODS:
        tried[f"{method} of a command"] = message(method, "/api/commands", (host, right, json_), NEXT)
    long = b'{"command": "next"}'.ljust(64 * 1024 + 1)
    tried["a long body"] = message("POST", "/api/commands", (host, right, json_), long)
    for scope in ("watch", "drive"):
        token = ("Authorization", f"Bearer {run.known['tokens'][scope]}")
        for command in ("deliver", "purge", "edit_contract", "edit_plan"):
            body = json.dumps({"command": command}).encode()
            tried[f"{scope} wants to {command}"] = message("POST", "/api/commands", (host, token, json_), body)
    return tried


async def status_of(port: int, data: bytes) -> int:
    """Return the status of the answer; 0 where the connection was closed without one."""
    async with Wire(port) as wire:
        await wire.send(data)
        answer = await wire.answer(has_body=False)
        return 0 if answer is None else answer.status


def memory(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


async def state(run: Run) -> dict[str, Any]:
    """Return what is shown, less the time that passes."""
    headers = {"Authorization": f"Bearer {run.known['token']}"}
    async with aiohttp.ClientSession(headers=headers) as http, http.get(f"{run.api}/state") as answer:
        assert answer.status == 200
        shown = await answer.json()
    running_ = {"at", "elapsed_seconds", "left_seconds", "overrun_seconds", "ends_at", "expected_end", "rebudget"}
    return {key: value for key, value in shown.items() if key not in running_}


async def test_no_attack_is_let_in_or_changes_anything(
    tmp_path: Path, machine: Any, count: Callable[[str], None]
) -> None:
    async with running(machine, tmp_path, CONFIG.format(port=0)) as run:
        port = int(run.api.split(":")[2].split("/")[0])
        await run.command("start")
        before, lines = await state(run), len(run.lines)
        await asyncio.gather(*(status_of(port, data) for data in list(attacks(run, port).values())[:20]))  # warm
        used = memory(run.process.pid)
        tried = {name: await status_of(port, data) for name, data in attacks(run, port).items()}
        assert {name: status for name, status in tried.items() if not (status == 0 or 400 <= status < 500)} == {}
        with_token = f"127.0.0.1:{port}\r\nContent-Type: application/json\r\nAuthorization: Bearer {run.known['token']}"
        broken = {
            name: await status_of(port, data.replace(b"{host}", with_token.encode()))
            for name, data in MALFORMED.items()
        }
        assert {name: status for name, status in broken.items() if not (status == 0 or 400 <= status < 500)} == {}
        opening = message(
            "GET",
            "/api/events",
            (("Host", f"127.0.0.1:{port}"), ("Authorization", f"Bearer {run.known['token']}"), *UPGRADE),
        )
        for junk in (*JUNK.values(), b"\x89\x80" + bytes(4)):
            async with Wire(port) as wire:
                assert (await wire.ask(opening)).status == 101
                await wire.send(junk * (FLOOD if junk[:1] == b"\x89" and len(junk) == 6 else 1))
        assert await state(run) == before
        assert len(run.lines) == lines
        more = memory(run.process.pid) - used
        assert more <= MOST_BYTES
        count(
            f"attacks on a real run: {len(tried)} requests, {len(broken)} malformed ones and {len(JUNK) + 1} sockets "
            f"full of junk refused, {more / 2**20:.1f} MB more in use"
        )
    assert not await listens(port)
    assert not (tmp_path / "ready.json").exists()


async def test_after_a_kill_nothing_listens_and_no_token_of_it_is_any_good(tmp_path: Path, machine: Any) -> None:
    async with running(machine, tmp_path, CONFIG.format(port=0)) as first:
        port, old = int(first.api.split(":")[2].split("/")[0]), first.known
        first.process.send_signal(signal.SIGKILL)
        await first.process.wait()
        assert not await listens(port)
    left = json.loads((tmp_path / "ready.json").read_text())  # a kill leaves nobody to take it away
    assert left == old
    (tmp_path / "ready.json").unlink()
    async with running(machine, tmp_path, CONFIG.format(port=port)) as second:
        assert second.api == first.api
        for token in (old["token"], *old["tokens"].values()):
            headers = (("Host", f"127.0.0.1:{port}"), ("Authorization", f"Bearer {token}"))
            assert await status_of(port, message("GET", "/api/state", headers)) == 401
        ticket = json.dumps({"ticket": old["console_url"].partition("#")[2]}).encode()
        headers = (("Host", f"127.0.0.1:{port}"), ("Content-Type", "application/json"))
        assert await status_of(port, message("POST", "/api/session", headers, ticket)) == 401
