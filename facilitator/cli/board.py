"""The live state and the keys in a terminal: how a session is driven until there is a console's page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live as Display
from rich.markup import escape
from rich.text import Text

from facilitator.cli.keyboard import keys
from facilitator.cli.show import Narrator, clock
from facilitator.core.snapshot import Snapshot
from facilitator.core.state import names_by_role
from facilitator.core.transitions import Listening, Phase
from facilitator.handing import DELIVER, PURGE
from facilitator.live import Live
from facilitator.web.service import RefusedError

REFRESH_SECONDS = 0.25
DOUBLE_SECONDS = 1.0
"""A second press within so long is a key held down, or pressed twice: it skips no step and listens to nobody."""
NOTICE_SECONDS = 6.0
_LEGEND = {
    "n": "next",
    "b": "back",
    "+": "extend",
    "l": "listening_pause",
    "m": "mark",
    "r": "read_back",
    "f": "remind",
    "h": "hush",
    "s": "say",
    "c": "consent",
    "t": "rebudget",
    "e": "end",
    "d": "deliver",
    "x": "purge",
    "q": "quit",
}
_QUESTIONS = {
    "+": "minutes_question",
    "c": "listening_question",
    "e": "end_question",
    "x": "purge_question",
    "q": "quit_question",
}
_AT_ONCE = frozenset("lh")
"""Keys that are never taken for an answer: a listening pause and silence cannot wait."""
_FOLLOWED_BY = {"start": ("next",), "next": ("next",), "listening_pause": ("listening_resume",)}
"""What a second press of the same key would do."""
_NAMES = {"mark_contract": "mark", "edit_plan": "mark"}
_MINUTES = {"1": 1, "2": 2, "5": 5}


class Board:
    """Shows a live session and turns keys into its commands.

    Args:
        live: the session.
        console: the terminal.
    """

    def __init__(self, live: Live, console: Console) -> None:
        self._live = live
        self._console = console
        self._language = live.settings.language
        self._notice = ""
        self._notice_until = 0.0
        self._question: tuple[str, Callable[[str], Any]] | None = None
        self._quit = asyncio.Event()
        self._done_at: dict[str, float] = {}

    async def run(self) -> None:
        """Show the session and follow the keys until the animator quits."""
        narrator = Narrator(self._console, self._language, words=False)
        self._live.watch(narrator.tell)
        self._live.follow(lambda line: self._tell_path(narrator, line))
        for warning in self._live.snapshot().warnings:  # told before there was anybody to tell
            narrator.warn(warning.message)
        with Display(console=self._console, auto_refresh=False, transient=True) as display:
            reading = asyncio.get_running_loop().create_task(self._follow_keys())
            try:
                while not self._quit.is_set() and not reading.done():
                    display.update(self._draw(), refresh=True)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._quit.wait(), REFRESH_SECONDS)
            finally:
                reading.cancel()
                with suppress(asyncio.CancelledError):
                    await reading

    async def _follow_keys(self) -> None:
        async for key in keys():
            try:
                await self._press(key)
            except RefusedError as refused:
                self._tell(str(refused))
        self._quit.set()

    async def _press(self, pressed: str) -> None:
        key = pressed.lower()
        shot = self._live.snapshot()
        if self._question is not None and key not in _AT_ONCE:
            _, answer = self._question
            self._question = None
            await answer(key)
            return
        command = {
            "n": "start" if shot.phase == Phase.READY else "next",
            "b": "back",
            " ": "resume" if shot.phase == Phase.PAUSED else "pause",
            "l": "listening_resume" if shot.listening == Listening.PAUSED else "listening_pause",
            "f": "remind",
            "h": "hush",
            "s": "say",
            "t": "rebudget",
            "d": DELIVER,
        }.get(key)
        again = time.monotonic() - self._done_at.get(command or "", float("-inf")) < DOUBLE_SECONDS
        if again and command in {"next", "listening_resume"}:
            return
        if command is not None:
            await self._do(command, if_step=shot.step if command == "next" else None)
        elif key in _QUESTIONS:
            await self._ask(key)
        elif key == "m":
            await self._mark(shot)
        elif key == "r":
            await self._do("read_back", record=self._record(shot))
        for follower in _FOLLOWED_BY.get(command or "", ()):
            self._done_at[follower] = time.monotonic()

    async def _ask(self, key: str) -> None:
        if key == "q" and (self._live.delivered or (self._live.ended and self._live.empty)):
            self._quit.set()
            return
        answers = {
            "+": self._extend,
            "c": self._yes(lambda: self._do("consent")),
            "e": self._yes(lambda: self._do("end")),
            "x": self._yes(self._purge),
            "q": self._yes(self._leave),
        }
        self._question = (self._word(_QUESTIONS[key]), answers[key])

    def _yes(self, action: Callable[[], Any]) -> Callable[[str], Any]:
        async def answer(key: str) -> None:
            if key == self._word("yes"):
                await action()

        return answer

    def interrupt(self) -> bool:
        """Ask before leaving; return whether the animator was asked already, and means it."""
        asked = self._question is not None and self._question[0] == self._word("quit_question")
        if self._live.ended and (self._live.delivered or self._live.empty):
            return True
        self._question = (self._word("quit_question"), self._yes(self._leave))
        return asked

    @staticmethod
    def _tell_path(narrator: Narrator, line: dict[str, Any]) -> None:
        if line["type"] == "document_written":
            narrator.document(Path(line["path"]))

    async def _purge(self) -> None:
        said = await self._live.command(PURGE, {"confirm": True})
        self._tell(self._word("keys.purge"))
        if said is not None and said["purged"]:
            self._console.print(escape(said["purged"]))

    async def _leave(self) -> None:
        self._quit.set()

    async def _extend(self, key: str) -> None:
        if key in _MINUTES:
            await self._do("extend", minutes=_MINUTES[key])

    async def _mark(self, shot: Snapshot) -> None:
        record = self._record(shot)
        if record == "contract":
            await self._do("mark_contract")
            return
        settings = self._live.settings
        owner = settings.process.records[record].owner
        names = names_by_role(settings.process, settings.participants)[owner]
        await self._do("edit_plan", agreed_by=", ".join(names) or owner)

    def _record(self, shot: Snapshot) -> str:
        """Return the record that is being written, else the last one that was."""
        here = [step.id for step in shot.steps].index(shot.step)
        steps = [self._live.settings.process.step(step.id) for step in shot.steps[: here + 1]]
        written = [step.written_down for step in steps if step.written_down is not None]
        return written[-1] if written else "contract"

    async def _do(self, command: str, *, if_step: str | None = None, **values: Any) -> None:
        await self._live.command(command, values, if_step)
        self._tell(self._word(f"keys.{_NAMES.get(command, command)}"))

    def _tell(self, notice: str) -> None:
        self._notice = notice
        self._notice_until = time.monotonic() + NOTICE_SECONDS

    def _word(self, key: str, **values: object) -> str:
        return self._language.plain(f"interface.{key}", **values)

    def _draw(self) -> RenderableType:
        shot = self._live.snapshot()
        lines = ["", *self._where(shot), *self._what(shot)]
        if self._question is not None:
            lines.append(f"[bold]{escape(self._question[0])}[/]")
        elif self._notice and time.monotonic() < self._notice_until:
            lines.append(escape(self._notice))
        return Group(*(Text.from_markup(line) for line in lines), Text(self._legend(), style="dim"))

    def _where(self, shot: Snapshot) -> list[str]:
        phase = self._word(f"phases.{shot.phase}")
        if shot.overrun_seconds > 0:
            time = self._word("overrun", time=clock(shot.overrun_seconds))
        else:
            time = self._word("left", time=clock(shot.left_seconds))
        follows = {step.id: step.title for step in shot.steps}
        after = self._word("following", title=follows[shot.following]) if shot.following else self._word("no_following")
        listening = self._word(f"listening.{shot.listening}")
        return [
            f"[bold cyan]{escape(shot.title)}[/]  {escape(time)}  [dim]{escape(phase)} · {escape(listening)}[/]",
            escape(shot.who),
            f"[dim]{escape(after)}[/]",
        ]

    def _what(self, shot: Snapshot) -> list[str]:
        lines = [f"[yellow]{escape(cue.text)}[/]" for cue in shot.cues]
        lines += [f"[magenta]{escape(self._word('waiting', words=text))}[/]" for text in shot.pending]
        if shot.rebudget is not None:
            late = self._language.time(shot.rebudget.late_seconds)
            lines.append(f"[yellow]{escape(self._word('offer', time=late))}[/]  t")
        if shot.written_down is not None:
            record = shot.records[shot.written_down]
            state = self._word("agreed") if record.agreed else self._word("draft")
            text = record.text or self._word("nothing_yet")
            lines.append(f"[green]{escape(text)}[/]  [dim]{escape(state)}[/]")
        return lines

    def _legend(self) -> str:
        words = self._language.table("interface.keys")
        shown = {**_LEGEND, words["space"]: "pause"}
        return " · ".join(f"{key} {words[name]}" for key, name in shown.items())
