"""What a process of ours gives up as soon as it runs: its memory stays its own, and workers reach no network.

Rules:

- It is done after exec, which undoes it, by each process for itself, before anything else is even loaded: first in the
  `main` of the facilitator, and by this module, which every worker is started through.
- What a system has no means for, or refuses, is told by name and stops nothing: the check-up says it.
- A child gets the part of the environment that it needs (`worker_environment`), and never the folder of its parent.

`python -m speech.confinement MODULE …` confines itself and becomes that worker. Without a module it tells, as JSON,
what is refused to a worker here; `refused_here` asks it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import runpy
import struct
import subprocess
import sys
from pathlib import Path

if sys.platform != "win32":
    import resource

CORE, MEMORY, NETWORK = "core", "memory", "network"
"""No core dump is written; no other program of this user reads the memory; no connection can be opened."""

OFFLINE = frozenset({"speech.recognition.worker", "speech.synthesis.worker"})
"""The workers that open no device, so need no socket either."""
HOME = Path(__file__).resolve().parents[1]
"""Where a child finds this package."""
NOWHERE = Path(sys.executable).anchor
"""The folder that a child runs in: none that anybody could want to put modules in, or to unmount."""

_NAME = "speech.confinement"
_ASKED_SECONDS = 10.0
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38  # <linux/prctl.h>
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 1, 1  # <linux/seccomp.h>; the latter: for all threads
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # <linux/bpf_common.h>: BPF_LD|BPF_W|BPF_ABS and so on
_CALL_AT, _MACHINE_AT = 0, 4  # offsets in struct seccomp_data
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 13  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO with EACCES
_IO_URING_SETUP = 425
"""A ring opens sockets without the call for it."""
_X32 = 0x40000000
"""From here on x86-64 counts its calls once more, in its 32-bit form; on other machines there are none."""
_MACHINES = {"x86_64": (0xC000003E, 41, 317), "aarch64": (0xC00000B7, 198, 277)}
"""AUDIT_ARCH of <linux/audit.h> and the numbers of `socket` and `seccomp`, by what the machine is called."""

_KEPT = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP"),
        *("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH", "OMP_NUM_THREADS"),
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA"),
    }
)
_KEPT_STARTS = ("LC_",)
_SOUND = frozenset({"XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"})
_SOUND_STARTS = ("PULSE_", "PIPEWIRE_", "ALSA_")
_QUIET = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "JACK_NO_START_SERVER": "1",  # PortAudio would start a server that nobody asked for
}


def seal_memory() -> tuple[str, ...]:
    """Keep this process's memory out of core dumps and from other programs; return which of both is refused here."""
    refused = []
    if not _forbid_core():
        refused.append(CORE)
    if sys.platform != "linux" or ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        refused.append(MEMORY)
    return tuple(refused)


def cut_network() -> tuple[str, ...]:
    """Have every socket that this process asks for refused, for good; return `NETWORK` where that is not possible."""
    machine = _MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None or sys.maxsize < 2**32:
        return (NETWORK,)
    audit, socket, seccomp = machine
    lines = (
        (_LOAD, 0, 0, _MACHINE_AT),
        (_EQUAL, 0, 5, audit),  # else it would be another table of numbers
        (_LOAD, 0, 0, _CALL_AT),
        (_AT_LEAST, 3, 0, _X32),
        (_EQUAL, 2, 0, socket),
        (_EQUAL, 1, 0, _IO_URING_SETUP),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in lines))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(lines), ctypes.addressof(code)))
    kernel = ctypes.CDLL(None)
    if kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return (NETWORK,)
    done = kernel.syscall(seccomp, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, program)
    return () if done == 0 else (NETWORK,)


def refused_here() -> tuple[str, ...]:
    """Return what this system refuses to a worker, as one that was started for it found. It takes some 0.1 s."""
    command = [sys.executable, "-P", "-m", _NAME]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_ASKED_SECONDS, check=True,
            env=worker_environment(), cwd=NOWHERE,
        )  # fmt: skip
        return tuple(json.loads(done.stdout))
    except (subprocess.SubprocessError, OSError, ValueError):
        return CORE, MEMORY, NETWORK


def worker_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of this package in a child process, confined.

    No module of the folder that it runs in is taken for one of ours.
    """
    return [sys.executable, "-P", "-m", _NAME, module, *arguments]


def worker_environment(*, sound: bool = False) -> dict[str, str]:
    """Return what a child process gets of the environment: it finds this package, and nobody's secrets.

    Args:
        sound: whether it opens a device: it then finds the sound server as well.
    """
    starts = _KEPT_STARTS + (_SOUND_STARTS if sound else ())
    kept = _KEPT | (_SOUND if sound else frozenset())
    taken = {name: value for name, value in os.environ.items() if name.upper() in kept or name.startswith(starts)}
    # Its parent's relative folders would be others for it.
    others = [str(Path(path).absolute()) for path in taken.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {**taken, **_QUIET, "PYTHONPATH": os.pathsep.join([str(HOME), *others])}


def main(arguments: list[str]) -> int:
    """Confine this process, then be the worker asked for, or tell what is refused here."""
    refused = seal_memory()
    if not arguments:
        print(json.dumps([*refused, *cut_network()]))  # noqa: T201  the answer, for who asked it
        return 0
    if arguments[0] in OFFLINE:
        cut_network()
    sys.argv = [*arguments]
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    return 0


def _forbid_core() -> bool:
    if sys.platform == "win32":
        return False
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
