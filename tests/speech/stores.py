"""A store of models on a small fake hub, for the tests of models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from speech.hub import Hub
from speech.model_catalog import KnownModel
from speech.models import ModelStore
from tests.hub import FakeHub

DEMO = Path(__file__).resolve().parents[2] / "models" / "demo"
WEIGHTS = (6).to_bytes(4, "little") + bytes(range(256)) * 20_000  # 5 MB: several chunks
FILES = {
    "model.bin": WEIGHTS,
    "config.json": b"{}",
    "tokenizer.json": b'{"model": {}}',
    "vocabulary.txt": b"a\nb\n",
    "README.md": b"not needed",
}
TOTAL = sum(len(content) for name, content in FILES.items() if name != "README.md")
IN_FLIGHT = 3_500_000
"""What a broken connection may swallow in the system's and aiohttp's buffers on its way to the disk."""
TINY = KnownModel("tiny", "owner/tiny", 5_000_000)


def store(directory: Path, hub: FakeHub | None = None, known: KnownModel = TINY, **settings: Any) -> ModelStore:
    source = Hub(hub.url if hub else "http://127.0.0.1:9", retry_seconds=0.0, stall_seconds=0.5)
    return ModelStore(directory, known={known.name: known}, hub=source, **settings)


def write_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()
