"""What is done with a store while its calls fail: whole sessions through the real code, and what must hold afterwards.

Everything that is random or reads a clock is the same each time, so that the n-th call is.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import random
import shutil
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from facilitator.aside import Aside
from facilitator.core import events as ev
from facilitator.core.durable import Durable
from facilitator.core.errors import IllegalEventError
from facilitator.core.session import Session
from facilitator.errors import StoreError
from facilitator.store import keeping as module
from facilitator.store.contents import Delivery, delivery_entry, text_entry
from facilitator.store.file import SessionStore
from facilitator.store.folder import Destroyed, Sessions
from facilitator.store.keeping import BACK, KEY, Keeping, Storing
from facilitator.store.keys import FileVault, Keys
from facilitator.store.sound import About, KeptSound
from tests.store.faults.shim import Shim
from tests.store.meetings import CONTRACT, chosen, session

PLAN = "J'appelle Nour.\nJe dis non une fois."
HANDED = Delivery(id="<1@example.org>", content="c", recipient="r", state="sent", wall=1.0)
SOUND = KeptSound(
    About(id="u001", channel="call", record="contract", step="contract", started_at=61.0, ended_at=62.0),
    np.linspace(-0.5, 0.5, 16_000, dtype=np.float32),
)
HANG_SECONDS = 20.0
"""Nothing in a case takes so long."""


@dataclass
class Story:
    """What was noted, what of it was said to be on the disk, and what the animator was told.

    Attributes:
        states: everything that was noted, in order.
        kept: place in `states` of the last one that was said to be on the disk; -1 for none.
        told: codes.
        refused: the sentence with which a session was not taken up.
        purging: whether it was to be destroyed.
        destroyed: that it was, as it was said.
        noted: how many calls there had been when the last state was noted and settled.
        delivered: whether a delivery was said to be noted.
        on_kept: told `kept` as it is said.
        sound: whether sound was said to be kept, and not yet to be written down.
    """

    states: list[Durable] = field(default_factory=list)
    kept: int = -1
    told: list[str] = field(default_factory=list)
    refused: str = ""
    purging: bool = False
    destroyed: Destroyed | None = None
    noted: int = 0
    delivered: bool = False
    sound: bool = False
    on_kept: Callable[[int], None] = lambda _: None

    def copy(self) -> Story:
        """Return what is known at the start of another process."""
        return Story(self.states.copy(), self.kept, delivered=self.delivered, sound=self.sound)

    @property
    def in_doubt(self) -> bool:
        """Whether the animator was told that not everything is on the disk."""
        worst = [code for code in self.told if code != KEY]
        return bool(worst) and worst[-1] != BACK


class Stage:
    """A folder for stores and keys, emptied or put back between cases."""

    def __init__(self, folder: Path, shim: Shim) -> None:
        self.folder = folder
        self.shim = shim

    @property
    def sessions(self) -> Sessions:
        """The sessions there."""
        return Sessions(self.folder / "sessions", Keys([FileVault(self.folder / "keys")]))

    def files(self) -> dict[str, bytes]:
        """Return every file there."""
        paths = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths}

    def put(self, files: dict[str, bytes]) -> None:
        """Have these files there and no others."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(exist_ok=True, mode=0o700)
            path.write_bytes(content)
            path.chmod(0o600)


def same(files: dict[str, bytes]) -> str:
    """Return what tells these files from others; a journal, whose checksums are random, by its length."""
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name} {len(content)}".encode())
        digest.update(b"" if name.endswith("-journal") else content)
    return digest.hexdigest()


@contextmanager
def repeatable(*, late: float = 5.0) -> Iterator[None]:
    """Have nothing random, and no time passing, in the store."""
    numbers = itertools.count()

    def urandom(count: int) -> bytes:
        return hashlib.shake_256(str(next(numbers)).encode()).digest(count)

    before = os.urandom, random._urandom, module.time, module.LATE_SECONDS, module.RETRY_SECONDS, module.CLOSE_SECONDS  # type: ignore[attr-defined]
    os.urandom = random._urandom = urandom  # type: ignore[attr-defined]
    module.time = SimpleNamespace(time=lambda: 1_800_000_000.0, monotonic=time.monotonic)  # type: ignore[assignment]
    module.LATE_SECONDS, module.RETRY_SECONDS, module.CLOSE_SECONDS = late, 0.0, late
    try:
        yield
    finally:
        os.urandom, random._urandom, module.time = before[:3]  # type: ignore[attr-defined]
        module.LATE_SECONDS, module.RETRY_SECONDS, module.CLOSE_SECONDS = before[3:]


Step = tuple[str, list[ev.Event]]


def steps(start: float = 0.0) -> list[Step]:
    """Return a whole session: what happens between one writing and the next."""
    at = itertools.count(start, 10.0)
    return [
        ("consent", [ev.ConsentGiven(at=next(at)), ev.StartAsked(at=next(at))]),
        ("contract", [ev.NextAsked(at=next(at)) for _ in range(3)]),
        ("edit", [ev.RecordEdited(at=next(at), record="contract", text="Aidez-moi.")]),
        ("sound", [ev.ExtendAsked(at=next(at), seconds=60.0)]),
        ("agree", [
            ev.RecordEdited(at=next(at), record="contract", text=CONTRACT),
            ev.RecordMarked(at=next(at), record="contract"),
        ]),
        ("synthesis", [ev.NextAsked(at=next(at)) for _ in range(2)]),
        ("plan", [ev.RecordEdited(at=next(at), record="plan", text=PLAN)]),
        ("agree plan", [ev.RecordMarked(at=next(at), record="plan")]),
        ("last step", [ev.NextAsked(at=next(at))]),
        ("delivered", [ev.ExtendAsked(at=next(at), seconds=60.0)]),
        ("end", [ev.EndAsked(at=next(at)), ev.Tick(at=next(at) + 60.0)]),
    ]  # fmt: skip


async def _go_on(keeping: Keeping, meeting: Session, story: Story, stage: Stage, todo: list[Step]) -> None:
    for name, events in todo:
        for event in events:
            with suppress(IllegalEventError):  # a resumed session may be past it
                meeting.receive(event)
        story.states.append(meeting.durable())
        keeping.note(story.states[-1])
        await keeping.flush()
        if not story.in_doubt:
            story.kept = len(story.states) - 1
            story.on_kept(story.kept)
        if name == "sound":
            story.sound = await keeping.keep_sound(SOUND)
        if name == "delivered":
            before = story.told.copy()
            await keeping.record(delivery_entry(HANDED))
            story.delivered = not story.in_doubt and story.told == before
    story.noted = stage.shim.count


async def _end(keeping: Keeping, stage: Stage, *, ended: bool) -> None:
    """Close, and wait for the thread, which a call that hangs holds until it is let go."""
    await keeping.close(ended=ended)
    stage.shim.release()
    thread = keeping._aside._thread
    if thread is not None:
        await asyncio.to_thread(thread.join, HANG_SECONDS)
        assert not thread.is_alive()
    if keeping._store is not None:  # the close was called off: this process would end now
        keeping._store._connection.close()


async def hold(stage: Stage, story: Story, todo: list[Step], *, ended: bool) -> None:
    """Hold a new session through these steps."""
    keeping = Keeping(Storing(stage.sessions, chosen()), story.told.append)
    await _go_on(keeping, session(), story, stage, todo)
    await _end(keeping, stage, ended=ended)


async def beside(stage: Stage, work: Callable[[], None]) -> None:
    """Do `work` in a thread, as a command would; a call that hangs is let go."""
    aside = Aside()
    done = asyncio.wrap_future(aside.submit(work))
    deadline = time.monotonic() + HANG_SECONDS
    while not done.done():
        await asyncio.wait({done}, timeout=0.002)
        if stage.shim.hangs:
            stage.shim.release()
        assert time.monotonic() < deadline
    aside.end()
    await done


async def _take_up(stage: Stage, story: Story) -> tuple[SessionStore, module.Kept] | None:
    opened: list[tuple[SessionStore, module.Kept]] = []

    def take_up() -> None:
        (name,) = stage.sessions.names()
        try:
            opened.append(stage.sessions.open(name))
        except StoreError as error:
            story.refused = str(error)

    await beside(stage, take_up)
    return opened[0] if opened else None


async def resume(stage: Stage, story: Story) -> None:
    """Take a session up again that was broken off, and bring it to its end."""
    opened = await _take_up(stage, story)
    if opened is None:
        return
    store, kept = opened
    meeting = session()
    meeting.restore(kept.durable, kept.durable.at + 5.0)
    keeping = Keeping(Storing(stage.sessions, kept.chosen, store, kept), story.told.append)
    await _go_on(keeping, meeting, story, stage, steps(500.0)[5:])
    await _end(keeping, stage, ended=True)


async def write_down(stage: Stage, story: Story) -> None:
    """Write the sound down that waits, as `facilitator transcribe` does."""

    def do(store: SessionStore, kept: module.Kept) -> None:
        assert store.sound("u001") == SOUND.to_bytes()
        story.sound = False  # a fault at the very end of the stroke leaves either
        store.append(text_entry("contract", kept.durable.records["contract"]), instead_of="u001")
        store.mark()
        store.forget_sounds()

    await _work_on(stage, story, do)


async def deliver(stage: Stage, story: Story) -> None:
    """Note a delivery in a session that is over."""

    def do(store: SessionStore, _: module.Kept) -> None:
        store.append(delivery_entry(HANDED), after_end=True)
        story.delivered = True
        store.mark()

    await _work_on(stage, story, do)


async def _work_on(stage: Stage, story: Story, do: Callable[[SessionStore, module.Kept], None]) -> None:
    opened = await _take_up(stage, story)
    if opened is None:
        return
    store, kept = opened

    def work() -> None:
        try:
            do(store, kept)
        except StoreError as error:
            story.refused = str(error)
        finally:
            with suppress(StoreError):
                store.close()

    await beside(stage, work)


async def purge(stage: Stage, story: Story) -> None:
    """Destroy a session by its name."""
    story.purging = True

    def do() -> None:
        (name,) = stage.sessions.names()
        try:
            story.destroyed = stage.sessions.purge(name)
        except StoreError as error:
            story.refused = str(error)

    await beside(stage, do)


async def purge_live(stage: Stage, story: Story) -> None:
    """Destroy the session that is being held."""
    story.purging = True
    opened = await _take_up(stage, story)
    if opened is None:
        return
    store, kept = opened
    keeping = Keeping(Storing(stage.sessions, kept.chosen, store, kept), story.told.append)
    try:
        story.destroyed = await keeping.purge()
    except StoreError as error:
        story.refused = str(error)
    await _end(keeping, stage, ended=True)


Phase = Callable[[Stage, Story], Coroutine[None, None, None]]


def check(stage: Stage, story: Story) -> None:
    """Assert that all that was said to be on the disk is, and that what is not was told."""
    if story.destroyed is not None:
        assert stage.files() == {}, "said to be destroyed"
        return
    if story.purging:
        assert story.refused, "not destroyed, and nobody was told"
        return
    if story.kept < 0:
        assert story.told or not story.states, "nothing is kept, and nobody was told"
        return
    opened = []
    for name in stage.sessions.names():
        with suppress(StoreError):
            opened.append(stage.sessions.open(name))
    for store, _ in opened:
        store.close()
    assert len(opened) == 1, f"{len(opened)} sessions open"
    ((_, kept),) = opened
    assert kept.durable in story.states, "something else than what was noted"
    found = len(story.states) - 1 - story.states[::-1].index(kept.durable)
    assert found >= story.kept, f"lost: state {found}, and {story.kept} was said to be kept"
    if found < len(story.states) - 1:
        assert story.in_doubt, "the last state is not kept, and nobody was told"
    if story.delivered:
        assert kept.deliveries == (HANDED,), "a delivery is lost"
    if story.sound:
        assert kept.waiting == 1, "sound is lost"
