"""Prompts rendered once and kept: a prompt is ready before the meeting needs it.

An entry's name is the hash of the synthesizer's identity and the text, so a changed voice or text is another entry and
nothing ever goes stale. What holds a name or words of the session is rendered with `private=True` and never leaves
memory.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from speech.aside import Aside
from speech.capture.files import read_audio
from speech.errors import AudioFileError
from speech.ports import Sound, Synthesizer
from speech.sound import read_wav, wav_bytes

MOST_AT_ONCE = 2
"""Engines that run together: more gain nothing on the smallest machine the project supports (2 cores)."""
DISK_SECONDS = 3.0
"""A disk that has not answered by then is done without."""
_ABANDONED_SECONDS = 3600.0
_T = TypeVar("_T")


def load_recording(path: Path) -> Sound:
    """Return an animator's own recording, which replaces synthesis: WAV, or any format that PyAV reads.

    Raises:
        AudioFileError: it is missing, empty or cannot be decoded.
    """
    try:
        return read_wav(path)
    except AudioFileError:
        return read_audio(path)


class PromptCache:
    """Renders through `synthesizer` and keeps what may be kept as 16-bit WAV files in `directory`.

    A directory that cannot be written, or does not answer, costs time and nothing else: prompts are then rendered anew.

    Args:
        directory: in the user's cache directory; made when first needed.
        synthesizer: what renders.
    """

    def __init__(self, directory: Path, synthesizer: Synthesizer) -> None:
        self._directory = directory
        self._synthesizer = synthesizer
        self._private: dict[str, Sound] = {}
        self._at_once = asyncio.Semaphore(MOST_AT_ONCE)
        self._disk = Aside()

    async def render(self, text: str, *, private: bool = False) -> Sound:
        """Return `text` as sound, from the cache when it is there.

        Args:
            text: what to say.
            private: it holds a name or words of the session: keep it in memory only, until `forget_private`.

        Raises:
            SynthesisError: the engine failed, hung or has no such voice.
        """
        key = hashlib.sha256(f"{self._synthesizer.identity}\0{text}".encode()).hexdigest()
        if private:
            if key not in self._private:
                async with self._at_once:
                    self._private[key] = await self._synthesizer.render(text)
            return self._private[key]
        path = self._directory / f"{key}.wav"
        kept = await self._answer(partial(_load, path))
        if kept is not None:
            return kept
        async with self._at_once:
            sound = await self._synthesizer.render(text)
        await self._answer(partial(_store, path, sound))
        return sound

    async def _answer(self, work: Callable[[], _T]) -> _T | None:
        """Return what the disk answers; None where it does not."""
        with suppress(TimeoutError):
            return await self._disk.within(DISK_SECONDS, work)
        return None

    async def render_all(self, texts: Iterable[str], on_progress: Callable[[int, int], None] | None = None) -> None:
        """Render all of `texts`, at most `MOST_AT_ONCE` at a time; what is cached already costs a read.

        Args:
            texts: public prompts; repeated ones are rendered once.
            on_progress: called with (ready, total) after each one.

        Raises:
            SynthesisError: one could not be rendered; those that were ready are kept, the others are given up.
        """
        wanted = list(dict.fromkeys(texts))
        tasks = [asyncio.create_task(self.render(text)) for text in wanted]
        try:
            for ready, task in enumerate(asyncio.as_completed(tasks), start=1):
                await task
                if on_progress is not None:
                    on_progress(ready, len(wanted))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def forget_private(self) -> None:
        """Drop every private rendering from memory."""
        self._private.clear()


def _load(path: Path) -> Sound | None:
    """Return the entry, or None when it is missing or damaged (a file of zeros is what a power cut leaves)."""
    try:
        sound = read_wav(path)
    except AudioFileError:
        return None
    return sound if sound.samples.any() else None


def _store(path: Path, sound: Sound) -> None:
    """Write an entry whole or not at all."""
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(path.parent)
        handle, name = tempfile.mkstemp(suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(wav_bytes(sound))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)


def _sweep(directory: Path) -> None:
    """Remove what a process killed while writing left behind."""
    for path in directory.glob("*.tmp"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink()
