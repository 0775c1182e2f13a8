"""Reads a process's languages from its folder, and holds them complete.

A language is `XX.toml`; `XX-ADDRESS.toml` lays over it the words of another way of addressing people (`fr-vous.toml`).
Tables that are not about one process (numbers, refusals, …) may be left out of a user's own process: those of codev in
the same language then serve. Every language has the same keys; one that is missing or unknown is an error on loading.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facilitator.catalog import find_process, load_process
from facilitator.core.process import Process, Rights
from facilitator.data import data_path, did_you_mean, read_toml
from facilitator.errors import CatalogError
from facilitator.wording import LAST_NUMBER, PLACEHOLDER, SERVED, SOUND_KEPT, UNHEARD, Language, Words

SHARED = ("numbers", "private", "reasons", "refusals", "documents", "delivery", "interface")
"""Tables that are not about one process; codev's serve where a process's own file has none."""
REFERENCE = "codev/fr.toml"
"""The file whose keys in the shared tables every language has."""


def list_languages(process: str | Path, processes: Path | None = None) -> dict[str, tuple[str, ...]]:
    """Return the ways of addressing people by language code, of a process: `{"en": ("",), "fr": ("tu", "vous")}`.

    Raises:
        CatalogError: there is no such process, or a file of it is wrong.
    """
    folder = find_process(process, processes)
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(folder.glob("??.toml")):
        own = str(_flat(path).get("language.address", ""))
        others = sorted(other.stem.partition("-")[2] for other in folder.glob(f"{path.stem}-*.toml"))
        found[path.stem] = (own, *others)
    return found


def load_language(
    process: str | Path,
    language: str = "fr",
    address: str = "tu",
    *,
    processes: Path | None = None,
    listens: bool = True,
    keeps_sound: bool = False,
    server: str | None = None,
) -> Language:
    """Return a language of a process, complete.

    Args:
        process: a name, a folder or a `process.toml`, as in `catalog.find_process`.
        language: two letters.
        address: the way of addressing people; of no effect in a language that has one way only.
        processes: the user's folder of processes; None for none.
        listens: False for a session without listening, whose words do not speak of it.
        keeps_sound: True for one that listens and may keep sound until it is written down, whose words say so.
        server: host of the speech server that writes down, which the words name; None for none.

    Raises:
        CatalogError: there is no such process, language or address, or a file is wrong: the file and the key are named.
    """
    folder = find_process(process, processes)
    rules = load_process(folder)
    known = list_languages(folder)
    if language not in known:
        raise CatalogError(f"{rules.id!r} has no language {language!r}; {did_you_mean(language, known)}")
    ways = known[language]
    if ways != ("",) and address not in ways:
        raise CatalogError(f"{rules.id!r} has no address {address!r} in {language!r}; {did_you_mean(address, ways)}")
    base = folder / f"{language}.toml"
    words = {**_common(language, address), **_flat(base)}
    _complete(words, rules, base)
    recordings: dict[str, tuple[Path, ...]] = {key: (folder / language / f"{key}.wav",) for key in words}
    if address in ways[1:]:
        over = folder / f"{language}-{address}.toml"
        _lay_over(words, recordings, over)
        _check_placeholders(words, rules, over)
    for ending in _endings(listens=listens, keeps_sound=keeps_sound, server=server):
        if ending != UNHEARD and not any(key.startswith("steps.") and key.endswith(ending) for key in words):
            raise CatalogError(f"{base}: no opening says where the sound goes: add 'steps.STEP.opening{ending}'.")
        for key in [key for key in words if key.endswith(ending)]:
            usual = key.removesuffix(ending)
            words[usual] = words[key]
            recordings[usual] = recordings[key]
    said = {key: _naming(server or "", text) for key, text in words.items() if not key.endswith(SERVED)}
    return Language(said, recordings)


def _endings(*, listens: bool, keeps_sound: bool, server: str | None) -> list[str]:
    """Return the endings of the keys whose words are said instead of the usual ones, the strongest last."""
    if not listens:
        return [UNHEARD]
    kept = [SOUND_KEPT] if keeps_sound else []
    return kept if server is None else [*kept, SERVED, *(ending + SERVED for ending in kept)]


def _naming(server: str, text: Words) -> Words:
    return text.replace("{server}", server) if isinstance(text, str) else text


def _lay_over(words: dict[str, Words], recordings: dict[str, tuple[Path, ...]], path: Path) -> None:
    """Lay the words of `path` over `words`. Its recordings go first, and alone where the words differ."""
    over = _flat(path)
    for key in over:
        if key not in words:
            raise CatalogError(f"{path}: the key {key!r} is not in {path.stem[:2]}.toml; {did_you_mean(key, words)}")
    for key in words:
        own = path.with_suffix("") / f"{key}.wav"
        recordings[key] = (own,) if key in over else (own, *recordings[key])
    words.update(over)


def _common(language: str, address: str) -> dict[str, Words]:
    """Return the shared tables of codev in this language; nothing where codev does not speak it."""
    folder = data_path("prompts/codev")
    paths = [folder / f"{name}.toml" for name in (language, f"{language}-{address}")]
    flat = [_flat(path) for path in paths if path.is_file()]
    return {key: words for one in flat for key, words in one.items() if key.split(".")[0] in SHARED}


def required_keys(process: Process) -> frozenset[str]:
    """Return the keys that every language of `process` has, beside the shared tables'."""
    keys = {f"language.{key}" for key in ("code", "name", "address", "nobody", "comma", "and")}
    keys |= {f"roles.{role}.{form}" for role in process.roles for form in ("unnamed", "one", "many")}
    for step in process.steps:
        parts = ["title", "who"]
        parts += ["opening"] if step.cues else []
        parts += ["reminder"] if step.rights is Rights.HOLD else []
        keys |= {f"steps.{step.id}.{part}" for part in parts}
    keys |= {f"cues.{cue}" for cue in ("remaining", "ended", "closing", "read_back")}
    keys |= {f"prompts.{key}" for key in process.prompts}
    keys |= {f"documents.{record}.{part}" for record in process.records for part in ("title", "this_is", "blank")}
    return frozenset(keys)


def _complete(words: Mapping[str, Words], process: Process, path: Path) -> None:
    reference = _flat(data_path("prompts") / REFERENCE)
    shared = {key for key in reference if key.split(".")[0] in SHARED}
    records = {f"documents.{name}.{form}" for name in process.records for form in ("quote", "items", "next")}
    required = required_keys(process) | {key for key in shared if not _of_a_record(key, reference)}
    for key in sorted(required - set(words)):
        raise CatalogError(f"{path}: the key {key!r} is missing; add it.")
    for name in process.records:
        if not {f"documents.{name}.quote", f"documents.{name}.items"} & set(words):
            raise CatalogError(f"{path}: the key 'documents.{name}.quote' (or '.items') is missing; add it.")
    variants = {f"{key}{ending}" for key in required for ending in (UNHEARD, SOUND_KEPT, SERVED, SOUND_KEPT + SERVED)}
    unknown = set(words) - required - variants - records - shared
    for key in sorted(unknown):
        raise CatalogError(
            f"{path}: the key {key!r} is unknown; {did_you_mean(key, required - set(words) or required)}"
        )
    if len(words["numbers.words"]) != LAST_NUMBER + 1:
        raise CatalogError(
            f"{path}: the key 'numbers.words' needs the {LAST_NUMBER + 1} words from 0 to {LAST_NUMBER}."
        )
    _check_placeholders(words, process, path)


def _of_a_record(key: str, reference: Mapping[str, Words]) -> bool:
    """Whether a key of `reference` is about one of codev's records, which another process need not have."""
    start = key.rsplit(".", 1)[0]
    return key.startswith("documents.") and f"{start}.this_is" in reference


def _check_placeholders(words: Mapping[str, Words], process: Process, path: Path) -> None:
    allowed = (*process.roles, "holder", "time", "words", "server")
    for key, template in words.items():
        if key.split(".")[0] not in {"steps", "cues", "prompts", "private"}:
            continue
        for name in PLACEHOLDER.findall(str(template)):
            if name not in allowed:
                near = did_you_mean(name, allowed)
                raise CatalogError(f"{path}: {key!r} holds {{{name}}}, which is no placeholder; {near}")
        if set("{}") & set(PLACEHOLDER.sub("", str(template))):
            raise CatalogError(f"{path}: {key!r} holds a lone brace; write placeholders as {{name}}.")


def _flat(path: Path) -> dict[str, Words]:
    """Return the words of a language's file by their dotted key."""
    found: dict[str, Words] = {}

    def walk(table: Mapping[str, Any], start: str) -> None:
        for name, value in table.items():
            key = f"{start}{name}"
            if isinstance(value, dict):
                walk(value, f"{key}.")
            elif isinstance(value, list) and value and all(isinstance(one, str) and one for one in value):
                found[key] = tuple(value)
            elif isinstance(value, str) and (value or key == "language.address"):
                found[key] = value
            else:
                raise CatalogError(f"{path}: the key {key!r} is wrong: it must be text in quotes, and not empty.")

    walk(read_toml(path, CatalogError), "")
    return found
