"""What lists processes sees no name that `run --participants` was given, and those of `--participant`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.e2e.live import running
from tests.e2e.test_killed import Home

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio,
    pytest.mark.skipif(sys.platform != "linux", reason="processes are listed from /proc"),
]

CONFIG = '[audio]\nvoice_output = "stage"\n[listening]\nenabled = false\n'
NAME = "Zorbaquine"


def shown() -> bool:
    """Whether any process shows the name in its arguments or its environment."""
    found = False
    for folder in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                found = found or NAME.encode() in (folder / name).read_bytes()
            except OSError:  # it ended meanwhile, or shows nothing
                continue
    return found


@pytest.mark.parametrize("hidden", [False, True])
async def test_a_name_from_a_file_is_in_no_list_of_processes(tmp_path: Path, *, hidden: bool) -> None:
    people = tmp_path / "people.txt"
    people.write_text(f"{NAME}=client\n", encoding="utf-8")
    way = ("--participants", str(people)) if hidden else ("--participant", f"{NAME}=client")
    async with running(Home(tmp_path), tmp_path, CONFIG, *way) as run:
        await run.command("start")
        await run.wait_for("step_started")
        assert NAME in "".join(run.published)
        assert shown() != hidden
