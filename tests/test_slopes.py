"""The measure of what grows: right where the truth is known, and unmoved by a third of wild samples."""

from __future__ import annotations

import numpy as np
import pytest

from tests.slopes import slope


def test_a_straight_line_has_its_own_slope() -> None:
    found = slope([0.0, 1.0, 2.0, 5.0], [1.0, 3.0, 5.0, 11.0])
    assert (found.lower, found.middle, found.upper) == pytest.approx((2.0, 2.0, 2.0))


def test_wild_samples_do_not_move_it_and_the_interval_holds_the_truth() -> None:
    rng = np.random.default_rng(5)
    times = np.arange(300) / 360
    values = 40 + 0.5 * times + rng.normal(0, 0.05, 300)
    values[rng.choice(300, 75, replace=False)] += 60
    found = slope(times.tolist(), values.tolist())
    assert found.lower < 0.5 < found.upper
    assert found.upper < 1.0


def test_what_grows_by_more_than_a_megabyte_an_hour_is_seen_within_the_hour() -> None:
    rng = np.random.default_rng(6)
    times = np.arange(360) / 360
    found = slope(times.tolist(), (100 + 1.5 * times + rng.normal(0, 0.3, 360)).tolist())
    assert found.upper > 1.0
