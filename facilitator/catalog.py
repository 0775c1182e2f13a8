"""Finds the meeting processes and reads them.

A process is a folder: `process.toml` beside one file a language (`languages.py` reads those). The ones that come with
the facilitator are in `prompts/`; the user's own are in the folder that `[session] processes` names, and go first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from facilitator.core.errors import ProcessError
from facilitator.core.process import Courtesy, Cue, Overrun, Process, RecordRule, Rights, Silence, Step
from facilitator.data import at_home, check, data_path, did_you_mean, read_toml
from facilitator.errors import CatalogError

PROCESS_FILE = "process.toml"

_Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Length = Annotated[int, Field(strict=False, gt=0)]  # TOML's keys are text
_Names = Annotated[tuple[str, ...], Field(strict=False)]  # TOML's lists are no tuples
_Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Remaining(_Table):
    minutes: Annotated[tuple[_Number, ...], Field(strict=False)]
    share: Annotated[float, Field(gt=0, lt=1)]


class _Courtesy(_Table):
    silence: _Number
    held: _Number
    deadline: _Number


class _Courtesies(_Table):
    opening: _Courtesy
    remaining: _Courtesy
    ended: _Courtesy
    reminder: _Courtesy
    read_back: _Courtesy
    custom: _Courtesy


class _Silence(_Table):
    seconds: Annotated[_Number, Field(gt=0)]
    prompt: str | None = None


class _Overrun(_Table):
    seconds: _Number
    minutes: Literal[1, 2, 5]  # what a key of the pages gives


class _Record(_Table):
    owner: str
    open_until: str | None = None


class _Step(_Table):
    id: _Id
    holder: str | None = None
    rights: Literal["free", "exchange", "hold", "round"]
    minutes: dict[_Length, _Number]
    written_down: str | None = None
    cues: bool = True
    replies: bool = False
    follow_up: bool = False
    shows: str | None = None


class _ProcessFile(_Table):
    id: _Id
    roles: _Names
    may_always_speak: _Names = ()
    prompts: _Names = ()
    remaining: _Remaining
    courtesy: _Courtesies
    silence: _Silence | None = None
    overrun: _Overrun | None = None
    records: dict[_Id, _Record] = Field(default_factory=dict)
    steps: Annotated[tuple[_Step, ...], Field(strict=False)]


def list_processes(processes: Path | None = None) -> dict[str, Path]:
    """Return the folder of every process by its name: the user's own, then those that come with the facilitator.

    Args:
        processes: the user's folder of processes; None for none.

    Raises:
        CatalogError: there is no such folder.
    """
    if processes is not None and not processes.is_dir():
        raise CatalogError(f"There is no folder of processes {processes}: check `processes` in [session].")
    found: dict[str, Path] = {}
    for place in (processes, data_path("prompts")):
        if place is not None:
            for folder in sorted(place.iterdir()):
                if (folder / PROCESS_FILE).is_file():
                    found.setdefault(folder.name, folder)
    return found


def find_process(name_or_path: str | Path, processes: Path | None = None) -> Path:
    """Return the folder of a process.

    Args:
        name_or_path: a name of `list_processes`, a folder, or the `process.toml` in it. Text is a path when it holds a
            separator or ends in `.toml`.
        processes: the user's folder of processes; None for none.

    Raises:
        CatalogError: there is no such process; those there are, are named.
    """
    name, path = str(name_or_path), at_home(name_or_path)
    if isinstance(name_or_path, Path) or "/" in name or "\\" in name or path.suffix == ".toml":
        folder = path.parent if path.suffix == ".toml" else path
        if path.suffix == ".toml" and path.name != PROCESS_FILE:
            raise CatalogError(f"{path} is no process: give its folder, or the {PROCESS_FILE} in it.")
        if not (folder / PROCESS_FILE).is_file():
            raise CatalogError(f"There is no {PROCESS_FILE} in {folder}: give a process's folder.")
        return folder
    known = list_processes(processes)
    if name not in known:
        raise CatalogError(f"There is no process {name!r}; {did_you_mean(name, known)}")
    return known[name]


def load_process(name_or_path: str | Path, processes: Path | None = None) -> Process:
    """Return a process, checked.

    Args:
        name_or_path: as in `find_process`.
        processes: the user's folder of processes; None for none.

    Raises:
        CatalogError: there is no such process, or its file is wrong: the file and the key are named.
    """
    path = find_process(name_or_path, processes) / PROCESS_FILE
    file = check(_ProcessFile, read_toml(path, CatalogError), path, CatalogError)
    for role in file.may_always_speak:
        if role not in file.roles:
            raise CatalogError(f"{path}: 'may_always_speak' names {role!r}; {did_you_mean(role, file.roles)}")
    try:
        return _process(file)
    except ProcessError as reason:
        raise CatalogError(f"{path}: {reason}.") from None


def _process(file: _ProcessFile) -> Process:
    spoken = {cue: getattr(file.courtesy, cue.value) for cue in Cue}
    steps = (
        Step(**{**step.model_dump(), "rights": Rights(step.rights), "minutes": dict(step.minutes)})
        for step in file.steps
    )
    return Process(
        id=file.id,
        roles=file.roles,
        may_always_speak=frozenset(file.may_always_speak),
        steps=tuple(steps),
        courtesy={cue: Courtesy(one.silence, one.held, one.deadline) for cue, one in spoken.items()},
        remaining_minutes=tuple(sorted(file.remaining.minutes, reverse=True)),
        remaining_share=file.remaining.share,
        records={name: RecordRule(rule.owner, rule.open_until) for name, rule in file.records.items()},
        prompts=file.prompts,
        silence=None if file.silence is None else Silence(file.silence.seconds, file.silence.prompt),
        overrun=None if file.overrun is None else Overrun(file.overrun.seconds, file.overrun.minutes),
    )
