"""`facilitator devices`: the sound devices, under the names that config.toml takes."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer
from rich.table import Table

from facilitator.cli import parts
from speech.devices import list_devices

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, whose form is stable.")]


def devices(as_json: JsonOption = False) -> None:
    """List the sound devices.

    Example: facilitator devices --json
    """
    found = list_devices()
    if as_json:
        print(json.dumps([dataclasses.asdict(device) for device in found], ensure_ascii=False, indent=2))
        return
    if not found:
        parts.output.print("No sound device was found: start the sound server, or plug one in.")
        return
    table = Table("name", "kind", "description", "")
    for device in found:
        notes = ", ".join(
            note for note, true in (("default", device.is_default), ("monitor", device.is_monitor)) if true
        )
        table.add_row(device.name, device.kind, device.description, notes)
    parts.output.print(table)
