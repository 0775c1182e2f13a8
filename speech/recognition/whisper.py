"""Whisper on this computer, in a process of its own.

The process can be killed, crash or hang without harm to the session: the utterance in hand is given to a fresh process
once more. It is started at the first utterance, or by `start()` to be warm before a step that is written down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from speech.errors import RecognizerError
from speech.ports import RATE_HZ, Samples, Transcript
from speech.recognition import wire
from speech.recognition.engine import Engine, EngineDiedError, EngineFailedError, spawn

_ATTEMPTS = 2
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the engine may take before it counts as hung, in seconds.

    Generous, since a slow engine is no dead one: `small` needs 2.6 s a call on two cores (SPEECH.md) and a busy laptop
    several times that.

    Attributes:
        load_seconds: start of the process and loading of the model.
        base_seconds: for any utterance: each is padded to 30 s, so a short one costs as much.
        per_second: more for each second of sound.
        careful_factor: the larger search of a final pass may take so many times as long.
    """

    load_seconds: float = 120.0
    base_seconds: float = 30.0
    per_second: float = 3.0
    careful_factor: float = 4.0

    def seconds(self, sound_seconds: float, *, careful: bool) -> float:
        """Return how long an utterance of `sound_seconds` may take."""
        return (self.base_seconds + self.per_second * sound_seconds) * (self.careful_factor if careful else 1.0)


class WhisperRecognizer:
    """A `Recognizer` over a faster-whisper model folder. Constructing it starts nothing."""

    def __init__(
        self,
        model_dir: Path,
        *,
        threads: int = 2,
        compute_type: str = "auto",
        glossary: str = "",
        patience: Patience | None = None,
    ) -> None:
        """Remember the settings.

        Args:
            model_dir: folder with model.bin, config.json, tokenizer.json and vocabulary.*.
            threads: cores that one decode uses.
            compute_type: CTranslate2's name of a precision; "auto" takes the fastest that this processor has, by
                CTranslate2's own rule: int8 wherever it can, which every x86-64 and Arm wheel of it does.
            glossary: terms to expect, after the names that come with each utterance; of both together the engine takes
                223 tokens and leaves the rest.
            patience: the defaults when None.
        """
        self._model_dir = model_dir.absolute()  # the process has another folder
        self._threads = threads
        self._compute_type = compute_type
        self._glossary = glossary
        self._patience = patience or Patience()
        self._turn = asyncio.Lock()
        self._engine: Engine | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The engine's process id; None while none runs."""
        return self._engine.pid if self._engine is not None and self._engine.alive else None

    async def start(self) -> None:
        """Start the engine and load the model, so that the first utterance need not wait. Twice does nothing.

        Raises:
            RecognizerError: the model cannot be loaded, or the recognizer was closed.
        """
        async with self._turn:
            await self._attempt(self._running_engine)

    async def transcribe(
        self, samples: Samples, *, language: str, hotwords: str = "", careful: bool = False
    ) -> Transcript:
        """Return what is said in `samples`; calls wait for each other in the order they came.

        A call that is cancelled kills the engine, since a decode cannot be stopped otherwise; the next call starts a
        fresh one.

        Args:
            samples: one utterance, mono float32 at `RATE_HZ` in [-1, 1], at most 30 s.
            language: two letters, such as "fr".
            hotwords: names and terms to expect, separated by spaces; may be empty.
            careful: five beams and retries instead of one beam, for a final pass.

        Returns:
            The text, empty when nothing was said; its confidence is the geometric mean of the tokens' probabilities,
            0 without text.

        Raises:
            RecognizerError: the engine died or hung twice over this utterance, or refused it; or the recognizer was
                closed. The utterance may be given again.
        """
        expected = f"{hotwords} {self._glossary}".strip()
        header: wire.Header = {"language": language, "hotwords": expected, "careful": careful}
        limit = self._patience.seconds(len(samples) / RATE_HZ, careful=careful)
        return await self._ask(header, samples, limit, _transcript)

    async def decode_seconds(self, samples: Samples, *, language: str, tokens: int) -> float:
        """Return how many seconds a live decode of `samples` takes that writes `tokens` tokens, whatever was said.

        Raises:
            RecognizerError: as for `transcribe`.
        """
        header: wire.Header = {"language": language, "tokens": tokens}
        limit = self._patience.seconds(len(samples) / RATE_HZ, careful=False)
        return await self._ask(header, samples, limit, lambda reply: float(reply["seconds"]))

    async def close(self) -> None:
        """End the engine at once; a call under way fails with RecognizerError. Closing twice does nothing."""
        self._closed = True
        if self._engine is not None:
            self._engine.kill()
        async with self._turn:
            await self._end_engine()

    async def _ask(
        self, header: wire.Header, samples: Samples, limit: float, read: Callable[[wire.Header], _Answer]
    ) -> _Answer:
        """Return what `read` finds in the reply; an engine whose reply makes no sense counts as dead."""
        payload = np.ascontiguousarray(samples, dtype=np.float32).tobytes()

        async def ask() -> _Answer:
            engine = await self._running_engine()
            reply = await engine.ask(header, payload, limit)
            try:
                return read(reply)
            except (KeyError, TypeError, ValueError):
                raise EngineDiedError from None

        async with self._turn:
            return await self._attempt(ask)

    async def _attempt(self, what: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Return what `what` returns, tried again with a fresh engine when the first one died or hung."""
        for _ in range(_ATTEMPTS):
            if self._closed:
                raise RecognizerError("The recognizer is closed; start a new session to write speech down.")
            try:
                return await what()
            except EngineFailedError as failure:
                raise await self._refusal(failure) from None
            except (EngineDiedError, TimeoutError):
                await self._end_engine()
            except BaseException:
                await self._end_engine()
                raise
        if self._closed:
            raise RecognizerError("The recognizer was closed before the utterance was written down.")
        raise RecognizerError(
            "The speech recognizer stopped twice on the same utterance; choose a smaller model or close other programs."
        )

    async def _running_engine(self) -> Engine:
        if self._engine is None or not self._engine.alive:
            await self._end_engine()
            self._engine = await spawn()
            if self._closed:  # close() found nothing to kill
                raise EngineDiedError
            await self._engine.load(
                self._model_dir,
                threads=self._threads,
                compute_type=self._compute_type,
                timeout_seconds=self._patience.load_seconds,
            )
        return self._engine

    async def _end_engine(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.end()

    async def _refusal(self, failure: EngineFailedError) -> RecognizerError:
        if self._engine is not None and self._engine.loaded:
            return RecognizerError(
                f"The speech model refused an utterance ({failure}); check that it knows the session's language."
            )
        await self._end_engine()
        return RecognizerError(
            f"The speech model in “{self._model_dir.name}” cannot be loaded ({failure}); fetch or import it again."
        )


def _transcript(reply: wire.Header) -> Transcript:
    text, confidence = reply["text"], reply["confidence"]
    if not isinstance(text, str) or not 0 <= confidence <= 1:
        raise TypeError
    return Transcript(text=text, confidence=float(confidence))
