"""How fast a model writes on this computer, measured once and remembered.

A call costs about the same whatever is said, for each sound is padded to 30 s: a noise stands in for speech, and the
engine is made to write as many tokens as speech of that length has. What is remembered is a number under a hash: the
file tells neither which models there are nor anything of a session.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import os
import platform
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import numpy as np

from speech.errors import SpeechError
from speech.model_files import WANTED, model_folder
from speech.ports import RATE_HZ
from speech.recognition.whisper import WhisperRecognizer

KEEPS_UP = 0.5
"""Seconds of work for a second of speech, at most, for text that keeps up with people: each utterance is decoded at
least twice, when it ends and when it is read again, and the two must fit into the time that it lasts."""
SECONDS = 5.0
"""Length of the sound that is timed, an utterance of usual length."""
_TOKENS = 25
"""Five a second: recorded French has 4.1 on average and 5.7 at most (FLEURS, with Whisper's own tokenizer)."""
_RUNS = 2
"""After a first one that is not counted; the fastest counts, for other programs only ever slow it down."""
_MOST_SECONDS = 60.0
"""For all of it, the loading too: what needs longer keeps up with nothing."""
_ENGINE = ("ctranslate2", "faster-whisper")


class Speeds:
    """The speeds that are known on this computer, in one file. Making one reads nothing.

    Args:
        file: where they are kept; one that is missing or damaged knows none.
        most_seconds: how long one measurement may take.
    """

    def __init__(self, file: Path, *, most_seconds: float = _MOST_SECONDS) -> None:
        self._file = file
        self._most_seconds = most_seconds

    def known(self, model: Path, *, threads: int, compute_type: str) -> float | None:
        """Return the seconds of work for a second of speech, infinity for what failed; None when not measured."""
        found = self._read().get(_key(model, threads, compute_type), math.nan)
        return None if math.isnan(found) else found

    async def measure(self, model: Path, *, threads: int, compute_type: str) -> float:
        """Measure a model now, remember the figure and return it; infinity for one that fails or takes too long."""
        found = math.inf
        with suppress(SpeechError, TimeoutError):
            async with asyncio.timeout(self._most_seconds):
                found = await _measured(model, threads, compute_type)
        await asyncio.to_thread(self._write, _key(model, threads, compute_type), found)
        return found

    def _read(self) -> dict[str, float]:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
            return {str(key): float(value) for key, value in found.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _write(self, key: str, found: float) -> None:
        """Keep the figure; where that cannot be, it will be measured again."""
        partial = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps({**self._read(), key: found}), encoding="utf-8")
            partial.replace(self._file)


async def _measured(model: Path, threads: int, compute_type: str) -> float:
    noise = np.random.default_rng(0).normal(0, 0.05, round(SECONDS * RATE_HZ)).astype(np.float32)
    recognizer = WhisperRecognizer(model_folder(model), threads=threads, compute_type=compute_type)
    try:
        runs = [await recognizer.decode_seconds(noise, language="fr", tokens=_TOKENS) for _ in range(1 + _RUNS)]
    finally:
        await recognizer.close()
    return min(runs[1:]) / SECONDS


def _key(model: Path, threads: int, compute_type: str) -> str:
    """Return what a figure holds for: the model, the settings, the engine's versions and the machine."""
    with suppress(SpeechError):
        model = model_folder(model)
    files = [
        (path.name, path.stat().st_size, path.stat().st_mtime_ns)
        for path in map(model.joinpath, WANTED)
        if path.is_file()
    ]
    machine = (platform.node(), platform.machine(), platform.processor(), os.cpu_count())
    known = (files, threads, compute_type, [version(name) for name in _ENGINE], machine)
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()
