"""Every call of the store fails in turn, once and for ever after, over a whole session and what follows it.

Run by `run_with_faults`; prints counts as JSON. With `short`, each call fails in one of the ways, all of them in turn;
with `whole`, each in every way; with `pairs`, each also while what came of another is being mended.

What a fault leaves is told apart by its files and by the calls that mend it. Where those calls are the same, a second
fault at one of them meets the same: every second fault is tried in the first such case, and one drawn in each other.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import math
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.store.faults import phases, play
from tests.store.faults.phases import Phase
from tests.store.faults.play import Stage, Story
from tests.store.faults.shim import FAILURES, MEMORY, SHORT, Shim

STUCK_SECONDS = 4 * 3600.0
"""Far more than all of it takes."""
HANGS = FAILURES["EINTR"]
"""For ever after: a call that does not come back."""
TOLD_SECONDS = 2.0


class Fault(NamedTuple):
    """The `nth` call, from 1, fails; 0 for none."""

    nth: int = 0
    failure: int = 0
    lasting: bool = False


Chosen = Callable[[int, Sequence[str]], Iterable[Fault]]
"""Which faults to try in a phase, by how many calls it makes and of which kinds."""


class Start(NamedTuple):
    """A phase, and the files and the story that it starts from each time."""

    name: str
    phase: Phase
    files: dict[str, bytes]
    before: Story


class Sweep:
    """Tries every fault in a phase."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.counts: Counter[str] = Counter()
        self.failed: list[str] = []
        self._runner = asyncio.Runner()

    def run(self, start: Start, fault: Fault) -> Story:
        """Return what came of one fault; `stage` is left as it was left."""
        story = start.before.copy()
        self.stage.put(start.files)
        shim = self.stage.shim
        with play.repeatable(), self.stage.time(self._runner.get_loop()):
            shim.arm(fault.nth, fault.failure, lasting=fault.lasting)
            try:
                self._runner.run(start.phase(self.stage, story))
            finally:
                self.hits, self.calls, self.kinds = shim.hits, shim.count, shim.kinds
                shim.release()
        return story

    def all(self, start: Start, chosen: Chosen) -> None:
        """Try the faults that are chosen in a phase."""
        clean = self.run(start, Fault())
        assert not clean.told, clean.told
        assert not clean.refused, clean.refused
        play.check(self.stage, clean)
        calls, kinds = self.calls, self.kinds
        self.counts[f"calls: {start.name}"] = calls
        for fault in chosen(calls, kinds):
            kind = kinds[fault.nth - 1]
            self.counts[kind] += 1
            self._one(start, fault, clean.noted, kind)

    def _one(self, start: Start, fault: Fault, noted: int, kind: str) -> None:
        way = next(name for name, number in FAILURES.items() if number == fault.failure)
        way += ", for ever" if fault.lasting else ", once"
        self.counts["faults"] += 1
        self.counts[way] += 1
        try:
            story = self.run(start, fault)
            assert self.hits, "never reached"
            hangs = fault.failure == HANGS and fault.lasting
            if self.stage.hung_at is not None and fault.nth <= noted:
                told_at = min(
                    story.told_at.values(), default=math.inf
                )  # an `fsync` fails before it hangs: told as that
                assert told_at <= self.stage.hung_at + TOLD_SECONDS, "told too late"
                self.counts["hanging calls told in time"] += 1
            elif fault.lasting and not hangs and fault.failure != SHORT and fault.nth <= noted:
                assert story.told or story.refused, "nobody was told"
                self.counts["lasting faults told"] += 1
            play.check(self.stage, story)
            mend(self.stage, story)
        except AssertionError as error:
            self.failed.append(f"{start.name}, call {fault.nth} ({kind}), {way}: {str(error).splitlines()[0]}")


def mend(stage: Stage, story: Story) -> None:
    """Assert that what a fault left can be brought to its end: a purge that broke off is one that can be ended."""
    if story.destroyed is None:
        for name in {path.name[:20] for path in stage.folder.rglob("*.session*")}:
            stage.sessions.destroy(name)
    left = [name for name, content in stage.files().items() if content]
    assert not [name for name in left if not name.startswith("keys/")], left


def faults(calls: int, *, short: bool) -> Iterator[Fault]:
    """Yield each call with what it fails with and whether that lasts."""
    ways = [(failure, lasting) for failure in FAILURES.values() for lasting in (False, True)]
    for nth in range(1, calls + 1):
        if short:
            yield Fault(nth, *ways[nth % len(ways)])
        else:
            yield from (Fault(nth, *way) for way in ways)


def starts(sweep: Sweep) -> list[Start]:
    """Return each phase with what it starts from."""
    whole, empty = play.steps(), Story()
    broken = sweep.run(Start("", partial(phases.hold, todo=whole[:5], ended=False), {}, empty), Fault())
    broken_files = sweep.stage.files()
    undelivered = [step for step in whole if step[0] != "delivered"]
    ended = sweep.run(Start("", partial(phases.hold, todo=undelivered, ended=True), {}, empty), Fault())
    ended_files = sweep.stage.files()
    return [
        Start("hold", partial(phases.hold, todo=whole, ended=True), {}, empty),
        Start("resume", phases.resume, broken_files, broken),
        Start("write down", phases.write_down, broken_files, broken),
        Start("deliver", phases.deliver, ended_files, ended),
        Start("purge", phases.purge, ended_files, ended),
        Start("purge while held", phases.purge_live, ended_files, ended),
    ]


def pairs(sweep: Sweep) -> None:
    """Try every fault in every way, then every fault in every way while what it left is mended.

    Files that came of one fault and are the same as those of another are mended once.
    """
    hold = Start("", partial(phases.hold, todo=play.steps()[:5], ended=False), {}, Story())
    sweep.run(hold, Fault())
    seen: dict[str, tuple[dict[str, bytes], Story]] = {}
    for fault in faults(sweep.calls, short=False):
        story = sweep.run(hold, fault)
        files = {name: content for name, content in sweep.stage.files().items() if content or "keys" in name}
        sweep.counts["first faults"] += 1
        if story.kept >= 0:
            seen.setdefault(f"{play.same(files)} {story.kept} {story.in_doubt}", (files, story))
    sweep.counts["different files after a first fault"] = len(seen)
    known: set[tuple[str, ...]] = set()
    drawn = random.Random(len(seen))

    def chosen(name: str, calls: int, kinds: Sequence[str]) -> Iterable[Fault]:
        every = list(faults(calls, short=False))
        if (name, *kinds) in known:
            return [drawn.choice(every)]
        known.add((name, *kinds))
        return every

    for number, (files, story) in enumerate(seen.values(), 1):
        for name, phase in (("resume", phases.resume), ("purge", phases.purge)):
            sweep.all(Start(f"{name} after {number}", phase, files, story), partial(chosen, name))
    sweep.counts["different ways to mend them"] = len(known)
    for name in [name for name in sweep.counts if name.startswith("calls: ")]:
        sweep.counts["calls while mending"] += sweep.counts.pop(name)


def main(form: str) -> None:
    """Try them all and print the counts."""
    faulthandler.dump_traceback_later(STUCK_SECONDS, exit=True)
    folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
    try:
        stage = Stage(folder / "case", Shim(folder / "case"))
        sweep = Sweep(stage)
        if form == "pairs":
            pairs(sweep)
        else:
            for start in starts(sweep):
                sweep.all(start, lambda calls, _: faults(calls, short=form == "short"))
    finally:
        shutil.rmtree(folder)
    print(json.dumps({"counts": sweep.counts, "failed": sweep.failed}))


if __name__ == "__main__":
    main(sys.argv[1])
