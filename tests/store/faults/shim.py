"""The process's side of `shim.c`: built with the system's C compiler, loaded before everything else (LD_PRELOAD)."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import needed
from tests.conftest import ROOT

SHORT = -1
"""Instead of an errno: a write that writes half of what it was given."""
FAILURES = {name: getattr(errno, name) for name in ("EIO", "ENOSPC", "EROFS", "EINTR")} | {"short write": SHORT}
KINDS = ("open", "write", "fsync", "truncate", "rename", "unlink", "mkdir", "chmod")
_HEAD = struct.Struct("=5Q")
_NOTE = len(KINDS) + 1
MEMORY = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was let through.

    Attributes:
        kind: one of `KINDS`, or `note` for what `say` was given.
        inode: of the file or folder; 0 where the call names a path alone.
        offset: of a write; length of a truncation; 1 for an `fsync` of a folder; the number of a note.
        data: what was written, or the path.
        other: the new path of a renaming.
    """

    kind: str
    inode: int
    offset: int
    data: bytes
    other: str


class Shim:
    """Faults in this process, which must have been started by `run_with_faults`."""

    def __init__(self, folder: Path) -> None:
        self._calls = ctypes.CDLL(None)
        self._calls.faults_count.restype = self._calls.faults_hits.restype = ctypes.c_long
        self._calls.faults_kinds.restype = ctypes.c_char_p
        self._calls.faults_notes.restype = ctypes.POINTER(ctypes.c_ubyte)
        self._calls.faults_watch(os.fsencode(folder))

    def arm(self, nth: int = 0, failure: int = 0, *, lasting: bool = False) -> None:
        """Begin to count; the `nth` call from now, from 1, fails, and all after it where it is `lasting`."""
        self._calls.faults_arm(ctypes.c_long(nth), failure, int(lasting))

    def release(self) -> None:
        """Let everything through from now on, also the call that hangs."""
        self._calls.faults_release()

    @property
    def count(self) -> int:
        """How many calls there were."""
        return int(self._calls.faults_count())

    @property
    def hits(self) -> int:
        """How many of them failed."""
        return int(self._calls.faults_hits())

    @property
    def hangs(self) -> bool:
        """Whether a call does not come back."""
        return bool(self._calls.faults_hangs())

    @property
    def kinds(self) -> list[str]:
        """The kind of each call, in order."""
        return [KINDS[number - ord("1")] for number in self._calls.faults_kinds()][: self.count]

    def record(self, *, on: bool) -> None:
        """Begin to write calls down, or stop."""
        self._calls.faults_record(int(on))

    def say(self, number: int) -> None:
        """Put a number among the calls that are written down."""
        self._calls.faults_say(ctypes.c_long(number))

    def calls(self) -> Iterator[Call]:
        """Yield what was written down."""
        length = ctypes.c_size_t()
        start = self._calls.faults_notes(ctypes.byref(length))
        data, place = ctypes.string_at(start, length.value), 0
        while place < len(data):
            kind, inode, offset, one, other = _HEAD.unpack_from(data, place)
            place += _HEAD.size
            first, place = data[place : place + one], place + one
            second, place = data[place : place + other], place + other
            yield Call("note" if kind == _NOTE else KINDS[kind - 1], inode, offset, first, os.fsdecode(second))


def run_with_faults(module: str, folder: Path, *arguments: str) -> dict[str, Any]:
    """Run a module of this folder with the shim, which is for Linux, and return the JSON that it prints."""
    if sys.platform != "linux":
        pytest.skip("the shim of system calls is for Linux")
    compiler = needed.program("cc", package="gcc libc6-dev")
    library = folder / "shim.so"
    source = Path(__file__).with_name("shim.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl", "-lpthread"], check=True)
    command = [sys.executable, "-W", "error", "-m", f"tests.store.faults.{module}", *arguments]
    environment = {**os.environ, "LD_PRELOAD": str(library)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found
