"""What comes up from the child of `DeviceSink`: JSON lines, as `speech.playback.protocol` has them."""

from __future__ import annotations

import asyncio
import json
import math
import time
from typing import Any

GRACE_SECONDS = 0.1
"""Were we late ourselves, then what we wait for is there by now."""


def second(told: float) -> float:
    """Return a time that a child told.

    Raises:
        ValueError, TypeError: it is none.
    """
    if not math.isfinite(told):
        raise ValueError
    return float(told)


async def next_report(process: asyncio.subprocess.Process, deadline: float) -> dict[str, Any]:
    """Return the child's next report.

    Raises:
        OSError: it died or lost its device.
        TimeoutError: nothing came by `deadline` (`time.monotonic()` seconds).
        ValueError: what came is no report.
    """
    assert process.stdout is not None
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            line = await process.stdout.readline()
    except TimeoutError:  # were we late ourselves, then the report is there by now
        async with asyncio.timeout(GRACE_SECONDS):
            line = await process.stdout.readline()
    if not line:
        raise ConnectionError
    report = json.loads(line)
    if not isinstance(report, dict):
        raise ValueError  # noqa: TRY004  as for a line that is no JSON
    if "lost" in report:
        raise ConnectionError
    return report
