"""Files that only this user may read, written whole or not at all, and surely."""

from __future__ import annotations

import errno
import os
from pathlib import Path

FOLDER_MODE, FILE_MODE = 0o700, 0o600
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors of a disk, or of somebody's share of it, that is full."""


def make_private_folder(folder: Path) -> None:
    """Make `folder` with what is missing above it, closed to others.

    Raises:
        OSError: it cannot be made.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    if os.name == "posix":
        folder.chmod(FOLDER_MODE)
    for one in missing:
        sync_folder(one.parent)


def make_private_file(path: Path) -> None:
    """Make an empty file, which must not be there yet.

    Raises:
        OSError: it cannot be made.
    """
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
    sync_folder(path.parent)


def write_private(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all, in place of the one before.

    Raises:
        OSError: it cannot be written.
    """
    beside = half_written(path)
    beside.unlink(missing_ok=True)
    try:
        handle = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def half_written(path: Path) -> Path:
    """Return where `write_private` writes before it puts the file in place; a crash may leave it there."""
    return path.with_name(f".{path.name}.new")


def destroy_file(path: Path) -> None:
    """Overwrite, empty and remove a file, if it is there; what it held is gone from the disk first.

    Raises:
        OSError: it is still there, or holds something.
    """
    try:
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
            file.truncate(0)
            os.fsync(file.fileno())
    except FileNotFoundError:
        return
    if path.read_bytes():
        raise OSError(None, "it is not empty")
    path.unlink()


def sync_folder(folder: Path) -> None:
    """Have the folder's own list of files on the disk, where the system can.

    Raises:
        OSError: it cannot be written.
    """
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
