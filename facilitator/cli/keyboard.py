"""Keys from a terminal, as they are pressed; a text that was pasted comes in one piece."""

from __future__ import annotations

import asyncio
import codecs
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

_WINDOWS_POLL_SECONDS = 0.03


async def keys() -> AsyncIterator[str]:
    """Give each key pressed in the terminal, while the iteration lasts; the end of the input ends it.

    What comes in one piece is a text that was pasted, or typed while the computer was busy: no single key.
    """
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

    decoder = codecs.getincrementaldecoder("utf-8")("ignore")

    def read() -> None:
        data = os.read(descriptor, 1024)
        text = decoder.decode(data)
        if not data:
            queue.put_nowait(None)
        elif text and not (len(text) > 1 and text.startswith("\x1b")):  # an arrow or a function key
            queue.put_nowait(text)

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
        tty.setcbreak(descriptor, termios.TCSANOW)
        changed = termios.tcgetattr(descriptor)
        changed[0] &= ~termios.IXON  # Ctrl-S would stop the terminal
        changed[3] &= ~termios.IEXTEN  # on macOS Ctrl-Y would stop the process, and Ctrl-O what it shows
        for key in ("VSUSP", "VDSUSP", "VQUIT"):  # Ctrl-Z and Ctrl-\ would stop or end the process, and the meeting
            if hasattr(termios, key):
                changed[6][getattr(termios, key)] = bytes([os.fpathconf(descriptor, "PC_VDISABLE")])
        termios.tcsetattr(descriptor, termios.TCSANOW, changed)  # any other way waits for a terminal that hangs
        try:
            yield
        finally:
            termios.tcsetattr(descriptor, termios.TCSANOW, before)
