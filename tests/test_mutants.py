"""The tests are tested: each line of `mutants.toml` taken out alone, in a copy of the house, makes a test fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

MUTANTS: list[dict[str, str]] = tomllib.loads(ROOT.joinpath("tests", "mutants.toml").read_text(encoding="utf-8"))[
    "mutant"
]
COPIED = ("facilitator", "speech", "tests")
FAILED = 1
"""pytest's status where tests ran and some failed; another one is no proof."""


def test_each_line_stands_once_where_it_is_said_to() -> None:
    assert len(MUTANTS) >= 20
    assert len({mutant["name"] for mutant in MUTANTS}) == len(MUTANTS)
    for mutant in MUTANTS:
        source = ROOT.joinpath(mutant["file"]).read_text(encoding="utf-8")
        assert source.count(mutant["old"]) == 1, f"{mutant['name']}: {source.count(mutant['old'])} times"
        compile(source.replace(mutant["old"], mutant["new"]), mutant["file"], "exec")
        assert all(ROOT.joinpath(one).exists() for one in mutant["tests"].split()), mutant["name"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the code and its tests; the rest is linked."""
    copy = tmp_path_factory.mktemp("mutants")
    for path in ROOT.iterdir():
        if path.name in COPIED:
            shutil.copytree(path, copy / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif path.name not in {".git", ".venv"} and not path.name.endswith("_cache"):
            copy.joinpath(path.name).symlink_to(path)
    return copy


def run(house: Path, tests: str) -> subprocess.CompletedProcess[str]:
    options = ("-x", "-q", "-m", "not soak and not e2e", "-p", "no:cacheprovider")
    return subprocess.run(
        [sys.executable, "-B", "-m", "pytest", *options, *tests.split()],
        cwd=house, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.soak
@pytest.mark.parametrize("tests", sorted({mutant["tests"] for mutant in MUTANTS}))
def test_its_tests_are_green_with_every_line(house: Path, tests: str) -> None:
    done = run(house, tests)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.soak
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant["name"])
def test_a_line_that_is_taken_out_is_missed(house: Path, mutant: dict[str, Any]) -> None:
    path = house / mutant["file"]
    source = path.read_text(encoding="utf-8")
    path.write_text(source.replace(mutant["old"], mutant["new"]), encoding="utf-8")
    try:
        done = run(house, mutant["tests"])
    finally:
        path.write_text(source, encoding="utf-8")
    assert done.returncode == FAILED, f"nothing failed without it\n{done.stdout[-1000:]}{done.stderr[-1000:]}"
