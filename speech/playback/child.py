"""What `DeviceSink` asks of its child, and hears from it: `speech.playback.protocol`, on this side."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from speech.playback.protocol import HEADER, STOP

GRACE_SECONDS = 0.1
"""Were we late ourselves, then what we wait for is there by now."""
_T = TypeVar("_T")


@dataclass(eq=False, slots=True)
class Asked:
    """A prompt from the call of `play` to its return.

    Attributes:
        id: its number for the child.
        stopped: done once a stop was asked for.
        child: what plays it; None as long as none of it was handed over.
    """

    id: int
    stopped: asyncio.Future[None]
    child: asyncio.subprocess.Process | None = None


def send_stop(asked: Asked, fade_seconds: float) -> None:
    """Have the child fade a prompt, if it has it."""
    if asked.child is not None and asked.child.stdin is not None:
        with suppress(OSError, RuntimeError):
            asked.child.stdin.write(HEADER.pack(STOP, asked.id, fade_seconds, 0))


def second(told: float) -> float:
    """Return a time that a child told.

    Raises:
        ValueError, TypeError: it is none.
    """
    if not math.isfinite(told):
        raise ValueError
    return float(told)


async def in_time(get: Callable[[], Awaitable[_T]], deadline: float) -> _T:
    """Return what `get` gives by `deadline`, `time.monotonic()` seconds.

    Raises:
        TimeoutError: nothing came.
    """
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            return await get()
    except TimeoutError:  # were we late ourselves, then it is there by now
        async with asyncio.timeout(GRACE_SECONDS):
            return await get()


async def next_report(process: asyncio.subprocess.Process, deadline: float) -> dict[str, Any]:
    """Return the child's next report.

    Raises:
        OSError: it died or lost its device.
        TimeoutError: nothing came by `deadline` (`time.monotonic()` seconds).
        ValueError: what came is no report.
    """
    assert process.stdout is not None
    line = await in_time(process.stdout.readline, deadline)
    if not line:
        raise ConnectionError
    report = json.loads(line)
    if not isinstance(report, dict):
        raise ValueError  # noqa: TRY004  as for a line that is no JSON
    if "lost" in report:
        raise ConnectionError
    return report
