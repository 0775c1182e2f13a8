"""What keeps a live session up whatever raises: it is contained where it was raised, told in words, and gone on from.

Rules:

- The clock, the steps and the private cues go on. What fails costs the part that failed, and no other.
- Each kind of defect is told once. Nothing of its text is: it may hold what was said.
- docs/architecture.md has the table of the parts and of what brings each back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, ParamSpec

from facilitator.timeline import LOOK_SECONDS
from facilitator.wording import Language

P = ParamSpec("P")


class Defects:
    """What was raised and never should have been.

    Args:
        language: the words.
        warn: tells the animator a code and a sentence.
    """

    def __init__(self, language: Language, warn: Callable[[str, str], None]) -> None:
        self._language = language
        self._warn = warn
        self._told: set[str] = set()

    def sentence(self, defect: BaseException) -> str:
        """Return what there is to say of a defect."""
        return self._language.plain("interface.warnings.defect", kind=type(defect).__name__)

    def tell(self, defect: BaseException) -> None:
        """Tell the animator of a defect."""
        kind = type(defect).__name__
        if kind not in self._told:
            self._told.add(kind)
            with suppress(Exception):  # what tells may be what is broken
                self._warn("defect", self.sentence(defect))

    def tell_context(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Tell of what a callback or a task of the loop let escape: a handler for `set_exception_handler`."""
        self.tell(context.get("exception") or RuntimeError())

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Tell of what is raised within, and go on after it."""
        try:
            yield
        except Exception as defect:  # noqa: BLE001  whoever holds the meeting goes on
            self.tell(defect)

    def contained(self, call: Callable[P, None]) -> Callable[P, None]:
        """Return `call` so that what it raises stops nobody else."""

        def contained(*args: P.args, **kwargs: P.kwargs) -> None:
            with self.telling():  # a reader's defect is the reader's
                call(*args, **kwargs)

        return contained


async def watch_sleep(look: Callable[[], None]) -> None:
    """Have the runner look each second whether the computer has slept, also while nothing else happens."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        look()
