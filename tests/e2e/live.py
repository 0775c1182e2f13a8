"""Drives a real `facilitator run` over its local service, on the devices of a private sound server."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import aiohttp

from tests.pulse import PulseServer

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 20.0


class Run:
    """A running `facilitator run`.

    Attributes:
        known: what its ready file says.
        lines: every event line so far.
        published: every message that the service has sent, as it came: events, snapshots and answers.
        snapshot: the last snapshot.
        zero: `time.monotonic()` of session second 0, as near as the fastest answer tells.
    """

    def __init__(self, http: aiohttp.ClientSession, known: dict[str, str], process: asyncio.subprocess.Process) -> None:
        self._http = http
        self.known = known
        self.api = known["api_url"]
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self.published: list[str] = []
        self.snapshot: dict[str, Any] = {}
        self.zero = 0.0
        self._news = asyncio.Event()

    async def command(self, name: str, *, status: int = 200, **values: Any) -> dict[str, Any]:
        """Send a command and return its answer, which must have `status`."""
        async with self._http.post(f"{self.api}/commands", json={"command": name, **values}) as answer:
            self.published.append(await answer.text())
            body: dict[str, Any] = json.loads(self.published[-1])
            assert answer.status == status, body
            return body

    async def wait_for(self, kind: str, *, count: int = 1, seconds: float = 30.0, **values: Any) -> dict[str, Any]:
        """Return the `count`-th line of this type with these values."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.all(kind, **values)
            if len(found) >= count:
                return found[count - 1]
            self._news.clear()
            left = deadline - time.monotonic()
            assert left > 0, f"no {kind} {values} in {seconds} s; there were {[line['type'] for line in self.lines]}"
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except TimeoutError:
                continue

    async def to_contract(self) -> None:
        """Begin, with consent, and go on to the contract."""
        await self.command("consent")
        await self.command("start")
        for step in ("welcome", "presentation", "clarification"):
            await self.command("next", if_step=step)
        await self.wait_for("step_started", step="contract")

    async def wait_until_speaking(self, seconds: float = 30.0) -> None:
        """Wait until the voice is at something, and has been for two seconds."""
        deadline = time.monotonic() + seconds
        while True:
            async with self._http.get(f"{self.api}/state") as answer:
                if (await answer.json())["speaking"] is not None:
                    break
            assert time.monotonic() < deadline, "the voice said nothing"
            await asyncio.sleep(0.05)
        await asyncio.sleep(2.0)

    def all(self, kind: str, **values: Any) -> list[dict[str, Any]]:
        """Return the lines of this type with these values, in order."""
        wanted = {"type": kind, **values}
        return [line for line in self.lines if wanted.items() <= line.items()]

    def now(self) -> float:
        """Return the present session second."""
        return time.monotonic() - self.zero

    async def follow(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            self.published.append(message.data)
            line = json.loads(message.data)
            if line["type"] == "snapshot":
                self.snapshot = line
            else:
                self.lines.append(line)
            self._news.set()

    async def set_zero(self) -> None:
        """Find session second 0 from the fastest of several answers."""
        best = 1.0
        for _ in range(20):
            before = time.monotonic()
            async with self._http.get(f"{self.api}/state") as answer:
                at = (await answer.json())["at"]
            took = time.monotonic() - before
            if took < best:
                best, self.zero = took, before + took / 2 - at


@dataclass
class Served:
    """A running `facilitator run` that answers.

    Attributes:
        known: what its ready file says.
        process: the service itself.
        http: asks it, with its token.
    """

    known: dict[str, str]
    process: asyncio.subprocess.Process
    http: aiohttp.ClientSession

    async def ask(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer of the API: to a GET, or to a POST where there is a body."""
        method = "GET" if body is None else "POST"
        async with self.http.request(method, f"{self.known['api_url']}{path}", json=body) as answer:
            said: dict[str, Any] = await answer.json()
            assert answer.status == 200, said
            return said


@asynccontextmanager
async def served(
    pulse: PulseServer,
    folder: Path,
    config: str,
    *arguments: str,
    output: IO[bytes] | None = None,
    through: Sequence[str] = (),
) -> AsyncIterator[Served]:
    """Run the service on `pulse` with a configuration, and end it whatever happens.

    Args:
        pulse: the sound server.
        folder: for its ready file and its configuration.
        config: what that holds.
        arguments: more of the command.
        output: gets what it prints.
        through: what to put before the command.
    """
    ready, file = folder / "ready.json", folder / "config.toml"
    await asyncio.to_thread(file.write_text, config)
    process = await asyncio.create_subprocess_exec(
        *through, sys.executable, "-m", "facilitator", "run", "--no-browser", "--config", str(file),
        "--ready-file", str(ready), *arguments, cwd=ROOT, env=pulse.environment,
        stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + START_SECONDS
        while not await asyncio.to_thread(ready.exists):
            assert process.returncode is None, "facilitator run ended before it was ready"
            assert time.monotonic() < deadline, "facilitator run was not ready in time"
            await asyncio.sleep(0.02)
        known = json.loads(await asyncio.to_thread(ready.read_text))
        headers = {"Authorization": f"Bearer {known['token']}"}
        async with aiohttp.ClientSession(headers=headers) as http:
            yield Served(known, process, http)
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 10)


@asynccontextmanager
async def running(
    pulse: PulseServer,
    folder: Path,
    config: str,
    *arguments: str,
    output: IO[bytes] | None = None,
    through: Sequence[str] = (),
) -> AsyncIterator[Run]:
    """Run a session, as `served` does, and follow it."""
    async with served(pulse, folder, config, *arguments, output=output, through=through) as service:
        run = Run(service.http, service.known, service.process)
        await run.set_zero()
        async with service.http.ws_connect(f"{run.api}/events") as socket:
            following = asyncio.create_task(run.follow(socket))
            yield run
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
