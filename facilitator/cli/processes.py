"""`facilitator processes`: the meeting processes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from facilitator.catalog import list_processes, load_process
from facilitator.cli import parts
from facilitator.config import load_config
from facilitator.errors import UsageError
from facilitator.languages import list_languages, load_language

app = typer.Typer(help="The meeting processes: list, show, and check one that you edited.", no_args_is_help=True)


@app.command("list")
def list_(config: parts.ConfigOption = None) -> None:
    """List the processes.

    Example: facilitator processes list
    """
    for name, folder in list_processes(load_config(config).session.processes_folder).items():
        print(f"{name}  {folder}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A name of `processes list`, or a folder.")],
    language: parts.LanguageOption = None,
    config: parts.ConfigOption = None,
) -> None:
    """Show a process's steps and minutes.

    Example: facilitator processes show codev
    """
    settings = load_config(config).session
    process = load_process(name, settings.processes_folder)
    words = load_language(name, language or settings.language, settings.address, processes=settings.processes_folder)
    table = Table("id", "", "", *(f"{minutes} min" for minutes in process.durations))
    for step in process.steps:
        minutes = (f"{step.minutes[length]:g}" for length in process.durations)
        key = f"steps.{step.id}"
        who = words.text(f"{key}.who", names={}, holder=step.holder)
        table.add_row(step.id, words.plain(f"{key}.title"), who, *minutes)
    parts.output.print(table)


@app.command()
def check(path: Annotated[Path, typer.Argument(help="The folder of a process, or its process.toml.")]) -> None:
    """Say whether a process can be held, in every language that it has.

    Example: facilitator processes check my-process/process.toml
    """
    process = load_process(path)
    spoken = []
    for code, ways in list_languages(path).items():
        for address in ways:
            load_language(path, code, address)
            spoken.append(f"{code} ({address})" if address else code)
    if not spoken:
        raise UsageError(f"{process.id!r} has no language: put one beside it, such as fr.toml.")
    parts.output.print(f"{process.id}: {len(process.steps)} steps, {', '.join(spoken)}. It can be held.")
