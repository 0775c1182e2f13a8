"""`facilitator run`: hold a session, live."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from facilitator.cli import parts
from facilitator.cli.board import Board
from facilitator.cli.preparing import prepare
from facilitator.cli.resuming import Begun, begin
from facilitator.cli.serving import serve, show_pages, write_ready
from facilitator.config import Config, load_config
from facilitator.errors import UsageError
from facilitator.followup import FollowUp, read_follow_up
from facilitator.live import Live
from facilitator.store.contents import Person
from facilitator.web.service import Service

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
        typer.Option("--participant", help="Somebody present and their role; may be repeated.", metavar="NAME=ROLE"),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option("--resume", help="Go on with this session of `sessions list`.", metavar="SESSION"),
    ] = None,
    follow_up: Annotated[
        Path | None,
        typer.Option("--follow-up", help="The plan of another session, as its client brings it back.", metavar="FILE"),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Never open a page.")] = False,  # noqa: FBT002
    ready_file: Annotated[
        Path | None, typer.Option("--ready-file", help="Written when the service answers.", metavar="FILE")
    ] = None,
) -> None:
    """Hold a session beside a call, driven by keys or through the local service.

    Example: facilitator run --duration 90 --participant Camille=client --participant Nour=consultant
    """
    loaded = load_config(config)
    given = {"process": process, "duration": duration, "language": language}
    changed = {key: value for key, value in given.items() if value is not None}
    if resume is not None and (changed or participant or follow_up):
        raise UsageError("A session goes on with what it began with: give --resume without another choice.")
    brought = None if follow_up is None else read_follow_up(follow_up)
    begun = begin(loaded, resume)
    if begun.kept is None:
        loaded = loaded.model_copy(update={"session": loaded.session.model_copy(update=changed)})
    loaded = begun.config(loaded)
    measure = begun.kept is None and loaded.listening.enabled  # a meeting that has begun never waits
    model = parts.choose_model(loaded, measure=measure)
    asked = _Asked(begun.people(_people(participant or [])), brought, ready_file, browse=not no_browser)
    asyncio.run(_run(loaded, begun, asked, model))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line asks for, beside the configuration."""

    people: tuple[Person, ...]
    follow_up: FollowUp | None
    ready_file: Path | None
    browse: bool


async def _run(config: Config, begun: Begun, asked: _Asked, model: Path | None) -> None:
    follow_up = asked.follow_up if begun.kept is None else begun.kept.chosen.follow_up
    settings, notices = await prepare(config, begun, asked.people, model, follow_up)
    begun.say()
    live = Live(settings)
    service: Service | None = None
    written: Path | None = None
    try:
        service = await serve(live, config.web, None if begun.kept is None else begun.kept.chosen.door)
        show_pages(service, browse=asked.browse)
        holding = asyncio.get_running_loop().create_task(live.run())
        for code in notices:
            live.warn(code)
        driving = asyncio.get_running_loop().create_task(_drive(live))
        if asked.ready_file is not None:
            await asyncio.sleep(0)  # ready is who can be ended, too: its signals are taken by then
            write_ready(asked.ready_file, service)
            written = asked.ready_file
        pending = {holding, driving}
        while driving in pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        holding.cancel()
    finally:
        await live.close()  # first: nothing is heard any more
        if service is not None:
            await service.close()
        if written is not None:
            with suppress(OSError):
                await asyncio.to_thread(written.unlink)


async def _drive(live: Live) -> None:
    """Follow the terminal's keys; without a terminal, wait for the end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    board = Board(live, parts.output) if sys.stdin.isatty() else None

    def interrupted() -> None:
        if board is None or board.interrupt():
            stop.set()

    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGINT, interrupted)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
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


def _people(written: list[str]) -> tuple[Person, ...]:
    """Return the people of `--participant`.

    Raises:
        UsageError: one is not written as it should be.
    """
    found = []
    for person in written:
        name, equals, role = person.rpartition("=")
        if not equals or not name.strip():
            raise UsageError("A participant is written NAME=ROLE, such as Camille=client.")
        found.append(Person(name=name.strip(), role=role))
    return tuple(found)
