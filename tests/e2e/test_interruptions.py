"""On one mixed call, who is interrupted is flagged and who is acknowledged is not: labelled calls, replayed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import interruptions as bench
from bench.flags import Judged, figures
from tools.floor_model.calls import Wanted
from tools.floor_model.line import CALL, CLEAN, CONDITIONS
from tools.floor_model.scene import ALONE, DENSE

pytestmark = pytest.mark.e2e


def judged(test_data: Path, wanted: list[Wanted]) -> list[Judged]:
    bench.begin(test_data)
    return [bench.replayed(one) for one in wanted]


def test_flags_on_short_calls(test_data: Path) -> None:
    calls = [Wanted("test", DENSE.name, condition, number) for condition in (CLEAN, CALL) for number in (0, 3)]
    total = figures(judged(test_data, calls))
    assert total["events"] >= 8
    assert total["answers"] >= 5
    assert total["precision"] >= 0.8, total
    assert total["recall"] >= 0.5, total
    assert total["answers_flagged"] <= 1, total


@pytest.mark.soak
def test_a_holder_alone_is_hardly_ever_flagged(test_data: Path) -> None:
    calls = [Wanted("test", ALONE.name, condition, number) for condition in CONDITIONS for number in range(3)]
    total = figures(judged(test_data, calls))
    assert total["minutes"] >= 115
    assert total["flags"] <= bench.GATE_ALONE, total
