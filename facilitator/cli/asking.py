"""Questions in the terminal that shows the session: answered with one key, or with a line that is typed.

A question never stops the session: keys are read on, and what is asked runs beside them. There is one question at a
time; another one drops it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from facilitator.web.service import RefusedError
from facilitator.wording import Language

ESCAPE, ERASE, CLEAR = "\x1b", ("\x7f", "\b"), "\x15"
"""Keys while a line is typed: drop the question, take the last letter away, take all of them away (Ctrl-U)."""
MOST_LETTERS = 2_000


class Question:
    """What is being asked.

    Attributes:
        text: the question, and above it what it is about.
        line: whether a line answers it, or one key.
        typed: the line so far.
        answer: what was answered; None when nobody wanted to.
    """

    def __init__(self, text: str, *, line: bool, typed: str = "") -> None:
        self.text = text
        self.line = line
        self.typed = typed
        self.answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def press(self, keys: str) -> None:
        """Take a key, or a text that was pasted into a line."""
        if self.answer.done():
            return
        if not self.line:
            self.answer.set_result(keys.lower())
        elif keys == ESCAPE:
            self.answer.set_result(None)
        elif keys in ERASE:
            self.typed = self.typed[:-1]
        elif keys == CLEAR:
            self.typed = ""
        else:
            words = " ".join(keys.splitlines())
            self.typed = (self.typed + "".join(filter(str.isprintable, words)))[:MOST_LETTERS]
            if keys.endswith(("\n", "\r")):
                self.answer.set_result(self.typed.strip())


class Asker:
    """Asks, one thing at a time.

    Args:
        language: of the questions; their words are under `interface`.
        tell: shows a sentence for a while: why something was refused.
        fail: told of a defect in what was asked.
    """

    def __init__(self, language: Language, tell: Callable[[str], None], fail: Callable[[BaseException], None]) -> None:
        self.question: Question | None = None
        self._language = language
        self._tell = tell
        self._fail = fail
        self._asking: asyncio.Task[Any] | None = None
        self._running: set[asyncio.Task[None]] = set()

    def begin(self, asking: Coroutine[Any, Any, None]) -> None:
        """Run `asking` beside the keys; it may ask. What was being asked before is dropped."""
        self.drop()
        task = asyncio.get_running_loop().create_task(self._run(asking))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, asking: Coroutine[Any, Any, None]) -> None:
        try:
            await asking
        except RefusedError as refused:
            self._tell(str(refused))
        except Exception as defect:  # noqa: BLE001  nobody waits for this task
            self._fail(defect)

    def drop(self) -> None:
        """Ask nothing any more. What was answered and is being done, such as sending, goes on."""
        if self.question is not None and self._asking is not None:
            self._asking.cancel()
        self.question = None

    async def finish(self) -> None:
        """Ask nothing any more, and wait until what is being done is done."""
        self.drop()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def key(self, text: str) -> str:
        """Return the key that answers `text`."""
        return await self._ask(Question(text, line=False)) or ""

    async def line(self, text: str, typed: str = "") -> str | None:
        """Return the line that answers `text`, None when nobody wanted to; `typed` is there to be changed."""
        return await self._ask(Question(text, line=True, typed=typed))

    async def sure(self, text: str) -> bool:
        """Return whether `text` is answered with yes."""
        return await self.key(text) == self._language.plain("interface.yes")

    async def _ask(self, question: Question) -> str | None:
        self.drop()
        self.question, self._asking = question, asyncio.current_task()
        try:
            return await question.answer
        finally:
            if self.question is question:
                self.question = None
