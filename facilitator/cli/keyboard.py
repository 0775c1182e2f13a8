"""Single keys from a terminal, as they are pressed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

_WINDOWS_POLL_SECONDS = 0.03


async def keys() -> AsyncIterator[str]:
    """Give each key pressed in the terminal, while the iteration lasts; the end of the input ends it."""
    queue: asyncio.Queue[str | None] = asyncio.Queue()
    if sys.platform == "win32":
        poll = asyncio.get_running_loop().create_task(_poll(queue))
        try:
            while (key := await queue.get()) is not None:
                yield key
        finally:
            poll.cancel()
        return
    loop, descriptor = asyncio.get_running_loop(), sys.stdin.fileno()

    def read() -> None:
        data = os.read(descriptor, 64).decode(errors="ignore")
        for key in data or [None]:
            queue.put_nowait(key)

    with _one_by_one(descriptor):
        loop.add_reader(descriptor, read)
        try:
            while (key := await queue.get()) is not None:
                yield key
        finally:
            loop.remove_reader(descriptor)


if sys.platform == "win32":
    import msvcrt

    async def _poll(queue: asyncio.Queue[str | None]) -> None:
        while True:
            while msvcrt.kbhit():
                queue.put_nowait(msvcrt.getwch())
            await asyncio.sleep(_WINDOWS_POLL_SECONDS)

else:
    import termios
    import tty

    @contextmanager
    def _one_by_one(descriptor: int) -> Iterator[None]:
        """Give keys without waiting for the end of a line, and do not show them."""
        before = termios.tcgetattr(descriptor)
        tty.setcbreak(descriptor)
        try:
            yield
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
