"""The live state and the keys in a terminal: how a session is driven until there is a console's page.

A terminal never stops the meeting: it is written to in a thread (`screen.py`), and what fails in here is told and left
out.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.text import Text

from facilitator.cli.asking import Asker
from facilitator.cli.keyboard import keys
from facilitator.cli.screen import Screen
from facilitator.cli.show import Narrator, clock
from facilitator.cli.texts import Texts, lines_of
from facilitator.core.snapshot import FollowUpView, Snapshot
from facilitator.core.transitions import Listening, Phase
from facilitator.documents.model import day
from facilitator.handing import PURGE
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
    "-": "undo_time",
    "l": "listening_pause",
    "m": "mark",
    "v": "choose",
    "i": "correct",
    "j": "accept_days",
    "u": "undo",
    "r": "read_back",
    "f": "remind",
    "g": "ease",
    "h": "hush",
    "s": "say",
    "c": "consent",
    "t": "rebudget",
    "a": "show_facts",
    "y": "take_device",
    "o": "links",
    "e": "end",
    "d": "deliver",
    "x": "purge",
    "q": "quit",
}
_AT_ONCE = frozenset("lh")
"""Keys that are never taken for an answer: a listening pause and silence cannot wait. In a line they are letters."""
_PAUSE_IN_A_LINE = "\x0c"
"""Ctrl-L."""
_FOLLOWED_BY = {"start": ("next",), "next": ("next",), "listening_pause": ("listening_resume",)}
"""What a second press of the same key would do."""
_MINUTES = {"1": 1, "2": 2, "5": 5}


class Board:
    """Shows a live session and turns keys into its commands.

    Args:
        live: the session.
        console: the terminal.
        links: makes new links to the pages, and says each in words: a link opens once.
    """

    def __init__(self, live: Live, console: Console, links: Callable[[], list[str]]) -> None:
        self._live = live
        self._screen = Screen(console, live.defects.tell)
        self._links = links
        self._language = live.settings.language
        self._notice = ""
        self._notice_until = 0.0
        self._quit = asyncio.Event()
        self._done_at: dict[str, float] = {}
        self._asker = Asker(self._language, self._tell, live.defects.tell)
        self._texts = Texts(live, self._asker, self._tell, lambda: dt.datetime.now(tz=dt.UTC).astimezone().date())

    async def run(self) -> None:
        """Show the session and follow the keys until the animator quits."""
        narrator = Narrator(self._screen, self._language, words=False)
        self._live.watch(narrator.tell)
        self._live.follow(lambda line: self._tell_path(narrator, line))
        with self._live.defects.telling():
            for warning in self._live.snapshot().warnings:  # told before there was anybody to tell
                narrator.warn(warning.message)
        self._screen.open()
        reading = asyncio.get_running_loop().create_task(self._follow_keys())
        try:
            while not self._quit.is_set():
                if not self._screen.busy:
                    with self._live.defects.telling():
                        self._screen.draw(self._draw())
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._quit.wait(), REFRESH_SECONDS)
        finally:
            await self._asker.finish()
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await self._screen.close()

    async def _follow_keys(self) -> None:
        try:
            async for key in keys():
                await self._take(key)
        except Exception as defect:  # noqa: BLE001  no keys any more: the pages and Ctrl-C are left
            self._live.defects.tell(defect)
        else:
            self._quit.set()

    async def _take(self, key: str) -> None:
        try:
            await self._press(key)
        except RefusedError as refused:
            self._tell(str(refused))
        except Exception as defect:  # noqa: BLE001  it costs this key
            self._live.defects.tell(defect)

    async def _press(self, pressed: str) -> None:
        question = self._asker.question
        if pressed == _PAUSE_IN_A_LINE:
            pressed = "l"
        elif question is not None and (question.line or pressed.lower() not in _AT_ONCE):
            question.press(pressed)
            return
        key = pressed.lower()
        shot = self._live.snapshot()
        command, values = self._commands(shot).get(key, (None, {}))
        again = time.monotonic() - self._done_at.get(command or "", float("-inf")) < DOUBLE_SECONDS
        if again and command in {"next", "listening_resume"}:
            return
        if command is not None:
            await self._do(command, if_step=shot.step if command == "next" else None, **values)
        elif (asking := self._asking(key)) is not None:
            self._asker.begin(asking())
        for follower in _FOLLOWED_BY.get(command or "", ()):
            self._done_at[follower] = time.monotonic()

    def _commands(self, shot: Snapshot) -> dict[str, tuple[str, dict[str, Any]]]:
        """Return what each key does at once: a command and its values."""
        offered = [cue.key for cue in shot.cues if cue.key]
        others = [part.offer for part in shot.health if part.offer is not None]
        return {
            "n": ("start" if shot.phase == Phase.READY else "next", {}),
            "b": ("back", {}),
            " ": ("resume" if shot.phase == Phase.PAUSED else "pause", {}),
            "l": ("listening_resume" if shot.listening == Listening.PAUSED else "listening_pause", {}),
            "f": ("remind", {}),
            "h": ("hush", {}),
            "s": ("say", {}),
            "t": ("rebudget", {}),
            "-": ("undo_time", {}),
            "a": ("show_facts", {"shown": not shot.facts_shown}),
            "r": ("read_back", {"record": self._texts.current(shot)}),
            **({"g": ("say", {"key": offered[0]})} if offered else {}),
            **({"y": ("take_device", {"device": others[0].device})} if others else {}),
        }

    def _asking(self, key: str) -> Callable[[], Coroutine[Any, Any, None]] | None:
        """Return what a key does that asks something, or may."""
        return {
            "+": self._extend,
            "m": self._texts.mark,
            "v": self._texts.choose,
            "i": self._texts.correct,
            "j": self._texts.accept_days,
            "u": self._texts.undo,
            "d": self._texts.deliver,
            "c": lambda: self._when_sure("listening_question", lambda: self._do("consent")),
            "e": lambda: self._when_sure("end_question", lambda: self._do("end")),
            "x": lambda: self._when_sure("purge_question", self._purge),
            "o": self._show_links,
            "q": self._leave,
        }.get(key)

    async def _when_sure(self, question: str, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if await self._asker.sure(self._word(question)):
            await act()

    def interrupt(self) -> bool:
        """Ask before leaving; return whether the animator was asked already, and means it."""
        question = self._asker.question
        if self._live.ended and (self._live.delivered or self._live.empty):
            return True
        self._asker.begin(self._leave())
        return question is not None and question.text == self._word("quit_question")

    @staticmethod
    def _tell_path(narrator: Narrator, line: dict[str, Any]) -> None:
        if line["type"] == "document_written":
            narrator.document(Path(line["path"]))

    async def _purge(self) -> None:
        said = await self._live.command(PURGE, {"confirm": True})
        self._tell(self._word("keys.purge"))
        if said is not None and said["purged"]:
            self._screen.print(escape(said["purged"]))

    async def _leave(self) -> None:
        over = self._live.delivered or (self._live.ended and self._live.empty)
        if over or await self._asker.sure(self._word("quit_question")):
            self._quit.set()

    async def _show_links(self) -> None:
        for line in self._links():
            self._screen.print(line, soft_wrap=True, highlight=False, markup=False)

    async def _extend(self) -> None:
        key = await self._asker.key(self._word("minutes_question"))
        if key in _MINUTES:
            await self._do("extend", minutes=_MINUTES[key])

    async def _do(self, command: str, *, if_step: str | None = None, **values: Any) -> None:
        await self._live.command(command, values, if_step)
        self._tell(self._word(f"keys.{command}"))

    def _tell(self, notice: str) -> None:
        self._notice = notice
        self._notice_until = time.monotonic() + NOTICE_SECONDS

    def _word(self, key: str, **values: object) -> str:
        return self._language.plain(f"interface.{key}", **values)

    def _draw(self) -> RenderableType:
        """Return the frame, without the parts that failed."""
        lines, legend, telling = [Text()], Text(style="dim"), self._live.defects.telling
        with telling():
            shot = self._live.snapshot()
            for part in (self._where, self._what):
                with telling():
                    lines += map(Text.from_markup, part(shot))
        with telling():
            lines += map(Text.from_markup, self._asked())
        with telling():
            legend.append(self._legend())
        return Group(*lines, legend)

    def _asked(self) -> list[str]:
        lines = []
        if (question := self._asker.question) is not None:
            lines.append(f"[bold]{escape(question.text)}[/]")
            if question.line:
                lines += [f"> {escape(question.typed)}▏", f"[dim]{escape(self._word('line_hint'))}[/]"]
        if self._notice and time.monotonic() < self._notice_until:
            lines.append(escape(self._notice))
        return lines

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
        wrong = [one for one in shot.health if one.state == "wrong"]
        lines += [f"[yellow]! {escape(one.words)}[/]{'' if one.offer is None else '  y'}" for one in wrong]
        if shot.follow_up is not None:
            lines += self._follow_up(shot.follow_up)
        lines += [f"[magenta]{escape(self._word('waiting', words=text))}[/]" for text in shot.pending]
        if shot.rebudget is not None:
            late = self._language.time(shot.rebudget.late_seconds)
            lines.append(f"[yellow]{escape(self._word('offer', time=late))}[/]  t")
        if shot.written_down is not None:
            record = shot.records[shot.written_down]
            state = self._word("agreed") if record.agreed else self._word("draft")
            owned = lines_of(record, self._language) if record.items else []
            text = "\n".join(owned) or record.text or self._word("nothing_yet")
            lines.append(f"[green]{escape(text)}[/]  [dim]{escape(state)}[/]")
        return lines

    def _follow_up(self, plan: FollowUpView) -> list[str]:
        on, names = day(self._language, dt.date.fromisoformat(plan.on)), self._language.role(None, plan.people)
        key = "follow_up_for" if plan.people else "follow_up"
        head = f"[cyan]{escape(self._word(key, date=on, name=names))}[/]"
        return [head, *(f"[cyan]  {escape(line)}[/]" for line in lines_of(plan, self._language))]

    def _legend(self) -> str:
        words = self._language.table("interface.keys")
        shown = {**_LEGEND, words["space"]: "pause"}
        return " · ".join(f"{key} {words[name]}" for key, name in shown.items())
