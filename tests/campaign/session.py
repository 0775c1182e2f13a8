"""One seeded session, from its first process to its end: the product's own code, driven through its service."""

from __future__ import annotations

import asyncio
import gc
import json
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from facilitator import device_words, live_devices
from facilitator import live as live_module
from facilitator.catalog import load_process
from facilitator.config import BROWSER
from facilitator.core.process import Participant, Process
from facilitator.languages import load_language
from facilitator.live import Live
from facilitator.live_settings import LiveSettings
from facilitator.store.contents import Chosen, Person
from facilitator.store.keeping import Storing
from facilitator.web.service import Service
from facilitator.wording import Language
from speech.capture.ingest import Inlet
from speech.own_voice import OwnVoiceFilter
from speech.recognition.whisper import WhisperRecognizer
from tests.campaign.caller import Caller, serve
from tests.campaign.children import Children
from tests.campaign.ports import Disk, Floor, Tab, Voice
from tests.campaign.sharing import Share
from tests.campaign.trouble import Trouble
from tests.campaign.virtual import ZERO, HangError, VirtualLoop, clocks, sweep
from tests.campaign.world import CALL, KINDS, MICROPHONE, STEPS, Fault, FrameDetector, World, draw
from tests.store.meetings import BEGAN

END_SECONDS = 90.0
"""From its last fault and its last step on a session may take so long to its end: a closing prompt waits 10 s for a
silence, and an engine that hung has its time to answer."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event line, when it came, and what the disk held of the record that it is about."""

    at: float
    line: dict[str, Any]
    kept: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command was answered: `state` is the snapshot's step and second, `kept` the texts on the disk then."""

    asked: float
    at: float
    name: str
    values: dict[str, Any]
    status: int
    step: str | None
    second: float | None
    kept: dict[str, tuple[str, str]]


@dataclass(slots=True)
class Outcome:
    """What was seen of one session.

    Attributes:
        zero: session second 0 of the session, in seconds of the world; `begun` where there were several, since the
            first was killed before anything was kept.
        resumed: for each process after the first, when it was there, and what it showed.
    """

    world: World
    disk: Disk
    told: list[Told] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    resumed: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    killed: list[float] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    zero: float = 0.0
    begun: list[float] = field(default_factory=list)
    finishing: float | None = None
    ended: float | None = None
    failures: list[str] = field(default_factory=list)

    def lines(self) -> str:
        """Return everything that was told, to compare."""
        return "\n".join(json.dumps([one.at, one.line], ensure_ascii=False) for one in self.told)


@cache
def _process() -> Process:
    return replace(load_process("codev"), remaining_minutes=(0.2, 0.04))


@cache
def _language(*, listens: bool) -> Language:
    return load_language("codev", "fr", "tu", listens=listens)


class Held:
    """One process that holds the session."""

    def __init__(self, outcome: Outcome, place: int) -> None:
        self.outcome = outcome
        self.world = outcome.world
        self.place = place
        self.on = True
        self.live: Live
        self.service: Service

    def settings(self) -> LiveSettings:
        world, disk, process = self.world, self.outcome.disk, _process()
        own = MICROPHONE if world.microphone else None
        people = (Participant("Camille", "client", None), Participant("Ana", "animator", own))
        chosen = Chosen(
            process="codev",
            language="fr",
            address="tu",
            seconds=world.steps,
            people=tuple(Person(name=one.name, role=one.role) for one in people),
            began=BEGAN,
        )
        kept = disk.kept
        going_on: dict[str, Any] = {} if kept is None else {"store": disk, "kept": kept}
        return LiveSettings(
            process=process,
            seconds=dict(world.steps),
            language=_language(listens=world.listens),
            participants=people,
            call_input=BROWSER if world.shares else CALL,
            microphone_input=own,
            voice_output=world.output,
            cache=None if world.output is None else Voice(world),
            recognizer=WhisperRecognizer(Path("model")),
            listens=world.listens,
            spoken_reminders=world.seed % 3 == 0,
            timed_cues_when_deaf=world.seed % 4 == 0,
            replies_allowed=False,
            folder=Path("documents"),
            detector=Floor(world),
            storing=Storing(disk, chosen, **going_on),
            keeps_sound=world.keeps_sound,
        )

    async def hold(self) -> None:
        """Hold the session until it is over, or until the process is killed."""
        outcome, world = self.outcome, self.world
        resumes = outcome.disk.kept is not None
        self.live = Live(self.settings())
        if not resumes:
            outcome.zero = world.now()
            outcome.begun.append(outcome.zero)
        self.live.follow(self._breaking)
        self.live.follow(self._told)
        self.service = await serve(self.live)
        holding = asyncio.create_task(self.live.run())
        if world.output == "stage":
            Tab(world, self.live.tabs)
        self._caller = Caller(self.service)
        if self.place:
            outcome.resumed.append((world.now(), await self._state()))
        trouble = Trouble(world, self.service, outcome.statuses)
        aside = [asyncio.create_task(trouble.come()), asyncio.create_task(trouble.read())]
        if world.shares:
            aside.append(asyncio.create_task(Share(world, self.service).send()))
        driving = asyncio.create_task(self._drive())
        done, _ = await asyncio.wait({holding, driving}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        await driving
        outcome.ended = world.now()
        for task in aside:
            task.cancel()
        await self.live.close()
        await self.service.close()
        await holding

    def _told(self, line: dict[str, Any]) -> None:
        if self.on:
            record = line["type"].removesuffix("_agreed")
            kept = self._kept().get(record, ("", ""))[1] if record != line["type"] else None
            self.outcome.told.append(Told(self.world.now(), line, kept))

    def _breaking(self, line: dict[str, Any]) -> None:
        if self.world.active("reader_breaks"):
            raise ZeroDivisionError(line)

    def _kept(self) -> dict[str, tuple[str, str]]:
        """Return the draft and the agreed text of each record as the disk has them."""
        found = {}
        for entry in self.outcome.disk.entries:
            if entry.kind == "text":
                held = json.loads(entry.payload)
                draft, agreement = held["record"]["draft"], held["record"]["agreement"]
                found[held["name"]] = ((draft or {}).get("text", ""), (agreement or {}).get("text", ""))
        return found

    def _connected(self) -> Caller:
        """Return the animator's connection, a new one where the service has let the last one go."""
        if self._caller.is_closing():
            self._caller = Caller(self.service)
        return self._caller

    async def _state(self) -> dict[str, Any]:
        caller = self._connected()
        caller.send(f"GET /api/state HTTP/1.1\r\n{caller._pass()}".encode())
        _, state = await caller.answer()
        return dict(state)

    async def _do(self, name: str, values: dict[str, Any]) -> tuple[int, Any]:
        asked = self.world.now()
        status, body = await self._connected().post("/api/commands", {"command": name, **values})
        shown = body if isinstance(body, dict) and "step" in body else {}
        state = shown.get("step"), shown.get("at")
        self.outcome.answers.append(Answer(asked, self.world.now(), name, values, status, *state, self._kept()))
        return status, body

    async def _drive(self) -> None:
        loop = self.world.loop
        for command in self.world.commands:
            wait = command.at + ZERO - loop.now
            if wait < 0 and self.place:  # it was done, or would have been, while no process was there
                continue
            await asyncio.sleep(max(0.0, wait))
            if self.live.ended:
                return
            await self._do(command.name, dict(command.values))
        await asyncio.sleep(max(0.0, self.world.quiet_at + ZERO - loop.now))
        if not self.live.ended:
            await self._finish()

    async def _finish(self) -> None:
        """Bring the session to its end, as an animator does for whom nothing fails any more."""
        self.outcome.finishing = self.world.now()
        phase = (await self._state())["phase"]
        if phase == "ready":
            await self._do("start", {})
        elif phase == "paused":
            await self._do("resume", {})
        for _ in STEPS:
            if (await self._do("next", {}))[0] != 200:
                break
            await asyncio.sleep(1.0)
        await self._do("end", {})
        for _ in range(round(4 * END_SECONDS)):
            if self.live.ended:
                break
            await asyncio.sleep(0.25)
        if not self.live.ended:
            shot = self.live.snapshot()
            waits = {name: record.outstanding for name, record in shot.records.items()}
            self.outcome.failures.append(f"no end: {shot.phase}, speaking {shot.speaking!r}, {shot.pending}, {waits}")


def run(seed: int, kinds: Sequence[str] = KINDS, change: Callable[[World], None] | None = None) -> Outcome:
    """Hold the session of `seed` and return what was seen of it; `change` may alter what was drawn."""
    loop = VirtualLoop()
    world = draw(seed, loop, kinds)
    if change is not None:
        change(world)
    outcome = Outcome(world, Disk(world))
    kills = [fault for fault in world.faults if fault.kind == "killed"]
    gc.disable()
    try:
        for place in range(len(kills) + 1):
            kill = kills[place] if place < len(kills) else None
            if hold(Held(outcome, place), loop, kill) or kill is None:
                break
            loop = world.loop = _next(loop, kill.size)
    except HangError as hang:
        outcome.failures.append(f"hang: {hang}")
    finally:
        gc.enable()
    return outcome


def _next(before: VirtualLoop, outage: float) -> VirtualLoop:
    loop = VirtualLoop()
    loop.now, loop.slept, loop.shifted = before.now + outage, before.slept, before.shifted
    return loop


def hold(held: Held, loop: VirtualLoop, kill: Fault | None) -> bool:
    """Run one process; return True where it came to its end, False where it was killed before."""
    world, children = held.world, Children(held.world)
    FrameDetector.world = world
    loop.thread_seconds = world.thread_seconds
    with ExitStack() as stack:
        stack.enter_context(clocks(loop))
        for place, name, double in (
            (asyncio, "create_subprocess_exec", children.start),
            (os, "kill", children.kill),
            (live_module, "SileroDetector", FrameDetector),
            (live_devices, "Inlet", partial(Inlet, loop.time)),
            (device_words, "list_devices", tuple),
        ):
            stack.enter_context(patch.object(place, name, double))
        if world.seed % 8:  # what it takes is mostly arithmetic
            stack.enter_context(patch.object(OwnVoiceFilter, "clean", lambda _, block: block))
        loop.set_exception_handler(lambda _, context: held.outcome.failures.append(f"loop: {context.get('message')}"))
        main = loop.create_task(held.hold())
        killing = None if kill is None else loop.call_at(max(loop.now, kill.start + ZERO), loop.stop)

        def over(_done: asyncio.Task[None]) -> None:
            loop.stop()

        main.add_done_callback(over)
        try:
            loop.run_forever()
            if main.done():
                main.result()
                return True
            held.outcome.killed.append(world.now())
            world.fired["killed"] += 1
            return False
        finally:
            main.remove_done_callback(over)
            if killing is not None:
                killing.cancel()
            held.on, loop.dead = False, True
            children.end()
            sweep(loop)
