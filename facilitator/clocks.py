"""The computer's clocks: the one that nobody sets and that goes on while it sleeps, and which start it counts from."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from pathlib import Path


def running_seconds() -> float:
    """Return the seconds since the computer started, those included in which it slept.

    `time.monotonic()` has them on Windows, not on Linux and macOS (clock_gettime(2) of each: there CLOCK_BOOTTIME, here
    CLOCK_MONOTONIC).
    """
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


def _start() -> str:
    """Return what tells this start of the computer from every other; "" where the system has no such thing."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


START = _start()
