"""How the set-up gets at this computer; a test gives it another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from facilitator.config import Config
from facilitator.followup import FollowUp
from facilitator.setup.choices import Choices
from facilitator.web.meeting import Meeting
from speech.devices import Device
from speech.ports import AudioSink, AudioSource, Sound


@dataclass(frozen=True, slots=True)
class Means:
    """How the set-up gets at this computer.

    Attributes:
        list_devices: every sound device; it may take seconds, in a thread.
        list_models: names of the models for real sessions, in a thread.
        open_source, open_sink: open a device by its name.
        render: says a text in a language; of a configuration.
        begin: makes the session of what was chosen, and holds it from then on.
    """

    list_devices: Callable[[], tuple[Device, ...]]
    list_models: Callable[[], tuple[str, ...]]
    open_source: Callable[[str], AudioSource]
    open_sink: Callable[[str], AudioSink]
    render: Callable[[Config, str], Awaitable[Sound]]
    begin: Callable[[Config, Choices, FollowUp | None], Awaitable[Meeting]]
