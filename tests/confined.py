"""What the kernel says of a process that is to be confined: by /proc, as any other program could ask."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_ROOTS = "-sys_ptrace,-sys_admin,-perfmon"
AS_ANYBODY = ("setpriv", f"--bounding-set={_ROOTS}", f"--inh-caps={_ROOTS}", "--") if os.geteuid() == 0 else ()
"""Starts a program without root's rights to look into any other: to be looked at, and to look, as any user's does."""


def readable_by_another_program(pid: int) -> bool:
    """Say whether another program of this user may read of the memory of `pid`, which was started `AS_ANYBODY`."""
    code = f"open('/proc/{pid}/environ', 'rb').read()"
    done = subprocess.run([*AS_ANYBODY, sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0 or b"PermissionError" in done.stderr, done.stderr
    return done.returncode == 0


def core_limits(pid: int) -> tuple[str, str]:
    """Return the soft and the hard limit of a core dump of `pid`, bytes or `unlimited`."""
    (line,) = [line for line in _proc(pid, "limits").splitlines() if line.startswith("Max core file size")]
    soft, hard = line.split()[4:6]
    return soft, hard


def family(pid: int) -> dict[int, str]:
    """Return the command line of `pid` and of every process that came from it, by process id."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            stat = _proc(int(entry.name), "stat")
            if stat:
                parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return {one: _proc(one, "cmdline").replace("\0", " ").strip() for one in found}


def has_seccomp_filter(pid: int) -> bool:
    """Say whether the kernel filters the system calls of `pid`."""
    return "\nSeccomp:\t2\n" in _proc(pid, "status")


def descriptors(pid: int) -> dict[int, str]:
    """Return what each open file descriptor of `pid` leads to."""
    found = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[int(entry.name)] = str(entry.readlink())
        except FileNotFoundError:
            continue
    return found


def _proc(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
