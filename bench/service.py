"""What a live session costs: processor and memory of `facilitator run` and all its children, in a step that one holds.

The service runs as its users run it, on a private PulseAudio server, without recognizer. A call made by
tools/floor_model is played to it, then nothing. What is counted is read from /proc (Linux only).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from bench.results import save
from bench.tracks import data_folder
from bench.voices import Library
from speech.ports import RATE_HZ, Sound
from speech.sound import write_wav
from tests.e2e.live import running
from tests.pulse import PulseServer
from tools.floor_model.calls import Wanted, make
from tools.floor_model.line import CALL
from tools.floor_model.people import People

CONFIG = """
[audio]
call_input = "call.monitor"
voice_output = "vmic"
[privacy]
folder = "{folder}"
"""
MOST_SPEAKING, MOST_SILENT, MOST_MEGABYTES = 0.10, 0.02, 350.0
"""Shares of one core while somebody speaks and while nobody does; resident memory of all processes."""
HEAD_SECONDS = 12.0
"""From the step's beginning, so that its prompt is over and the holder's voice known."""
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """What the service took: shares of one core, and megabytes (shared pages counted once)."""

    speaking: float
    silent: float
    megabytes: float

    @property
    def missed(self) -> list[str]:
        """What was more than it may be."""
        limits = {"speaking": MOST_SPEAKING, "silent": MOST_SILENT, "megabytes": MOST_MEGABYTES}
        return [name for name, most in limits.items() if getattr(self, name) > most]


def tree(pid: int) -> list[int]:
    """Return a process and everything that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = [pid]
    for task in children.parent.parent.iterdir():
        for child in (task / "children").read_text(encoding="ascii").split():
            found += tree(int(child))
    return found


def seconds(pids: list[int]) -> float:
    """Return the processor seconds that processes have used."""
    spent = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        spent += (int(fields[11]) + int(fields[12])) / _TICKS
    return spent


def megabytes(pids: list[int]) -> float:
    """Return the memory of processes, proportional where they share it."""
    total = 0
    for pid in pids:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024


async def share(pid: int, wanted: float) -> float:
    """Return the share of one core that the service takes during so many seconds."""
    before, began = await asyncio.to_thread(lambda: seconds(tree(pid))), time.monotonic()
    await asyncio.sleep(wanted)
    after = await asyncio.to_thread(lambda: seconds(tree(pid)))
    return (after - before) / (time.monotonic() - began)


async def measure(call: Path, folder: Path, length: float) -> Cost:
    """Hold a step on `call`, then in silence."""
    with PulseServer() as pulse:
        config = CONFIG.format(folder=folder / "sessions")
        people = ("--participant", "Camille=client", "--participant", "Nour=consultant")
        async with running(pulse, folder, config, *people) as run:
            for command in ("consent", "start", "next", "hush"):
                await run.command(command)
            pulse.start_playing("call", call)
            await asyncio.sleep(HEAD_SECONDS)
            speaking = await share(run.process.pid, length - HEAD_SECONDS - 2.0)
            size = await asyncio.to_thread(lambda: megabytes(tree(run.process.pid)))
            await asyncio.sleep(6.0)
            silent = await share(run.process.pid, length / 2)
    return Cost(round(speaking, 4), round(silent, 4), round(size, 1))


def main() -> int:
    """Measure, print, write the results, and return 1 when a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="of the call; half as much silence follows")
    options = parser.parse_args()
    console = Console(width=120)
    if not data_folder().is_dir():
        console.print("no recordings here: FACILITATOR_TEST_DATA names no folder")
        return 0
    with tempfile.TemporaryDirectory() as scratch, console.status("holding a step"):
        folder = Path(scratch)
        made = make(Wanted("tuning", "realistic", CALL, 0), People(data_folder()), Library(data_folder()))
        write_wav(folder / "call.wav", Sound(made.sound[: round(options.seconds * RATE_HZ)], RATE_HZ))
        cost = asyncio.run(measure(folder / "call.wav", folder, options.seconds))
    console.print(asdict(cost))
    save("service", asdict(cost))
    for name in cost.missed:
        console.print(f"MISSED: {name}")
    return 1 if cost.missed else 0


if __name__ == "__main__":
    sys.exit(main())
