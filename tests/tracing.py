"""What a process and all that came from it asked of the kernel, as `strace` saw it.

    command = [*traced(folder), sys.executable, "-m", "facilitator", ...]
    trace = read_trace(folder)      # once it has ended

Only what opens, writes or connects is traced: reading is no way out. The process keeps its id and its parent.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from tests import needed

_FILES = frozenset(
    {
        *("open", "openat", "openat2", "creat", "rename", "renameat", "renameat2", "link", "linkat"),
        *("symlink", "symlinkat", "mknod", "mknodat", "truncate"),
    }
)
_WRITES = frozenset({"write", "pwrite64", "writev", "pwritev", "pwritev2", "sendfile", "copy_file_range", "splice"})
_ADDRESSED = frozenset({"connect", "bind", "sendto", "sendmsg", "sendmmsg"})
_OTHERS = frozenset({"socket", "listen", "memfd_create", "io_uring_setup", "execve"})
_ENDED_SECONDS = 10.0
_MOST_BYTES = 4 << 20
"""Of one call: no file of ours is as long."""
_LINE = re.compile(r"(?P<name>\w+)\((?P<arguments>.*)\)\s+= (?P<result>-?\d+|0x[0-9a-f]+)", re.DOTALL)
_HEX = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_DESCRIPTOR = re.compile(r"(\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>")
_WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND|O_TMPFILE")
_PORT = re.compile(r"sin6?_port=htons\((\d+)\)")


@dataclass
class Trace:
    """What was asked.

    Attributes:
        opened: every file that was opened for writing, or made another way.
        written: what was written to each file, in order, by path.
        piped: what each process wrote to its standard output where that is no file, in order, by its command.
        connections: (call, family, address) of each connection, listener and datagram.
        sockets: every family that a socket was opened of.
        in_memory: the name of each file without a path.
        rings: how many io_uring were opened.
        calls: how many calls were seen.
    """

    opened: set[str] = field(default_factory=set)
    written: dict[str, bytearray] = field(default_factory=lambda: defaultdict(bytearray))
    piped: dict[str, bytearray] = field(default_factory=lambda: defaultdict(bytearray))
    connections: set[tuple[str, str, str]] = field(default_factory=set)
    sockets: set[str] = field(default_factory=set)
    in_memory: set[str] = field(default_factory=set)
    rings: int = 0
    calls: int = 0


def traced(folder: Path) -> list[str]:
    """Return what to put before a command to have it traced into `folder`. Skips where nothing can be traced."""
    needed.program("strace", package="strace")
    folder.mkdir()
    calls = ",".join(sorted(_FILES | _WRITES | _ADDRESSED | _OTHERS))
    command = ["strace", "-D", "-ff", "-q", "-y", "-xx", "-s", str(_MOST_BYTES), "--seccomp-bpf", "-e", "signal=none"]
    return [*command, "-e", f"trace={calls}", "-o", str(folder / "of"), "--"]


def can_trace_the_sealed(folder: Path) -> bool:
    """Say whether `strace` can read what a process writes that keeps its memory to itself: the kernel lets root's."""
    code = "from speech.confinement import seal_memory; seal_memory(); open('/dev/null', 'wb').write(b'seen')"
    command = [sys.executable, "-c", code]
    subprocess.run(command, check=True, timeout=60)  # else a defect of ours would pass for a right that is lacking
    done = subprocess.run([*traced(folder), *command], check=False, timeout=60)
    return done.returncode == 0 and bytes(read_trace(folder).written["/dev/null"]) == b"seen"


def read_trace(folder: Path) -> Trace:
    """Return what was traced into `folder`, when all its processes have ended."""
    files = _ended(folder)
    trace = Trace()
    for file in files:
        command = ""
        with file.open(encoding="ascii") as lines:
            for line in lines:
                found = _LINE.match(line)
                if found is None:
                    continue
                trace.calls += 1
                name, arguments, result = found["name"], found["arguments"], int(found["result"], 0)
                if name == "execve":
                    command = " ".join(text.decode(errors="replace") for text in _texts(arguments)[1:])
                else:
                    _note(trace, command, name, arguments, result)
    return trace


def _note(trace: Trace, command: str, name: str, arguments: str, result: int) -> None:
    if name in _ADDRESSED:
        if "sa_family=" in arguments:  # also what failed: it was tried
            trace.connections.add((name, *_address(arguments)))
    elif result < 0:
        return
    elif name in _FILES:
        if "open" not in name or _WRITING.search(arguments):
            trace.opened.add(_path(name, arguments))
    elif name in _WRITES:
        _note_content(trace, command, name, arguments)
    elif name == "socket":
        trace.sockets.add(arguments.partition(",")[0])
    elif name == "memfd_create":
        trace.in_memory.add(_texts(arguments)[0].decode())
    else:
        trace.rings += name == "io_uring_setup"


def _note_content(trace: Trace, command: str, name: str, arguments: str) -> None:
    into = _DESCRIPTOR.search(arguments, 1 if name == "copy_file_range" else 0)
    assert into is not None
    number, where = into[1], _plain(into[2]).decode(errors="replace")
    if where.startswith("/") or number == "1":  # what goes to our own processes is long, and no way out
        assert '"...' not in arguments, f"more was written to {where} at once than is traced"
        kept = trace.written[where] if where.startswith("/") else trace.piped[command]
        kept += b"".join(_texts(arguments))


def _path(name: str, arguments: str) -> str:
    """Return the path that a call made or opened; of a renaming, the new one."""
    folders = [_plain(path).decode() for _, path in _DESCRIPTOR.findall(arguments)]
    texts = [text.decode(errors="replace") for text in _texts(arguments)]
    wanted = texts[-1] if name.startswith(("rename", "link", "symlink")) else texts[0]
    return str(Path(folders[-1], wanted)) if folders else wanted


def _address(arguments: str) -> tuple[str, str]:
    told = arguments.partition("sa_family=")[2]
    family, texts = re.split(r"[,}]", told, maxsplit=1)[0], _texts(told)
    if family == "AF_UNIX":
        return family, texts[0].decode(errors="replace") if texts else "its own"
    if family in {"AF_INET", "AF_INET6"}:
        found = _PORT.search(told)
        return family, f"{texts[0].decode()}:{found[1] if found else '?'}"
    return family, ""


def _texts(arguments: str) -> list[bytes]:
    return [_plain(text) for text in _HEX.findall(arguments)]


def _plain(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _ended(folder: Path) -> list[Path]:
    """Return the files of a trace once nothing writes to them any more."""
    deadline = time.monotonic() + _ENDED_SECONDS
    while any(_traces(process, folder) for process in Path("/proc").glob("[0-9]*")):
        assert time.monotonic() < deadline, "the trace did not end"
        time.sleep(0.02)
    return sorted(folder.iterdir())


def _traces(process: Path, folder: Path) -> bool:
    try:
        command = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return command[0] == b"strace" and str(folder / "of").encode() in command
