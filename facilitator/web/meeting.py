"""What the service needs of a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from pydantic import BaseModel

from facilitator.core.snapshot import Snapshot
from facilitator.core.stage import StageView

Line = dict[str, Any]
"""A line of JSON."""
End = Callable[[], None]
"""Called to end what was begun; once."""


class RefusedError(Exception):
    """A command that was not done: the HTTP status, a stable code, and one sentence for the animator."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code


class Tab(Protocol):
    """The session's side of one open stage."""

    @property
    def sound(self) -> str:
        """Whether this tab plays: `off` (the voice is elsewhere), `locked`, `here`, or `elsewhere` (another tab)."""
        ...

    def unlocked(self, *, unlocked: bool) -> None:
        """The browser lets this tab play, or no longer."""
        ...

    def played(self, prompt_id: str, started_at: float | None) -> None:
        """The prompt's first sound is played at session second `started_at`; None: now."""
        ...

    def close(self) -> None:
        """The tab is gone; called once."""
        ...


class Tabs(Protocol):
    """The session's side of the stage."""

    @property
    def sound(self) -> str:
        """Whether the voice comes from the stage: `off` (from elsewhere), `locked` (no tab may play), or `on`."""
        ...

    def open(self, tell: Callable[[Line], None]) -> Tab:
        """A stage was opened; `tell` sends it `prompt` and `stop` lines."""
        ...

    def wav(self, prompt_id: str) -> bytes | None:
        """Return the prompt that a tab was told to play, as a WAV file; None for any other."""
        ...


class Inlet(Protocol):
    """The session's side of a channel whose sound is sent to it."""

    @property
    def listening(self) -> bool:
        """Whether what is sent now is heard."""
        ...

    @property
    def received(self) -> int:
        """Samples taken of the present capture."""
        ...

    def follow(self, on_change: Callable[[], None]) -> End:
        """Have `on_change` called when `listening` changes."""
        ...

    def begin(self) -> bool:
        """Take a sender; False while there is another one."""
        ...

    def resume(self, capture: str) -> None:
        """Go on with a capture where it was, or begin it; ValueError after sound."""
        ...

    def take(self, pcm: bytes) -> None:
        """Take the next sound; ValueError when it is none, or too much."""
        ...

    def skip(self, samples: int) -> None:
        """So many samples are lost."""
        ...

    def end(self) -> None:
        """The sender is gone; called once for each `begin`."""
        ...


class Meeting(Protocol):
    """What the service serves."""

    @property
    def inlets(self) -> Mapping[str, Inlet]:
        """The channels whose sound is sent, by name."""
        ...

    @property
    def commands(self) -> Mapping[str, type[BaseModel]]:
        """Every command's values by its name."""
        ...

    @property
    def tabs(self) -> Tabs:
        """The stage's tabs."""
        ...

    def strings(self) -> Mapping[str, str]:
        """Return the words of the pages by key, such as `interface.stage.paused`."""
        ...

    def snapshot(self) -> Snapshot:
        """Return what is to be shown to the animator now."""
        ...

    def stage(self) -> StageView:
        """Return what everybody may see now."""
        ...

    async def command(self, name: str, values: Line, if_step: str | None) -> Mapping[str, Any] | None:
        """Do a command; return what its answer says beside the snapshot.

        Raises:
            RefusedError: it was not done.
        """
        ...

    def follow(self, on_line: Callable[[Line], None]) -> End:
        """Have `on_line` called with every event line from now on."""
        ...

    def watch_changes(self, on_change: Callable[[], None]) -> End:
        """Have `on_change` called when a snapshot may show something else than before, beside the passing of time."""
        ...
