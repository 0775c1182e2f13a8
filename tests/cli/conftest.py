"""What the commands find on a computer of a test's own: its models, its keyring."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.delivery.conftest import ring  # noqa: F401  a fixture


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of installed models, empty; figures of speed are kept elsewhere, too."""
    for name in ("DATA", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    return tmp_path / "DATA" / "codev-facilitator" / "models"
