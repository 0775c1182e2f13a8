"""What several real sessions stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pulse import PulseServer


@pytest.fixture
def pulse(tmp_path: Path) -> Iterator[PulseServer]:
    """Return a sound server for services that keep their sessions in the test's own folders, under keys in files."""
    with PulseServer() as server:
        server.environment |= {
            "XDG_DATA_HOME": str(tmp_path / "data"),
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }
        yield server
