"""`facilitator replay`: the same pipeline on a recorded call."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from facilitator.call import load_call, read_call
from facilitator.catalog import load_process
from facilitator.cli import parts
from facilitator.cli.show import Narrator
from facilitator.config import Config, load_config
from facilitator.languages import load_language
from facilitator.replay import Replay


def replay(
    call: Annotated[Path, typer.Argument(help="The description of the recorded call, CALL.toml.", metavar="CALL.toml")],
    out: Annotated[Path, typer.Option("--out", help="Where to write what a session writes.", metavar="DIR")],
    speed: parts.SpeedOption = "max",
    config: parts.ConfigOption = None,
) -> None:
    """Hold a session on a recorded call.

    Example: facilitator replay call/CALL.toml --out out --speed max
    """
    settings = load_config(config)
    asyncio.run(hold(call, out, parts.parse_speed(speed), settings, parts.choose_model(settings)))


async def hold(path: Path, out: Path, speed: float, config: Config, model: Path | None) -> None:
    """Replay the call at `path`, showing what happens, and name the documents."""
    file = read_call(path)
    process = load_process(file.process, config.session.processes_folder)
    server = parts.server_of(config, model)
    language = load_language(
        file.process,
        file.language,
        file.address,
        processes=config.session.processes_folder,
        server=None if server is None else server.host,
    )
    call = load_call(path, file, process)
    session = Replay(
        process=process,
        language=language,
        cache=await parts.open_voice(config, file.language) if config.voice.enabled else None,
        recognizer=await asyncio.to_thread(parts.make_recognizer, config, model),
        speed=speed,
        spoken_reminders=config.voice.spoken_reminders,
        replies_allowed=config.session.client_may_reply,
        detector=await asyncio.to_thread(parts.open_detector, config) if call.mixed else None,
        cue_probability=config.listening.cue_probability,
    )
    narrator = Narrator(parts.output, language, words=True)
    with parts.progress("prompts") as on_rendered:
        documents = await session.run(call, out, on_fact=narrator.tell, on_rendered=on_rendered)
    for document in documents:
        narrator.document(document)
