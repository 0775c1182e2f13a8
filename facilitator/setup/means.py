"""How the set-up gets at this computer; a test gives it another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from facilitator.config import Config
from facilitator.followup import FollowUp
from facilitator.setup.choices import Choices
from facilitator.setup.view import DeviceShown
from facilitator.web.meeting import Meeting
from speech.devices import Device
from speech.ports import AudioSink, AudioSource, Sound


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A session that was broken off.

    Attributes:
        began: when it began.
        written_at: when it was last written to.
        title: of the step that it was in, in its own language.
        resume: makes it go on with a configuration's devices, and holds it from then on.
        destroy: destroys it for good, in a thread; returns once that was checked.
    """

    began: datetime
    written_at: datetime
    title: str
    resume: Callable[[Config], Awaitable[Meeting]]
    destroy: Callable[[], object]


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

    async def look(self) -> tuple[tuple[DeviceShown, ...], tuple[str, ...]]:
        """Return the devices and models that there are now, looked for in a thread."""
        devices = await asyncio.to_thread(self.list_devices)
        models = await asyncio.to_thread(self.list_models)
        return tuple(DeviceShown.model_validate(one) for one in devices), models
