"""What of the system a test needs beside Python, and what becomes of it without.

Without a right, or on another system, it is skipped. Without a program too, but in CI, for which set-up installs every
one of them: a test skipped there would be run nowhere, and nobody would see it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_ADMINISTRATORS = os.pathsep.join(("/usr/local/sbin", "/usr/sbin", "/sbin"))
"""Where PATH need not lead."""


def program(*names: str, package: str) -> str:
    """Return where the first of these programs is that is installed.

    Args:
        names: any one of them will do.
        package: what has it, in Debian.
    """
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), _ADMINISTRATORS))
    found = next((place for name in names if (place := shutil.which(name, path=path))), None)
    if found is None:
        lack = f"{names[0]} is not installed (Debian: {package})"
        if os.environ.get("CI") and sys.platform == "linux":
            pytest.fail(f"{lack}, and CI must not pass without this test", pytrace=False)
        pytest.skip(lack)
    return found


@contextmanager
def disk(folder: Path, *how: str | Path) -> Iterator[Path]:
    """Mount a disk on a new folder, by these arguments of `mount`; skips where none may be mounted."""
    folder.mkdir()
    mount = program("mount", package="mount")
    if subprocess.run([mount, *how, folder], check=False, capture_output=True).returncode != 0:
        pytest.skip("no disk may be mounted here: that takes root, with CAP_SYS_ADMIN")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
