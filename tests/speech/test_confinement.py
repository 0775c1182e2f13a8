"""What our processes give up: asked of the kernel from outside, and tried by children that want what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from speech import confinement
from speech.confinement import CORE, MEMORY, NETWORK, NOWHERE, worker_environment
from tests.confined import AS_ANYBODY, core_limits, readable_by_another_program

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the other systems have no such means")
WAIT = "import sys; sys.stdout.write('x'); sys.stdout.flush(); sys.stdin.read()"


def child(code: str) -> subprocess.Popen[bytes]:
    """Return a child that has done `code` and waits for its input to close."""
    process = subprocess.Popen(
        [*AS_ANYBODY, sys.executable, "-P", "-c", f"from speech.confinement import *; {code}; {WAIT}"],
        env=worker_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=NOWHERE,
    )
    assert process.stdout is not None
    assert process.stdout.read(1) == b"x"
    return process


@LINUX
def test_a_sealed_process_has_no_core_and_no_other_program_reads_it() -> None:
    with child("pass") as open_, child("seal_memory()") as sealed:
        assert readable_by_another_program(open_.pid)
        assert not readable_by_another_program(sealed.pid)
        assert core_limits(sealed.pid) == ("0", "0")


@LINUX
@pytest.mark.parametrize(
    "kind",
    [
        "socket.AF_INET, socket.SOCK_STREAM",
        "socket.AF_INET, socket.SOCK_DGRAM",
        "socket.AF_INET6, socket.SOCK_STREAM",
        "socket.AF_UNIX, socket.SOCK_STREAM",
        "socket.AF_NETLINK, socket.SOCK_RAW",
        "socket.AF_PACKET, socket.SOCK_RAW",
    ],
)
@pytest.mark.parametrize("where", ["here", "in a thread from before", "in a child"])
def test_without_network_no_socket_opens(kind: str, where: str) -> None:
    tried = f"import socket\ntry: socket.socket({kind})\nexcept PermissionError: print('refused')\nelse: print('open')"
    thread = f"threading.Thread(target=lambda: (go.wait(), exec({tried!r}, {{}})))"
    before, run = {
        "here": ("", f"exec({tried!r})"),
        "in a thread from before": (
            f"import threading; go = threading.Event(); thread = {thread}; thread.start()",
            "go.set(); thread.join()",
        ),
        "in a child": ("import subprocess", f"subprocess.run([sys.executable, '-c', {tried!r}])"),
    }[where]
    code = f"import sys\nfrom speech.confinement import cut_network\n{before}\nassert cut_network() == ()\n{run}"
    done = subprocess.run(
        [sys.executable, "-c", code], env=worker_environment(), capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.split() == ["refused"]


@LINUX
def test_without_network_what_was_open_works_on() -> None:
    code = (
        "import socket; from speech.confinement import cut_network; a, b = socket.socketpair(); cut_network(); "
        "a.sendall(b'said'); print(b.recv(4).decode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=worker_environment(), capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "said"


@LINUX
def test_a_machine_without_the_means_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "pdp11")
    assert confinement.cut_network() == (NETWORK,)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert confinement.cut_network() == (NETWORK,)


def test_what_is_refused_here_is_asked_of_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = (CORE, MEMORY, NETWORK)
    assert confinement.refused_here() == (() if sys.platform == "linux" else everything)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert confinement.refused_here() == everything


def test_a_worker_gets_what_it_needs_and_nobodys_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK", "HTTPS_PROXY", "HF_TOKEN", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("PULSE_SERVER", "unix:/somewhere")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("PYTHONPATH", f"lib{os.pathsep}/other")
    silent, heard = worker_environment(), worker_environment(sound=True)
    assert "secret" not in {*silent.values(), *heard.values()}
    assert silent["LC_ALL"] == "C.UTF-8"
    assert ("PULSE_SERVER" in silent, heard["PULSE_SERVER"]) == (False, "unix:/somewhere")
    assert silent["PYTHONPATH"] == os.pathsep.join([str(confinement.HOME), str(tmp_path / "lib"), "/other"])
    assert silent["HF_HUB_OFFLINE"] == silent["ORT_DISABLE_TELEMETRY"] == "1"
