"""The ready file: a killed session's goes, and nothing that is not its own. With real processes in `tests/e2e`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from facilitator.cli.ready import remove_left

PID = 4242


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where it is noted which ready files there are."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "state" / "codev-facilitator" / "ready"
    folder.mkdir(parents=True)
    return folder


def noted(notes: Path, file: Path, pid: int = PID) -> Path:
    note = notes / "0123456789abcdef"
    note.write_text(f"{pid} {file}", encoding="utf-8")
    return note


def test_a_killed_ones_file_goes_whole_or_half_written_and_its_note(notes: Path, tmp_path: Path) -> None:
    file, half_written = tmp_path / "ready.json", tmp_path / f".ready.json.{PID}"
    file.write_text(json.dumps({"pid": PID, "token": "x"}), encoding="utf-8")
    half_written.write_text("{", encoding="utf-8")
    note = noted(notes, file)
    remove_left()
    assert [path.exists() for path in (file, half_written, note)] == [False] * 3


@pytest.mark.parametrize("content", ["", "my notes", "[]", "3", "\x00", json.dumps({"pid": PID + 1}), "[" * 100_000])
def test_what_took_its_place_stays(notes: Path, tmp_path: Path, content: str) -> None:
    file = tmp_path / "ready.json"
    file.write_text(content, encoding="utf-8")
    note = noted(notes, file)
    remove_left()
    assert file.read_text(encoding="utf-8") == content
    assert not note.exists()


@pytest.mark.parametrize("text", ["", "no number", "4242", "4242 /nowhere/at/all", "-1 /nowhere", "\x00"])
def test_a_note_that_says_nothing_hurts_nobody(notes: Path, text: str) -> None:
    (notes / "0123456789abcdef").write_text(text, encoding="utf-8")
    remove_left()
