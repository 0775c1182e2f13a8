"""What happens, as lines in a terminal, in the session's language."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from facilitator.cli.screen import Screen
from facilitator.core import facts
from facilitator.wording import Language

INDENT = " " * 7


class Narrator:
    """Prints facts as they happen.

    Args:
        console: where.
        language: the words.
        words: whether what is written down is printed, too; not in a live session, which a terminal's history outlives.
    """

    def __init__(self, console: Console | Screen, language: Language, *, words: bool) -> None:
        self._console = console
        self._language = language
        self._shows_words = words
        self._texts: dict[str, str] = {}
        self._writers: dict[type[facts.Fact], Callable[..., str | None]] = {
            facts.StepStarted: self._step,
            facts.StepEnded: self._step_ended,
            facts.PromptSpoken: self._spoken,
            facts.PromptWithheld: self._withheld,
            facts.InterruptionFlagged: self._flagged,
            facts.UtteranceTranscribed: self._transcribed,
            facts.RecordAgreed: self._agreed,
            facts.Warning: lambda fact: f"[yellow]! {escape(fact.message)}[/]",
            facts.DeviceLost: lambda fact: self._device("device_lost", fact.device),
            facts.DeviceRecovered: lambda fact: self._device("device_recovered", fact.device),
            facts.ListeningPaused: lambda _: self._words("listening.paused"),
            facts.ListeningResumed: lambda _: self._words("listening.on"),
            facts.SessionPaused: lambda _: self._words("phases.paused"),
            facts.SessionResumed: lambda _: self._words("phases.running"),
            facts.SessionEnded: lambda _: f"[bold]{self._words('session_over')}[/]",
        }

    def tell(self, fact: facts.Fact) -> None:
        """Print `fact`, where it says anything to the animator."""
        writer = self._writers.get(type(fact))
        line = writer(fact) if writer is not None else None
        if line is not None:
            self._console.print(f"[dim]{clock(fact.at)}[/]  {line}", soft_wrap=True)

    def warn(self, message: str) -> None:
        """Print something that the animator was told before."""
        self._console.print(f"[yellow]! {escape(message)}[/]", soft_wrap=True)

    def document(self, path: Path) -> None:
        """Print that a document was written."""
        self._console.print(self._words("document_written", path=str(path)), style="bold green", soft_wrap=True)

    def _words(self, key: str, **values: object) -> str:
        return escape(self._language.plain(f"interface.{key}", **values))

    def _device(self, key: str, device: str) -> str:
        name = self._language.device(device)
        return f"[yellow]! {self._words(f'warnings.{key}', words=name)}[/]"

    def _title(self, step: str) -> str:
        return escape(self._language.plain(f"steps.{step}.title"))

    def _step(self, fact: facts.StepStarted) -> str:
        planned = self._words("planned", time=self._language.time(fact.seconds))
        return f"[bold cyan]{self._title(fact.step)}[/]  {planned}"

    def _step_ended(self, fact: facts.StepEnded) -> str | None:
        if fact.overrun_seconds < 1:
            return None
        return self._words("overrun", time=self._language.time(fact.overrun_seconds))

    def _spoken(self, fact: facts.PromptSpoken) -> str:
        return f"[magenta]{self._words('speaking' if fact.completed else 'cut_short', words=fact.text)}[/]"

    def _withheld(self, fact: facts.PromptWithheld) -> str:
        reason = self._language.plain(f"reasons.{fact.reason}")
        return f"[yellow]{self._words('withheld', reason=reason, words=fact.text)}[/]"

    def _flagged(self, fact: facts.InterruptionFlagged) -> str:
        name = fact.who or self._language.plain("interface.somebody")
        return f"[yellow]{self._words(f'flags.{fact.kind}', name=name)}[/]"

    def _transcribed(self, fact: facts.UtteranceTranscribed) -> str | None:
        if fact.stage == "partial" or not self._shows_words or self._texts.get(fact.id) == fact.text:
            return None
        self._texts[fact.id] = fact.text  # a final pass that finds the same words is no news
        return f"[green]{escape(fact.who or fact.channel)}[/] : {escape(fact.text)}"

    def _agreed(self, fact: facts.RecordAgreed) -> str:
        title = escape(self._language.plain(f"documents.{fact.record}.title"))
        head = f"[bold green]{title}, {self._words('agreed')}[/] ({escape(fact.agreed_by)})"
        text = escape(fact.text).replace("\n", f"\n{INDENT}")
        return f"{head}\n{INDENT}{text}" if self._shows_words else head


def clock(seconds: float) -> str:
    """Return session seconds as minutes and seconds, `07:05`."""
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    return f"{minutes:02d}:{rest:02d}"
