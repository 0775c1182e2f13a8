"""What the set-up page shows: everything that is to choose from, chosen, and found out."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from facilitator.setup.choices import Choices, PersonChosen


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class Named(_Shown):
    """Something to choose, with what a person calls it."""

    id: str
    name: str


class DeviceShown(_Shown):
    """A sound device, read from a `speech.devices.Device`."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    name: str
    kind: str
    description: str
    is_default: bool
    is_monitor: bool


class StepPlanned(_Shown):
    """A step of the meeting, and its minutes."""

    title: str
    minutes: float


class FollowUpTaken(_Shown):
    """The plan that the client brings back: its day, and how many actions it holds."""

    on: str
    actions: int


class UnfinishedShown(_Shown):
    """A session that was broken off: when it began, when it was last written to, and the step that it was in."""

    began: AwareDatetime
    written_at: AwareDatetime
    title: str


class Level(_Shown):
    """How loud a channel is, and what is known of it.

    Attributes:
        channel: `call` or `microphone`.
        db: level of the last tenth of a second, dB below full scale, -60 to 0.
        state: `opening`; `silent`, nothing but zeros since it opened; `heard`, it carries sound; `gone`, zeros after
            sound for a while; `lost`, it cannot be opened or went away.
    """

    channel: str
    db: float
    state: Literal["opening", "silent", "heard", "gone", "lost"]


class SetUpView(_Shown):
    """The page at one moment.

    Attributes:
        version: higher than that of every view before: an answer may be overtaken.
        choices: what is chosen.
        troubles: one sentence for each field that is to be changed; of people, `people.0` is the first.
        processes, languages, addresses, roles, writers: what there is to choose from.
        devices: every sound device.
        lengths: lengths of meeting with minutes of their own.
        plan: the steps of the length that is chosen; empty while there is none.
        said: what the voice says of the assistant at the opening, word for word.
        previous: the group that was kept; empty for none.
        kept: whether something is kept from a session before.
        follow_up: the plan that the client brings back.
        unfinished: a session that was broken off, to go on with or to destroy.
        voice: `idle`, `playing`, `played`, `failed`, and a sentence on it.
        notice: why the session did not begin; "" for nothing.
        state: `open`, or `beginning` from when the session was begun.
    """

    version: int
    choices: Choices
    troubles: dict[str, str]
    processes: tuple[Named, ...]
    languages: tuple[Named, ...]
    addresses: tuple[str, ...]
    roles: tuple[Named, ...]
    writers: tuple[Named, ...]
    devices: tuple[DeviceShown, ...]
    lengths: tuple[int, ...]
    plan: tuple[StepPlanned, ...]
    said: str
    previous: tuple[PersonChosen, ...]
    kept: bool
    follow_up: FollowUpTaken | None
    unfinished: UnfinishedShown | None
    voice: tuple[str, str]
    notice: str
    state: Literal["open", "beginning"]
