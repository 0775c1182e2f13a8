"""A directory in memory for renderings that may hold names: they never touch a disk.

On Linux it lies in /dev/shm; elsewhere the system has no such place and it lies in the user's temporary directory.
Only its owner can enter it. It goes when it is closed or the process exits; what a killed process left is removed by
the next one that starts: a directory is stale when nobody holds its lock.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from speech.errors import SynthesisError

if sys.platform != "win32":
    import fcntl

_PREFIX = "codev-speech-"
_LOCK = "lock"
_YOUNG_SECONDS = 60.0
"""A directory of a living process this young may not have taken its lock yet."""


class PrivateDirectory:
    """A 0700 directory with a random name, locked while this process uses it.

    Args:
        parent: where to make it; by default /dev/shm, or the temporary directory where there is none.

    Raises:
        SynthesisError: it cannot be made there.
    """

    def __init__(self, parent: Path | None = None) -> None:
        path: Path | None = None
        try:
            parent = parent or _memory()
            remove_stale(parent)
            path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
            self._lock = _take_lock(path)
        except OSError:
            if path is not None:
                shutil.rmtree(path, ignore_errors=True)
            where = parent or "the temporary directory"
            raise SynthesisError(
                f"There is no room for the sound of prompts in {where}: make room there, then try again."
            ) from None
        self.path = path
        atexit.register(self.close)

    def close(self) -> None:
        """Remove the directory with all it holds. Closing twice does nothing."""
        atexit.unregister(self.close)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def remove_stale(parent: Path | None = None) -> int:
    """Remove what killed processes of this user left in `parent`; return how many directories went."""
    removed = 0
    for path in (parent or _memory()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if _is_stale(path):
                shutil.rmtree(path, ignore_errors=True)
                removed += 1
    return removed


def _memory() -> Path:
    shared = Path("/dev/shm")  # noqa: S108  a random name under it, entered by its owner alone
    return shared if os.access(shared, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())


def _take_lock(path: Path) -> int | None:
    """Lock `path`; None when somebody else holds its lock."""
    handle = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    if sys.platform != "win32":
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return None
    return handle


def _is_stale(path: Path) -> bool:
    status = path.lstat()
    if path.is_symlink() or not path.is_dir():
        return False
    if sys.platform == "win32":  # an open file cannot be removed there: that is the lock
        (path / _LOCK).unlink(missing_ok=True)
        return time.time() - status.st_mtime > _YOUNG_SECONDS
    if status.st_uid != os.getuid():
        return False
    young = time.time() - status.st_mtime < _YOUNG_SECONDS
    if young and _lives(path.name.removeprefix(_PREFIX).partition("-")[0]):
        return False
    handle = _take_lock(path)
    if handle is None:
        return False
    os.close(handle)
    return True


def _lives(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        pass
    return True
