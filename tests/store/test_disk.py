"""Files for this user alone: whole or not at all, and when one is destroyed, what it held goes before its name does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from facilitator.store.disk import destroy_file, half_written, write_private


def test_a_file_is_written_in_place_of_the_one_before_also_after_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "x.key"
    half_written(path).write_text("of the crash")
    for content in (b"first", b"second"):
        write_private(path, content)
        assert list(tmp_path.iterdir()) == [path]
        assert path.read_bytes() == content


def test_what_a_file_held_is_overwritten_on_the_disk_before_it_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced = tmp_path / "x.key", list[bytes]()
    path.write_bytes(b"secret")
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(path.read_bytes()))
    destroy_file(path)
    assert synced == [bytes(6), b""]
    assert not path.exists()
    destroy_file(path)


def test_a_file_that_still_holds_something_is_not_said_to_be_destroyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.key"
    path.write_bytes(b"secret")
    monkeypatch.setattr(Path, "read_bytes", lambda _: b"secret")
    with pytest.raises(OSError, match="not empty"):
        destroy_file(path)
    assert path.exists()
