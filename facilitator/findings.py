"""What a check-up says of one part."""

from __future__ import annotations

from dataclasses import dataclass

CODES = frozenset(
    {
        *("no_server", "no_permission", "no_device", "not_chosen", "cannot_open"),
        *("muted", "silent", "nothing_plays", "wrong_device", "wrong_rate"),
        *("not_played", "not_heard_back", "no_voice", "no_model", "slow", "failed"),
    }
)
"""What a finding may be called, for scripts: none of them ever changes its meaning."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the check-up.

    Attributes:
        part: which part (`configuration`, `voice`, `call_input`, …).
        status: `ok`, `note` (it works, but know this) or `problem`.
        message: what is so.
        action: the one thing to do; "" when there is nothing.
        code: what was found, one of `CODES`; "" where there is nothing to say.
    """

    part: str
    status: str
    message: str
    action: str = ""
    code: str = ""
