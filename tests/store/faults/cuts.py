"""Every power cut of a whole session: what the disk may hold at each `fsync`, opened as after the next start.

Run by `run_with_faults`; prints counts as JSON. What was not synced by then may be there or not, in any combination:
all of them up to twelve pieces, else a seeded choice; and each once more with the sectors of what is there torn. A
file's content is safe with its own `fsync`, its name with that of its folder: no file system promises less.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from facilitator.core.durable import Durable
from facilitator.errors import StoreError
from tests.store.faults import phases, play
from tests.store.faults.play import Stage, Story
from tests.store.faults.shim import MEMORY, Call, Shim

SECTOR_BYTES = 512
ALL_UP_TO = 12
"""So many pieces in every combination; of more, `CHOSEN` combinations."""
CHOSEN = 256
NOTHING, GONE = -1, 1_000_000
"""Notes beside the numbers of states: the session is about to be destroyed; it was said to be."""
Content = dict[int, bytearray]
Names = dict[str, int]


@dataclass
class Disk:
    """What is surely on the disk, and the pieces that may be."""

    contents: Content = field(default_factory=dict)
    names: Names = field(default_factory=dict)
    pending: list[Call] = field(default_factory=list)
    folders: dict[int, str] = field(default_factory=dict)

    def synced(self, call: Call) -> None:
        """Have what this `fsync` is about surely there."""
        if call.offset:
            folder = self.folders[call.inode]
            names = (one for one in self.pending if one.kind in {"open", "rename", "unlink"})
            safe = [one for one in names if str(Path(os.fsdecode(one.data)).parent) == folder]
        else:
            safe = [one for one in self.pending if one.inode == call.inode and one.kind in {"write", "truncate"}]
        for one in safe:
            apply(one, self.contents, self.names)
            self.pending.remove(one)

    def images(self, seed: int) -> Iterator[tuple[Content, Names]]:
        """Yield what may be there at this instant."""
        count, chance = len(self.pending), random.Random(seed)
        if count <= ALL_UP_TO:
            choices: Iterator[int] = iter(range(1 << count))
        else:
            choices = iter({0, (1 << count) - 1, *(chance.getrandbits(count) for _ in range(CHOSEN))})
        for choice in choices:
            for torn in (False, True):
                contents = {inode: bytearray(content) for inode, content in self.contents.items()}
                names = dict(self.names)
                for place, call in enumerate(self.pending):
                    if choice >> place & 1:
                        apply(call, contents, names, chance if torn else None)
                yield contents, names


def apply(call: Call, contents: Content, names: Names, torn: random.Random | None = None) -> None:
    """Do what a call did; with `torn` a write reaches some of its sectors only."""
    name = os.fsdecode(call.data) if call.kind in {"open", "rename", "unlink"} else ""
    if call.kind == "open":
        contents.setdefault(call.inode, bytearray())
        names[name] = call.inode
    elif call.kind == "rename":
        names.pop(name, None)
        names[call.other] = call.inode
    elif call.kind == "unlink":
        names.pop(name, None)
    elif call.kind == "truncate":
        content = contents.setdefault(call.inode, bytearray())
        del content[call.offset :]
        content.extend(bytes(call.offset - len(content)))
    elif call.kind == "write":
        content = contents.setdefault(call.inode, bytearray())
        for start in range(0, len(call.data), SECTOR_BYTES):
            if torn is not None and torn.random() < 0.5:
                continue
            piece = call.data[start : start + SECTOR_BYTES]
            place = call.offset + start
            content.extend(bytes(max(0, place + len(piece) - len(content))))
            content[place : place + len(piece)] = piece


def files(contents: Content, names: Names, folder: Path) -> dict[str, bytes]:
    """Return the files of an image by their path in `folder`."""
    return {
        Path(name).relative_to(folder).as_posix(): bytes(contents.get(inode, b""))
        for name, inode in names.items()
        if Path(name).is_relative_to(folder)
    }


class Cuts:
    """Cuts the power at each `fsync` of what is written down, and looks at what is left."""

    def __init__(self, stage: Stage, states: list[Durable]) -> None:
        self.stage = stage
        self.states = states
        places = (stage.folder.parent, stage.folder, *stage.folder.iterdir())
        self.folders = {place.stat().st_ino: str(place) for place in places if place.is_dir()}
        self.counts: Counter[str] = Counter()
        self.failed: list[str] = []
        self._seen: set[str] = set()

    def all(self, calls: list[Call], *, every: int) -> None:
        """Cut at every `every`-th `fsync` and at the end."""
        disk, said = Disk(folders=self.folders), NOTHING
        for number, call in enumerate(calls):
            if call.kind == "note":
                said = call.offset if call.offset < len(self.states) or call.offset == GONE else NOTHING
            elif call.kind == "fsync":
                self.counts["fsyncs"] += 1
                if self.counts["fsyncs"] % every == 0:
                    self._cut(disk, said, number)
                disk.synced(call)
            elif call.kind in {"open", "write", "truncate", "rename", "unlink"}:
                disk.pending.append(call)
        self._cut(disk, said, len(calls))

    def _cut(self, disk: Disk, said: int, number: int) -> None:
        self.counts["cuts"] += 1
        self.counts["most pieces at once"] = max(self.counts["most pieces at once"], len(disk.pending))
        for contents, names in disk.images(number):
            image = files(contents, names, self.stage.folder)
            self.counts["images"] += 1
            known = f"{said} {sorted((name, content) for name, content in image.items())}"
            if known in self._seen:
                continue
            self._seen.add(known)
            self.counts["different images opened"] += 1
            try:
                self._look(image, said)
            except AssertionError as error:
                self.failed.append(f"cut {number}, state {said} said: {str(error).splitlines()[0]}")
                if len(self.failed) == 1 and "KEEP" in os.environ:
                    shutil.copytree(self.stage.folder, os.environ["KEEP"], dirs_exist_ok=True)

    def _look(self, image: dict[str, bytes], said: int) -> None:
        self.stage.put(image)
        found = -1
        for name in self.stage.sessions.names():
            with suppress(StoreError):
                store, kept = self.stage.sessions.open(name)
                store.close()
                assert kept.durable in self.states, "something else than what was noted"
                found = max(found, len(self.states) - 1 - self.states[::-1].index(kept.durable))
        if said == GONE:
            assert found < 0, "destroyed, and it opens"
            assert not any(content.strip(b"\0") for name, content in image.items()), "destroyed, and something is left"
        elif said != NOTHING:
            assert found >= said, f"lost: state {found}"


def written(stage: Stage, do: Callable[[Story], object]) -> tuple[Story, list[Call]]:
    """Return what came of `do`, and every call that it made."""
    story = Story()
    with play.repeatable():
        stage.shim.arm()
        stage.shim.record(on=True)
        do(story)
        stage.shim.record(on=False)
    return story, list(stage.shim.calls())


def main(form: str) -> None:
    """Hold a session, cut the power everywhere and print the counts."""
    folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
    try:
        stage = Stage(folder / "case", Shim(folder / "case"))
        stage.put({})

        async def whole(story: Story) -> None:
            story.on_kept = stage.shim.say
            await phases.hold(stage, story, play.steps()[:7], ended=False)
            await phases.resume(stage, story)
            stage.shim.say(len(story.states))
            await phases.purge(stage, story)
            stage.shim.say(GONE)

        with asyncio.Runner() as runner:
            story, calls = written(stage, lambda story: runner.run(whole(story)))
        assert not story.told, story.told
        assert story.destroyed is not None
        cuts = Cuts(stage, story.states)
        cuts.all(calls, every=7 if form == "short" else 1)
    finally:
        shutil.rmtree(folder)
    print(json.dumps({"counts": cuts.counts, "failed": cuts.failed}))


if __name__ == "__main__":
    main(sys.argv[1])
