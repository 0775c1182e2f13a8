"""Flags on one mixed call beside its truth: matched one to one, counted, and as they would be at other thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from facilitator.core.events import OtherVoiceHeard
from facilitator.core.mixed import MixedFloor
from speech.ports import OtherVoice
from tools.floor_model.scene import DUE_SECONDS, ONSET_SECONDS, Truth

LONG_SILENCE_SECONDS = 10.0
BINS = 5
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98, 0.99)


@dataclass(frozen=True, slots=True)
class Flag:
    """An `interruption_flagged` line."""

    kind: str
    onset: float
    at: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Judged:
    """One call's flags beside its truth.

    Attributes:
        rate: how much happens in it.
        condition: how it sounds.
        seconds: its length.
        pairs: each true event that was flagged, with its flag.
        missed: events that were not.
        false: flags that belong to no event.
        answers: acknowledgements and short laughs, and how many of them were flagged.
        truth: everything that happens.
        suspected: all that the detector told, whatever its probability.
        processor_seconds: what the detector took.
    """

    rate: str
    condition: str
    seconds: float
    pairs: list[tuple[Truth, Flag]]
    missed: list[Truth]
    false: list[Flag]
    answers: tuple[int, int]
    truth: list[Truth]
    suspected: list[OtherVoice]
    processor_seconds: float


def flags_at(call: Judged, threshold: float) -> Judged:
    """Return a call as judged with another threshold, by the floor's own rules."""
    floor = MixedFloor(since=0.0, channel="call", threshold=threshold)
    flags = []
    for voice in sorted(call.suspected, key=lambda voice: (voice.at, -voice.probability)):
        found = floor.hear(
            OtherVoiceHeard(
                at=voice.at, channel="call", since=voice.since, kind=voice.kind, probability=voice.probability
            )
        )
        if found is not None:
            flags.append(Flag(found.kind, found.started_at, voice.at, found.confidence))
    return judge(call, flags)


def judge(call: Judged, flags: list[Flag]) -> Judged:
    """Match flags and truth one to one, the nearest onsets first."""
    wanted = [event for event in call.truth if event.kind in DUE_SECONDS]
    answers = [event for event in call.truth if event.kind not in DUE_SECONDS]
    near = sorted(
        (abs(event.onset - flag.onset), i, j)
        for i, event in enumerate(wanted)
        for j, flag in enumerate(flags)
        if abs(event.onset - flag.onset) <= ONSET_SECONDS
    )
    found: dict[int, int] = {}
    for _, i, j in near:
        if i not in found and j not in found.values():
            found[i] = j
    false = [flag for j, flag in enumerate(flags) if j not in found.values()]
    flagged = sum(any(a.onset - ONSET_SECONDS <= flag.onset <= a.end for flag in false) for a in answers)
    return replace(
        call,
        pairs=[(wanted[i], flags[j]) for i, j in sorted(found.items())],
        missed=[event for i, event in enumerate(wanted) if i not in found],
        false=false,
        answers=(len(answers), flagged),
    )


def figures(judged: Sequence[Judged]) -> dict[str, Any]:
    """Return the figures of some calls together."""
    pairs = [pair for call in judged for pair in call.pairs]
    missed, false = sum(len(call.missed) for call in judged), sum(len(call.false) for call in judged)
    minutes = sum(call.seconds for call in judged) / 60
    late = [flag.at - event.onset - DUE_SECONDS[event.kind] for event, flag in pairs]
    return {
        "minutes": round(minutes, 1),
        "events": len(pairs) + missed,
        "flags": len(pairs) + false,
        "precision": share(len(pairs), len(pairs) + false),
        "recall": share(len(pairs), len(pairs) + missed),
        "false_in_10_minutes": round(10 * false / max(minutes, 1e-9), 2),
        "answers": sum(call.answers[0] for call in judged),
        "answers_flagged": sum(call.answers[1] for call in judged),
        "kind_right": share(sum(event.kind == flag.kind for event, flag in pairs), len(pairs)),
        "latency_p50": round(float(np.percentile(late, 50)), 2) if late else None,
        "latency_p95": round(float(np.percentile(late, 95)), 2) if late else None,
    }


def kinds(judged: Sequence[Judged]) -> dict[str, dict[str, Any]]:
    """Return how many events of each kind were found; intrusions after a long silence apart."""
    found = [(event, True) for call in judged for event, _ in call.pairs]
    found += [(event, False) for call in judged for event in call.missed]
    rows: dict[str, list[bool]] = {}
    for event, right in found:
        late = event.kind == "intrusion" and event.silence >= LONG_SILENCE_SECONDS
        rows.setdefault(f"{event.kind}, after 10 s of silence or more" if late else event.kind, []).append(right)
    return {name: {"events": len(row), "recall": share(sum(row), len(row))} for name, row in sorted(rows.items())}


def calibration(judged: Sequence[Judged]) -> dict[str, Any]:
    """Return how often flags of a confidence are right, in equally many a bin, and the mean distance."""
    flags = [(flag.confidence, True) for call in judged for _, flag in call.pairs]
    flags += [(flag.confidence, False) for call in judged for flag in call.false]
    flags.sort()
    if not flags:
        return {"bins": [], "error": None, "surer_half_precision": None}
    bins = [part for part in np.array_split(np.array(flags, dtype=float), BINS) if len(part)]
    rows = [
        {"flags": len(part), "said": round(part[:, 0].mean(), 3), "right": round(part[:, 1].mean(), 3)} for part in bins
    ]
    error = sum(row["flags"] * abs(row["said"] - row["right"]) for row in rows) / len(flags)
    surer = flags[len(flags) // 2 :]
    return {
        "bins": rows,
        "error": round(float(error), 3),
        "surer_half_precision": share(sum(right for _, right in surer), len(surer)),
    }


def share(some: int, of: int) -> float | None:
    """Return a share, None of nothing."""
    return round(some / of, 3) if of else None


def curve(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Return the figures at other thresholds."""
    return [{"threshold": at, **figures([flags_at(call, at) for call in judged])} for at in THRESHOLDS]
