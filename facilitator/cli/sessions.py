"""`facilitator sessions`: the sessions that are kept, encrypted, on this computer."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from facilitator import retention
from facilitator.cli import delivering, parts, run
from facilitator.cli.devices import JsonOption
from facilitator.cli.transcribe import tell_waiting
from facilitator.config import load_config
from facilitator.errors import UsageError
from facilitator.exporting import export as write
from facilitator.store.folder import Sessions, open_sessions

app = typer.Typer(help="Kept on this computer: list, resume, export, deliver, purge.", no_args_is_help=True)
SessionArgument = Annotated[str, typer.Argument(help="A name of `sessions list`.")]
_STATES = {
    "unfinished": "not finished",
    "ended": "ended",
    "held": "being held now",
    "no_key": "its key is not here",
    "other_version": "of another version of facilitator",
    "damaged": "damaged",
}


def _sessions(config: Path | None) -> Sessions:
    return open_sessions(load_config(config).privacy.store_folder)


@app.command("list")
def list_(as_json: JsonOption = False, config: parts.ConfigOption = None) -> None:
    """List the sessions that are kept.

    Example: facilitator sessions list
    """
    found = _sessions(config).listed()
    if as_json:
        rows = [
            {
                "session": one.session,
                "state": one.state,
                "size_bytes": one.size,
                "written_at": one.written_at.isoformat(timespec="seconds"),
                "untranscribed": one.waiting,
            }
            for one in found
        ]
        print(json.dumps(rows, indent=2))
        return
    if not found:
        parts.output.print("No session is kept on this computer.")
        return
    table = Table("session", "state", "last written", "size")
    for one in found:
        state = _STATES[one.state] + (f", {one.waiting} to write down" if one.waiting else "")
        table.add_row(one.session, state, f"{one.written_at:%Y-%m-%d %H:%M}", f"{one.size / 1000:.0f} kB")
    parts.output.print(table)


@app.command()
def resume(
    session: SessionArgument,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Never open a page.")] = False,
    ready_file: Annotated[
        Path | None, typer.Option("--ready-file", help="Written when the service answers.", metavar="FILE")
    ] = None,
    config: parts.ConfigOption = None,
) -> None:
    """Go on with a session that was not finished.

    Example: facilitator sessions resume 2026-11-24-0930-a1b2
    """
    run.run(config, resume=session, no_browser=no_browser, ready_file=ready_file)


@app.command()
def export(
    session: SessionArgument,
    to: Annotated[Path, typer.Option("--to", help="The folder for the documents.", metavar="DIR")],
    config: parts.ConfigOption = None,
) -> None:
    """Write the documents of a session.

    Example: facilitator sessions export 2026-11-24-0930-a1b2 --to documents
    """
    kept = _sessions(config).read(session)
    tell_waiting(session, kept.waiting)
    written = write(kept, to, load_config(config).session.processes_folder)
    if written.failure:
        parts.errors.print(escape(written.failure))
    for path in written.paths:
        print(path)


app.command()(delivering.deliver)


@app.command()
def purge(
    session: SessionArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: parts.ConfigOption = None,
) -> None:
    """Destroy a session for good, its key first; what is printed can be given to the client.

    Example: facilitator sessions purge 2026-11-24-0930-a1b2
    """
    loaded = load_config(config)
    sessions = open_sessions(loaded.privacy.store_folder)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("Nobody is there to be asked: give --yes to destroy the session for good.")
        typer.confirm(f"Destroy the session {session} for good? Nothing of it can be brought back.", abort=True)
    print(retention.purge(sessions, session, loaded))
