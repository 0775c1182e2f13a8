"""Every command explains itself."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from facilitator.cli import app
from tests.cli.command import facilitator

INTERFACE = [
    *("run", "demo", "replay", "say", "doctor", "devices", "setup-audio"),
    *("transcribe", "models", "processes", "sessions"),
]
TREE: Any = typer.main.get_command(app)


def leaves(command: Any, path: str = "facilitator") -> Iterator[tuple[str, Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        yield from leaves(inner, f"{path} {name}")
    if not hasattr(command, "commands"):
        yield path, command


LEAVES = dict(leaves(TREE))


def test_the_commands_are_the_interfaces() -> None:
    assert list(TREE.commands) == INTERFACE


@pytest.mark.parametrize("path", LEAVES)
def test_every_command_has_an_example_that_its_own_options_allow(path: str) -> None:
    help_text = LEAVES[path].help
    first, _, rest = help_text.partition("\n")
    assert re.fullmatch(r"[A-Z].*\.", first.strip())
    example = re.search(r"^Example: (.*)$", rest, re.MULTILINE)
    assert example is not None
    assert example[1].startswith(f"{path} ") or example[1] == path
    arguments = shlex.split(example[1].removeprefix(path))
    LEAVES[path].make_context(path, arguments).close()  # raises where the example is wrong


@pytest.mark.parametrize("path", LEAVES)
def test_every_option_says_what_it_is(path: str) -> None:
    for parameter in LEAVES[path].params:
        assert getattr(parameter, "help", "x"), f"{path} {parameter.name}"


def test_help_is_printed_and_is_no_error(tmp_path: Path) -> None:
    done = facilitator("say", "--help", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert "Usage: facilitator say" in done.out
    assert "Example: facilitator say" in done.out


@pytest.mark.parametrize("arguments", [(), ("models",), ("processes",), ("sessions",)])
def test_without_a_command_the_help_is_shown_and_it_was_wrong_use(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = facilitator(*arguments, cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage: facilitator")
    assert "Commands:" in done.err
