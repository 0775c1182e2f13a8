"""`facilitator models`: the recognizer's models on this computer."""

from __future__ import annotations

import asyncio
import json
import math
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column, Table

from facilitator.cli import parts
from facilitator.cli.devices import JsonOption
from facilitator.config import load_config
from facilitator.errors import UsageError
from facilitator.speech_server import keep_token
from speech.model_files import total_bytes
from speech.models import ModelInfo
from speech.recognition.speed import KEEPS_UP

app = typer.Typer(help="The models that write down: list them, fetch them, bring your own.", no_args_is_help=True)
DEFAULT = "small"
"""What `pull` fetches unless told: the largest that keeps up on most laptops (2.6 s an utterance on two cores)."""
_MEGA = 1_000_000


@app.command("list")
def list_(
    as_json: JsonOption = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure first how fast those that are here write on this computer.")
    ] = False,
    config: parts.ConfigOption = None,
) -> None:
    """List the models that are here or can be fetched, with their speed where it is known.

    Example: facilitator models list --measure
    """
    settings = load_config(config)
    if measure:
        here = [info.path for info in parts.installed_models() if info.path is not None]
        with parts.progress("measuring models") as show:
            for count, path in enumerate(here):
                show(count, len(here))
                parts.measure_model(settings, path)
    floor = parts.floor_model()
    found = parts.model_store().list_models()
    if floor is not None:
        found = sorted([*found, ModelInfo(floor.name, floor, total_bytes(floor), (), bundled=True)], key=_name)
    if as_json:
        rows = [
            {
                "name": info.name,
                "path": None if info.path is None else str(info.path),
                "size_bytes": info.size_bytes,
                "languages": list(info.languages),
                "bundled": info.bundled,
                "seconds_per_second": None if speed is None or math.isinf(speed) else round(speed, 3),
            }
            for info in found
            for speed in [parts.speed_of(settings, info.path)]
        ]
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table = Table("name", "size", "speed", Column("where", overflow="fold"))
    for info in found:
        use = "hears interruptions on one mixed call" if info.path == floor else "for the sample session only"
        where = f"comes along, {use}" if info.bundled else str(info.path or "to be fetched")
        table.add_row(
            info.name, f"{info.size_bytes / _MEGA:,.0f} MB", _speed(parts.speed_of(settings, info.path)), where
        )
    parts.output.print(table)


def _speed(speed: float | None) -> str:
    if speed is None:
        return ""
    if math.isinf(speed):
        return "fails or is far too slow"
    return f"{speed:.2f} s for a second of speech, {'keeps up' if speed <= KEEPS_UP else 'too slow'}"


def _name(info: ModelInfo) -> str:
    return info.name


@app.command()
def pull(
    names: Annotated[list[str] | None, typer.Argument(help=f"Names of `models list`; {DEFAULT} unless told.")] = None,
) -> None:
    """Fetch models; what was fetched before is checked and not fetched again.

    Example: facilitator models pull small
    """
    asyncio.run(_pull(names or [DEFAULT]))


async def _pull(names: list[str]) -> None:
    store = parts.model_store()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    for name in names:
        with Progress(*columns, console=parts.errors, transient=True, disable=not parts.errors.is_terminal) as bars:
            task = bars.add_task(name, total=None)
            path = await store.pull(name, partial(_show, bars, task))
        print(f"{name}: {path}")


def _show(bars: Progress, task: TaskID, done: int, total: int) -> None:
    bars.update(task, completed=done, total=total)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    path: Annotated[
        Path, typer.Argument(help="A folder with a CTranslate2 model, or one that holds it in ctranslate2/.")
    ],
) -> None:
    """Bring in a model from a folder, without any network.

    Example: facilitator models add mine ./whisper-small-ct2
    """
    print(f"{name}: {parts.model_store().add(name, path)}")


@app.command()
def token(config: parts.ConfigOption = None) -> None:
    """Keep the token of the speech server in the system's keyring; it is asked for, and not shown.

    Example: facilitator models token
    """
    address = load_config(config).transcription.server_address
    if address is None:
        raise UsageError("There is no speech server: set its address as server in [transcription].")
    if not _is_terminal():
        raise UsageError("Nobody is there to be asked for the token: run this command in a terminal.")
    given = typer.prompt(f"Token of the speech server {address.host} (kept in the keyring)", hide_input=True)
    keep_token(address, given.strip())
    parts.output.print("It is kept.")


def _is_terminal() -> bool:
    return sys.stdin.isatty()
