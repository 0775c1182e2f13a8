"""The sound devices of this machine, and how a child process opens one.

On Linux the sound server's own names are used (`pactl`), where one answers; elsewhere PortAudio's. PortAudio is
asked in a child process: its list is frozen when it starts, and it may hang.
"""

from __future__ import annotations

import asyncio
import difflib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from speech.confinement import NOWHERE, worker_command, worker_environment
from speech.errors import DeviceNotFoundError

Kind = Literal["input", "output"]

DEFAULT = "default"
"""The name that stands for the system's own choice."""
LOOPBACK = " (loopback)"
"""What follows the name of an output of Windows in the name of what hears it."""
APPLICATION = "codev-facilitator"
"""What our own streams are called in a sound server."""
_PACTL_SECONDS = 2.0
_PORTAUDIO_SECONDS = 8.0
_GIVEN_UP_SECONDS = 2.0
_NO_ANSWER = (subprocess.SubprocessError, OSError, ValueError, TypeError, AttributeError, LookupError)
"""What asking for devices may raise: the one asked is not there, hangs, or says what is no list of devices."""
_NEAREST = 4


@dataclass(frozen=True, slots=True)
class Device:
    """One sound device.

    Attributes:
        name: what the configuration calls it: the sound server's name, or PortAudio's.
        kind: where sound comes from (`input`) or goes to (`output`).
        description: what a person calls it.
        is_default: the system's own choice for its kind.
        is_monitor: it hears what an output plays, such as the call.
        rate_hz: its own sample rate; 0 where that is not known.
    """

    name: str
    kind: Kind
    description: str
    is_default: bool
    is_monitor: bool
    rate_hz: int = 0


class Server(StrEnum):
    """Whether a sound server is there for us."""

    ANSWERS = "answers"
    REFUSES = "refuses"
    DOWN = "down"
    NONE = "none"
    """This system has none, or nothing to ask it with."""


def sound_server() -> Server:
    """Return whether the sound server answers. It may take seconds: call it in a thread."""
    if sys.platform != "linux" or shutil.which("pactl") is None:
        return Server.NONE
    try:
        done = _run_pactl("info")
    except (subprocess.TimeoutExpired, OSError):
        return Server.DOWN
    if done.returncode == 0:
        return Server.ANSWERS
    return Server.REFUSES if b"denied" in done.stderr else Server.DOWN


def list_devices() -> tuple[Device, ...]:
    """Return every device there is now; empty when the system has none. It may take seconds: call it in a thread."""
    if sys.platform == "linux":
        listed = _from_sound_server()
        if listed is not None:
            return listed
    return _from_portaudio()


def find_device(name: str, kind: Kind) -> Device:
    """Return the device of that name or description; `default` is the system's own choice.

    Raises:
        DeviceNotFoundError: there is none; the nearest names are told.
    """
    return choose(list_devices(), name, kind)


def choose(devices: tuple[Device, ...], name: str, kind: Kind) -> Device:
    """Return the one of `devices` that `name` means, as `find_device` does.

    Raises:
        DeviceNotFoundError: there is none; the nearest names are told.
    """
    ours = [device for device in devices if device.kind == kind]
    key = name.casefold()
    for device in ours:
        if key == DEFAULT and device.is_default:
            return device
    for device in ours:
        if key in (device.name.casefold(), device.description.casefold()):
            return device
    what = "microphone or other input" if kind == "input" else "output"
    if not ours:
        raise DeviceNotFoundError(f"This machine has no {what} at all: plug one in, or start the sound server.")
    names = [device.name for device in ours]
    near = difflib.get_close_matches(name, names, n=_NEAREST, cutoff=0.3) or names[:_NEAREST]
    raise DeviceNotFoundError(f"There is no {what} called {name}: nearest are {', '.join(near)}.")


def device_command(module: str, name: str, kind: Kind, *more: str, wait: bool) -> list[str]:
    """Return the command that runs `module` for a device.

    Args:
        module: holds the device.
        name: a name of `list_devices`, or `default`.
        kind: what it is wanted for.
        more: what else the module takes.
        wait: whether to wait first, some seconds, until the sound server has the device again.
    """
    if wait:
        return worker_command("speech.soundserver", kind, name, module, *more)
    return worker_command(module, name, *more)


async def start_process(
    command: Sequence[str], environment: Mapping[str, str], *, flags: int = 0
) -> asyncio.subprocess.Process:
    """Start a child process that only its parent speaks with, over standard input and output, in nobody's folder.

    Args:
        command: of `worker_command` or `device_command`.
        environment: of `worker_environment` or `device_environment`.
        flags: how Windows is to start it.

    Raises:
        OSError: it cannot be started.
    """
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
        cwd=NOWHERE,
        creationflags=flags,
    )


def kill_process(process: asyncio.subprocess.Process) -> None:
    """Kill a child process now, even a stopped one. Dead already, nothing happens."""
    if process.returncode is None:
        with suppress(OSError):
            if sys.platform == "win32":
                process.kill()
            else:  # Process.kill would first reap a dead child, and asyncio's watcher would then lose its exit status
                os.kill(process.pid, signal.SIGKILL)


async def end_process(process: asyncio.subprocess.Process) -> None:
    """Kill a child process and give back its pipes. Nobody else may be reading from it.

    One that is not gone after 2 s, or whose pipe something else holds open, is left behind: whoever tells of a loss
    must not wait for it. Whoever is cancelled meanwhile waits all the same: nobody else gives them back.
    """
    kill_process(process)
    ending = asyncio.create_task(_give_back(process))
    try:
        await asyncio.shield(ending)
    except asyncio.CancelledError:
        await ending
        raise


async def _give_back(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(_GIVEN_UP_SECONDS):
            await process.communicate()
    except (TimeoutError, asyncio.CancelledError) as cut:
        process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001  nothing else lets go of the pipes
        if isinstance(cut, asyncio.CancelledError):
            raise


def device_environment(name: str, kind: Kind) -> dict[str, str]:
    """Return the environment in which PortAudio's `pulse` device is the sound server's `name`.

    PULSE_SOURCE and PULSE_SINK are read per connection, so only a child's environment can choose. For `default`, and
    where no sound server answers, nothing is chosen.
    """
    environment = worker_environment(sound=True)
    environment["PULSE_PROP"] = f"application.id={APPLICATION}"
    if sys.platform == "linux" and name != DEFAULT:
        environment["PULSE_SOURCE" if kind == "input" else "PULSE_SINK"] = name
    return environment


def portaudio_index(sounddevice: Any, name: str, kind: Kind) -> int | None:
    """Return which of PortAudio's devices to open for `name`; None is PortAudio's default. For child processes.

    Args:
        sounddevice: the module, already imported.
        name: a name of `list_devices`; on Linux the environment of `device_environment` chooses behind `pulse`.
        kind: what the device is wanted for.

    Raises:
        DeviceNotFoundError: there is no such device.
    """
    channels = f"max_{kind}_channels"
    found = [device for device in sounddevice.query_devices() if device[channels] > 0]
    wanted = {name.casefold()} if sys.platform != "linux" else {"pulse", name.casefold()}
    for device in sorted(found, key=lambda device: device["name"] != "pulse"):
        if device["name"].casefold() in wanted:
            return int(device["index"])
    if name == DEFAULT and found:
        return None
    raise DeviceNotFoundError(f"There is no device called {name}: choose another one.")


def _from_sound_server() -> tuple[Device, ...] | None:
    """Return PulseAudio's or PipeWire's devices; None when no server answers in time."""
    if shutil.which("pactl") is None:
        return None
    try:
        info, sources, sinks = (_pactl(*what) for what in (("info",), ("list", "sources"), ("list", "sinks")))
        inputs = (_served(entry, "input", info["default_source_name"]) for entry in sources)
        outputs = (_served(entry, "output", info["default_sink_name"]) for entry in sinks)
        found = (*inputs, *outputs)
    except _NO_ANSWER:
        return None
    return found


def _pactl(*arguments: str) -> Any:
    done = _run_pactl("--format=json", *arguments)
    done.check_returncode()
    return json.loads(done.stdout)


def _run_pactl(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["pactl", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_PACTL_SECONDS,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )


def _served(entry: dict[str, Any], kind: Kind, default: str) -> Device:
    name, description = str(entry["name"]), str(entry.get("description") or entry["name"])
    monitor = kind == "input" and (
        entry.get("properties", {}).get("device.class") == "monitor" or name.endswith(".monitor")
    )
    rate = re.search(r"(\d+)Hz", str(entry.get("sample_specification", "")))
    return Device(name, kind, description, name == default, monitor, int(rate[1]) if rate else 0)


def _from_portaudio() -> tuple[Device, ...]:
    try:
        done = subprocess.run(
            worker_command("speech.devices"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PORTAUDIO_SECONDS,
            check=True,
            env=worker_environment(sound=True),
            cwd=NOWHERE,
        )
        return tuple(Device(*entry) for entry in json.loads(done.stdout))
    except _NO_ANSWER:
        return ()


def _portaudio_entries() -> list[tuple[str, Kind, str, bool, bool, int]]:
    """Ask PortAudio itself; on Windows only through WASAPI, where each device would else appear four times."""
    import sounddevice  # noqa: PLC0415  loading it starts PortAudio: only ever in a child process

    kinds: tuple[tuple[Kind, int], ...] = (("input", 0), ("output", 1))
    apis = sounddevice.query_hostapis()
    entries: list[tuple[str, Kind, str, bool, bool, int]] = []
    for device in sounddevice.query_devices():
        api = apis[device["hostapi"]]
        if sys.platform == "win32" and "WASAPI" not in api["name"]:
            continue
        for kind, place in kinds:
            if device[f"max_{kind}_channels"] > 0:
                first = api[f"default_{kind}_device"] if sys.platform == "win32" else sounddevice.default.device[place]
                loopback = kind == "input" and "blackhole" in device["name"].casefold()
                rate_hz = int(device["default_samplerate"])
                entries.append((device["name"], kind, device["name"], device["index"] == first, loopback, rate_hz))
    return [*entries, *_loopbacks()]


def _loopbacks() -> list[tuple[str, Kind, str, bool, bool, int]]:
    """Return, on Windows with SoundCard, what hears each output."""
    if sys.platform != "win32":
        return []
    with suppress(ImportError, OSError):
        import soundcard  # noqa: PLC0415  Windows only, and it starts WASAPI

        names = [one.name + LOOPBACK for one in soundcard.all_microphones(include_loopback=True) if one.isloopback]
        return [(name, "input", name, False, True, 0) for name in names]
    return []


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_portaudio_entries()))
