"""The models that can be fetched, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from speech.model_files import SUBFOLDER


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that can be fetched.

    Attributes:
        name: what the user calls it.
        repository: owner and name on the hub.
        size_bytes: about how much it downloads; the hub tells the exact figure.
        languages: two-letter codes; empty for all of Whisper's, French and English among them.
        revision: the commit to fetch; None while nobody has pinned one: the newest, recorded at the first download.
        sha256: hash of each file where it is known; a missing or None one is recorded at the first download.
        subfolder: where in the repository the CTranslate2 files are; empty for its root.
    """

    name: str
    repository: str
    size_bytes: int
    languages: tuple[str, ...] = ()
    revision: str | None = None
    sha256: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))
    subfolder: str = ""


KNOWN_MODELS: Mapping[str, KnownModel] = MappingProxyType(
    {
        model.name: model
        for model in (
            # Repositories: faster_whisper/utils.py; the last from its model card. No build machine reaches the hub,
            # so no revision and no hash is pinned yet, and the last one's subfolder was never seen from here.
            KnownModel("tiny", "Systran/faster-whisper-tiny", 78_000_000),
            KnownModel("base", "Systran/faster-whisper-base", 148_000_000),
            KnownModel("small", "Systran/faster-whisper-small", 487_000_000),
            KnownModel("medium", "Systran/faster-whisper-medium", 1_531_000_000),
            KnownModel("large-v3-turbo", "mobiuslabsgmbh/faster-whisper-large-v3-turbo", 1_622_000_000),
            KnownModel(
                "large-v3-distil-fr",
                "bofenghuang/whisper-large-v3-distil-fr-v0.2",
                1_516_000_000,
                languages=("fr",),
                subfolder=SUBFOLDER,
            ),
        )
    }
)
