"""What open pages cost a command: ten stages, one that never reads, and a console, on a real `facilitator run`.

Latency is from the console's POST to its answer, while every page gets what it changed. Memory is the service's own
process's, resident (Linux only). The session has neither devices nor voice.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.progress import track

from bench.results import save
from tests.e2e.live import Run, running
from tests.pulse import PulseServer
from tests.web.wire import UPGRADE, message

CONFIG = """
[voice]
enabled = false
[listening]
enabled = false
[privacy]
folder = "{folder}"
"""
STAGES = 10
MOST_P95_SECONDS, MOST_LATE_SECONDS, MOST_GROWTH_MEGABYTES = 0.050, 0.300, 10.0
"""A command's answer; a change's way to the last of the stages; what the whole costs in memory."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of a command's answer alone and with pages; of a change's way to every stage; megabytes gained."""

    commands: int
    alone_p95: float
    p50: float
    p95: float
    worst: float
    last_stage_p95: float
    megabytes: float

    @property
    def missed(self) -> list[str]:
        """What was more than it may be."""
        limits = {"p95": MOST_P95_SECONDS, "last_stage_p95": MOST_LATE_SECONDS, "megabytes": MOST_GROWTH_MEGABYTES}
        return [name for name, most in limits.items() if getattr(self, name) > most]


def megabytes(pid: int) -> float:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def p95(values: list[float]) -> float:
    """Return what 95 % of the values stay below."""
    return statistics.quantiles(values, n=20)[-1]


class Stages:
    """Stages that read, and note when a step's new length reached each of them."""

    def __init__(self) -> None:
        self.planned = [0.0] * STAGES
        self.news = asyncio.Condition()

    async def follow(self, place: int, ws: aiohttp.ClientWebSocketResponse) -> None:
        """Note every length that one stage is told."""
        async for received in ws:
            line: dict[str, Any] = json.loads(received.data)
            async with self.news:
                self.planned[place] = line["planned_seconds"]
                self.news.notify_all()

    async def all_know(self, planned: float) -> None:
        """Wait until every stage was told this length."""
        async with asyncio.timeout(10), self.news:
            await self.news.wait_for(lambda: all(one == planned for one in self.planned))


def deaf(run: Run) -> socket.socket:
    """Return a stage that opened its socket and never reads."""
    port = int(run.known["api_url"].split(":")[2].split("/")[0])
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    wire.connect(("127.0.0.1", port))
    headers = (("Host", f"127.0.0.1:{port}"), ("Authorization", f"Bearer {run.known['token']}"), *UPGRADE)
    wire.sendall(message("GET", "/api/stage", headers))
    return wire


async def commands(run: Run, count: int, stages: Stages | None = None) -> tuple[list[float], list[float]]:
    """Return the seconds of each answer, and until the last stage knew."""
    answered, known = [], []
    for _ in track(range(count), description="alone" if stages is None else "with pages"):
        began = time.monotonic()
        shot = await run.command("extend", seconds=1)
        answered.append(time.monotonic() - began)
        if stages is not None:
            await stages.all_know(shot["planned_seconds"])
            known.append(time.monotonic() - began)
    return answered, known


async def measure(folder: Path, count: int) -> Cost:
    """Do commands alone, then with every page open."""
    with PulseServer() as pulse:
        async with (
            running(pulse, folder, CONFIG.format(folder=folder / "sessions")) as run,
            contextlib.AsyncExitStack() as pages,
        ):
            await run.command("start")
            alone, _ = await commands(run, count)
            before = megabytes(run.process.pid)
            stages = Stages()
            headers = {"Authorization": f"Bearer {run.known['token']}"}
            http = await pages.enter_async_context(aiohttp.ClientSession(headers=headers))
            following = []
            for place in range(STAGES):
                ws = await pages.enter_async_context(http.ws_connect(f"{run.api}/stage"))
                following.append(asyncio.create_task(stages.follow(place, ws)))
            with await asyncio.to_thread(deaf, run):
                answered, known = await commands(run, count, stages)
                grown = megabytes(run.process.pid) - before
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)
    return Cost(
        commands=count,
        alone_p95=round(p95(alone), 4),
        p50=round(statistics.median(answered), 4),
        p95=round(p95(answered), 4),
        worst=round(max(answered), 4),
        last_stage_p95=round(p95(known), 4),
        megabytes=round(grown, 1),
    )


def main() -> int:
    """Measure, print, write the results, and return 1 when a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=1000)
    options = parser.parse_args()
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as scratch:
        cost = asyncio.run(measure(Path(scratch), options.commands))
    console.print(asdict(cost))
    save("pages", asdict(cost))
    for name in cost.missed:
        console.print(f"MISSED: {name}")
    return 1 if cost.missed else 0


if __name__ == "__main__":
    sys.exit(main())
