"""With one track a person, who is interrupted is flagged and who is acknowledged is not: labelled calls, replayed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.replay_speed import hour, measure
from bench.tracks import CALLS, SECONDS, Judged, figures, judge_call, passes
from bench.voices import Library

pytestmark = pytest.mark.e2e


def judged(test_data: Path, folder: Path, calls: int, seconds: float) -> list[Judged]:
    library = Library(test_data)
    return [
        judge_call(library, folder / str(number), half="test", number=number, seconds=seconds)
        for number in range(calls)
    ]


def test_flags_on_short_calls(test_data: Path, tmp_path: Path) -> None:
    total = figures(judged(test_data, tmp_path, calls=6, seconds=80.0))
    assert total["events"] >= 15
    assert total["acknowledgements"] >= 20
    assert passes(total), total


@pytest.mark.soak
def test_flags_on_all_calls(test_data: Path, tmp_path: Path) -> None:
    total = figures(judged(test_data, tmp_path, calls=CALLS, seconds=SECONDS))
    assert total["events"] >= 150
    assert passes(total), total


@pytest.mark.soak
@pytest.mark.parametrize("mixed", [False, True], ids=["tracks", "mixed"])
def test_an_hour_replays_in_under_four_minutes_and_its_memory_is_flat(
    test_data: Path, tmp_path: Path, *, mixed: bool
) -> None:
    call, seconds = hour(Library(test_data), tmp_path / "call", minutes=60, mixed=mixed)
    measured = measure(call, seconds, "mixed" if mixed else "tracks", tmp_path)
    assert measured.kept, measured
