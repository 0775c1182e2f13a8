"""The animator's commands, as every way of giving them (page, terminal, recorded call) names them.

Each command is a small table of its own values; `read` turns one into the core's events. Names and values are the
interface's, and the local service's OpenAPI is made from these models.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from facilitator.core import events as ev
from facilitator.core.items import Item
from facilitator.data import did_you_mean
from facilitator.errors import UsageError

Text = Annotated[str, Field(max_length=8_000)]
Line = Annotated[str, Field(max_length=2_000), AfterValidator(lambda text: " ".join(text.splitlines()).strip())]
Id = Annotated[str, Field(max_length=64)]


def _day(value: object) -> str:
    """Return a day as `2026-12-04`, given so or as TOML gives it; "" is none."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value.isoformat()
    with suppress(ValueError):
        if value == "" or (isinstance(value, str) and _DAY.fullmatch(value) and dt.date.fromisoformat(value)):
            return str(value)
    raise ValueError("it must be a day, as 2026-12-04")


_DAY = re.compile(r"\d{4}-\d\d-\d\d")
Day = Annotated[str, BeforeValidator(_day)]


class CommandError(UsageError):
    """A command that does not exist, or whose values are wrong. `code` is a key of the languages' refusals."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Command(BaseModel):
    """A command without values of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    event: ClassVar[type[ev.Event] | None] = None

    def events(self, at: float) -> tuple[ev.Event, ...]:
        """Return what the command means at session second `at`."""
        assert self.event is not None
        return (self.event(at=at),)


class Hush(Command):
    """Silence the voice at once."""

    event = ev.HushAsked


class Start(Command):
    """Hold the first step."""

    event = ev.StartAsked


class Next(Command):
    """Go to the next step."""

    event = ev.NextAsked


class Back(Command):
    """Take the last step change back."""

    event = ev.BackAsked


class Pause(Command):
    """Stop the step's time."""

    event = ev.PauseAsked


class Resume(Command):
    """Let the step's time run again."""

    event = ev.ResumeAsked


class Extend(Command):
    """Give the step more time, in seconds or in minutes."""

    seconds: Annotated[float, Field(gt=0, le=7200)] | None = None
    minutes: Annotated[float, Field(gt=0, le=120)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Extend:
        if (self.seconds is None) == (self.minutes is None):
            raise ValueError("give either seconds or minutes")
        return self

    def events(self, at: float) -> tuple[ev.Event, ...]:
        """Return the extension."""
        seconds = self.seconds if self.seconds is not None else 60 * (self.minutes or 0.0)
        return (ev.ExtendAsked(at=at, seconds=float(seconds)),)


class End(Command):
    """End the session."""

    event = ev.EndAsked


class ListeningPause(Command):
    """Stop all capture at once."""

    event = ev.ListeningPauseAsked


class ListeningResume(Command):
    """Listen again."""

    event = ev.ListeningResumeAsked


class Say(Command):
    """Have the voice say a text, a prompt by its key, or with neither the last prompt again."""

    text: Text = ""
    key: Id = ""

    def events(self, at: float) -> tuple[ev.Event, ...]:
        """Return what is to be said."""
        return (ev.SayAsked(at=at, text=self.text.strip(), key=self.key),)


class MarkContract(Command):
    """This is the contract: the utterance just said, the ones named, or the text given."""

    utterances: tuple[Id, ...] = Field(default=(), strict=False)
    text: Text = ""
    agreed_by: Id = ""

    @model_validator(mode="after")
    def _either(self) -> MarkContract:
        if self.text and self.utterances:
            raise ValueError("give either utterances or a text")
        return self

    def events(self, at: float) -> tuple[ev.Event, ...]:
        """Return the mark, after the correction where a text is given."""
        mark = ev.RecordMarked(at=at, record="contract", utterances=self.utterances, agreed_by=self.agreed_by)
        edit = (ev.RecordEdited(at=at, record="contract", text=self.text),) if self.text else ()
        return (*edit, mark)


class EditContract(Command):
    """Correct the contract by hand, or take the last correction back; it is then to be agreed again."""

    text: Text = ""
    undo: bool = False

    @model_validator(mode="after")
    def _one(self) -> EditContract:
        if self.undo == ("text" in self.model_fields_set):
            raise ValueError("give either a text or undo")
        return self

    def events(self, at: float) -> tuple[ev.Event, ...]:
        """Return the correction, or that it was taken back."""
        if self.undo:
            return (ev.CorrectionUndone(at=at, record="contract"),)
        return (ev.RecordEdited(at=at, record="contract", text=self.text),)


class PlanItem(BaseModel):
    """One item of the plan: its words, and what was given or accepted by hand. `due` is a day, as `2026-12-04`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    text: Line
    who: Line = ""
    first_step: Line = ""
    done_when: Line = ""
    due: Day = ""


class EditPlan(Command):
    """Correct the plan by hand, agree to it, or both.

    The correction is a text, an item a line; or `items`, all of them; or `utterances`, which become items after those
    that there are; or `undo`, which takes the last one back.
    """

    text: Text = ""
    items: tuple[PlanItem, ...] = Field(default=(), strict=False, max_length=200)
    utterances: tuple[Id, ...] = Field(default=(), strict=False, max_length=200)
    undo: bool = False
    agreed_by: Id = ""

    @model_validator(mode="after")
    def _something(self) -> EditPlan:
        given = sum(map(bool, (self.text.strip(), self.items, self.utterances, self.undo)))
        if not given and not self.agreed_by:
            raise ValueError("give a text, items, utterances or undo, agreed_by, or both")
        if given > 1:
            raise ValueError("give only one of text, items, utterances and undo")
        return self

    def events(self, at: float) -> tuple[ev.Event, ...]:
        """Return the correction, and the agreement to the whole plan."""
        whole = ev.RecordMarked(at=at, record="plan", whole=True, agreed_by=self.agreed_by)
        return (*self._edit(at), whole) if self.agreed_by else self._edit(at)

    def _edit(self, at: float) -> tuple[ev.Event, ...]:
        if self.undo:
            return (ev.CorrectionUndone(at=at, record="plan"),)
        if not (self.text.strip() or self.items or self.utterances):
            return ()
        items = tuple(Item(**item.model_dump()) for item in self.items)
        return (ev.RecordEdited(at=at, record="plan", text=self.text, items=items, utterances=self.utterances),)


class ReadBack(Command):
    """Have the voice read the contract, or another record."""

    record: Id = "contract"

    def events(self, at: float) -> tuple[ev.Event, ...]:
        """Return the reading."""
        return (ev.ReadBackAsked(at=at, record=self.record),)


class Remind(Command):
    """Have the voice invite everybody to let the holder finish."""

    event = ev.RemindAsked


class Consent(Command):
    """Everybody present agreed that the assistant listens."""

    event = ev.ConsentGiven


class Rebudget(Command):
    """Share the remaining time out so that the meeting ends on time."""

    event = ev.RebudgetAsked


class UndoTime(Command):
    """Take the last extension, or sharing out of the time, back, shortly after it."""

    event = ev.TimeChangeUndone


class ShowFacts(Command):
    """Show everybody, on the stage, the facts about the steps before, by role; or no longer."""

    shown: bool = True

    def events(self, at: float) -> tuple[ev.Event, ...]:
        """Return what is asked."""
        return (ev.FactsAsked(at=at, shown=self.shown),)


class TakeDevice(Command):
    """Take the device that is offered in place of one that stays away, for the rest of this session."""

    device: Id

    def events(self, at: float) -> tuple[ev.Event, ...]:
        """Return what is asked."""
        return (ev.DeviceTakeAsked(at=at, device=self.device),)


COMMANDS: Mapping[str, type[Command]] = {
    "hush": Hush,
    "start": Start,
    "next": Next,
    "back": Back,
    "pause": Pause,
    "resume": Resume,
    "extend": Extend,
    "end": End,
    "listening_pause": ListeningPause,
    "listening_resume": ListeningResume,
    "say": Say,
    "mark_contract": MarkContract,
    "edit_contract": EditContract,
    "edit_plan": EditPlan,
    "read_back": ReadBack,
    "remind": Remind,
    "consent": Consent,
    "rebudget": Rebudget,
    "undo_time": UndoTime,
    "show_facts": ShowFacts,
    "take_device": TakeDevice,
}


def read(name: str, values: Mapping[str, Any], at: float) -> tuple[ev.Event, ...]:
    """Return the core's events for a command given at session second `at`.

    Raises:
        CommandError: there is no such command, or a value is missing, unknown or wrong.
    """
    model = COMMANDS.get(name)
    if model is None:
        raise CommandError(f"There is no command {name!r}; {did_you_mean(name, COMMANDS)}", "unknown_command")
    try:
        return model.model_validate(dict(values)).events(at)
    except ValidationError as error:
        found = error.errors()[0]
        where = ".".join(str(part) for part in found["loc"])
        what = str(found["msg"]).removeprefix("Value error, ").lower()
        place = f"the value {where!r}" if where else "its values"
        raise CommandError(f"The command {name!r} cannot be done: {place}: {what}.", "bad_value") from None
