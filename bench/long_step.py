"""Two hours of one mixed call in one step: whether memory stays flat, times do not drift, and the flags stay right.

The call is made by tools/floor_model (clean, one holder throughout, something every minute and a half) and replayed by
the command as its users run it, voice included and recognizer off, in a process of its own (Linux only).
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from bench.flags import Flag, Judged, judge, share
from bench.interruptions import CALL_TOML
from bench.replay_speed import MOST_MEGABYTES_AN_HOUR, measure
from bench.results import save
from bench.tracks import data_folder
from bench.voices import Library
from speech.ports import RATE_HZ
from speech.sound import write_flac
from tools.floor_model.line import CLEAN, mixed
from tools.floor_model.people import People
from tools.floor_model.scene import REALISTIC, Truth, play

OTHERS = 4
RATE = dataclasses.replace(REALISTIC, events=90.0)
"""Often enough that both halves have flags to compare."""
MOST_MEGABYTES = 350.0
MOST_DRIFT_SECONDS = 0.1
"""Between the two halves, of how far flags say that voices began from where they did: an hour later, no further."""
HALVES = 2


def make(people: People, folder: Path, seconds: float) -> tuple[Path, float, list[Truth]]:
    """Make the call; return its CALL.toml, its seconds and what is true of it."""
    rng = np.random.default_rng(120)
    names = people.names("tuning")
    holder = next(name for name in names if name in people.long)
    others = [name for name in names if name != holder][:OTHERS]
    voices = [(name, people.voice(name)) for name in others]
    scene = play(rng, people.voice(holder), voices, seconds=seconds, rate=RATE)
    sound = mixed(scene.tracks, scene.speaking, CLEAN, Library(data_folder()), rng)
    folder.mkdir()
    write_flac(folder / "call.flac", sound)
    path, length = folder / "CALL.toml", len(sound) / RATE_HZ
    path.write_text(CALL_TOML.format(minutes=length / 60), encoding="utf-8")
    return path, length, scene.truth


def judged(out: Path, seconds: float, truth: list[Truth]) -> Judged:
    """Return the flags beside the truth."""
    events = [json.loads(line) for line in (out / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    flags = [
        Flag(event["kind"], event["started_at"], event["at"], event["confidence"])
        for event in events
        if event["type"] == "interruption_flagged"
    ]
    return judge(Judged(RATE.name, CLEAN.name, seconds, [], [], [], (0, 0), truth, [], 0.0), flags)


def halves(call: Judged) -> list[dict[str, Any]]:
    """Return how right the flags were, and how late, in each half."""
    edges = np.linspace(0, call.seconds, HALVES + 1)
    rows = []
    for low, high in itertools.pairwise(edges.tolist()):
        pairs = [(event, flag) for event, flag in call.pairs if low <= event.onset < high]
        missed = sum(low <= event.onset < high for event in call.missed)
        false = sum(low <= flag.onset < high for flag in call.false)
        apart = [flag.onset - event.onset for event, flag in pairs]
        rows.append(
            {
                "precision": share(len(pairs), len(pairs) + false),
                "recall": share(len(pairs), len(pairs) + missed),
                "false": false,
                "onset_error_p50": round(float(np.median(apart)), 3) if apart else None,
            }
        )
    return rows


def main() -> int:
    """Measure, print, write the results, and return 1 when the gate is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120.0)
    options = parser.parse_args()
    console = Console(width=120)
    if not data_folder().is_dir():
        console.print("no recordings here: FACILITATOR_TEST_DATA names no folder")
        return 0
    with tempfile.TemporaryDirectory() as scratch, console.status("making and replaying the call"):
        path, seconds, truth = make(People(data_folder()), Path(scratch) / "call", options.minutes * 60)
        measured = measure(path, seconds, "mixed", Path(scratch))
        call = judged(Path(scratch) / "out", seconds, truth)
    rows = halves(call)
    apart = [row["onset_error_p50"] for row in rows if row["onset_error_p50"] is not None]
    drift = round(apart[-1] - apart[0], 3) if len(apart) == HALVES else None
    results = {**dataclasses.asdict(measured), "drift_seconds": drift, "halves": rows}
    kept = {
        "memory": measured.peak_megabytes <= MOST_MEGABYTES and measured.megabytes_an_hour <= MOST_MEGABYTES_AN_HOUR,
        "drift": drift is not None and abs(drift) <= MOST_DRIFT_SECONDS,
    }
    console.print(results)
    save("long-step", results)
    for name, right in kept.items():
        console.print(f"{'kept' if right else 'MISSED'}: {name}")
    return 0 if all(kept.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
