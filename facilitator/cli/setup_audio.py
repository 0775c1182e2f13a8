"""`facilitator setup-audio`: the virtual microphone, which carries your own microphone and the voice into the call."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.markup import escape

from facilitator.cli import parts
from facilitator.config import NONE, Config, load_config
from facilitator.errors import UsageError
from speech import virtual_microphone as virtual
from speech.devices import DEFAULT, Device, list_devices
from speech.errors import VirtualMicrophoneError

_GET = {
    "win32": "VB-Cable (vb-audio.com/Cable), then start Windows again",
    "darwin": "BlackHole 2ch (existential.audio/blackhole, or `brew install blackhole-2ch`)",
}


def setup_audio(
    config: parts.ConfigOption = None,
    microphone: Annotated[
        str | None,
        typer.Option("--microphone", help="Your own microphone, a name of `facilitator devices`.", metavar="NAME"),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take away what this command made.")] = False,
) -> None:
    """Make the virtual microphone that carries your own microphone and the voice into the call.

    Example: facilitator setup-audio
    """
    if remove and microphone is not None:
        raise UsageError("--remove takes away all that was made: give it without --microphone.")
    loaded = load_config(config)
    if sys.platform == "linux":
        say = _remove() if remove else _make(loaded, microphone)
    elif remove:
        say = ["Nothing to remove: this command makes nothing here. Uninstall the virtual device as you installed it."]
    else:
        say = explain(sys.platform, list_devices())
    for line in say:
        parts.output.print(escape(line), soft_wrap=True)


def _make(config: Config, microphone: str | None) -> list[str]:
    named = config.audio.microphone_input
    carried = virtual.make(microphone or (DEFAULT if named == NONE else named))
    lines = [
        f"✓ The virtual microphone is ready; it carries {carried} and the voice.",
        f"  In Zoom, Teams, Meet or Visio: take “{virtual.DESCRIPTION}” as the microphone; keep your own loudspeaker.",
        "  Turn the call's noise suppression off, or to its lowest: it may take the voice for noise.",
        "  It stays until the computer or its sound server restarts: run this again then. `--remove` undoes it.",
    ]
    if config.audio.voice_output != virtual.SINK:
        lines.insert(1, f'  In config.toml, under [audio]: voice_output = "{virtual.SINK}"')
    if config.audio.voice_monitor == NONE:
        lines.insert(-3, '  To hear the voice too, in your headset, under [audio]: voice_monitor = "default"')
    return lines


def _remove() -> list[str]:
    count = virtual.remove()
    if virtual.made():
        raise VirtualMicrophoneError("Part of the virtual microphone is still there: restart the sound server.")
    return ["✓ The virtual microphone is gone." if count else "There was no virtual microphone of ours."]


def _own(devices: tuple[Device, ...]) -> str:
    """Return the microphone that is most likely the animator's own, by its name: a default may be the cable itself."""
    own = [one for one in devices if one.kind == "input" and not one.is_monitor and not virtual.is_cable(one.name)]
    return next((one.name for one in sorted(own, key=lambda one: not one.is_default)), "the name of your microphone")


def explain(platform: str, devices: tuple[Device, ...]) -> list[str]:
    """Return what to do on Windows (`win32`) and macOS (`darwin`), where a virtual device of others is needed.

    Raises:
        UsageError: it is not installed; the sentence says where to get it.
    """
    if platform not in _GET:
        raise UsageError(f"This command does not know {platform}: share the participants' page with its sound instead.")
    cables = [device for device in devices if virtual.is_cable(device.name)]
    output = next((device.name for device in cables if device.kind == "output"), None)
    heard = next((device.name for device in cables if device.kind == "input"), None)
    if output is None or heard is None:
        raise UsageError(f"No virtual device is installed: get {_GET[platform]}, then run this again.")
    return [
        f"✓ The virtual device is there: {output}.",
        f'  In config.toml, under [audio]: voice_output = "{output}"',
        f'    microphone_to_call = "{_own(devices)}"   (your own microphone, mixed with the voice)',
        '    voice_monitor = "default"   (you hear the voice too, in your headset)',
        f"  In Zoom, Teams, Meet or Visio: take “{heard}” as the microphone; keep your own loudspeaker.",
        "  Your microphone goes into the call while a session is open here; before and after, take your own one there.",
        "  Turn the call's noise suppression off, or to its lowest: it may take the voice for noise.",
    ]
