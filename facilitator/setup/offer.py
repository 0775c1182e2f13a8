"""What there is to choose from, and what is wrong with a choice: a code for each field, in the languages' words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from facilitator.catalog import list_processes, load_process
from facilitator.config import LONGEST, NONE, SHORTEST
from facilitator.core.errors import ProcessError
from facilitator.core.process import Process
from facilitator.errors import CatalogError
from facilitator.languages import list_languages, load_language
from facilitator.setup.choices import AUTO, SERVER, Choices
from facilitator.setup.view import DeviceShown, Named
from facilitator.wording import Language

DEFAULT = "default"

Trouble = tuple[str, dict[str, object]]
"""A key of the languages' `interface.setup.troubles`, and the values of its words."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What this computer has.

    Attributes:
        folder: the user's own folder of processes; None for none.
        devices: every sound device there is now.
        models: names of the models that are here for real sessions, the smallest first.
        server: host of the configuration's speech server; None for none.
        keeps_sound: whether sound may wait for a recognizer, which the voice then says.
        named: processes that the configuration names by their path.
    """

    folder: Path | None = None
    devices: tuple[DeviceShown, ...] = ()
    models: tuple[str, ...] = ()
    server: str | None = None
    keeps_sound: bool = False
    named: tuple[str, ...] = ()

    def processes(self) -> tuple[Named, ...]:
        """Return every process."""
        names = (*list_processes(self.folder), *self.named)
        return tuple(Named(id=name, name=Path(name).name) for name in dict.fromkeys(names))

    def languages(self, process: str) -> dict[str, tuple[str, ...]]:
        """Return the ways of addressing people by language of a process; none where it cannot be read."""
        return _languages(process, self.folder)

    def process(self, name: str) -> Process | None:
        """Return a process; None where it cannot be read."""
        return _process(name, self.folder)

    def writers(self) -> tuple[str, ...]:
        """Return what may write down."""
        return (*((SERVER,) if self.server else ()), AUTO, *self.models, NONE)

    def has(self, device: str, kind: str) -> bool:
        """Whether there is a device of that name, as `devices.find_device` finds it."""
        key = device.casefold()
        return any(
            one.kind == kind
            and ((key == DEFAULT and one.is_default) or key in {one.name.casefold(), one.description.casefold()})
            for one in self.devices
        )


def words(choices: Choices, offer: Offer) -> Language:
    """Return the words of what was chosen; where that language cannot be read, codev's French serves."""
    session = choices.process, choices.language, choices.address
    listens = choices.listens
    server = offer.server if listens and choices.writer == SERVER else None
    try:
        return _words(*session, offer.folder, listens=listens, keeps_sound=listens and offer.keeps_sound, server=server)
    except (CatalogError, ProcessError):
        return _words("codev", "fr", "tu", None, listens=listens, keeps_sound=False, server=None)


@cache
def _process(name: str, folder: Path | None) -> Process | None:
    try:
        return load_process(name, folder)
    except (CatalogError, ProcessError):
        return None


@cache
def _languages(process: str, folder: Path | None) -> dict[str, tuple[str, ...]]:
    try:
        return list_languages(process, folder)
    except (CatalogError, ProcessError):
        return {}


@cache
def _words(
    process: str,
    language: str,
    address: str,
    folder: Path | None,
    *,
    listens: bool,
    keeps_sound: bool,
    server: str | None,
) -> Language:
    return load_language(
        process, language, address, processes=folder, listens=listens, keeps_sound=keeps_sound, server=server
    )


def troubles(choices: Choices, offer: Offer) -> dict[str, Trouble]:
    """Return what is to be changed before the session can begin, by field; of people, `people.0` is the first."""
    found = {**_of_the_session(choices, offer), **_of_the_people(choices, offer), **_of_the_voice(choices, offer)}
    return {**found, **_of_the_listening(choices, offer)}


def _of_the_session(choices: Choices, offer: Offer) -> dict[str, Trouble]:
    process = offer.process(choices.process)
    if process is None:
        return {"process": ("no_process", {"name": choices.process})}
    found: dict[str, Trouble] = {}
    ways = offer.languages(choices.process)
    if choices.language not in ways:
        found["language"] = ("no_language", {"name": choices.language})
    elif ways[choices.language] != ("",) and choices.address not in ways[choices.language]:
        found["address"] = ("no_address", {"name": choices.address})
    if choices.duration is None or not SHORTEST <= choices.duration <= LONGEST:
        found["duration"] = ("duration", {"shortest": SHORTEST, "longest": LONGEST})
    else:
        try:
            process.plan(choices.duration)
        except ProcessError:
            found["duration"] = ("too_short", {"minutes": choices.duration})
    return found


def _of_the_people(choices: Choices, offer: Offer) -> dict[str, Trouble]:
    process = offer.process(choices.process)
    if process is None:
        return {}
    found: dict[str, Trouble] = {}
    seen: set[str] = set()
    for place, person in enumerate(choices.people):
        name = " ".join(person.name.split())
        if not name:
            found[f"people.{place}"] = ("no_name", {})
        elif name.casefold() in seen:
            found[f"people.{place}"] = ("name_twice", {"name": name})
        elif person.role not in process.roles:
            found[f"people.{place}"] = ("no_role", {"name": name})
        seen.add(name.casefold())
    owners = {rule.owner for rule in process.records.values()}
    if choices.people and owners and not owners & {person.role for person in choices.people}:
        found["people"] = ("no_client", {})
    return found


def _of_the_voice(choices: Choices, offer: Offer) -> dict[str, Trouble]:
    if choices.way == "device" and not offer.has(choices.output, "output"):
        return {"output": _missing(choices.output, "no_output")}
    return {}


def _of_the_listening(choices: Choices, offer: Offer) -> dict[str, Trouble]:
    if not choices.listens:
        return {}
    found: dict[str, Trouble] = {}
    if not choices.inputs:
        found["listens"] = ("no_input", {})
    for channel, device in choices.inputs.items():
        if not offer.has(device, "input"):
            found[f"{channel}_input"] = _missing(device, "no_default_input")
    if choices.call_input == choices.microphone_input != NONE:
        found["microphone_input"] = ("same_input", {})
    if choices.writer not in offer.writers():
        found["writer"] = ("no_model", {"name": choices.writer})
    return found


def _missing(device: str, nothing: str) -> Trouble:
    return (nothing, {}) if device == DEFAULT else ("device_gone", {"name": device})
