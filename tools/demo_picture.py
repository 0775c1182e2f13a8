"""Makes docs/images/demo.svg from a real run of the demo: `python -m tools.demo_picture`.

The run prints into a terminal of rich's, which draws itself. Long lines are cut where the picture ends, and the middle
of the session is left out, so that it can be read at a glance. The picture fetches nothing: rich's links to fonts on
the web are taken out, and the viewer's own fixed-width font is used.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "demo.svg"
COMMAND = "facilitator demo --out demo-out"
COLUMNS = 104
FIRST_LINES, LAST_LINES = 17, 15
FONTS = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


def run_demo() -> list[str]:
    """Return the lines that the demo prints, with their colours, in a folder of its own and with the defaults."""
    environment = {**os.environ, "FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "400"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", *COMMAND.split(), "--config", str(ROOT / "config.toml")],
            cwd=folder,
            env={**environment, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
        )
    return done.stdout.splitlines()


def drawn(lines: Sequence[str]) -> str:
    """Return the picture of a terminal in which `lines` were printed, as SVG."""
    shown = [*lines[:FIRST_LINES], "\x1b[2m  …\x1b[0m", *lines[-LAST_LINES:]]
    if len(lines) <= FIRST_LINES + LAST_LINES:
        shown = list(lines)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True, color_system="truecolor")
        console.print(f"[bold]$[/] {COMMAND}", highlight=False)
        for line in shown:
            console.print(Text.from_ansi(line), no_wrap=True, overflow="ellipsis", highlight=False)
        svg = console.export_svg(title="", theme=SVG_EXPORT_THEME, unique_id="demo")
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;]*;", f"font-family: {FONTS};", svg)
    svg = svg.replace("<text ", '<text xml:space="preserve" ')  # some viewers take a line's first spaces away
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def main() -> None:
    """Run the demo and write its picture."""
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(drawn(run_demo()), encoding="utf-8")
    print(PICTURE.relative_to(ROOT))


if __name__ == "__main__":
    main()
