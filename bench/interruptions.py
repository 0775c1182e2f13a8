"""How right the flags are on one mixed call: labelled calls of test speakers through the whole product.

Every call is made by tools/floor_model, written as a recording with its CALL.toml, and replayed without voice and
recognizer. A flag is matched with one true event whose onset is within 1 s, no event twice. bench/README.md explains
what is printed and the gate that decides the exit status; docs/measurements.md has the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track as progress
from rich.table import Table

from bench.flags import Flag, Judged, calibration, curve, figures, judge, kinds
from bench.results import ROOT, save
from bench.tracks import data_folder
from bench.voices import Library
from facilitator.call import load_call, read_call
from facilitator.catalog import load_process
from facilitator.core.mixed import CUE_PROBABILITY
from facilitator.languages import load_language
from facilitator.replay import Replay
from speech.interruptions.detector import PrimedDetector
from speech.ports import RATE_HZ, Block, OtherVoice, Samples
from speech.sound import write_flac
from tools.floor_model.calls import Wanted, make
from tools.floor_model.line import CONDITIONS
from tools.floor_model.people import People
from tools.floor_model.scene import ALONE, DENSE, DUE_SECONDS, REALISTIC

PLAN = {DENSE.name: 18, REALISTIC.name: 3, ALONE.name: 3}
"""Calls of each rate in each condition: some 50 min dense, 120 min at a meeting's rate, 120 min of a holder alone."""
GATE_FALSE, GATE_ANSWERS, GATE_ALONE, GATE_P50, GATE_P95 = 0.3, 0.03, 4, 0.4, 1.0
"""False flags in 10 minutes at a meeting's rate, acknowledgements flagged, flags in 2 h of a holder alone, latency."""
CALL_TOML = """process = "codev"
language = "fr"
address = "tu"
audio = "call.flac"

[[participants]]
name = "Camille"
role = "client"

[[participants]]
name = "Thomas"
role = "consultant"

[[steps]]
id = "presentation"
at = 0.0
minutes = {minutes:.3f}
"""


class Recorder:
    """The shipped detector, all that it tells written down."""

    def __init__(self) -> None:
        self._detector = PrimedDetector(ROOT / "models" / "floor")
        self.told: list[OtherVoice] = []
        self.processor_seconds = 0.0

    def start(self) -> None:
        """As `PrimedDetector` does."""
        self._detector.start()

    def stop(self) -> None:
        """As `PrimedDetector` does."""
        self._detector.stop()

    def hear(self, block: Block, speech: Samples, *, own_voice: bool = False) -> list[OtherVoice]:
        """As `PrimedDetector` does, written down."""
        before = time.thread_time()
        heard = self._detector.hear(block, speech, own_voice=own_voice)
        self.processor_seconds += time.thread_time() - before
        self.told += heard
        return heard


async def replay(path: Path, out: Path, detector: Recorder) -> list[Flag]:
    """Replay a call as fast as possible, without voice and recognizer, and return its flags."""
    file = read_call(path)
    process = load_process(file.process)
    language = load_language(file.process, file.language, file.address, listens=True)
    session = Replay(
        process=process, language=language, cache=None, recognizer=None, detector=detector, speed=float("inf")
    )
    await session.run(load_call(path, file, process), out)
    events = [json.loads(line) for line in (out / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    return [
        Flag(event["kind"], event["started_at"], event["at"], event["confidence"])
        for event in events
        if event["type"] == "interruption_flagged"
    ]


_shared: dict[str, Any] = {}


def begin(data: Path) -> None:
    """Read who is there, once a process."""
    _shared.update(people=People(data), library=Library(data))


def replayed(wanted: Wanted) -> Judged:
    """Make a call, replay it and judge its flags."""
    call, detector = make(wanted, _shared["people"], _shared["library"]), Recorder()
    seconds = len(call.sound) / RATE_HZ
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_flac(folder / "call.flac", call.sound)
        (folder / "CALL.toml").write_text(CALL_TOML.format(minutes=seconds / 60), encoding="utf-8")
        flags = asyncio.run(replay(folder / "CALL.toml", folder / "out", detector))
    heard = Judged(
        rate=wanted.rate,
        condition=wanted.condition.name,
        seconds=seconds,
        pairs=[],
        missed=[],
        false=[],
        answers=(0, 0),
        truth=call.scene.truth,
        suspected=detector.told,
        processor_seconds=detector.processor_seconds,
    )
    return judge(heard, flags)


def report(judged: Sequence[Judged]) -> dict[str, Any]:
    """Return all figures, ready for JSON."""
    rates = {name: [call for call in judged if call.rate == name] for name in PLAN}
    return {
        "rates": {
            name: {
                **{c.name: figures([j for j in calls if j.condition == c.name]) for c in CONDITIONS},
                "all": figures(calls),
            }
            for name, calls in rates.items()
            if calls
        },
        "kinds": {name: kinds(calls) for name, calls in rates.items() if calls and name != ALONE.name},
        "curves": {name: curve(calls) for name, calls in rates.items() if calls},
        "settings": dict(CUE_PROBABILITY),
        "calibration": calibration(judged),
        "processor_share": round(sum(c.processor_seconds for c in judged) / sum(c.seconds for c in judged), 4),
        "latencies": [flag.at - event.onset - DUE_SECONDS[event.kind] for c in judged for event, flag in c.pairs],
    }


def show(console: Console, results: dict[str, Any]) -> None:
    """Print the figures as tables."""
    columns = (
        "minutes",
        "events",
        "precision",
        "recall",
        "false_in_10_minutes",
        "answers",
        "latency_p50",
        "latency_p95",
    )
    for rate, rows in results["rates"].items():
        table = Table(title=f"Flags on one mixed call, {rate}", title_justify="left")
        for column in ("", *(name.replace("_", " ") for name in columns)):
            table.add_column(column, justify="right" if column else "left")
        for name, row in rows.items():
            shown = {**row, "answers": f"{row['answers_flagged']} of {row['answers']}"}
            table.add_row(name, *("" if shown[key] is None else str(shown[key]) for key in columns))
        console.print(table)
    for rate, rows in results["kinds"].items():
        console.print(f"found, {rate}:", {name: f"{row['recall']} of {row['events']}" for name, row in rows.items()})
    console.print("calibration:", results["calibration"])
    for rate, rows in results["curves"].items():
        console.print(f"precision and recall by threshold, {rate}:")
        for row in rows:
            keys = (
                "threshold",
                "precision",
                "recall",
                "false_in_10_minutes",
                "answers_flagged",
                "latency_p50",
                "latency_p95",
            )
            console.print("  ", *(f"{key} {row[key]}," for key in keys))
    console.print(f"processor: {results['processor_share']} of a core, all calls together")


def failures(results: dict[str, Any]) -> list[str]:
    """Return which parts of the gate are missed."""
    missed = []
    rates = results["rates"]
    for name, row in rates.get(REALISTIC.name, {}).items():
        if row["false_in_10_minutes"] > GATE_FALSE:
            missed.append(f"{row['false_in_10_minutes']} false flags in 10 minutes, {name}")
    for rate in (DENSE.name, REALISTIC.name):
        for name, row in rates.get(rate, {}).items():
            if row["answers_flagged"] > GATE_ANSWERS * row["answers"]:
                missed.append(f"{row['answers_flagged']} of {row['answers']} acknowledgements, {rate}, {name}")
            if row["latency_p50"] and (row["latency_p50"] > GATE_P50 or row["latency_p95"] > GATE_P95):
                missed.append(f"latency {row['latency_p50']} and {row['latency_p95']} s, {rate}, {name}")
    alone = rates.get(ALONE.name, {}).get("all")
    if alone and alone["flags"] > GATE_ALONE:
        missed.append(f"{alone['flags']} flags in {alone['minutes']} min of a holder alone")
    return missed


def main() -> int:
    """Measure, print, write the results, and return 1 when the gate is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--part", choices=("test", "tuning", "french"), default="test", help="whose voices hold the floor"
    )
    parser.add_argument("--rates", nargs="+", choices=list(PLAN), default=list(PLAN))
    parser.add_argument("--share", type=float, default=1.0, help="of the calls")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    console = Console(width=120)
    if not data_folder().is_dir():
        console.print("no recordings here: FACILITATOR_TEST_DATA names no folder")
        return 0
    began = time.monotonic()
    wanted = [
        Wanted(options.part, rate, condition, number)
        for rate in reversed(options.rates)
        for condition in CONDITIONS
        for number in range(max(1, round(PLAN[rate] * options.share)))
    ]
    context = multiprocessing.get_context("spawn")
    with context.Pool(options.processes, initializer=begin, initargs=(data_folder(),)) as pool:
        work = pool.imap(replayed, wanted, chunksize=1)
        judged = list(progress(work, "calls", total=len(wanted), console=console, transient=True))
    results = {"part": options.part, **report(judged)}
    show(console, results)
    path = save(f"interruptions-{options.part}", results)
    missed = failures(results)
    for line in missed:
        console.print(f"MISSED: {line}")
    console.print(f"{path}, {time.monotonic() - began:.0f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
