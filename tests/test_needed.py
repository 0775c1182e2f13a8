"""What a test needs of the system: without it the test is skipped, and in CI it fails."""

from __future__ import annotations

import shutil
import sys

import pytest

from tests import needed

NONE, PACKAGE = "no-such-program", "some-package"


@pytest.fixture(autouse=True)
def on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("CI", raising=False)


def test_the_first_program_that_is_there_is_found() -> None:
    assert needed.program(NONE, "sh", package=PACKAGE) == shutil.which("sh")


def test_a_program_of_the_administrators_is_found_without_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needed, "_ADMINISTRATORS", "/bin")
    monkeypatch.setenv("PATH", "")
    assert needed.program("sh", package=PACKAGE) == "/bin/sh"


def test_a_test_whose_program_is_not_there_is_skipped() -> None:
    with pytest.raises(pytest.skip.Exception, match=f"{NONE} is not installed .Debian: {PACKAGE}."):
        needed.program(NONE, package=PACKAGE)


def test_in_ci_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI must not pass without this test"):
        needed.program(NONE, package=PACKAGE)


def test_on_other_systems_it_is_skipped_in_ci_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(pytest.skip.Exception):
        needed.program(NONE, package=PACKAGE)
