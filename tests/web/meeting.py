"""A meeting of three steps for the service's tests: no clock, no devices, everything that was done is noted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from facilitator import commands
from facilitator.core.snapshot import Snapshot, StepView
from facilitator.core.stage import StageView
from facilitator.web.service import RefusedError
from speech.capture.ingest import Inlet

WAV = b"RIFF of the prompt"
STEPS = ("welcome", "presentation", "clarification")


class FakeTab:
    """Notes what its stage says. It plays from when it is unlocked."""

    def __init__(self, tabs: FakeTabs, tell: Callable[[dict[str, Any]], None]) -> None:
        self.tell = tell
        self.said: list[object] = []
        self.sound = "locked"
        self._tabs = tabs

    def unlocked(self, *, unlocked: bool) -> None:
        self.said.append(unlocked)
        self.sound = "here" if unlocked else "locked"
        self._tabs.changed()

    def played(self, prompt_id: str, started_at: float | None) -> None:
        self.said.append((prompt_id, started_at))

    def close(self) -> None:
        self._tabs.there.remove(self)


class FakeTabs:
    """The open tabs; every one can play the prompt `p1`."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.there: list[FakeTab] = []
        self.changed = changed

    @property
    def sound(self) -> str:
        return "on" if any(tab.sound == "here" for tab in self.there) else "locked"

    def open(self, tell: Callable[[dict[str, Any]], None]) -> FakeTab:
        self.there.append(FakeTab(self, tell))
        return self.there[-1]

    def wav(self, prompt_id: str) -> bytes | None:
        return WAV if prompt_id == "p1" else None


class FakeMeeting:
    """Does commands as a session would, as far as the service can tell.

    Attributes:
        done: name and values of every command that was done.
        followers: who is told event lines.
        defect: raised by the next command and the next snapshot, as a defect of the meeting's own would be.
        title: shown in the snapshot: a way to make it large.
    """

    def __init__(self) -> None:
        self.done: list[tuple[str, dict[str, Any]]] = []
        self.followers: list[Callable[[dict[str, Any]], None]] = []
        self.defect: Exception | None = None
        self.title = "Accueil"
        self.tabs = FakeTabs(self.change)
        self.inlets = {"call": Inlet()}
        self.watchers: list[Callable[[], None]] = []
        self._place = 0

    @property
    def step(self) -> str:
        """The id of the present step."""
        return STEPS[self._place]

    @property
    def commands(self) -> dict[str, type[BaseModel]]:
        """Every command of a session but for the handing over."""
        return dict(commands.COMMANDS)

    def strings(self) -> dict[str, str]:
        return {"interface.stage.paused": "En pause", "interface.console.next": "Étape suivante"}

    def stage(self) -> StageView:
        """Return what everybody sees of the present step."""
        if self.defect is not None:
            raise self.defect
        return StageView(
            now=float(len(self.done)),
            phase="running",
            listening="on",
            language="fr",
            step=self.step,
            title=self.title,
            who="Tout le monde",
            number=self._place + 1,
            count=len(STEPS),
            planned_seconds=300.0,
            remaining_seconds=300.0 - len(self.done),
            paused=False,
            overrun=False,
            shows=None,
            contract=None,
            facts=(),
            speaking=None,
        )

    def change(self) -> None:
        """Tell those who watch that something else is to be shown."""
        for on_change in tuple(self.watchers):
            on_change()

    def watch_changes(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Have `on_change` called when something else is to be shown."""
        self.watchers.append(on_change)
        return lambda: self.watchers.remove(on_change)

    def snapshot(self) -> Snapshot:
        """Return a snapshot of the present step."""
        if self.defect is not None:
            raise self.defect
        return Snapshot(
            at=float(len(self.done)),
            phase="running",
            listening="off",
            process="codev",
            language="fr",
            step=self.step,
            title=self.title,
            who="Tout le monde",
            holder=None,
            rights="free",
            written_down=None,
            interruptions=None,
            planned_seconds=300.0,
            elapsed_seconds=0.0,
            left_seconds=300.0,
            overrun_seconds=0.0,
            ends_at=900.0,
            expected_end=900.0,
            following=None,
            steps=tuple(StepView(step, step, 300.0, "to_come", None) for step in STEPS),
            speaking=None,
            pending=(),
            cues=(),
            warnings=(),
            records={},
            rebudget=None,
        )

    async def command(self, name: str, values: dict[str, Any], if_step: str | None) -> None:
        """Do a command, or refuse it as a live session does."""
        if self.defect is not None:
            raise self.defect
        if if_step is not None and if_step != self.step:
            raise RefusedError(409, "not_this_step", "La séance n'en est plus là.")
        try:
            commands.read(name, values, 0.0)
        except commands.CommandError as error:
            raise RefusedError(400, error.code, str(error)) from None
        if name == "next":
            if self._place == len(STEPS) - 1:
                raise RefusedError(409, "last_step", "C'était la dernière étape.")
            self._place += 1
        self.done.append((name, values))
        self.tell({"type": "step_started" if name == "next" else name, "at": 1.0, "step": self.step})

    def follow(self, on_line: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Have `on_line` called with every line."""
        self.followers.append(on_line)
        return lambda: self.followers.remove(on_line)

    def tell(self, line: dict[str, Any]) -> None:
        """Tell every follower an event line."""
        for follower in tuple(self.followers):
            follower(line)
        self.change()
