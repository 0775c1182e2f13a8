"""`facilitator run`: hold a session, live."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from facilitator.cli import parts
from facilitator.cli.board import Board
from facilitator.cli.people import read_people
from facilitator.cli.preparing import prepare
from facilitator.cli.ready import ReadyFile, remove_left
from facilitator.cli.resuming import Begun, begin
from facilitator.cli.serving import door_of, has_screen, links, serve, show_pages
from facilitator.cli.setting_up import make_set_up
from facilitator.config import Config, load_config
from facilitator.errors import UsageError
from facilitator.followup import FollowUp, read_follow_up
from facilitator.live import Live
from facilitator.store.contents import Door, Person
from facilitator.web.service import Service
from speech.synthesis.private import remove_stale

AFTER_END_SECONDS = 3.0
"""Without a terminal, a session that wrote nothing down leaves so long after its end: readers get its last words."""


def run(
    config: parts.ConfigOption = None,
    process: Annotated[str | None, typer.Option("--process", help="A name of `processes list`, or a folder.")] = None,
    duration: Annotated[
        int | None, typer.Option("--duration", help="Length of the meeting, in minutes.", min=10, max=480)
    ] = None,
    language: parts.LanguageOption = None,
    participant: Annotated[
        list[str] | None,
        typer.Option(
            "--participant",
            help="Somebody present and their role; may be repeated. Programs that list processes see the name.",
            metavar="NAME=ROLE",
        ),
    ] = None,
    participants: Annotated[
        Path | None,
        typer.Option(
            "--participants",
            help="The same, unseen: from a file with one NAME=ROLE a line, or - for standard input.",
            metavar="FILE",
        ),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option("--resume", help="Go on with this session of `sessions list`.", metavar="SESSION"),
    ] = None,
    follow_up: Annotated[
        Path | None,
        typer.Option("--follow-up", help="The plan of another session, as its client brings it back.", metavar="FILE"),
    ] = None,
    set_up: Annotated[bool, typer.Option("--set-up", help="Choose on a page first, as where a page opens.")] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Never open a page.")] = False,
    ready_file: Annotated[
        Path | None, typer.Option("--ready-file", help="Written when the service answers.", metavar="FILE")
    ] = None,
) -> None:
    """Hold a session beside a call. Where there is a screen, a page opens to choose and try everything on first.

    Example: facilitator run --duration 90 --participant Camille=client --participant Nour=consultant
    """
    loaded = load_config(config)
    given = {"process": process, "duration": duration, "language": language}
    changed = {key: value for key, value in given.items() if value is not None}
    if resume is not None and (changed or participant or participants or follow_up or set_up):
        raise UsageError("A session goes on with what it began with: give --resume without another choice.")
    brought = None if follow_up is None else read_follow_up(follow_up)
    people = read_people(participant or [], participants)
    remove_left()
    remove_stale()
    browse = not no_browser
    on_page = set_up or (browse and has_screen())
    begun = begin(loaded, resume, on_page=on_page)
    if begun.kept is None:
        loaded = loaded.model_copy(update={"session": loaded.session.model_copy(update=changed)})
    loaded = begun.config(loaded)
    asked = _Asked(begun.people(people), brought, ready_file, given=frozenset(changed), browse=browse)
    if begun.kept is None and on_page:
        asyncio.run(_set_up(loaded, begun, asked))
        return
    measure = begun.kept is None and loaded.listening.enabled  # a meeting that has begun never waits
    asyncio.run(_run(loaded, begun, asked, parts.choose_model(loaded, measure=measure)))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line asks for, beside the configuration."""

    people: tuple[Person, ...]
    follow_up: FollowUp | None
    ready_file: Path | None
    given: frozenset[str]
    browse: bool


async def _set_up(config: Config, begun: Begun, asked: _Asked) -> None:
    """Have the session chosen on its page, then hold it where the page is answered."""
    made: list[tuple[Live, list[str]]] = []
    woken = asyncio.Event()

    def take(live: Live, notices: list[str]) -> None:
        made.append((live, notices))
        woken.set()

    setting_up = make_set_up(
        config,
        begun,
        asked.people,
        asked.follow_up,
        given=asked.given,
        on_made=take,
    )
    door = None if begun.unfinished is None else begun.unfinished[1].chosen.door  # its pages may still be open
    service = Service(key=_key(door), set_up=setting_up)
    async with AsyncExitStack() as leaving:
        leaving.push_async_callback(service.close)
        leaving.push_async_callback(setting_up.close)
        await setting_up.start()
        await serve(service, config.web, door)
        begun.say()
        show_pages(service, setting_up.language, browse=asked.browse)
        if sys.stdin.isatty():
            parts.errors.print("Choose and try everything on the console's page; the session begins from there.")
        _on_signals(woken.set)
        await _tell_ready(leaving, asked.ready_file, service)
        await woken.wait()
        if not made:
            return
        live, notices = made[0]
        leaving.push_async_callback(live.close)  # first: nothing is heard any more
        await _hold(live, notices, service)


async def _run(config: Config, begun: Begun, asked: _Asked, model: Path | None) -> None:
    """Hold the session of the command line, or one that goes on."""
    follow_up = asked.follow_up if begun.kept is None else begun.kept.chosen.follow_up
    settings, notices = await prepare(config, begun, asked.people, model, follow_up)
    begun.say()
    live = Live(settings)
    door = None if begun.kept is None else begun.kept.chosen.door
    service = Service(live, _key(door))
    async with AsyncExitStack() as leaving:
        leaving.push_async_callback(service.close)
        leaving.push_async_callback(live.close)  # first: nothing is heard any more
        await serve(service, config.web, door)
        show_pages(service, settings.language, browse=asked.browse)
        await _hold(live, notices, service, lambda: _tell_ready(leaving, asked.ready_file, service))


def _key(door: Door | None) -> bytes | None:
    return None if door is None else bytes.fromhex(door.key)


async def _hold(
    live: Live, notices: list[str], service: Service, on_ready: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Hold a session to its end."""
    loop = asyncio.get_running_loop()
    live.remember(door_of(service))
    holding = loop.create_task(live.run())
    for code in notices:
        live.warn(code)
    driving = loop.create_task(_drive(live, partial(links, service, live.settings.language)))
    if on_ready is not None:
        await asyncio.sleep(0)  # ready is who can be ended, too: its signals are taken by then
        await on_ready()
    pending = {holding, driving}
    while driving in pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    holding.cancel()


async def _tell_ready(leaving: AsyncExitStack, file: Path | None, service: Service) -> None:
    """Write the ready file, which is removed on leaving."""
    if file is None:
        return
    leaving.push_async_callback(asyncio.to_thread, ReadyFile(file, service).remove)


def _on_signals(stop: Callable[[], None], interrupted: Callable[[], None] | None = None) -> None:
    """Have `stop` called when this process is to end, and `interrupted`, if it is given, on an interrupt."""
    if sys.platform != "win32":
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, interrupted or stop)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop)


async def _drive(live: Live, new_links: Callable[[], list[str]]) -> None:
    """Follow the terminal's keys; without a terminal, wait for the end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    board = Board(live, parts.output, new_links) if sys.stdin.isatty() else None

    def interrupted() -> None:
        if board is None or board.interrupt():
            stop.set()

    _on_signals(stop.set, interrupted)
    driving = loop.create_task(board.run() if board is not None else _until_over(live))
    stopping = loop.create_task(stop.wait())
    done, pending = await asyncio.wait({driving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        task.result()


async def _until_over(live: Live) -> None:
    """Wait until the session is over and what was written down was delivered."""
    over = asyncio.Event()
    live.follow(lambda line: over.set() if line["type"] in {"session_ended", "delivered", "purged"} else None)
    while not live.ended or not (live.delivered or live.empty):
        over.clear()
        await over.wait()
    await asyncio.sleep(AFTER_END_SECONDS)
