"""What a model's folder must hold, and the record of what it held when it arrived."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from speech.errors import ModelError, ModelNotFoundError

REQUIRED = ("model.bin", "config.json", "tokenizer.json")
VOCABULARIES = ("vocabulary.json", "vocabulary.txt")
"""One of them: older conversions have the text file."""
WANTED = (*REQUIRED, *VOCABULARIES, "preprocessor_config.json")
"""All that faster-whisper reads; the last tells the larger models' 128 mel bands."""
MANIFEST = "manifest.json"
SUBFOLDER = "ctranslate2"
"""bofenghuang's distilled French models keep these files there, beside other formats (SPEECH.md)."""
_FORMAT_VERSIONS = range(1, 101)
"""First four bytes of model.bin, little endian: 6 so far. A web page or a zip saved under that name is far above."""


def model_folder(path: Path) -> Path:
    """Return the folder of the model at `path`: itself, or its `ctranslate2` subfolder.

    Raises:
        ModelError: there is no folder, a file is missing or empty, or the weights are of another format.
    """
    if not path.is_dir():
        raise ModelNotFoundError(f"There is no folder “{path.name}” with a speech model; check the path.")
    if not (path / "model.bin").exists() and (path / SUBFOLDER).is_dir():
        path = path / SUBFOLDER
    missing = [name for name in REQUIRED if not _has_content(path / name)]
    if not any(_has_content(path / name) for name in VOCABULARIES):
        missing.append("vocabulary.json")
    if missing:
        raise ModelError(
            f"The folder “{path.name}” is no complete faster-whisper model: {', '.join(missing)} is missing or empty; "
            "convert the model with ct2-transformers-converter, or fetch another."
        )
    with (path / "model.bin").open("rb") as file:
        version = int.from_bytes(file.read(4), "little")
    if version not in _FORMAT_VERSIONS:
        raise ModelError(f"The file model.bin in “{path.name}” holds no CTranslate2 model; fetch or import it again.")
    return path


def verified(path: Path, expected: str | None) -> str:
    """Return the file's sha256; one that differs from `expected` is deleted and refused."""
    actual = sha256(path)
    if expected is not None and actual != expected.lower():
        path.unlink()
        raise ModelError(f"The file {path.name} is not the one it should be and was removed; fetch the model again.")
    return actual


def sha256(path: Path) -> str:
    """Return the file's sha256 in lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def recorded_hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file when it arrived, by name; nothing for a folder without a record.

    Raises:
        ModelError: the record cannot be read.
    """
    try:
        manifest: Any = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return {str(name): str(value) for name, value in manifest["sha256"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"The record of the model “{folder.name}” is damaged; remove it and fetch it again."
        ) from error


def _has_content(path: Path) -> bool:
    return path.is_file() and size(path) > 0


def size(path: Path) -> int:
    """Return the file's length in bytes, 0 when there is none."""
    return path.stat().st_size if path.exists() else 0


def total_bytes(folder: Path) -> int:
    """Return the length of all files in `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
