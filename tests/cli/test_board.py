"""The terminal that shows a session never stops it: it may hang, and what fails in it costs that alone."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from facilitator.cli import board as module
from facilitator.cli import keyboard
from facilitator.cli import screen as screen_module
from facilitator.cli.board import Board
from facilitator.cli.screen import Screen
from facilitator.live import Live
from facilitator.store.folder import Sessions
from facilitator.store.keys import Keys
from tests.delivery.test_live import settings


class Terminal(io.StringIO):
    """A terminal that can be made to hang, as one whose reader stopped.

    Attributes:
        read: set while somebody reads it.
        written: how many times something was written whole.
        hangs: set once a write waits.
    """

    def __init__(self) -> None:
        super().__init__()
        self.read, self.hangs = threading.Event(), threading.Event()
        self.read.set()
        self.written = 0

    def write(self, text: str) -> int:
        if not self.read.is_set():
            self.hangs.set()
            self.read.wait(20)
        self.written += 1
        return super().write(text)

    @property
    def console(self) -> Console:
        return Console(file=self, force_terminal=True, width=100, highlight=False)


class Pressed:
    """What somebody presses."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[str | Exception] = asyncio.Queue()

    def press(self, keys: str) -> None:
        for key in keys:
            self.queue.put_nowait(key)

    async def __call__(self) -> AsyncIterator[str]:
        while not isinstance(key := await self.queue.get(), Exception):
            yield key
        raise key


class Shown:
    """A session, and the board that shows it."""

    def __init__(self, folder: Path) -> None:
        self.live = Live(settings(folder, Sessions(folder, Keys([])), storing=None))
        self.terminal, self.keys = Terminal(), Pressed()
        self.lines: list[dict[str, Any]] = []
        self.live.follow(self.lines.append)
        self.board = Board(self.live, self.terminal.console, lambda: ["a link"])
        self.holding = asyncio.create_task(self.live.run())
        self.running = asyncio.create_task(self.board.run())

    async def until(self, true: Callable[[], Any]) -> None:
        async with asyncio.timeout(20):
            while not true():
                await asyncio.sleep(0.001)

    def defects(self) -> list[str]:
        return [line["message"] for line in self.lines if line["type"] == "warning" and line["code"] == "defect"]


@pytest.fixture
async def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shown]:
    monkeypatch.setattr(module, "REFRESH_SECONDS", 0.001)
    monkeypatch.setattr(screen_module, "CLOSE_SECONDS", 0.01)
    monkeypatch.setattr(sys, "stdout", sys.stdout)  # so that it comes back
    shown = Shown(tmp_path)
    monkeypatch.setattr(module, "keys", shown.keys)
    yield shown
    shown.terminal.read.set()
    for task in (shown.running, shown.holding):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await shown.live.close()


async def test_a_terminal_that_nobody_reads_stops_neither_keys_nor_clock(shown: Shown) -> None:
    await shown.until(lambda: shown.terminal.written > 3)
    shown.terminal.read.clear()
    await shown.until(shown.terminal.hangs.is_set)
    shown.keys.press("n")
    await shown.until(lambda: shown.live.snapshot().phase == "running")
    shown.keys.press("oq")
    await shown.until(lambda: shown.board._asker.question)
    shown.keys.press("o")
    await shown.until(shown.running.done)  # leaving waits for no terminal either
    assert sys.stdout is None


async def test_a_terminal_that_is_read_again_has_every_line_and_the_newest_frame(shown: Shown) -> None:
    await shown.until(lambda: shown.terminal.written > 3)
    shown.terminal.read.clear()
    await shown.until(shown.terminal.hangs.is_set)
    shown.keys.press("no")
    await shown.until(lambda: shown.live.snapshot().phase == "running" and shown.keys.queue.empty())
    before = shown.terminal.getvalue()
    shown.terminal.read.set()
    await shown.until(lambda: "a link" in shown.terminal.getvalue())
    await shown.until(lambda: "reste 0" in shown.terminal.getvalue()[len(before) :])


async def test_a_frame_is_dropped_while_the_last_is_being_written() -> None:
    terminal, told = Terminal(), list[BaseException]()
    screen = Screen(terminal.console, told.append)
    screen.open()
    terminal.read.clear()
    screen.draw("shown")
    screen.draw("dropped")
    terminal.read.set()
    await screen.close()
    assert "shown" in terminal.getvalue()
    assert "dropped" not in terminal.getvalue()
    assert told == []


@pytest.mark.parametrize("part", ["_where", "_what", "_asked", "_legend", "_draw"])
async def test_a_part_of_the_board_that_fails_is_told_and_the_meeting_goes_on(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("what Camille said")

    monkeypatch.setattr(Board, part, broken)
    await shown.until(shown.defects)
    shown.keys.press("n")
    await shown.until(lambda: shown.live.snapshot().phase == "running")
    before = len(shown.terminal.getvalue())
    if part in {"_what", "_asked", "_legend"}:  # the step and its time are there all the same
        await shown.until(lambda: "reste 0" in shown.terminal.getvalue()[before:])
    assert [("ZeroDivisionError" in told, "Camille" in told) for told in shown.defects()] == [(True, False)]
    assert not shown.running.done()


async def test_a_key_that_fails_is_told_and_the_next_one_does_its_work(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = Board._asking

    def broken(board: Board, key: str) -> Any:
        if key == "u":
            raise KeyError
        return asking(board, key)

    monkeypatch.setattr(Board, "_asking", broken)
    shown.keys.press("un")
    await shown.until(lambda: shown.live.snapshot().phase == "running")
    assert len(shown.defects()) == 1
    assert not shown.running.done()


async def test_keys_that_cannot_be_read_end_no_meeting(shown: Shown) -> None:
    shown.keys.queue.put_nowait(OSError())
    await shown.until(shown.defects)
    before = shown.terminal.written
    await shown.until(lambda: shown.terminal.written > before + 3)
    assert not shown.running.done()


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of this kind are POSIX's")
def test_no_key_stops_the_process_and_the_terminal_is_left_as_it_was() -> None:
    import pty
    import termios

    ours, theirs = pty.openpty()
    try:
        before = termios.tcgetattr(theirs)
        with keyboard._one_by_one(theirs):
            within = termios.tcgetattr(theirs)
            assert [within[6][key] for key in (termios.VSUSP, termios.VQUIT)] == [b"\0", b"\0"]
            assert not within[0] & termios.IXON
            assert within[3] & termios.ISIG  # Ctrl-C asks before it ends
        assert termios.tcgetattr(theirs) == before
    finally:
        os.close(ours)
        os.close(theirs)
