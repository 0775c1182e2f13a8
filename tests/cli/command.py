"""The real command, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 60
NO_SOUND_SERVER = "unix:/nonexistent/pulse"


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)

    @property
    def sentence(self) -> str:
        """The one sentence on stderr; a test fails where there is more, or something else."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        start, _, sentence = lines[0].partition(": ")
        assert start == "facilitator", self.err
        assert sentence.endswith((".", "?")), self.err
        assert "Traceback" not in self.err
        return sentence


def command(*arguments: str | Path) -> list[str]:
    """Return the command line."""
    return [sys.executable, "-m", "facilitator", *map(str, arguments)]


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a command: no sound server, unless `changes` name one."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PULSE_SERVER": NO_SOUND_SERVER,
        "COLUMNS": "200",
        **(changes or {}),
    }


def facilitator(*arguments: str | Path, cwd: Path, changes: Mapping[str, str] | None = None) -> Done:
    """Run the command to its end, without a terminal."""
    done = subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=environment(changes),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=LONGEST_SECONDS,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)
