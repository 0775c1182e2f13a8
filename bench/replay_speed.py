"""How long `facilitator replay --speed max` takes on an hour of call without recognition, and how flat its memory is.

The hour is a codev of 60 minutes in all its steps: once as seven tracks, once as one mixed recording. The command runs
as its users run it, voice included, in a process of its own; its memory is read from /proc while it runs (Linux only).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.calls import NOISE, make_call
from bench.results import ROOT, save
from bench.tracks import data_folder
from bench.voices import Library
from facilitator.catalog import load_process

CONSULTANTS = 5
"""Seven tracks with the client and the animator."""
LONGEST_SECONDS = 240.0
"""For an hour of call on the two cores that every session has."""
MOST_MEGABYTES_AN_HOUR = 5.0
SETTLED_SECONDS = 600.0
"""Recorded seconds after which memory should not grow any more."""
SAMPLE_SECONDS = 0.1
MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Measured:
    """One replay.

    Attributes:
        form: `tracks` or `mixed`.
        recorded_seconds: length of the recording.
        wall_seconds: from the command's start to its end.
        processor_seconds: of the command and what it started, user and system.
        peak_megabytes: greatest resident memory of the command itself.
        megabytes_an_hour: slope of its resident memory over recorded time, from `SETTLED_SECONDS` on.
        events: lines that it wrote.
    """

    form: str
    recorded_seconds: float
    wall_seconds: float
    processor_seconds: float
    peak_megabytes: float
    megabytes_an_hour: float
    events: int

    @property
    def kept(self) -> bool:
        """Whether it was fast enough and its memory flat."""
        hours = self.recorded_seconds / 3600
        return self.wall_seconds <= LONGEST_SECONDS * hours and self.megabytes_an_hour <= MOST_MEGABYTES_AN_HOUR


def hour(library: Library, folder: Path, *, minutes: int, mixed: bool) -> tuple[Path, float]:
    """Make a call of all the steps of a codev; return its CALL.toml and its seconds."""
    share = minutes / 60
    plan = {step: seconds * share for step, seconds in load_process("codev").plan(60).items() if seconds}
    call = make_call(
        library,
        folder,
        half="tuning",
        seed=60,
        condition=NOISE,
        plan=plan,
        consultants=CONSULTANTS,
        mixed=mixed,
    )
    return call.path, call.seconds


def slope(samples: Sequence[tuple[float, float]]) -> float:
    """Return the median of the slopes between all pairs of (x, y) samples (Theil and Sen); NaN for too few."""
    x, y = np.array(samples, dtype=np.float64).reshape(-1, 2)[-2000:].T
    first, second = np.triu_indices(len(x), 1)
    apart = x[second] - x[first]
    return float(np.median((y[second] - y[first])[apart > 0] / apart[apart > 0])) if (apart > 0).any() else float("nan")


def measure(call: Path, seconds: float, form: str, folder: Path) -> Measured:
    """Replay `call` by the command, watching its memory.

    Raises:
        RuntimeError: the command failed.
    """
    own = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CONFIG", "CACHE", "DATA", "STATE")}
    environment = {**os.environ, **own, "PYTHONPATH": str(ROOT)}  # no model of the user's, no voice rendered before
    environment.pop("FACILITATOR_CONFIG", None)
    command = [sys.executable, "-m", "facilitator", "replay", str(call), "--out", str(folder / "out"), "--speed", "max"]
    before, began = os.times(), time.monotonic()
    samples: list[tuple[float, float]] = []
    with (folder / "output.txt").open("w+", encoding="utf-8") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=folder)
        while process.poll() is None:
            sample = _sample(process.pid, call.parent, seconds)
            samples += [sample] if sample is not None else []
            time.sleep(SAMPLE_SECONDS)
        wall = time.monotonic() - began
        output.seek(0)
        if process.returncode:
            raise RuntimeError(f"The replay failed ({process.returncode}): {output.read()[-2000:]}")
    after = os.times()
    settled = [(at / 3600, size) for at, size in samples if SETTLED_SECONDS * seconds / 3600 <= at < seconds]
    return Measured(
        form=form,
        recorded_seconds=round(seconds, 1),
        wall_seconds=round(wall, 1),
        processor_seconds=round(
            after.children_user + after.children_system - before.children_user - before.children_system, 1
        ),
        peak_megabytes=round(max(size for _, size in samples), 1),
        megabytes_an_hour=round(slope(settled), 2),
        events=len((folder / "out" / "events.jsonl").read_text(encoding="utf-8").splitlines()),
    )


def _sample(pid: int, folder: Path, seconds: float) -> tuple[float, float] | None:
    """Return how far a process has read the recordings in `folder`, in seconds, and its resident megabytes."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        return _read_share(pid, folder) * seconds, pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE
    except OSError:  # it has just ended
        return None


def _read_share(pid: int, folder: Path) -> float:
    """Return the least share that has been read of any recording that the process has open; 0 for none."""
    shares = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = link.readlink()
            if target.parent == folder:
                position = Path(f"/proc/{pid}/fdinfo/{link.name}").read_text(encoding="ascii").split()[1]
                shares.append(int(position) / target.stat().st_size)
        except OSError:  # closed meanwhile
            continue
    return min(shares, default=0.0)


def show(console: Console, measured: Sequence[Measured]) -> None:
    """Print the figures as a table."""
    table = Table(title="replay --speed max, without recognition", title_justify="left")
    for column in ("form", "recorded", "wall", "times real time", "processor", "peak", "growth"):
        table.add_column(column, justify="left" if column == "form" else "right")
    for one in measured:
        table.add_row(
            one.form,
            f"{one.recorded_seconds / 60:.1f} min",
            f"{one.wall_seconds:.0f} s",
            f"{one.recorded_seconds / one.wall_seconds:.0f}",
            f"{one.processor_seconds:.0f} s",
            f"{one.peak_megabytes:.0f} MB",
            f"{one.megabytes_an_hour:+.2f} MB/h",
        )
    console.print(table)


def main() -> int:
    """Measure, print, write the results, and return 1 when a gate is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--form", choices=("tracks", "mixed", "both"), default="both")
    parser.add_argument("--minutes", type=int, default=60, help="length of the call; its steps shrink alike")
    options = parser.parse_args()
    console = Console()
    if not data_folder().is_dir():
        console.print("no recordings here: FACILITATOR_TEST_DATA names no folder")
        return 0
    forms = ("tracks", "mixed") if options.form == "both" else (options.form,)
    library, measured = Library(data_folder()), []
    for form in forms:
        with tempfile.TemporaryDirectory() as scratch, console.status(f"{form}: making and replaying the call"):
            call, seconds = hour(library, Path(scratch) / "call", minutes=options.minutes, mixed=form == "mixed")
            measured.append(measure(call, seconds, form, Path(scratch)))
    show(console, measured)
    path = save("replay-speed", [asdict(one) for one in measured])
    kept = all(one.kept for one in measured)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    console.print(
        f"{'kept' if kept else 'MISSED'}: {LONGEST_SECONDS:.0f} s and {MOST_MEGABYTES_AN_HOUR:.0f} MB an hour of call. "
        f"{path}; {os.cpu_count()} cores, load {load}"
    )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
