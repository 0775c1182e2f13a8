"""The list of devices, and the choice of one."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from speech import devices
from speech.devices import Device, choose, end_process, find_device, list_devices
from speech.errors import DeviceNotFoundError
from tests import needed
from tests.pulse import PulseServer, alive

ROOT = Path(__file__).resolve().parents[2]
OFFERED = (
    Device("alsa_input.usb-headset", "input", "Headset Microphone", is_default=True, is_monitor=False),
    Device("call.monitor", "input", "Monitor of the call", is_default=False, is_monitor=True),
    Device("call", "output", "The call", is_default=True, is_monitor=False),
)


def test_a_device_is_found_by_name_by_description_and_as_the_default() -> None:
    assert choose(OFFERED, "call.monitor", "input") is OFFERED[1]
    assert choose(OFFERED, "headset microphone", "input") is OFFERED[0]
    assert choose(OFFERED, "default", "input") is OFFERED[0]
    assert choose(OFFERED, "default", "output") is OFFERED[2]


def test_an_unknown_device_is_told_with_the_nearest_names() -> None:
    with pytest.raises(
        DeviceNotFoundError, match=r"^There is no .* called call\.moniter: nearest are call\.monitor.*\.$"
    ):
        choose(OFFERED, "call.moniter", "input")
    with pytest.raises(DeviceNotFoundError, match=r"nearest are call\.$"):
        choose(OFFERED, "call.monitor", "output")
    with pytest.raises(DeviceNotFoundError, match="no output at all"):
        choose((), "default", "output")


@pytest.mark.e2e
def test_the_sound_servers_devices_are_listed_with_their_kinds_and_defaults(own_pulse: PulseServer) -> None:
    listed = {(device.name, device.kind): device for device in list_devices()}
    assert set(listed) == {
        ("call", "output"),
        ("vmic", "output"),
        ("call.monitor", "input"),
        ("vmic.monitor", "input"),
        ("vmic_mic", "input"),
    }
    assert {name for (name, _), device in listed.items() if device.is_monitor} == {"call.monitor", "vmic.monitor"}
    own_pulse.pactl("set-default-sink", "vmic")
    own_pulse.pactl("set-default-source", "call.monitor")
    assert find_device("default", "output").name == "vmic"
    assert find_device("default", "input").name == "call.monitor"


@pytest.mark.e2e
def test_without_the_servers_tool_portaudio_answers(pulse: PulseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert {device.name for device in list_devices()} >= {"pulse"}


@pytest.mark.e2e
def test_a_dead_server_leaves_no_devices(own_pulse: PulseServer) -> None:
    own_pulse.kill()
    assert not [device for device in list_devices() if device.name in ("call", "vmic")]


def test_a_tool_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "pactl"
    tool.write_text("#!/bin/sh\nexec sleep 60\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(devices, "_PACTL_SECONDS", 0.3)
    monkeypatch.setattr(devices, "_from_portaudio", tuple)
    before = time.monotonic()
    assert list_devices() == ()
    assert time.monotonic() - before < 2


def gone(pid: int) -> bool:
    """Say whether the process `pid` has ended within 5 s."""
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)


@pytest.mark.e2e
def test_the_test_server_dies_with_its_block_even_when_the_test_fails() -> None:
    def fail(server: PulseServer) -> None:
        with server:
            raise ZeroDivisionError

    server = PulseServer()
    with server:
        assert server._server is not None
        pid = server._server.pid
        assert b"pulseaudio" in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert gone(pid)
    with pytest.raises(ZeroDivisionError):
        fail(server)
    assert server._server is None
    assert not server.directory.exists()


@pytest.mark.e2e
def test_the_test_server_dies_with_a_killed_test_run(pulse: PulseServer) -> None:
    needed.program("setpriv", package="util-linux")
    script = """
import time
from tests.pulse import PulseServer, alive
with PulseServer() as server:
    print(server._server.pid, server.directory, flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        pid, directory = run.stdout.readline().split()
        run.kill()
    assert gone(int(pid))
    shutil.rmtree(directory)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's child")
async def test_a_child_whose_pipe_something_else_holds_open_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_GIVEN_UP_SECONDS", 0.05)
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", "sleep 30 & echo $!; exec sleep 30",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    other = int(await process.stdout.readline())
    try:
        await end_process(process)
        assert alive(other)
        assert process.returncode is not None
    finally:
        os.kill(other, signal.SIGKILL)


async def test_a_child_is_given_back_though_whoever_ends_it_is_cancelled() -> None:
    """Reproduced: a device that was closed while its child was being ended left the child and its pipes behind."""
    process = await devices.start_process([sys.executable, "-c", "input()"], os.environ)
    assert process.stdin is not None
    ending = asyncio.create_task(end_process(process))
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert process.returncode is not None
    assert process.stdin.is_closing()
