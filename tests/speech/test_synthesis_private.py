"""The private memory directory."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from speech.errors import SynthesisError
from speech.synthesis.private import PrivateDirectory, remove_stale

LEFT = """
import os, sys
from pathlib import Path
from speech.synthesis.private import PrivateDirectory
directory = PrivateDirectory(Path(sys.argv[1]))
(directory.path / "0.wav").write_bytes(b"a name")
print(directory.path, flush=True)
if sys.argv[2] == "killed":
    os.kill(os.getpid(), 9)
if sys.argv[2] == "waits":
    sys.stdin.read()
"""


def start(parent: Path, how: str) -> subprocess.Popen[str]:
    """Start a process that makes a directory in `parent` and ends as told."""
    return subprocess.Popen(
        [sys.executable, "-c", LEFT, str(parent), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def first_line(process: subprocess.Popen[str]) -> Path:
    """Return the path that the process tells."""
    assert process.stdout is not None
    return Path(process.stdout.readline().strip())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/shm")
def test_it_lies_in_memory_and_only_its_owner_enters() -> None:
    with PrivateDirectory() as directory:
        assert directory.path.parent == Path("/dev/shm")
        assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
        (directory.path / "0.wav").write_bytes(b"a name")
    assert not directory.path.exists()
    directory.close()


def test_two_never_share_a_name(tmp_path: Path) -> None:
    with PrivateDirectory(tmp_path) as one, PrivateDirectory(tmp_path) as other:
        assert one.path != other.path
        assert one.path.exists()


def test_it_goes_when_the_process_exits(tmp_path: Path) -> None:
    with start(tmp_path, "exits") as process:
        path = first_line(process)
    assert not path.exists()


def test_what_a_killed_process_left_is_removed_by_the_next_and_a_living_ones_stays(tmp_path: Path) -> None:
    with start(tmp_path, "killed") as killed:
        left = first_line(killed)
    with start(tmp_path, "waits") as living:
        kept = first_line(living)
        assert not left.exists()
        with PrivateDirectory(tmp_path) as directory:
            assert kept.exists()
            assert set(tmp_path.iterdir()) == {kept, directory.path}
        living.communicate("")
    assert list(tmp_path.iterdir()) == []


def test_a_killed_ones_directory_goes_even_when_its_process_id_lives_again(tmp_path: Path) -> None:
    left = tmp_path / f"codev-speech-{os.getppid()}-abc"
    left.mkdir()
    assert remove_stale(tmp_path) == 0  # perhaps a process that is just about to lock it
    os.utime(left, (0, 0))
    assert remove_stale(tmp_path) == 1


def test_nobody_elses_files_and_no_link_are_touched(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (tmp_path / "codev-speech-1-link").symlink_to(victim)
    (tmp_path / "codev-speech-2-file").touch()
    assert remove_stale(tmp_path) == 0
    assert victim.exists()


@pytest.mark.parametrize("full", ["tempfile.mkdtemp", "_take_lock"])
def test_no_room_in_memory_is_a_synthesis_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"speech.synthesis.private.{full}", refuse)
        with pytest.raises(SynthesisError, match=r"^There is no room for the sound of prompts in .*\.$"):
            PrivateDirectory(tmp_path)
    assert list(tmp_path.iterdir()) == []
