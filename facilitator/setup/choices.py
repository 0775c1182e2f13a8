"""What the animator chooses before a session. It becomes a configuration and a list of people, as on the command line.

Rules:

- What is chosen may be wrong for a while, a name twice or no length at all: it stays as it was written, and
  `troubles.py` says what is to be changed before the session can begin.
- What is not chosen here stays as the configuration has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from facilitator.config import BROWSER, LONGEST_NAME, NONE, STAGE, TRACKS, Config
from facilitator.store.contents import Person

AUTO, SERVER = "", "server"
"""What writes down: the model that keeps up best; the configuration's speech server. `NONE`: nothing does."""
MOST_PEOPLE = 40
MOST_LETTERS = 200
"""In the name of a person, and in a role."""

SENDERS = frozenset({BROWSER, TRACKS})
"""Call inputs that are no device."""

_Text = Annotated[str, Field(max_length=MOST_LETTERS)]
_Name = Annotated[str, Field(max_length=LONGEST_NAME)]
Way = Literal["stage", "device", "none"]
"""How the voice gets into the call: by the shared page, by an output device, or not at all."""


class PersonChosen(BaseModel):
    """Somebody present, as written so far."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: _Text
    role: _Text


class Choices(BaseModel):
    """Everything that is chosen.

    Attributes:
        process: a name of `catalog.list_processes`, or a path.
        duration: length of the meeting, minutes; None while none is written.
        language: two letters.
        address: the way of addressing people, in a language that has several.
        people: everybody present, in the order in which they are named.
        way: how the voice gets into the call.
        output: the device that plays the voice, for the way `device`.
        listens: False for a session with the voice and the time alone.
        call_input: where the call's sound is heard; `none` for nowhere.
        microphone_input: the animator's own microphone; `none` for none.
        writer: what writes down: `AUTO`, `SERVER`, `NONE`, or a model of `facilitator models list`.
        keep: whether these choices are kept for the next session.
        keep_names: whether the people are kept with them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    process: _Name
    duration: Annotated[int, Field(ge=0, le=9999)] | None
    language: _Text
    address: _Text
    people: Annotated[tuple[PersonChosen, ...], Field(strict=False, max_length=MOST_PEOPLE)]
    way: Way
    output: _Name
    listens: bool
    call_input: _Name
    microphone_input: _Name
    writer: _Name
    keep: bool
    keep_names: bool

    @classmethod
    def of(cls, config: Config, people: Iterable[Person] = ()) -> Choices:
        """Return the choices that a configuration, and the people of the command line, already make."""
        session, audio, writing = config.session, config.audio, config.transcription
        silent = not config.voice.enabled or audio.voice_output == NONE
        return cls(
            process=session.process,
            duration=session.duration,
            language=session.language,
            address=session.address,
            people=tuple(PersonChosen(name=person.name, role=person.role) for person in people),
            way="none" if silent else "stage" if audio.voice_output == STAGE else "device",
            output="default" if audio.voice_output in {NONE, STAGE} else audio.voice_output,
            listens=config.listening.enabled,
            call_input=audio.call_input,
            microphone_input=audio.microphone_input,
            writer=SERVER if writing.server and writing.model != NONE else writing.model,
            keep=False,
            keep_names=False,
        )

    def onto(self, config: Config) -> Config:
        """Return `config` with what was chosen. There must be no trouble left."""
        session = {
            "process": self.process,
            "duration": self.duration,
            "language": self.language,
            "address": self.address,
        }
        audio = {
            "call_input": self.call_input,
            "microphone_input": self.microphone_input,
            "voice_output": {"stage": STAGE, "device": self.output, "none": NONE}[self.way],
        }
        writing = {} if self.writer == SERVER else {"server": "", "model": self.writer}
        return config.model_copy(
            update={
                "session": config.session.model_copy(update=session),
                "audio": config.audio.model_copy(update=audio),
                "voice": config.voice.model_copy(update={"enabled": self.way != "none"}),
                "listening": config.listening.model_copy(update={"enabled": self.listens}),
                "transcription": config.transcription.model_copy(update=writing),
            }
        )

    def present(self) -> tuple[Person, ...]:
        """Return everybody present."""
        return tuple(Person(name=person.name.strip(), role=person.role) for person in self.people)

    @property
    def inputs(self) -> dict[str, str]:
        """The devices to listen to, by what they carry: `call`, `microphone`. A page or a bot that sends is none."""
        if not self.listens:
            return {}
        call = {} if self.call_input in {NONE, *SENDERS} else {"call": self.call_input}
        return call if self.microphone_input == NONE else {**call, "microphone": self.microphone_input}
