"""Whether something grows: the slope of samples by Theil and Sen, with its interval.

The slope is the median of the slopes between every two samples, which a third of wild ones does not move; the interval
is Sen's (1968), from the variance of Kendall's rank statistic.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Z = 1.96
"""Of an interval of 95 %."""
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if sys.platform != "win32" else 4096
MOST_MEGABYTES_AN_HOUR = 1.0
EVERY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Slope:
    """What one more unit of time brings, and the ends of its interval of 95 %."""

    middle: float
    lower: float
    upper: float

    def __str__(self) -> str:
        return f"{self.middle:+.3f} ({self.lower:+.3f} to {self.upper:+.3f})"


def slope(times: Sequence[float], values: Sequence[float]) -> Slope:
    """Return the slope of `values` over `times`; at least three of each, no two times the same."""
    at, value = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    count = len(at)
    first, second = np.triu_indices(count, 1)
    slopes = np.sort((value[second] - value[first]) / (at[second] - at[first]))
    spread = Z * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    lower = max(0, math.floor((len(slopes) - spread) / 2))
    upper = min(len(slopes) - 1, math.ceil((len(slopes) + spread) / 2))
    return Slope(float(np.median(slopes)), float(slopes[lower]), float(slopes[upper]))


def resident_megabytes(pid: int | str = "self") -> float:
    """Return the memory of a process that is its own and in memory, MB: Linux only."""
    resident, shared = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1:3]
    return (int(resident) - int(shared)) * PAGE_BYTES / 1e6


def handles(pid: int | str = "self") -> int:
    """Return how many files a process holds open: Linux only."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def threads(pid: int | str = "self") -> int:
    """Return how many threads a process has: Linux only."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))
