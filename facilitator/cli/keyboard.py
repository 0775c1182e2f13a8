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
        data = os.read(descriptor, 1024).decode(errors="ignore")
        if len(data) <= 1:  # more at once is an arrow key, or a text that was pasted: no command
            queue.put_nowait(data or None)

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
                key = msvcrt.getwch()
                if key in "\x00\xe0":  # an arrow or a function key: its second half is no command
                    msvcrt.getwch()
                else:
                    queue.put_nowait(key)
            await asyncio.sleep(_WINDOWS_POLL_SECONDS)

else:
    import termios
    import tty

    @contextmanager
    def _one_by_one(descriptor: int) -> Iterator[None]:
        """Give keys without waiting for the end of a line, and do not show them."""
        before = termios.tcgetattr(descriptor)
        tty.setcbreak(descriptor)
        changed = termios.tcgetattr(descriptor)
        changed[0] &= ~termios.IXON  # Ctrl-S would stop the terminal, and the session with it
        termios.tcsetattr(descriptor, termios.TCSADRAIN, changed)
        try:
            yield
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
