"""The package as a stranger gets it: built, installed outside the clone, used from another folder.

Nothing is fetched. The wheel is built by the locked hatchling and installed by the locked pip into an environment of
its own, which sees the locked dependencies through a path file. A path file inside that folder is not followed, so the
clone itself stays out of sight.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = ("config.toml", "prompts", "demo", "models")


def run(*command: str | Path, cwd: Path) -> str:
    """Return what `command` prints, run without the clone's settings; a failure shows its standard error."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FACILITATOR_"))}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def build(source: Path, target: str, folder: Path) -> Path:
    """Return the one file that hatchling builds from `source`."""
    run(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder, cwd=source)
    (made,) = folder.iterdir()
    return made


@dataclass(frozen=True)
class Installed:
    """The wheel in its own environment, and an empty folder to stand in."""

    bin: Path
    site: Path
    elsewhere: Path

    def run(self, program: str, *arguments: str) -> str:
        """Return what the environment's `program` prints, run from the empty folder."""
        return run(self.bin / program, *arguments, cwd=self.elsewhere)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this tree."""
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel, installed outside the clone."""
    folder = tmp_path_factory.mktemp("installed")
    venv = folder / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=folder)
    scripts = venv / ("Scripts" if os.name == "nt" else "bin")
    run(
        *(sys.executable, "-m", "pip", "--python", scripts / "python", "--disable-pip-version-check"),
        *("install", "--quiet", "--no-deps", "--no-index", wheel),
        cwd=folder,
    )
    site = Path(
        run(scripts / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    )
    (site / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    return Installed(scripts, site, elsewhere)


def names(wheel: Path) -> set[str]:
    """Return the files that `wheel` holds."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_installs_two_packages_and_nothing_beside_them(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in names(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"facilitator", "speech"}


@pytest.mark.parametrize("source", DATA)
def test_the_wheel_carries_every_data_file_of_the_clone(wheel: Path, source: str) -> None:
    start = ROOT / source
    files = [start] if start.is_file() else [path for path in start.rglob("*") if path.is_file()]
    expected = {
        f"facilitator/_data/{path.relative_to(ROOT).as_posix()}" for path in files if "__pycache__" not in path.parts
    }
    assert expected
    assert expected <= names(wheel)


def test_the_wheel_carries_the_licence(wheel: Path) -> None:
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names(wheel))


def test_the_source_archive_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(build(ROOT, "sdist", tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    assert names(build(source, "wheel", tmp_path / "rebuilt")) == names(wheel)


def test_the_installed_packages_are_the_wheels_own(installed: Installed) -> None:
    found = installed.run(
        "python", "-c", "import facilitator, speech; print(facilitator.__file__, speech.__file__, sep='\\n')"
    )
    assert [Path(line).parents[1] for line in found.splitlines()] == [installed.site] * 2


def test_the_command_answers_from_another_folder(installed: Installed) -> None:
    assert "demo" in installed.run("facilitator", "--help")


def test_the_command_finds_its_processes_from_another_folder(installed: Installed) -> None:
    assert "codev" in installed.run("facilitator", "processes", "list")


def test_using_the_command_leaves_nothing_where_it_was_called(installed: Installed) -> None:
    installed.run("facilitator", "--help")
    assert list(installed.elsewhere.iterdir()) == []
