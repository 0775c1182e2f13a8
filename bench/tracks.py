"""How right the flags are with one track a person: labelled calls through the whole product, as `replay` runs it.

Every flag is matched with one true event of the same person whose onset is within 1 s, and no event twice. What is
printed, and the gate that decides the exit status, are explained in bench/README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track as progress
from rich.table import Table

from bench.calls import CONDITIONS, FLAGGED, Condition, LabelledCall, Truth, make_call
from bench.results import ROOT, save
from bench.voices import Library
from facilitator.call import load_call, read_call
from facilitator.catalog import load_process
from facilitator.languages import load_language
from facilitator.replay import Replay

CALLS = 20
SECONDS = 180.0
ONSET_SECONDS = 1.0
GATE = 0.97
"""Least precision and least recall, all conditions together; and no acknowledgement flagged."""
SEEDS = {"test": 2000, "tuning": 9000}
SHARES = {"presentation": 0.37, "clarification": 0.08, "consultation": 0.27, "synthesis": 0.28}
"""Of a call's length."""


@dataclass(frozen=True, slots=True)
class Flag:
    """An `interruption_flagged` line."""

    kind: str
    who: str
    onset: float
    at: float


@dataclass(frozen=True, slots=True)
class Judged:
    """One call's flags beside its truth.

    Attributes:
        condition: of the call.
        seconds: of the call.
        pairs: each true event that was flagged, with its flag.
        missed: events that were not.
        false: flags that belong to no event.
        acknowledged: those of them that belong to an acknowledgement.
        backchannels: how many acknowledgements there were.
    """

    condition: Condition
    seconds: float
    pairs: tuple[tuple[Truth, Flag], ...]
    missed: tuple[Truth, ...]
    false: tuple[Flag, ...]
    acknowledged: tuple[Flag, ...]
    backchannels: int


async def replay(path: Path, out: Path) -> list[dict[str, Any]]:
    """Replay a call as fast as possible, without voice and recognizer, and return its events."""
    file = read_call(path)
    process = load_process(file.process)
    language = load_language(file.process, file.language, file.address, listens=True)
    session = Replay(process=process, language=language, cache=None, recognizer=None, speed=float("inf"))
    await session.run(load_call(path, file, process), out)
    return [json.loads(line) for line in (out / "events.jsonl").read_text(encoding="utf-8").splitlines()]


def judge(call: LabelledCall, events: Sequence[dict[str, Any]]) -> Judged:
    """Match flags and truth one to one, the nearest onsets first."""
    flags = [
        Flag(event["kind"], event["who"], event["started_at"], event["at"])
        for event in events
        if event["type"] == "interruption_flagged"
    ]
    wanted = [event for event in call.truth if event.kind in FLAGGED]
    near = sorted(
        (abs(event.onset - flag.onset), i, j)
        for i, event in enumerate(wanted)
        for j, flag in enumerate(flags)
        if event.who == flag.who and abs(event.onset - flag.onset) <= ONSET_SECONDS
    )
    found: dict[int, int] = {}
    for _, i, j in near:
        if i not in found and j not in found.values():
            found[i] = j
    backchannels = [event for event in call.truth if event.kind == "backchannel"]
    false = [flag for j, flag in enumerate(flags) if j not in found.values()]
    acknowledged = [
        flag
        for flag in false
        if any(b.who == flag.who and b.onset - ONSET_SECONDS <= flag.onset <= b.end for b in backchannels)
    ]
    return Judged(
        condition=call.condition,
        seconds=call.seconds,
        pairs=tuple((wanted[i], flags[j]) for i, j in sorted(found.items())),
        missed=tuple(event for i, event in enumerate(wanted) if i not in found),
        false=tuple(false),
        acknowledged=tuple(acknowledged),
        backchannels=len(backchannels),
    )


def figures(judged: Sequence[Judged]) -> dict[str, Any]:
    """Return the figures of some calls together."""
    pairs = [pair for call in judged for pair in call.pairs]
    missed, false = sum(len(call.missed) for call in judged), sum(len(call.false) for call in judged)
    late = [flag.at - event.due for event, flag in pairs if event.due is not None]
    return {
        "minutes": round(sum(call.seconds for call in judged) / 60, 1),
        "events": len(pairs) + missed,
        "flags": len(pairs) + false,
        "precision": round(len(pairs) / max(1, len(pairs) + false), 4),
        "recall": round(len(pairs) / max(1, len(pairs) + missed), 4),
        "kind_right": round(sum(e.kind == f.kind for e, f in pairs) / max(1, len(pairs)), 4),
        "acknowledgements": sum(call.backchannels for call in judged),
        "acknowledgements_flagged": sum(len(call.acknowledged) for call in judged),
        "latency_p50": round(float(np.percentile(late, 50)), 3) if late else None,
        "latency_p95": round(float(np.percentile(late, 95)), 3) if late else None,
        "latency_max": round(max(late), 3) if late else None,
    }


def by_kind(judged: Sequence[Judged]) -> dict[str, dict[str, Any]]:
    """Return the figures of each kind of event; a false flag counts for the kind that it names."""
    return {
        kind: figures(
            [
                Judged(
                    condition=call.condition,
                    seconds=call.seconds,
                    pairs=tuple(pair for pair in call.pairs if pair[0].kind == kind),
                    missed=tuple(event for event in call.missed if event.kind == kind),
                    false=tuple(flag for flag in call.false if flag.kind == kind),
                    acknowledged=tuple(flag for flag in call.acknowledged if flag.kind == kind),
                    backchannels=call.backchannels,
                )
                for call in judged
            ]
        )
        for kind in FLAGGED
    }


def passes(total: dict[str, Any], gate: float = GATE) -> bool:
    """Return whether the figures keep the gate."""
    return min(total["precision"], total["recall"]) >= gate and not total["acknowledgements_flagged"]


def judge_call(library: Library, folder: Path, *, half: str, number: int, seconds: float) -> Judged:
    """Make the `number`-th call of a half, replay it and judge its flags; the conditions take turns."""
    call = make_call(
        library,
        folder / "call",
        half=half,
        seed=SEEDS[half] + number,
        condition=CONDITIONS[number % len(CONDITIONS)],
        plan={step: share * seconds for step, share in SHARES.items()},
    )
    return judge(call, asyncio.run(replay(call.path, folder / "out")))


def report(judged: Sequence[Judged]) -> dict[str, Any]:
    """Return all figures, ready for JSON."""
    conditions = {c.name: [call for call in judged if call.condition == c] for c in CONDITIONS}
    return {
        "all": figures(judged),
        "conditions": {name: figures(calls) for name, calls in conditions.items() if calls},
        "kinds": by_kind(judged),
    }


def show(console: Console, results: dict[str, Any]) -> None:
    """Print the figures as a table."""
    rows = {**results["kinds"], **results["conditions"], "all": results["all"]}
    table = Table(title="Flags with one track a person", title_justify="left")
    columns = ("events", "flags", "precision", "recall", "kind", "acks flagged", "p50 s", "p95 s", "max s")
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    for name, row in rows.items():
        if name in {*list(results["conditions"])[:1], "all"}:
            table.add_section()
        acknowledgements = f"{row['acknowledgements_flagged']}"
        if name not in results["kinds"]:
            acknowledgements += f" of {row['acknowledgements']}"
        shares = [f"{row[key]:.3f}" for key in ("precision", "recall", "kind_right")]
        late = ["" if row[key] is None else f"{row[key]:.2f}" for key in ("latency_p50", "latency_p95", "latency_max")]
        table.add_row(name, str(row["events"]), str(row["flags"]), *shares, acknowledgements, *late)
    console.print(table)


def show_mistakes(console: Console, number: int, call: Judged) -> None:
    """Print what went wrong in a call."""
    wrong = [f"missed {e.kind} of {e.who} at {e.onset:.2f}-{e.end:.2f} s" for e in call.missed]
    wrong += [f"false {f.kind} of {f.who} at {f.onset:.2f} s" for f in call.false]
    wrong += [
        f"{e.kind} of {e.who} at {e.onset:.2f} s called {f.kind}, due {e.due:.2f}, at {f.at:.2f}"
        for e, f in call.pairs
        if e.kind != f.kind
    ]
    for line in wrong:
        console.print(f"call {number} ({call.condition.name}): {line}")


def data_folder() -> Path:
    """Return the folder of recordings, as the tests look for it."""
    return Path(os.environ.get("FACILITATOR_TEST_DATA") or ROOT.parent / "shared" / "data")


def main() -> int:
    """Measure, print, write the results, and return 1 when the gate is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=sorted(SEEDS), default="test", help="whose voices; thresholds: tuning only")
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="length of a call")
    parser.add_argument("--keep", type=Path, help="keep the calls and their events in this folder")
    options = parser.parse_args()
    console = Console(width=100)
    if not data_folder().is_dir():
        console.print("no recordings here: FACILITATOR_TEST_DATA names no folder")
        return 0
    library, judged, began = Library(data_folder()), [], time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        for number in progress(range(options.calls), "calls", console=console, transient=True):
            call = judge_call(
                library, folder / f"{number:02}", half=options.half, number=number, seconds=options.seconds
            )
            judged.append(call)
            show_mistakes(console, number, call)
    results = {"half": options.half, "calls": options.calls, **report(judged)}
    show(console, results)
    path = save(f"tracks-{options.half}", results)
    kept = passes(results["all"])
    console.print(f"{'kept' if kept else 'MISSED'}: the gate of {GATE}. {path}, {time.monotonic() - began:.0f} s")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
