"""What the animator alone is told: cues that leave by themselves, and warnings."""

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
        key: what `say` is to say, a key of the process's prompts; "" for the last prompt again.
        seconds: what `extend` is to add; 0 for any other action.
    """

    kind: str
    text: str
    at: float
    until: float
    action: str = ""
    key: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class WarningView:
    """Something that the animator was told: its code, its sentence, and when it was told last, session seconds.

    `part` is the part whose state it is, as in `health.PARTS`, which it leaves with; "" for what happened.
    """

    code: str
    message: str
    at: float
    part: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """What may be taken in place of a lost `device`: `name` opens it, `description` is what people call it."""

    device: str
    name: str
    description: str
