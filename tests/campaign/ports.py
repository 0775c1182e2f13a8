"""What stands behind the other ports: the disk, the speech engine, the detector of other voices, and a stage's tab."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

from facilitator.errors import StoreError, StoreFullError
from facilitator.stagevoice import StageTab, StageVoice
from facilitator.store.contents import Kept, fold
from facilitator.store.file import Entry
from speech.errors import SynthesisError
from speech.ports import RATE_HZ, Block, OtherVoice, Sound
from tests.campaign.world import TONE, Play, World

ENGINE_SECONDS = 10.0
"""How long the speech engine's adapter waits for it."""


class Disk:
    """In the place of `Sessions` and its one `SessionStore`: what it holds is what a power cut leaves.

    Attributes:
        entries: the records on the disk.
        sounds: the names of the sounds on it.
        purged: whether it was destroyed.
    """

    session = "2026-11-24-0930-abcd"

    def __init__(self, world: World) -> None:
        self._world = world
        self.entries: list[Entry] = []
        self.sounds: list[bytes] = []
        self.purged = False

    @property
    def kept(self) -> Kept | None:
        """What can be gone on from; None where there is nothing."""
        kinds = {entry.kind for entry in self.entries}
        return fold(self.session, self.entries) if {"chosen", "course"} <= kinds else None

    def _work(self) -> None:
        """Meet the faults of a disk."""
        world = self._world
        if fault := world.active("disk_hangs"):
            world.loop.work.spend(world.left(fault))
        elif world.active("disk_slow"):
            world.loop.work.spend(0.9)
        elif world.active("disk_full"):
            raise StoreFullError("The disk is full.")
        elif world.active("disk_broken"):
            raise StoreError("The disk broke.")
        else:
            world.loop.work.spend(0.004)

    # --- what Keeping asks of it ---

    def create(self, began: Any) -> Disk:
        del began
        self._work()
        return self

    def append(self, *entries: Entry) -> None:
        self._work()
        self._world.loop.work.then(lambda: self.entries.extend(entries))

    def mark(self) -> None:
        if self._world.active("key_lost"):
            raise StoreError("The keyring does not answer.")

    def keep_sound(self, sound: bytes) -> None:
        self._work()
        self._world.loop.work.then(lambda: self.sounds.append(sound))

    def close(self, *, for_good: bool = False) -> None:
        del for_good

    def purge(self, session: str) -> str:
        assert session == self.session
        self._work()
        self._world.loop.work.then(self._purged)
        return "It was destroyed."

    def _purged(self) -> None:
        self.purged = True
        self.entries.clear()


class Voice:
    """In the place of `PromptCache`."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def render(self, text: str, *, private: bool = False) -> Sound:
        del private
        if fault := self._world.active("render_hangs"):
            await asyncio.sleep(min(ENGINE_SECONDS, self._world.left(fault)))
            raise SynthesisError("The speech engine hung.")
        if self._world.active("render_fails"):
            raise SynthesisError("The speech engine failed.")
        await asyncio.sleep(0.02)
        return Sound(TONE[: round(RATE_HZ * (0.6 + len(text) % 24 / 10))], RATE_HZ)

    def forget_private(self) -> None:
        """Keeps nothing."""


class Floor:
    """In the place of the detector of other voices: suspects one in some of the blocks that hold a voice."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._on = False

    def start(self) -> None:
        self._on = True

    def stop(self) -> None:
        self._on = False

    def hear(self, block: Block, speech: Any, *, own_voice: bool = False) -> list[OtherVoice]:
        world = self._world
        if fault := world.active("floor_hangs"):
            world.loop.work.spend(world.left(fault))
        if world.active("floor_crash"):
            raise RuntimeError("the fake detector failed, and here is what Camille said")
        world.loop.work.spend(0.02)
        end = block.at + len(block.samples) / RATE_HZ
        told = self._on and not own_voice and speech.any() and zlib.crc32(str(round(block.at, 3)).encode()) % 9 == 0
        return [OtherVoice("talk_over", block.at, end, 0.9)] if told else []


class Tab:
    """A tab of the participants' page, which plays what it is told to, and goes and comes back."""

    def __init__(self, world: World, tabs: StageVoice) -> None:
        self._world = world
        self._tabs = tabs
        self._tab: StageTab | None = None
        self._play: Play | None = None
        self._number = 0
        self._watch()

    def _watch(self) -> None:
        gone = self._world.active("tab_gone") is not None
        if gone and self._tab is not None:
            tab, self._tab = self._tab, None
            self._silent()
            tab.close()
        elif not gone and self._tab is None:
            self._tab = self._tabs.open(self._told)
            self._tab.unlocked(unlocked=True)
        self._world.loop.call_later(0.25, self._watch)

    def _told(self, line: dict[str, Any]) -> None:
        if line["type"] == "prompt":
            self._number += 1
            self._play = play = Play(self._world.now(), line["seconds"])
            self._world.plays.append(play)
            self._world.loop.call_later(line["start_in_seconds"], self._start, play, line["id"], self._number)
        elif line["type"] == "stop":
            self._world.loop.call_later(line["fade_seconds"], self._silent)

    def _start(self, play: Play, prompt_id: str, number: int) -> None:
        if self._play is play and self._tab is not None and number == self._number:
            play.started = self._world.now()
            self._tab.played(prompt_id, None)
            self._world.loop.call_later(play.seconds, lambda: self._silent(play))

    def _silent(self, play: Play | None = None) -> None:
        if self._play is not None and play in {None, self._play}:
            self._play.ended, self._play = self._world.now(), None
