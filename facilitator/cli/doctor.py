"""`facilitator doctor`: what works, what does not, what to do about it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from facilitator.checkup import Parts, check_up
from facilitator.cli import parts
from facilitator.cli.devices import JsonOption
from facilitator.config import Config, find_config, load_config
from facilitator.findings import Finding
from speech.errors import ModelError

_SIGNS = {"ok": "[green]✓[/]", "note": "[yellow]·[/]", "problem": "[bold yellow]![/]"}


def doctor(
    as_json: JsonOption = False,
    deep: Annotated[bool, typer.Option("--deep", help="Play and hear back, and measure the recognizer.")] = False,
    config: parts.ConfigOption = None,
) -> None:
    """Check every part of a session. Exits 1 when there is a problem.

    Example: facilitator doctor --deep
    """
    findings = asyncio.run(_check(load_config(config), find_config(config), as_json=as_json, deep=deep))
    if as_json:
        print(json.dumps([dataclasses.asdict(one) for one in findings], ensure_ascii=False, indent=2))
    if any(finding.status == "problem" for finding in findings):
        raise typer.Exit(1)


async def _check(config: Config, file: Path | None, *, as_json: bool, deep: bool) -> list[Finding]:
    used = Parts(
        config_file=file,
        open_voice=lambda: parts.open_voice(config, config.session.language),
        choose_model=lambda: parts.choose_model(config, measure=False),
        open_detector=lambda: parts.open_detector(config),
        make_recognizer=lambda model: parts.make_recognizer(config, model),
        speed_of=lambda model: parts.speed_of(config, model),
        installed=lambda: _installed(config),
        measure=lambda model: parts.measure_model(config, model),
    )
    findings: list[Finding] = []
    coming = check_up(config, used, deep=deep)
    while True:
        with parts.waiting("checking"):
            finding = await anext(coming, None)
        if finding is None:
            return findings
        findings.append(finding)
        if not as_json:
            action = f"  → {escape(finding.action)}" if finding.action else ""
            parts.output.print(f"{_SIGNS[finding.status]} {finding.part:<17} {escape(finding.message)}{action}")


def _installed(config: Config) -> list[tuple[str, Path]]:
    """Return name and folder of each model that a session may use, the one that the configuration names last."""
    found = [(info.name, info.path) for info in parts.installed_models() if info.path is not None]
    try:
        chosen = parts.choose_model(config, measure=False)
    except ModelError:  # told already
        chosen = None
    if chosen is not None and chosen not in [path for _, path in found]:
        found.append((chosen.name, chosen))
    return found
