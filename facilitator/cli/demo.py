"""`facilitator demo`: a whole session on a sample call, made at first use."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from facilitator.catalog import load_process
from facilitator.cli import parts
from facilitator.cli.replay import hold
from facilitator.config import Config, load_config
from facilitator.demo import Script, load_script, make_call
from facilitator.languages import load_language


def demo(
    speed: parts.SpeedOption = "max",
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write; a new folder unless told.", metavar="DIR")
    ] = None,
    language: parts.LanguageOption = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Never open a page.")] = False,
    config: parts.ConfigOption = None,
) -> None:
    """Hold a whole session on a sample call with several voices, from the welcome to the documents.

    Example: facilitator demo --language fr --out demo-out
    """
    del no_browser  # no page is opened for a sample call
    asyncio.run(_demo(parts.parse_speed(speed), out, language, load_config(config)))


async def _demo(speed: float, out: Path | None, language: str | None, config: Config) -> None:
    script = load_script(language or config.session.language)
    openings = await _openings(script, config)
    with parts.progress("sample call") as on_progress:
        call = await make_call(script, openings, parts.cache_folder("demo"), on_progress)
    folder = out or Path(tempfile.mkdtemp(prefix="facilitator-demo-"))
    await hold(call, folder, speed, config, parts.choose_model(config, demo=True))


async def _openings(script: Script, config: Config) -> dict[str, float]:
    """Return how long each step's opening takes to say, so that the speakers leave it room."""
    if not config.voice.enabled:
        return {}
    names: dict[str, tuple[str, ...]] = {}
    for name, speaker in script.speakers.items():
        names[speaker.role] = (*names.get(speaker.role, ()), name)
    process = load_process("codev")
    language = load_language("codev", script.language, script.address)
    voice = await parts.open_voice(config, script.language)
    lengths = {}
    for step in script.steps:
        holder = process.step(step.id).holder
        text = language.text(f"steps.{step.id}.opening", names=names, holder=holder, seconds=step.minutes * 60)
        lengths[step.id] = round((await voice.render(text, private=True)).seconds, 2)
    return lengths
