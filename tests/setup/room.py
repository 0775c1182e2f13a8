"""A set-up in a room of which everything is known: its devices, what they carry, and what becomes of the session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from facilitator.config import Config
from facilitator.followup import FollowUp
from facilitator.setup.choices import Choices
from facilitator.setup.kept import KeptChoices
from facilitator.setup.means import Means
from facilitator.setup.setting_up import SettingUp
from facilitator.store.contents import Person
from facilitator.store.keys import FileVault, Keys
from facilitator.web.meeting import Meeting
from speech.devices import Device
from speech.errors import SinkLostError, SourceLostError, SynthesisError
from speech.ports import FRAME, RATE_HZ, Block, Played, Samples, Sound
from tests.web.meeting import FakeMeeting

DEVICES = (
    Device("call.monitor", "input", "Monitor of Call", is_default=False, is_monitor=True),
    Device("mic", "input", "Headset", is_default=True, is_monitor=False),
    Device("out", "output", "Speakers", is_default=True, is_monitor=False),
    Device("vmic", "output", "Virtual cable", is_default=False, is_monitor=False),
)


class RoomSource:
    """A device that carries what the room says until it is closed; "lost" cannot be opened."""

    def __init__(self, room: Room, name: str) -> None:
        self._room = room
        self.name = name
        self.dropped_seconds = 0.0

    async def read(self) -> Block | None:
        """Return the next tenth of a second or so."""
        self._room.open.add(self)
        carried = self._room.carried.get(self.name)
        if carried is None:
            raise SourceLostError("The sound input cannot be opened: choose another one.")
        await asyncio.sleep(0.01)  # a device takes its time
        return Block(carried, 0.0)

    async def close(self) -> None:
        """Give the device back."""
        self._room.open.discard(self)


class RoomSink:
    """Notes what was played; a broken one loses it."""

    def __init__(self, room: Room, name: str) -> None:
        self._room = room
        self._name = name

    async def play(self, sound: Sound, *, on_started: Callable[[float], None]) -> Played:
        """Play at once."""
        if self._name in self._room.broken:
            raise SinkLostError("The sound output went away: check it.")
        await self._room.may_play.wait()
        self._room.played.append((self._name, sound))
        return Played(0.0, sound.seconds, completed=True)

    def stop(self, fade_seconds: float) -> None:
        """Nothing plays."""

    async def close(self) -> None:
        """Give the device back."""


class Room:
    """What the means of a set-up find.

    Attributes:
        devices: those there are.
        carried: what each input carries, by name; one that is missing cannot be opened.
        open: inputs that are being read.
        broken: outputs that cannot be opened.
        played: output and sound of what was played.
        mute: whether the computer has no voice.
        begun: what the session was made of, each time.
        failure: raised instead of making a session.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.devices = DEVICES
        self.models: tuple[str, ...] = ()
        self.carried: dict[str, Samples] = {"mic": tone(0.1), "call.monitor": np.zeros(4 * FRAME, dtype=np.float32)}
        self.open: set[RoomSource] = set()
        self.broken: set[str] = set()
        self.may_play = asyncio.Event()
        self.may_play.set()
        self.played: list[tuple[str, Sound]] = []
        self.mute = False
        self.begun: list[tuple[Config, Choices, FollowUp | None]] = []
        self.failure: Exception | None = None
        self.meeting = FakeMeeting()
        self.kept = KeptChoices(folder / "data", Keys([FileVault(folder / "keys")]))

    def set_up(
        self,
        config: Config | None = None,
        people: Iterable[Person] = (),
        **more: Any,
    ) -> SettingUp:
        """Return a set-up here, not started."""
        config = config or Config()
        means = Means(
            list_devices=lambda: self.devices,
            list_models=lambda: self.models,
            open_source=lambda name: RoomSource(self, name),
            open_sink=lambda name: RoomSink(self, name),
            render=self._render,
            begin=self._begin,
        )
        return SettingUp(config, Choices.of(config, people), self.kept, means, **more)

    async def _render(self, config: Config, text: str) -> Sound:
        if self.mute:
            raise SynthesisError("This computer has no speech engine: install one.")
        return Sound(tone(0.3), RATE_HZ)

    async def _begin(self, config: Config, choices: Choices, follow_up: FollowUp | None) -> Meeting:
        if self.failure is not None:
            raise self.failure
        self.begun.append((config, choices, follow_up))
        return self.meeting


def tone(level: float) -> Samples:
    """Return an eighth of a second that swings between `level` and its negative."""
    return np.tile(np.array([level, -level], dtype=np.float32), 2 * FRAME)


async def until(condition: Callable[[], object], within: float = 5.0) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.005)
