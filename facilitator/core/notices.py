"""What the animator alone is told: cues that leave by themselves, and warnings that stay."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PrivateCue:
    """Something for the animator's eyes alone.

    Attributes:
        kind: why (`talk_over`, `withheld`, …).
        text: the sentence shown.
        at: since when, session seconds.
        until: when it leaves by itself, session seconds.
        action: the command that its button sends, or "".
    """

    kind: str
    text: str
    at: float
    until: float
    action: str = ""


@dataclass(frozen=True, slots=True)
class WarningView:
    """Something that the animator was told: its code, its sentence, and when it was told last, session seconds."""

    code: str
    message: str
    at: float
