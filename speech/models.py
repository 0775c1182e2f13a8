"""Where recognition models are, fetched, imported and checked.

A model is a folder in CTranslate2's format. It is found by its name, in this order: those that the program brings
(`bundled`), those in the store's directory, else a path to a folder of the user's own.

How a model is trusted: `KNOWN_MODELS` names a repository and, where it is known, a commit and the hashes of its files.
Where a hash is None, the file's hash is recorded when the model first arrives (checked against what the hub states, if
it does) and compared each time the model is taken into use; a model that changed is refused. A model appears in the
directory only when it is complete.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from speech.errors import ModelError, ModelNotFoundError
from speech.hub import Hub, HubFile, Snapshot
from speech.model_catalog import KNOWN_MODELS, KnownModel
from speech.model_files import (
    MANIFEST,
    REQUIRED,
    VOCABULARIES,
    WANTED,
    model_folder,
    recorded_hashes,
    sha256,
    size,
    total_bytes,
    verified,
)

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SPARE_BYTES = 100_000_000
"""Left free after a download: a full system disk harms more than a missing model."""

Progress = Callable[[int, int], None]
"""Told the bytes there are and the bytes there will be."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One line of the list of models.

    Attributes:
        name: what the user calls it.
        path: its folder; None when it can be fetched but is not here.
        size_bytes: its files' length, or about what it would download.
        languages: as in `KnownModel`; empty also for an imported model, of which nothing is known.
        bundled: True when the program brings it.
    """

    name: str
    path: Path | None
    size_bytes: int
    languages: tuple[str, ...]
    bundled: bool


def default_directory() -> Path:
    """Return the folder for models in the user's data directory, by the system's own custom."""
    return Path(platformdirs.user_data_dir("codev-facilitator", appauthor=False)) / "models"


class ModelStore:
    """The models on this computer. Constructing it reads and creates nothing."""

    def __init__(
        self,
        directory: Path | None = None,
        bundled: Mapping[str, Path] | None = None,
        *,
        hub: Hub | None = None,
        known: Mapping[str, KnownModel] = KNOWN_MODELS,
        free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
    ) -> None:
        """Remember where models are.

        Args:
            directory: where fetched and imported models live; `default_directory()` when None.
            bundled: models that the program brings, by name.
            hub: where to fetch from; the public one when None.
            known: the models that can be fetched, by name.
            free_bytes: tells the room on the disk that holds a folder.
        """
        self._directory = directory if directory is not None else default_directory()
        self._bundled = dict(bundled or {})
        self._hub = hub or Hub()
        self._known = known
        self._free_bytes = free_bytes

    @property
    def directory(self) -> Path:
        """Where fetched and imported models live."""
        return self._directory

    def list_models(self) -> list[ModelInfo]:
        """Return all models by name: bundled ones, those in the directory, and those that can be fetched."""
        folders = {path.name: path for path in self._installed()} | self._bundled
        infos = []
        for name in sorted({*folders, *self._known}):
            known = self._known.get(name)
            path = folders.get(name)
            length = total_bytes(path) if path is not None else known.size_bytes if known is not None else 0
            infos.append(ModelInfo(name, path, length, known.languages if known else (), name in self._bundled))
        return infos

    def find_model(self, name_or_path: str) -> Path:
        """Return the folder of a model, checked; reads all of its files (a second for each gigabyte or two).

        Args:
            name_or_path: a name out of `list_models`, or a path to a folder.

        Raises:
            ModelError: there is no such model, it is incomplete, or a file changed since it arrived.
        """
        if name_or_path in self._bundled:
            return model_folder(self._bundled[name_or_path])
        if _NAME.fullmatch(name_or_path) and (self._directory / name_or_path).is_dir():
            folder = model_folder(self._directory / name_or_path)
            self._compare(name_or_path, folder)
            return folder
        path = Path(os.path.expanduser(name_or_path))  # noqa: PTH111  pathlib's raises for nobody's
        if path.is_dir():
            return model_folder(path)
        if name_or_path in self._known:
            raise ModelNotFoundError(f"The model “{name_or_path}” is not on this computer yet; fetch it first.")
        names = ", ".join(info.name for info in self.list_models())
        raise ModelNotFoundError(
            f"There is no model “{name_or_path}”; choose one of {names}, or give the path of a folder."
        )

    async def pull(self, name: str, on_progress: Progress | None = None) -> Path:
        """Fetch a known model and return its folder; one that is here and sound is not fetched again.

        A download that broke off goes on where it stopped, also in a later run of the program.

        Args:
            name: one of the known models.
            on_progress: told the progress in bytes, many times.

        Raises:
            ModelError: the name is unknown, the hub fails, the disk is too full, or a file is not what it should be;
                such a file is removed.
        """
        known = self._known.get(name)
        if known is None:
            raise ModelNotFoundError(
                f"There is no model “{name}” to fetch; choose one of {', '.join(sorted(self._known))}."
            )
        try:
            return await asyncio.to_thread(self._ready, name)
        except ModelError:
            pass  # not here, or damaged: what comes replaces it
        snapshot = await self._hub.snapshot(known.repository, known.revision)
        files = _wanted(known, snapshot)
        partial = self._directory / ".partial" / f"{name}-{re.sub('[^0-9a-zA-Z]', '', snapshot.revision)[:40]}"
        await asyncio.to_thread(self._make_room, partial, files)
        total, done = sum(file.size_bytes for file in files.values()), 0
        hashes: dict[str, str] = {}
        for local, file in files.items():

            def tell(count: int, before: int = done) -> None:
                if on_progress is not None:
                    on_progress(before + count, total)

            await self._hub.fetch(snapshot, file, partial / local, tell)
            hashes[local] = await asyncio.to_thread(verified, partial / local, known.sha256.get(local) or file.sha256)
            done += file.size_bytes
        return await asyncio.to_thread(self._install, name, partial, hashes, known.repository, snapshot.revision)

    def add(self, name: str, source: Path) -> Path:
        """Copy a model from a folder into the store and return its place.

        Args:
            name: what to call it: lower-case letters, digits, dots and dashes.
            source: a folder that `model_folder` accepts.

        Raises:
            ModelError: the name is unfit or taken, the folder is no model, a file is not what the list of known models
                says of it, or the disk is too full.
        """
        if not _NAME.fullmatch(name):
            raise ModelError(f"“{name}” cannot name a model; use lower-case letters, digits, dots and dashes.")
        if name in self._bundled or (self._directory / name).exists():
            raise ModelError(f"There is a model “{name}” already; remove it first or choose another name.")
        folder = model_folder(source)
        known = self._known.get(name)
        files = {item: HubFile(item, size(folder / item), None) for item in WANTED if (folder / item).exists()}
        partial = self._directory / ".partial" / f"{name}-import"
        shutil.rmtree(partial, ignore_errors=True)
        self._make_room(partial, files)
        hashes = {}
        try:
            for item in files:
                shutil.copyfile(folder / item, partial / item)
                hashes[item] = verified(partial / item, known.sha256.get(item) if known else None)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise ModelError(
                f"The model cannot be copied ({os.strerror(error.errno or 0)}); make room there."
            ) from error
        return self._install(name, partial, hashes, None, None)

    def remove(self, name: str) -> None:
        """Delete a fetched or imported model, and what an unfinished download of it left.

        Raises:
            ModelError: the program brings it, or there is none of that name.
        """
        if name in self._bundled:
            raise ModelError(f"The model “{name}” is a part of the program and cannot be removed.")
        leftovers = [path for path in (self._directory / ".partial").glob("*") if path.name.rpartition("-")[0] == name]
        folder = self._directory / name
        if not _NAME.fullmatch(name) or not (folder.is_dir() or leftovers):
            raise ModelError(f"There is no model “{name}” in {self._directory}; nothing was removed.")
        for path in (folder, *leftovers):
            shutil.rmtree(path, ignore_errors=True)

    def _installed(self) -> list[Path]:
        if not self._directory.is_dir():
            return []
        return [path for path in self._directory.iterdir() if path.is_dir() and _NAME.fullmatch(path.name)]

    def _ready(self, name: str) -> Path:
        folder = model_folder(self._directory / name)
        self._compare(name, folder)
        return folder

    def _compare(self, name: str, folder: Path) -> None:
        """Refuse a file that differs from the record; a folder without a record was put there by hand."""
        for item, recorded in recorded_hashes(folder).items():
            path = folder / item
            if not path.is_file() or sha256(path) != recorded:
                raise ModelError(f"The model “{name}” has changed on the disk ({item}); remove it and fetch it again.")

    def _make_room(self, partial: Path, files: Mapping[str, HubFile]) -> None:
        try:
            partial.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(
                f"The folder {self._directory} cannot be written to; choose another for models."
            ) from error
        have = sum(min(size(partial / local), file.size_bytes) for local, file in files.items())
        need = sum(file.size_bytes for file in files.values()) - have + _SPARE_BYTES
        free = self._free_bytes(partial)
        if free < need:
            raise ModelError(
                f"The model needs {need / 1e9:.1f} GB and {free / 1e9:.1f} GB are free on the disk of "
                f"{self._directory}; make room or choose a smaller one."
            )

    def _install(
        self, name: str, partial: Path, hashes: Mapping[str, str], repository: str | None, revision: str | None
    ) -> Path:
        """Move a complete folder to its place, in one step, after it is safely on the disk."""
        try:
            model_folder(partial)
        except ModelError:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        manifest = {"repository": repository, "revision": revision, "sha256": dict(hashes)}
        (partial / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
        for path in partial.iterdir():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
        target = self._directory / name
        if target.exists():
            shutil.rmtree(target)
        partial.rename(target)
        for stale in (self._directory / ".partial").glob("*"):
            if stale.name.rpartition("-")[0] == name:
                shutil.rmtree(stale, ignore_errors=True)
        return target


def _wanted(known: KnownModel, snapshot: Snapshot) -> dict[str, HubFile]:
    """Return the files of a repository that the model needs, by the name they get here."""
    prefix = f"{known.subfolder}/" if known.subfolder else ""
    by_name = {file.name: file for file in snapshot.files}
    files = {name: by_name[prefix + name] for name in WANTED if prefix + name in by_name}
    if not all(name in files for name in REQUIRED) or not any(name in files for name in VOCABULARIES):
        raise ModelError(f"The repository of “{known.name}” holds no faster-whisper model any more; choose another.")
    return files
