"""`facilitator say`: have the voice say something."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from facilitator.cli import parts
from facilitator.config import NONE, STAGE, Config, load_config
from facilitator.errors import UsageError
from speech.devices import find_device
from speech.playback.device import DeviceSink
from speech.sound import wav_bytes


def say(
    text: Annotated[str, typer.Argument(help="What to say.")],
    language: parts.LanguageOption = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="A WAV file, instead of the output device.", metavar="FILE.wav")
    ] = None,
    config: parts.ConfigOption = None,
) -> None:
    """Say a text to the chosen output device, or into a file.

    Example: facilitator say "Bonjour à tous" --to bonjour.wav
    """
    asyncio.run(_say(text, language, to, load_config(config)))


async def _say(text: str, language: str | None, to: Path | None, config: Config) -> None:
    if not text.strip():
        raise UsageError("There is nothing to say: give a text.")
    output = config.audio.voice_output
    if to is None and output == NONE:
        raise UsageError("No output device is chosen: set voice_output in [audio], or give --to FILE.wav.")
    if to is None and output == STAGE:
        raise UsageError("The participants' page plays the voice (voice_output in [audio]): give --to FILE.wav.")
    if to is None:
        await asyncio.to_thread(find_device, output, "output")
    voice = await parts.open_voice(config, language or config.session.language)
    sound = await voice.render(text, private=True)
    if to is not None:
        await asyncio.to_thread(_write, to, wav_bytes(sound))
        return
    sink = DeviceSink(output)
    try:
        await sink.play(sound, on_started=lambda _: None)
    finally:
        await sink.close()


def _write(path: Path, wav: bytes) -> None:
    """Write a file whole or not at all; a device such as /dev/stdout is written as it is."""
    partial = path if path.exists() and not path.is_file() else path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(wav)
        if partial != path:
            partial.replace(path)
    except OSError as error:
        if partial != path:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written ({error.strerror}): choose another file.") from None
