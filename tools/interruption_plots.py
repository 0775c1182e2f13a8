"""Draws into docs/images what bench/interruptions.py measured.

Run it with `uv run --group plots python -m tools.interruption_plots`: matplotlib is in a dependency group of its own.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from bench.results import RESULTS, ROOT
from tools.floor_model.scene import REALISTIC

INK, MUTED, COLOURS = "#2b2b2b", "#8a8a8a", ("#1f6f5c", "#b5651d", "#5b6bb0")


def draw(results: dict[str, Any], path: Path) -> None:
    """Write one picture: precision against recall, latency from due, calibration."""
    import matplotlib as mpl  # only here, and in its own dependency group

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "floor", "font.size": 9, "axes.edgecolor": MUTED, "text.color": INK})
    from matplotlib import pyplot as plt  # after the backend was chosen

    figure, (curves, latency, calibration) = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    for (rate, rows), colour in zip(results["curves"].items(), COLOURS, strict=False):
        points = [
            (row["recall"], row["precision"], row["threshold"]) for row in rows if row["recall"] and row["precision"]
        ]
        if not points:
            continue
        curves.plot([p[0] for p in points], [p[1] for p in points], ".-", color=colour, label=rate)
        for name, threshold in results["settings"].items() if rate == REALISTIC.name else ():
            near = min(points, key=lambda point: abs(point[2] - threshold))
            curves.annotate(name, near[:2], xytext=(4, 4), textcoords="offset points", fontsize=7, color=MUTED)
    curves.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="recall", ylabel="precision", title="by threshold")
    curves.legend(frameon=False, loc="lower left")
    late = np.sort(results["latencies"])
    latency.step(late, np.arange(1, len(late) + 1) / max(1, len(late)), color=COLOURS[0])
    latency.axvline(1.0, color=MUTED, linewidth=0.8)
    latency.set(xlabel="seconds from due to flag", ylabel="share of right flags", ylim=(0, 1.02), title="latency")
    bins = results["calibration"]["bins"]
    calibration.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8)
    calibration.plot([b["said"] for b in bins], [b["right"] for b in bins], "o-", color=COLOURS[0])
    calibration.set(xlim=(0.5, 1), ylim=(0, 1.02), xlabel="confidence", ylabel="share right", title="calibration")
    for axes in (curves, latency, calibration):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=MUTED)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Draw the results of one part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", default="test")
    options = parser.parse_args()
    results = json.loads((RESULTS / f"interruptions-{options.part}.json").read_text(encoding="utf-8"))
    draw(results, ROOT / "docs" / "images" / "interruptions.svg")


if __name__ == "__main__":
    main()
