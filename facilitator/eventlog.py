"""`events.jsonl`: one line a fact, in order, written beside the loop. Only the user may read it: it holds words."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from facilitator.store.disk import make_private_file


class EventLog:
    """Appends lines to a file. `close` returns only once everything is on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[str] = []
        self._task: asyncio.Task[None] | None = None
        self._failure: OSError | None = None
        path.unlink(missing_ok=True)  # one of before may be open to others
        make_private_file(path)

    def append(self, line: dict[str, Any]) -> None:
        """Write `line` down soon."""
        self._lines.append(json.dumps(line, ensure_ascii=False) + "\n")
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        while self._lines:
            lines, self._lines = self._lines, []
            try:
                await asyncio.to_thread(self._append, "".join(lines))
            except OSError as failure:
                self._failure = self._failure or failure

    def _append(self, text: str) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(text)

    async def close(self) -> None:
        """Wait until every line is written.

        Raises:
            OSError: some line could not be written.
        """
        if self._task is not None:
            await self._task
        if self._failure is not None:
            raise self._failure
