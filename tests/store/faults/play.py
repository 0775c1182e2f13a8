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
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from facilitator.core import events as ev
from facilitator.core.durable import Durable
from facilitator.errors import StoreError
from facilitator.store import keeping as module
from facilitator.store.contents import Delivery
from facilitator.store.folder import Destroyed, Sessions
from facilitator.store.keeping import BACK, KEY
from facilitator.store.keys import FileVault, Keys
from facilitator.store.sound import About, KeptSound
from tests.store.faults.shim import Shim
from tests.store.meetings import CONTRACT

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
        told_at: when, by code.
        refused: the sentence with which a session was not taken up.
        purging: whether it was to be destroyed.
        destroyed: that it was, as it was said.
        noted: how many calls there had been when the last state was noted and settled.
        delivered: whether a delivery was said to be noted.
        on_kept: told `kept` as it is said.
        sound: whether sound was said to be kept, and not yet to be written down.
        doubtful: place in `states` of the last one when a process before said that not everything is kept; -1 for none.
    """

    states: list[Durable] = field(default_factory=list)
    kept: int = -1
    told: list[str] = field(default_factory=list)
    told_at: dict[str, float] = field(default_factory=dict)
    refused: str = ""
    purging: bool = False
    destroyed: Destroyed | None = None
    noted: int = 0
    delivered: bool = False
    sound: bool = False
    doubtful: int = -1
    on_kept: Callable[[int], None] = lambda _: None

    def copy(self) -> Story:
        """Return what is known at the start of another process."""
        doubtful = len(self.states) - 1 if self.in_doubt else self.doubtful
        return Story(self.states.copy(), self.kept, delivered=self.delivered, sound=self.sound, doubtful=doubtful)

    def teller(self, stage: Stage) -> Callable[[str], None]:
        """Return what is given the codes."""

        def tell(code: str) -> None:
            self.told.append(code)
            self.told_at.setdefault(code, stage.now)

        return tell

    @property
    def in_doubt(self) -> bool:
        """Whether the animator was told that not everything is on the disk."""
        worst = [code for code in self.told if code != KEY]
        return bool(worst) and worst[-1] != BACK


class Stage:
    """A folder for stores and keys, emptied or put back between cases.

    Attributes:
        now: the loop's time, seconds.
        waits: whether somebody waits for a call that hangs, however long.
        hung_at: when a call began to hang; None for none.
    """

    def __init__(self, folder: Path, shim: Shim) -> None:
        self.folder = folder
        self.shim = shim
        self.now = 0.0
        self.waits = False
        self.hung_at: float | None = None

    @contextmanager
    def time(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Have the loop's time stand, and pass while a call hangs: then what waits for time has it at once."""
        over, passed = threading.Event(), threading.Event()
        passed.set()

        def go_on() -> None:
            self.hung_at = self.now if self.hung_at is None else self.hung_at
            self.now += 0.25
            passed.set()

        def watch() -> None:
            while not over.wait(0.002):
                if not self.shim.hangs:
                    continue
                if self.waits:
                    self.shim.release()
                elif passed.is_set():  # else the loop has not come to it yet: its time does not pass without it
                    passed.clear()
                    loop.call_soon_threadsafe(go_on)

        self.now, self.hung_at = 0.0, None
        loop.time = lambda: self.now
        watching = threading.Thread(target=watch)
        watching.start()
        try:
            yield
        finally:
            over.set()
            watching.join()

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
def repeatable() -> Iterator[None]:
    """Have nothing random in the store, and a full disk tried again at once."""
    numbers = itertools.count()

    def urandom(count: int) -> bytes:
        return hashlib.shake_256(str(next(numbers)).encode()).digest(count)

    before = os.urandom, random._urandom, module.time, module.RETRY_SECONDS
    os.urandom = random._urandom = urandom
    module.time = SimpleNamespace(time=lambda: 1_800_000_000.0, monotonic=time.monotonic)
    module.RETRY_SECONDS = 0.0
    try:
        yield
    finally:
        os.urandom, random._urandom, module.time, module.RETRY_SECONDS = before


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
    if max(found, story.doubtful) < len(story.states) - 1:
        assert story.in_doubt, "the last state is not kept, and nobody was told"
    if story.delivered:
        assert kept.deliveries == (HANDED,), "a delivery is lost"
    if story.sound:
        assert kept.waiting == 1, "sound is lost"
