"""Devices for the tests of hearing and speaking."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.pulse import PulseServer


@pytest.fixture(scope="session")
def shared_pulse() -> Iterator[PulseServer]:
    """Start one PulseAudio server for all tests that leave it as it was."""
    with PulseServer() as server:
        time.sleep(2.2)  # until its null sinks are awake
        yield server


@pytest.fixture
def pulse(shared_pulse: PulseServer, monkeypatch: pytest.MonkeyPatch) -> PulseServer:
    """Return a PulseAudio server that this process and its children use; the test leaves it as it was."""
    shared_pulse.use(monkeypatch)
    return shared_pulse


@pytest.fixture
def own_pulse(monkeypatch: pytest.MonkeyPatch) -> Iterator[PulseServer]:
    """Return a PulseAudio server of the test's own, to change or to kill."""
    with PulseServer() as server:
        server.use(monkeypatch)
        yield server
