"""The virtual microphone on Linux: the sound server mixes the animator's microphone and the voice, no Python between.

Three modules of PulseAudio, or of PipeWire in its place: a null sink that takes what is mixed, a source made of it that
call applications list as a microphone (they hide monitors), and a loopback that carries the microphone into the sink.
They stay until they are removed or the sound server ends. Each carries a mark, by which only ours are ever removed.

The loopback is held to its microphone. A sound server would else move it, when the microphone is unplugged, to
whatever is left: the call itself, which everybody would then hear back.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass

from speech.devices import DEFAULT, Device, choose, list_devices
from speech.errors import VirtualMicrophoneError

SINK = "facilitator"
"""Where the voice is played: `[audio] voice_output`."""
MICROPHONE = "facilitator_mic"
"""What the call application takes as its microphone."""
DESCRIPTION = "Facilitator Microphone"
"""What call applications call it."""
_MARK = "facilitator.made_by=setup-audio"
_NO_SERVER = "No sound server answers: start PulseAudio or PipeWire, and install pactl (Debian: pulseaudio-utils)."
_PACTL_SECONDS = 5.0
RATE_HZ = 48_000
"""What call applications send: nothing is resampled on the voice's way."""
LATENCY_SECONDS = 0.02
"""Asked of the loopback. PulseAudio adds what the devices need themselves; `make soak` measures what it comes to."""


_CABLES = ("cable", "blackhole")
"""What the names of other makers' virtual devices hold, in lower case: VB-Cable's on Windows, BlackHole's on macOS."""


def is_cable(name: str) -> bool:
    """Whether a device of that name is a virtual one, into which or out of which another program's sound goes."""
    return name == MICROPHONE or any(word in name.casefold() for word in _CABLES)


@dataclass(frozen=True, slots=True)
class Module:
    """One of the sound server's loaded modules: its number, its kind, and what it was loaded with."""

    index: str
    kind: str
    argument: str


def make(microphone: str = DEFAULT) -> str:
    """Make what is missing, carrying `microphone`; return the sound server's name of it. Twice changes nothing.

    It may take seconds: call it in a thread.

    Args:
        microphone: an input of `list_devices`, or `default`.

    Raises:
        VirtualMicrophoneError: no sound server answers, it refuses, or the default input is no microphone.
        DeviceNotFoundError: there is no such input.
    """
    loaded = {module.kind: module for module in made()}
    chosen = _microphone(microphone)
    wanted = _wanted(chosen)
    mixed = loaded.get("module-loopback")
    if mixed is not None and f"source={chosen} " not in mixed.argument:
        _unload(mixed)
        del loaded["module-loopback"]
    for kind, argument in wanted.items():
        if kind not in loaded:
            _pactl("load-module", kind, argument)
    return chosen


def remove() -> int:
    """Remove what `make` made and nothing else; return how many parts there were.

    Raises:
        VirtualMicrophoneError: no sound server answers, or it refuses.
    """
    found = made()
    for module in reversed(found):
        _unload(module)
    return len(found)


def made() -> list[Module]:
    """Return what `make` made and is still there, in the order it was made.

    Raises:
        VirtualMicrophoneError: no sound server answers.
    """
    modules = []
    for line in _pactl("list", "short", "modules").splitlines():
        index, kind, argument, *_ = [*line.split("\t"), "", ""]
        if _MARK in argument:
            modules.append(Module(index, kind, argument))
    return modules


def _wanted(microphone: str) -> dict[str, str]:
    latency = round(LATENCY_SECONDS * 1000)
    shape = f"rate={RATE_HZ} channels=1 channel_map=mono"
    stream = f"media.name='{DESCRIPTION}' {_MARK}"
    return {
        "module-null-sink": (
            f"sink_name={SINK} {shape} sink_properties=\"device.description='Facilitator Voice' {_MARK}\""
        ),
        "module-remap-source": (
            f"source_name={MICROPHONE} master={SINK}.monitor {shape} "
            f"source_properties=\"device.description='{DESCRIPTION}' {_MARK}\""
        ),
        "module-loopback": (
            f"source={microphone} sink={SINK} latency_msec={latency} source_dont_move=true sink_dont_move=true "
            f'sink_input_properties="{stream}"'
        ),
    }


def _microphone(name: str) -> str:
    """Return the sound server's name of a microphone that may be carried into the call."""
    devices = list_devices()
    found = choose(devices, name, "input")
    if found.name in {MICROPHONE, f"{SINK}.monitor"}:
        raise VirtualMicrophoneError(
            f"The microphone {found.name} is the virtual one itself: name your own with --microphone{_others(devices)}."
        )
    if found.is_monitor:
        raise VirtualMicrophoneError(
            f"{found.name} is what an output plays, not a microphone: the call would hear itself. Name your own with "
            f"--microphone{_others(devices)}."
        )
    return found.name


def _others(devices: tuple[Device, ...]) -> str:
    names = [d.name for d in devices if d.kind == "input" and not d.is_monitor and d.name != MICROPHONE]
    return f", such as {names[0]}" if names else ", once one is plugged in"


def _unload(module: Module) -> None:
    _pactl("unload-module", module.index)


def _pactl(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["pactl", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PACTL_SECONDS,
            check=True,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
    except (OSError, subprocess.TimeoutExpired):
        raise VirtualMicrophoneError(_NO_SERVER) from None
    except subprocess.CalledProcessError as refused:
        if "refused" in refused.stderr:  # the connection was: nobody is there
            raise VirtualMicrophoneError(_NO_SERVER) from None
        raise VirtualMicrophoneError(
            f"The sound server would not {' '.join(arguments[:2])}: restart it, then run the command again."
        ) from None
    return done.stdout
