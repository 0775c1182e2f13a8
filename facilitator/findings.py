"""What a check-up says of one part."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the check-up.

    Attributes:
        part: which part (`configuration`, `voice`, `call_input`, …).
        status: `ok`, `note` (it works, but know this) or `problem`.
        message: what is so.
        action: the one thing to do; "" when there is nothing.
        code: what was found, in one word that stays the same (`muted`, `no_server`, …); "" where nothing is wrong.
    """

    part: str
    status: str
    message: str
    action: str = ""
    code: str = ""
