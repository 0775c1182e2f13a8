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

CABLES = ("cable", "blackhole")
"""What the virtual devices' names hold, in lower case: VB-Cable's on Windows, BlackHole's on macOS."""
_GET = {
    "win32": "VB-Cable (vb-audio.com/Cable), then start Windows again",
    "darwin": "BlackHole 2ch (existential.audio/blackhole, or `brew install blackhole-2ch`)",
}
_OWN_MICROPHONE = {
    "win32": "Your own microphone: in its properties, “Listen to this device”, through CABLE Input.",
    "darwin": "Your own microphone takes a mixer; sharing the participants' page with its sound is simpler.",
}


def setup_audio(
    config: parts.ConfigOption = None,
    microphone: Annotated[
        str | None,
        typer.Option("--microphone", help="Your own microphone, a name of `facilitator devices`.", metavar="NAME"),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take away what this command made.")] = False,  # noqa: FBT002
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
    return lines


def _remove() -> list[str]:
    count = virtual.remove()
    if virtual.made():
        raise VirtualMicrophoneError("Part of the virtual microphone is still there: restart the sound server.")
    return ["✓ The virtual microphone is gone." if count else "There was no virtual microphone of ours."]


def explain(platform: str, devices: tuple[Device, ...]) -> list[str]:
    """Return what to do on Windows (`win32`) and macOS (`darwin`), where a virtual device of others is needed.

    Raises:
        UsageError: it is not installed; the sentence says where to get it.
    """
    if platform not in _GET:
        raise UsageError(f"This command does not know {platform}: share the participants' page with its sound instead.")
    cables = [device for device in devices if any(word in device.name.casefold() for word in CABLES)]
    output = next((device.name for device in cables if device.kind == "output"), None)
    heard = next((device.name for device in cables if device.kind == "input"), None)
    if output is None or heard is None:
        raise UsageError(f"No virtual device is installed: get {_GET[platform]}, then run this again.")
    return [
        f"✓ The virtual device is there: {output}.",
        f'  In config.toml, under [audio]: voice_output = "{output}"',
        f"  {_OWN_MICROPHONE[platform]}",
        f"  In Zoom, Teams, Meet or Visio: take “{heard}” as the microphone; keep your own loudspeaker.",
        "  Turn the call's noise suppression off, or to its lowest: it may take the voice for noise.",
    ]
