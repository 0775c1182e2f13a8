"""What the core asks of a language: words for a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Wording(Protocol):
    """Puts keys into words in one language."""

    def text(
        self,
        key: str,
        *,
        names: Mapping[str, tuple[str, ...]],
        holder: str | None,
        seconds: float = 0.0,
        words: str = "",
    ) -> str:
        """Return the words for `key`.

        Args:
            key: its place in the language's file, such as `steps.presentation.opening`.
            names: names by role, in order; a role without names is called by what the language calls the role.
            holder: the role that `{holder}` stands for.
            seconds: what `{time}` stands for, said in whole or half minutes.
            words: what `{words}` stands for.
        """
        ...
