"""The system's speech engine through pyttsx3: one short-lived process per utterance.

Several engines in one process crash it, and an engine that hangs cannot be interrupted: so each utterance has a
process that can be killed. The text goes over standard input; the sound comes through a file in a private memory
directory and is deleted once read.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from speech.capture.files import read_audio
from speech.confinement import worker_command, worker_environment
from speech.devices import end_process, start_process
from speech.errors import AudioFileError, SynthesisError, VoiceNotFoundError
from speech.ports import Sound
from speech.sound import read_wav
from speech.synthesis.private import PrivateDirectory
from speech.synthesis.voices import Voice, VoiceList, choose

TIMEOUT_SECONDS = 20.0
"""espeak-ng takes about 0.1 s an utterance, the slowest system voices a few seconds; a hung engine takes for ever."""
_GRACE_SECONDS = 2.0
"""The worker ends itself at its deadline; the parent kills it this much later."""
_SHORTEST_LETTER_SECONDS = 0.01
"""At 450 words a minute, the fastest any engine goes, a letter lasts about 0.025 s: less was cut off."""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


_ENGINE = f"pyttsx3 {_version('pyttsx3')} {sys.platform} {_version('espeakng-loader')}".strip()


async def list_voices(*, timeout_seconds: float = TIMEOUT_SECONDS) -> VoiceList:
    """Return what the system's speech engine offers.

    Raises:
        SynthesisError: there is no engine, or it does not answer.
    """
    answer = await _ask({"action": "voices"}, timeout_seconds)
    voices = tuple(Voice(id_, name, languages) for id_, name, languages in answer.voices)
    return VoiceList(voices, answer.variants)


class Pyttsx3Synthesizer:
    """Speaks with the system's engine (espeak-ng, SAPI5, Apple's). Constructing it starts nothing.

    Args:
        voice: an id or name of `voices()`, with an optional espeak-ng variant (`fr+f2`); empty for the best voice of
            `language`.
        language: `fr`, `fr-CA`, …: decides when `voice` is empty.
        words_per_minute: rate of speech; espeak-ng keeps it between 80 and 450.
        pitch: 0 to 99, 50 is the voice's own; heard with espeak-ng only.
        timeout_seconds: after this an engine counts as hung and its process is killed.
    """

    def __init__(
        self,
        voice: str = "",
        *,
        language: str = "",
        words_per_minute: int = 160,
        pitch: int = 50,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._voice = voice
        self._language = language
        self._words_per_minute = words_per_minute
        self._pitch = pitch
        self._timeout_seconds = timeout_seconds
        self._directory: PrivateDirectory | None = None
        self._making = asyncio.Lock()
        self._numbers = itertools.count()

    @classmethod
    async def open(cls, voice: str = "", *, language: str = "", words_per_minute: int = 160, pitch: int = 50) -> Self:
        """Return a synthesizer whose voice was looked up, so that its identity names the very voice that will speak.

        Raises:
            VoiceNotFoundError: there is no such voice; the nearest ones are named.
            SynthesisError: there is no engine, or it does not answer.
        """
        found = choose(await list_voices(), voice, language)
        return cls(found, language=language, words_per_minute=words_per_minute, pitch=pitch)

    @property
    def identity(self) -> str:
        """Engine, its version, voice and settings in one line: two equal identities render a text alike."""
        return f"{_ENGINE} | {self._voice or 'best'} {self._language} | {self._words_per_minute} | {self._pitch}"

    async def voices(self) -> tuple[Voice, ...]:
        """Return the voices of the engine.

        Raises:
            SynthesisError: there is no engine, or it does not answer.
        """
        return (await list_voices(timeout_seconds=self._timeout_seconds)).voices

    async def render(self, text: str) -> Sound:
        """Return `text` as sound, at the engine's own rate. Takes about 0.15 s with espeak-ng.

        Raises:
            VoiceNotFoundError: the engine has no such voice.
            SynthesisError: the engine failed, hung or made no sound; another text may still work.
        """
        if not text.strip():
            raise SynthesisError("There is nothing to say in an empty prompt: give it a text.")
        async with self._making:
            if self._directory is None:
                self._directory = await asyncio.to_thread(PrivateDirectory)
        suffix = "aiff" if sys.platform == "darwin" else "wav"  # Apple's engine writes AIFF whatever the name says
        path = self._directory.path / f"{next(self._numbers)}.{suffix}"
        request = {
            "action": "render",
            "text": text,
            "path": str(path),
            "voice": self._voice,
            "language": self._language,
            "words_per_minute": self._words_per_minute,
            "pitch": self._pitch,
        }
        try:
            await _ask(request, self._timeout_seconds)
            sound = await asyncio.to_thread(_read, path)
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        if sound.seconds < _SHORTEST_LETTER_SECONDS * sum(map(str.isalpha, text)) or not sound.samples.any():
            raise SynthesisError("The speech engine made no sound of a prompt: choose another voice.")
        return sound

    async def close(self) -> None:
        """Remove the private directory. Closing twice does nothing; rendering again makes a new one."""
        if self._directory is not None:
            directory, self._directory = self._directory, None
            await asyncio.to_thread(directory.close)


def _read(path: Path) -> Sound:
    try:
        return read_wav(path) if path.suffix == ".wav" else read_audio(path)
    except AudioFileError:
        raise SynthesisError(
            "The speech engine left no sound of a prompt: try again or choose another voice."
        ) from None


class _Answer(BaseModel):
    """What a worker may answer; `error` is `voice`, `unfinished` or the name of an exception."""

    model_config = ConfigDict(frozen=True, strict=True)

    error: Annotated[str, Field(pattern=r"^\w*$")] = ""
    message: str = ""
    voices: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    variants: tuple[str, ...] = ()


async def _ask(request: dict[str, Any], timeout_seconds: float) -> _Answer:
    """Start a worker, give it one request, return its answer; it is dead when this returns, however it returns."""
    try:
        process = await start_process(worker_command("speech.synthesis.worker"), worker_environment())
    except OSError:
        raise SynthesisError("The speech engine could not be started: close other programs, then try again.") from None
    data = json.dumps({**request, "timeout_seconds": timeout_seconds}).encode()
    try:
        async with asyncio.timeout(timeout_seconds + _GRACE_SECONDS):
            output, _ = await process.communicate(data)
    except TimeoutError:
        raise SynthesisError("The speech engine hung and was stopped: try again or choose another voice.") from None
    finally:
        await end_process(process)
    try:
        answer = _Answer.model_validate_json(output)
    except ValueError:  # a ValidationError is one
        raise SynthesisError("The speech engine died: try again, or choose another voice.") from None
    message = " ".join(answer.message.split())
    if answer.error == "voice" and message:
        raise VoiceNotFoundError(message)
    if answer.error:
        raise SynthesisError(f"The speech engine failed ({answer.error}): try again, or choose another voice.")
    return answer
