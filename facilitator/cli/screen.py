"""A terminal written to in a thread of its own: one that nobody reads (hung, a stalled ssh) holds up no meeting.

Rules:

- The loop only gives; it never waits for what is written, but at the end, and there not for long.
- Lines wait their turn. A frame is dropped while the one before is still being written: the next one says it all anew.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live as Display

from speech.aside import Aside

CLOSE_SECONDS = 1.0
"""How long the end waits for a terminal that does not take what is written."""


class Screen:
    """Lines that stay, and below them a frame that is drawn anew.

    Args:
        console: the terminal.
        on_defect: told, in the loop, what writing raised.
    """

    def __init__(self, console: Console, on_defect: Callable[[BaseException], None]) -> None:
        self._console = console
        self._on_defect = on_defect
        self._display = Display(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._aside = Aside()
        self._drawing: asyncio.Future[None] | None = None

    def open(self) -> None:
        """Make room for the frame."""
        self._do(self._display.start)

    @property
    def busy(self) -> bool:
        """Whether the last frame is still being written."""
        return self._drawing is not None and not self._drawing.done()

    def draw(self, frame: RenderableType) -> None:
        """Show a frame in the place of the last one, unless that is still being written."""
        if not self.busy:
            self._drawing = self._do(partial(self._display.update, frame, refresh=True))

    def print(self, *what: Any, **how: Any) -> None:
        """Print lines as `Console.print` does."""
        self._do(partial(self._console.print, *what, **how))

    async def close(self) -> None:
        """Take the frame away; a terminal that hangs is left as it is."""
        done = self._do(self._display.stop)
        self._aside.end()
        await asyncio.wait({done}, timeout=CLOSE_SECONDS)
        if not done.done():  # the thread holds its lock for ever, at which Python would abort as it flushes on leaving
            sys.stdout = None

    def _do(self, work: Callable[[], None]) -> asyncio.Future[None]:
        done = asyncio.wrap_future(self._aside.submit(work))
        done.add_done_callback(self._done)
        return done

    def _done(self, done: asyncio.Future[None]) -> None:
        defect = None if done.cancelled() else done.exception()
        if defect is not None:
            self._on_defect(defect)
