"""Finds the files that come with the facilitator, and reads TOML into checked models.

Every mistake in a file becomes one sentence that names the file, the key and the nearest right key.
"""

from __future__ import annotations

import difflib
import os
import tomllib
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from facilitator.errors import InstallationError, UsageError
from speech.aside import Aside

Model = TypeVar("Model", bound=BaseModel)

LINKS_SECONDS = 2.0
"""How long a disk has to tell where the links in a path lead."""
_PACKAGE = Path(__file__).resolve().parent


def data_path(name: str) -> Path:
    """Return where `name` (`prompts`, `demo`, `models`, `config.toml` or something within) of this installation is.

    An installed wheel carries it in `facilitator/_data/`; a clone has it at its top.

    Raises:
        InstallationError: it is in neither place.
    """
    for place in (_PACKAGE / "_data", _PACKAGE.parent):
        if (place / name).exists():
            return place / name
    raise InstallationError(f"The installation lacks {name}: install the facilitator again.")


def at_home(path: Path | str) -> Path:
    """Return `path` with a `~` at its start read as the user's folder; one of nobody stays, and is then not found."""
    return Path(os.path.expanduser(path))  # noqa: PTH111  pathlib's raises for a user that is not there


def is_nobodys(path: Path) -> bool:
    """Return whether a path of `at_home` begins with a user that this computer does not have."""
    return str(path).startswith("~")


def path_beside(file: Path, named: str) -> Path:
    """Return the path that `file` names, relative to its folder, without links.

    No disk holds up what does not need it yet: the links of one that does not answer stay.

    Raises:
        ValueError: no path can be so; says why.
    """
    path = at_home(named)
    if is_nobodys(path):
        raise ValueError("it begins with a user that this computer does not have")
    path = file.parent / path
    try:
        return Aside().submit(path.resolve).result(LINKS_SECONDS)
    except TimeoutError:
        return path.absolute()
    except (ValueError, OSError, RuntimeError):  # a zero within, too long, links in a circle
        raise ValueError("no path can be so") from None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return what follows an unknown name in a sentence: the nearest of `known`, else all of them."""
    choices = list(dict.fromkeys(known))
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"there are {', '.join(choices)}." if choices else "there are none."


def read_toml(path: Path, error: type[UsageError]) -> dict[str, Any]:
    """Return what the TOML file `path` holds.

    Raises:
        UsageError: of the class `error`: the file is missing, cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise error(f"There is no file {path}: check its name.") from None
    except UnicodeDecodeError:
        raise error(f"{path} is not written in UTF-8: save it again in that encoding.") from None
    except OSError as reason:
        raise error(f"{path} cannot be read ({reason.strerror}): check what it is and its rights.") from None
    except tomllib.TOMLDecodeError as reason:
        raise error(f"{path} is not valid TOML: {reason}.") from None


def check(model: type[Model], values: object, path: Path, error: type[UsageError]) -> Model:
    """Return `values`, read from `path`, as a `model`.

    Raises:
        UsageError: of the class `error`: the first thing that is wrong.
    """
    try:
        return model.model_validate(values)
    except ValidationError as found:
        first = next((one for one in found.errors() if one["type"] == "extra_forbidden"), found.errors()[0])
        raise error(f"{path}: {_sentence(model, first)}") from None


def _sentence(model: type[BaseModel], found: Any) -> str:
    place = tuple(part for part in found["loc"] if part != "[key]")
    key = ".".join(str(part) for part in place) or "the file"
    if found["type"] == "extra_forbidden":
        return f"the key {key!r} is unknown; {did_you_mean(str(place[-1]), _fields(model, place[:-1]))}"
    if found["type"] == "missing":
        return f"the key {key!r} is missing; add it."
    return f"the key {key!r} is wrong: {_plain(found)}."


_WANTED = {
    "bool_type": "it must be true or false",
    "int_type": "it must be a whole number",
    "int_parsing": "it must be a whole number",
    "float_type": "it must be a number",
    "string_type": "it must be text in quotes",
    "tuple_type": "it must be a list in brackets",
    "model_type": "it must be a table",
    "dict_type": "it must be a table",
}


def _plain(found: Any) -> str:
    message = str(found["msg"])
    return _WANTED.get(found["type"], message[:1].lower() + message[1:])


def _fields(model: type[BaseModel], place: tuple[Any, ...]) -> list[str]:
    """Return the keys that the table at `place` of a `model` may have."""
    here: Any = model
    for part in place:
        here = _inner(here.model_fields[part].annotation if _is_model(here) else get_args(here)[-1 - _ellipsis(here)])
    return list(here.model_fields) if _is_model(here) else []


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _ellipsis(kind: Any) -> int:
    return int(get_args(kind)[-1] is Ellipsis)


def _inner(kind: Any) -> Any:
    """Return the kind that is not None in an optional one."""
    if get_origin(kind) in {Union, types.UnionType}:
        return next(one for one in get_args(kind) if one is not type(None))
    return kind
