"""What the core refuses, as codes that the languages' files put into words."""

from __future__ import annotations


class ProcessError(ValueError):
    """A process that cannot be held. The message is one plain sentence that names the step or the key."""


class IllegalEventError(Exception):
    """An event that the state does not allow. The state is unchanged.

    Attributes:
        code: what is wrong, a key of the languages' `refusals` table.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
