"""The rules of the house that a machine can check. CONTRIBUTING.md gives them in words."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAX_LINES = 350
FIRST_COMMAND_BEFORE_LINE = 25


def read(name: str) -> str:
    """Return the text of the file `name` of the clone."""
    return (ROOT / name).read_text(encoding="utf-8")


def project_files() -> list[Path]:
    """Return the files that are, or are about to be, in version control; skips where this is no clone."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git clone: there is no list of the project's files")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr  # a clone of another user is refused, and would never be looked at
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_the_import_contracts_are_kept() -> None:
    lint_imports = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    homes = {str(ROOT), str(Path.home()) + "/", "/root" + "/"}
    machine = re.compile("|".join([*map(re.escape, sorted(homes)), r"(?<![\w./-])/(?:home|Users)/\w+"]).encode())
    found = [
        f"{path.relative_to(ROOT)}: {hit.group().decode()}"
        for path in project_files()
        for hit in machine.finditer(path.read_bytes())
    ]
    assert found == []


def test_every_source_file_fits_in_a_head() -> None:
    sources = [path for path in project_files() if path.suffix in {".py", ".sh", ".js", ".css"}]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in sources}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


def test_every_ignore_carries_its_reason() -> None:
    bare = re.compile(r"#\s*(?:noqa(?::\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)?|type:\s*ignore(?:\[[a-z, -]+\])?)\s*$")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in project_files()
        if path.suffix == ".py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if bare.search(line)
    ]
    assert found == []


def test_set_up_installs_every_program_that_a_test_needs() -> None:
    needed = {
        package
        for path in ROOT.glob("tests/**/*.py")
        for packages in re.findall(r'package="([\w. -]+)"', path.read_text(encoding="utf-8"))
        for package in packages.split()
    }
    installed = set(re.findall(r'missing="\$missing ([^"]+)"', read("scripts/setup.sh")))
    assert needed - {package for packages in installed for package in packages.split()} == set()
    assert needed


def test_every_target_of_the_makefile_is_listed_and_documented() -> None:
    makefile = read("Makefile")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    explained = set(re.findall(r"^([a-z][a-z-]*):.*## ", makefile, re.MULTILINE))
    documented = set(re.findall(r"`make ([a-z-]+)", read("README.md") + read("CONTRIBUTING.md")))
    phony = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())
    assert targets == explained == phony
    assert targets - documented == set()


def test_the_readme_shows_its_first_command_at_once() -> None:
    lines = read("README.md").splitlines()
    assert "make demo" in "\n".join(lines[: FIRST_COMMAND_BEFORE_LINE - 1])


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_relative_link_of_a_page_leads_to_a_file(page: str) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", read(page))
    assert [link for link in links if not (ROOT / link).exists()] == []
