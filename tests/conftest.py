"""What every test stands on: folders of its own, and the recordings that only some machines have."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")  # how long an example takes says how busy the computer is


_COUNTS = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def count(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return what has a line of figures printed at the end of the run: how much was tried."""
    return request.config.stash.setdefault(_COUNTS, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was counted."""
    for line in config.stash.get(_COUNTS, []):
        terminalreporter.write_line(f"counted: {line}")


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test, and no process it starts, reads or writes the user's configuration, cache or data."""
    os.environ.pop("FACILITATOR_CONFIG", None)
    for name in ("CONFIG", "CACHE", "DATA", "STATE"):
        os.environ[f"XDG_{name}_HOME"] = str(tmp_path_factory.mktemp(f"xdg-{name.lower()}"))


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Return the folder of recordings that measurements use: $FACILITATOR_TEST_DATA, else ../shared/data.

    Skips where nothing is named and none lies there; `.ci/run` fails when they are there and a test was skipped.
    """
    named = os.environ.get("FACILITATOR_TEST_DATA")
    folder = Path(named or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        assert not named, f"FACILITATOR_TEST_DATA names no folder: {named}"
        pytest.skip("no recordings here: FACILITATOR_TEST_DATA is to name their folder")
    return folder
