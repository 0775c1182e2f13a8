"""What several commands need: options written alike, progress, and the parts of a session made from a configuration."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from platformdirs import user_cache_path
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from facilitator.config import NONE, Config
from facilitator.data import data_path
from facilitator.errors import InstallationError, UsageError
from speech.errors import ModelError, ModelNotFoundError
from speech.interruptions.detector import PrimedDetector
from speech.models import ModelStore
from speech.ports import OtherVoiceDetector, Recognizer
from speech.recognition.whisper import WhisperRecognizer
from speech.synthesis.cache import PromptCache
from speech.synthesis.pyttsx3 import Pyttsx3Synthesizer

DEMO_MODEL = "demo"
FLOOR_MODEL = "floor"
OnProgress = Callable[[int, int], None]

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="A configuration file, instead of yours or the defaults.", metavar="FILE"),
]
LanguageOption = Annotated[str | None, typer.Option("--language", help="Two letters, such as fr or en.")]
SpeedOption = Annotated[
    str,
    typer.Option("--speed", help="Seconds of recording in a second, or max for as fast as possible.", metavar="N|max"),
]

errors = Console(stderr=True, highlight=False)
output = Console(highlight=False)


def parse_speed(text: str) -> float:
    """Return a speed from `--speed`.

    Raises:
        UsageError: it is neither a number above 0 nor `max`.
    """
    try:
        speed = math.inf if text == "max" else float(text)
    except ValueError:
        speed = math.nan
    if not speed > 0:
        raise UsageError(f"The speed {text!r} must be a number above 0, such as 1 or 4, or max.")
    return speed


@contextmanager
def progress(what: str) -> Iterator[OnProgress]:
    """Show the progress of `what` on a terminal's stderr; give what is told (done, total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def cache_folder(name: str) -> Path:
    """Return the folder `name` in the user's cache; nothing private ever goes there."""
    return user_cache_path("codev-facilitator", appauthor=False) / name


def demo_model() -> Path:
    """Return the folder of the model that comes along."""
    return data_path("models") / DEMO_MODEL


def model_store() -> ModelStore:
    """Return the models of this computer, with the one that comes along."""
    return ModelStore(bundled={DEMO_MODEL: demo_model()})


def floor_model() -> Path | None:
    """Return the folder of the detector of other voices that comes along; None where the installation lacks it."""
    try:
        return data_path(f"models/{FLOOR_MODEL}")
    except InstallationError:
        return None


def open_detector(config: Config) -> OtherVoiceDetector | None:
    """Return what tells other voices on a mixed call, loaded; None when the configuration or the installation has none.

    Raises:
        UsageError: the configuration names a folder that holds no such model.
        ModelError: the one that comes along is damaged.
    """
    wanted = config.listening.detector
    if wanted == NONE:
        return None
    if wanted:
        try:
            return PrimedDetector(Path(wanted))
        except ModelError:
            raise UsageError(
                f"The folder {wanted} holds no detector of interruptions: name another in [listening] detector, or "
                "leave it empty for the one that comes along."
            ) from None
    folder = floor_model()
    return None if folder is None else PrimedDetector(folder)


async def open_voice(config: Config, language: str) -> PromptCache:
    """Return what renders the prompts.

    Raises:
        VoiceNotFoundError: the computer has no such voice.
        SynthesisError: it has no speech engine, or the engine does not answer.
    """
    voice = await Pyttsx3Synthesizer.open(
        config.voice.name, language=language, words_per_minute=config.voice.words_per_minute
    )
    return PromptCache(cache_folder("prompts"), voice)


def choose_model(config: Config, *, demo: bool = False) -> Path | None:
    """Return the folder of the model that a session uses; None when none is installed.

    Args:
        config: names a model or leaves the choice.
        demo: whether the demo model may be used: only on the sample call and in tests, for it writes down sentences of
            its closed domain whatever was said.

    Raises:
        ModelNotFoundError: the model that is named is not here, or is the demo model where it may not be used.
        ModelError: it is damaged.
    """
    store = model_store()
    wanted = config.transcription.model
    if wanted:
        found = store.find_model(wanted)
        if not demo and found.samefile(demo_model()):
            raise ModelNotFoundError(
                "The demo model only knows the sample session and invents contracts from real speech: "
                "choose another with `facilitator models list`."
            )
        return found
    if demo:
        return store.find_model(DEMO_MODEL)
    installed = [info for info in store.list_models() if info.path is not None and not info.bundled]
    best = max(installed, key=lambda info: info.size_bytes, default=None)
    return None if best is None else store.find_model(best.name)


def make_recognizer(config: Config, model: Path | None) -> Recognizer | None:
    """Return the recognizer for `model`; nothing is started yet."""
    if model is None:
        return None
    settings = config.transcription
    return WhisperRecognizer(model, threads=settings.threads or 2, compute_type=settings.compute_type)
