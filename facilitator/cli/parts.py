"""What several commands need: options written alike, progress, and the parts of a session made from a configuration."""

from __future__ import annotations

import asyncio
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
from facilitator.speech_server import ServerAddress, find_token
from speech.errors import ModelError, ModelNotFoundError
from speech.interruptions.detector import PrimedDetector
from speech.models import ModelInfo, ModelStore
from speech.ports import OtherVoiceDetector, Recognizer
from speech.recognition.server import ServerRecognizer
from speech.recognition.speed import KEEPS_UP, Speeds
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


def choose_model(config: Config, *, demo: bool = False, live: bool = True, measure: bool = True) -> Path | None:
    """Return the folder of the model that a session uses; None for none: none is here or wanted, or a server does it.

    Where the configuration leaves the choice, it is the largest that keeps up on this computer, else the smallest. It
    may measure, which takes a minute a model at most, with its progress shown: not to be called on a loop.

    Args:
        config: names a model or leaves the choice.
        demo: whether the demo model may be used: only on the sample call and in tests, for it writes down sentences of
            its closed domain whatever was said.
        live: False where it need not keep up with anybody: the largest.
        measure: False where nobody can wait: only what was measured before is known.

    Raises:
        ModelNotFoundError: the model that is named is not here, or is the demo model where it may not be used.
        ModelError: it is damaged.
    """
    store = model_store()
    wanted = config.transcription.model
    if (config.transcription.server or wanted == NONE) and not demo:
        return None
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
    fit = [info for info in installed_models() if not info.languages or config.session.language in info.languages]
    if not fit:
        return None
    return store.find_model((_keeping_up(config, fit, measure=measure) if live else fit[-1]).name)


def installed_models() -> list[ModelInfo]:
    """Return the models that are here for real sessions, the smallest first."""
    found = [info for info in model_store().list_models() if info.path is not None and not info.bundled]
    return sorted(found, key=lambda info: info.size_bytes)


def _keeping_up(config: Config, models: list[ModelInfo], *, measure: bool) -> ModelInfo:
    """Return the largest of `models` that keeps up, else the smallest. After one that does not, none is measured."""
    best = models[0]
    with progress("measuring models") as show:
        for count, info in enumerate(models):
            speed = speed_of(config, info.path)
            if speed is None and measure and info.path is not None:
                show(count, len(models))
                speed = measure_model(config, info.path)
            if speed is not None and speed <= KEEPS_UP:
                best = info
            elif measure:
                break
    return best


def speed_of(config: Config, model: Path | None) -> float | None:
    """Return the seconds of work for a second of speech, infinity for a model that failed; None when not measured."""
    if model is None:
        return None
    settings = config.transcription
    return _speeds().known(model, threads=_threads(config), compute_type=settings.compute_type)


def measure_model(config: Config, model: Path) -> float:
    """Measure a model now, in place of what was known; not to be called on a loop."""
    settings = config.transcription
    return asyncio.run(_speeds().measure(model, threads=_threads(config), compute_type=settings.compute_type))


def _speeds() -> Speeds:
    return Speeds(cache_folder("speeds") / "speeds.json")


def _threads(config: Config) -> int:
    return config.transcription.threads or 2


def as_agreed(config: Config, server: str) -> Config:
    """Return `config` for a session that was begun before: without a speech server but the one agreed to.

    Args:
        config: as it is now.
        server: host of the one that everybody agreed to; "" for none.
    """
    address = config.transcription.server_address
    if address is None or address.host == server:
        return config
    return config.model_copy(update={"transcription": config.transcription.model_copy(update={"server": ""})})


def server_of(config: Config, model: Path | None) -> ServerAddress | None:
    """Return the speech server that writes down where `choose_model` gave `model`; None for none."""
    return config.transcription.server_address if model is None else None


def told_of_recognizer(config: Config, model: Path | None) -> list[str]:
    """Return the languages' warnings about what writes down where `choose_model` gave `model`."""
    if model is None:
        if config.transcription.server_address is not None:
            return ["speech_server"]
        return [] if config.transcription.model == NONE else ["no_model"]
    speed = speed_of(config, model)
    return ["slow_model"] if speed is not None and speed > KEEPS_UP else []


def make_recognizer(config: Config, model: Path | None) -> Recognizer | None:
    """Return the recognizer for `model`, or over the speech server; nothing is started or opened yet.

    It may ask the system's keyring for the server's token: better not on a loop.

    Raises:
        StoreError: the keyring does not answer.
    """
    settings = config.transcription
    if model is not None:
        return WhisperRecognizer(
            model,
            threads=_threads(config),
            compute_type=settings.compute_type,
            glossary=settings.words_to_expect,
        )
    address = settings.server_address
    if address is None:
        return None
    return ServerRecognizer(
        address.url,
        model=settings.server_model,
        token=find_token(address),
        ca_file=Path(settings.server_ca_file) if settings.server_ca_file else None,
        glossary=settings.words_to_expect,
    )
