"""Every call of the store that changes files fails in turn: no agreed word is lost, and whoever animates is told.

`faults/shim.c` stands under Python and SQLite both, so that every call that is really made counts. `make soak` tries
each call in every way, and each also while what another left is mended; `make test` tries each call in one of the ways.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.store.faults.shim import FAILURES, KINDS, run_with_faults


def shown(found: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    """Print the counts, and return them once nothing failed."""
    counts: dict[str, int] = found["counts"]
    with capsys.disabled():
        sys.stderr.write("".join(f"\n  {name}: {count}" for name, count in sorted(counts.items())) + "\n")
    assert found["failed"] == []
    return counts


def tried(found: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    """Print the counts, and return them once nothing was lost, untold or out of reach, whatever failed."""
    counts = shown(found, capsys)
    ways = {f"{way}, {length}" for way in FAILURES for length in ("once", "for ever")}
    assert ways <= set(counts)
    return counts


def test_each_call_that_fails_loses_nothing_and_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts = tried(run_with_faults("single", tmp_path, "short"), capsys)
    assert set(KINDS) <= set(counts)
    assert counts["faults"] == sum(count for name, count in counts.items() if name.startswith("calls: "))
    assert counts["lasting faults told"] > 0


@pytest.mark.soak
def test_each_call_in_every_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts = tried(run_with_faults("single", tmp_path, "whole"), capsys)
    calls = sum(count for name, count in counts.items() if name.startswith("calls: "))
    assert counts["faults"] == calls * len(FAILURES) * 2


@pytest.mark.soak
def test_each_call_while_what_another_left_is_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts = tried(run_with_faults("single", tmp_path, "pairs"), capsys)
    assert counts["different files after a first fault"] > 1


@pytest.mark.parametrize("form", ["short", pytest.param("whole", marks=pytest.mark.soak)])
def test_a_power_cut_at_any_instant_loses_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    counts = shown(run_with_faults("cuts", tmp_path, form), capsys)
    assert counts["cuts"] > 10
    assert counts["different images opened"] > counts["cuts"]
