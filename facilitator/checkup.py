"""The check-up: each part, what is right, what is not, and the one thing to do about it."""

from __future__ import annotations

import asyncio
import math
import platform
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facilitator.catalog import load_process
from facilitator.config import NONE, Config
from facilitator.errors import FacilitatorError
from facilitator.findings import Finding
from facilitator.languages import load_language
from facilitator.sound_checkup import check_route, check_sound
from speech.confinement import CORE, MEMORY, NETWORK, refused_here
from speech.detection import SileroDetector
from speech.errors import SpeechError
from speech.ports import FRAME, RATE_HZ, OtherVoiceDetector, Recognizer, Samples, Sound
from speech.recognition.speed import KEEPS_UP
from speech.recognition.speed import SECONDS as USUAL_SECONDS
from speech.sound import resample
from speech.synthesis.cache import PromptCache

SENTENCE = {"fr": "Il reste deux minutes.", "en": "Two minutes left."}
UNCONFINED = {
    CORE: "After a crash, this system may write the facilitator's memory to the disk.",
    MEMORY: "Other programs of yours may read the facilitator's memory.",
    NETWORK: "This system does not keep the recognizer and the voice from the network: they do not use it.",
}


@dataclass(frozen=True, slots=True)
class Parts:
    """How the check-up gets at the parts that a session would use.

    Attributes:
        config_file: where the configuration was read; None for the defaults.
        open_voice, open_detector, choose_model, make_recognizer: as a session does it.
        speed_of: seconds of work for a second of speech, of a model that was measured; None for another.
        installed: name and folder of each model that a session may use, the smallest first.
        measure: measures a model now; infinity for one that fails.
    """

    config_file: Path | None
    open_voice: Callable[[], Awaitable[PromptCache]]
    open_detector: Callable[[], OtherVoiceDetector | None]
    choose_model: Callable[[], Path | None]
    make_recognizer: Callable[[Path | None], Recognizer | None]
    installed: Callable[[], list[tuple[str, Path]]]
    measure: Callable[[Path], float]
    speed_of: Callable[[Path], float | None] = lambda _: None


async def check_up(config: Config, parts: Parts, *, deep: bool) -> AsyncIterator[Finding]:
    """Give the findings, one part after the other.

    Args:
        config: the configuration in force.
        parts: makes the voice and the recognizer.
        deep: whether to play and hear back, and to measure the recognizer.
    """
    yield Finding("system", "ok", f"Python {platform.python_version()} on {platform.platform(terse=True)}.")
    read = f"Read from {parts.config_file}." if parts.config_file else "None of yours: the defaults hold."
    yield Finding("configuration", "ok", read)
    yield await asyncio.to_thread(_confinement)
    yield await asyncio.to_thread(_process, config)
    async for finding in check_sound(config):
        yield finding
    sound: Sound | None = None
    async for finding, rendered in _voice(config, parts):
        sound = rendered
        yield finding
    yield await asyncio.to_thread(_detector)
    yield await asyncio.to_thread(_interruptions, config, parts)
    yield await _model(config, parts)
    if deep:
        async for finding in _deep(config, parts, sound):
            yield finding


def _confinement() -> Finding:
    refused = refused_here()
    if not refused:
        return Finding("confinement", "ok", "Its memory stays its own, and its workers reach no network.")
    what = " ".join(sentence for name, sentence in UNCONFINED.items() if name in refused)
    return Finding("confinement", "note", what, "docs/security.md says what this means.")


def _process(config: Config) -> Finding:
    session = config.session
    try:
        process = load_process(session.process, session.processes_folder)
        server = config.transcription.server_address
        load_language(
            session.process,
            session.language,
            session.address,
            processes=session.processes_folder,
            keeps_sound=config.privacy.keep_sound,
            server=None if server is None else server.host,
        )
        process.plan(session.duration)
    except (FacilitatorError, ValueError) as error:
        return Finding("process", "problem", str(error), "Correct [session] in the configuration.")
    return Finding("process", "ok", f"{process.id}, {session.duration} minutes, in {session.language!r}.")


async def _voice(config: Config, parts: Parts) -> AsyncIterator[tuple[Finding, Sound | None]]:
    if not config.voice.enabled:
        yield Finding("voice", "note", "Switched off: messages are shown, not said."), None
        return
    started = time.monotonic()
    try:
        cache = await parts.open_voice()
        sound = await cache.render(SENTENCE.get(config.session.language, SENTENCE["en"]), private=True)
    except SpeechError as error:
        yield Finding("voice", "problem", str(error), "Set name in [voice], or leave it empty.", "no_voice"), None
        return
    yield Finding("voice", "ok", f"A sentence of {sound.seconds:.1f} s in {time.monotonic() - started:.1f} s."), sound


def _detector() -> Finding:
    try:
        SileroDetector().score(np.ones(FRAME, dtype=np.float32))  # silence would be told without the model
    except SpeechError as error:
        return Finding("detector", "problem", str(error), "Install the facilitator again.")
    return Finding("detector", "ok", "It hears when somebody speaks.")


def _interruptions(config: Config, parts: Parts) -> Finding:
    part, action = "interruptions", "Set detector in [listening], or leave it empty."
    try:
        detector = parts.open_detector()
    except (FacilitatorError, SpeechError) as error:
        return Finding(part, "problem", str(error), action)
    if detector is not None:
        return Finding(part, "ok", "It tells on one mixed call that somebody else speaks.")
    if config.listening.detector == NONE:
        return Finding(part, "note", "Switched off: on one mixed call none is told.", action)
    return Finding(part, "note", "The detector is missing: on one mixed call none is told.", "Install it again.")


async def _model(config: Config, parts: Parts) -> Finding:
    address = config.transcription.server_address
    if address is not None:
        way = "encrypted" if address.url.startswith("https:") else "in clear"
        message = (
            f"The sound of the written steps goes, {way}, to the speech server {address.host}, as the welcome says."
        )
        return Finding("model", "note", message, "Empty server in [transcription] to keep it on this computer.")
    try:
        path = await asyncio.to_thread(parts.choose_model)
    except SpeechError as error:
        return Finding("model", "problem", str(error), "Set model in [transcription].", "no_model")
    if path is None:
        return _no_model(config)
    speed = parts.speed_of(path)
    if speed is None:
        return Finding("model", "ok", f"{path}.")
    if speed <= KEEPS_UP:
        return Finding("model", "ok", f"{path}, which keeps up: {speed:.2f} s for a second of speech.")
    return Finding("model", "note", f"{path} is too slow here: its text will lag.", "Fetch a smaller one.", "slow")


def _no_model(config: Config) -> Finding:
    if config.transcription.model == NONE:
        return Finding("model", "note", "Switched off: contract and plan are written by hand.")
    message = "None is installed: contract and plan will not be written down."
    return Finding("model", "note", message, "Run `facilitator models pull`.", "no_model")


async def _deep(config: Config, parts: Parts, sound: Sound | None) -> AsyncIterator[Finding]:
    """Play and hear back, and measure what writes down."""
    if sound is not None:
        yield await check_route(config, sound)
    if config.transcription.server_address is None:
        async for finding in _speeds(parts):
            yield finding
    elif sound is not None:
        yield await _server(config, parts, resample(sound.samples, sound.rate_hz, RATE_HZ))


async def _speeds(parts: Parts) -> AsyncIterator[Finding]:
    """Measure every installed model here, and say which one a session takes."""
    keeping_up = []
    for name, path in await asyncio.to_thread(parts.installed):
        speed = await asyncio.to_thread(parts.measure, path)
        if speed <= KEEPS_UP:
            keeping_up.append(name)
            yield Finding("speed", "ok", f"{name} keeps up: {speed:.2f} s for a second of speech.")
        elif speed < math.inf:
            message = f"{name} lags: {speed:.2f} s for a second of speech."
            yield Finding("speed", "note", message, "Choose a smaller model, or a server.", "slow")
        else:
            action = f"Run `facilitator models pull {name}` again, or choose another."
            yield Finding("speed", "note", f"{name} failed, or took over a minute.", action, "failed")
    if keeping_up:
        yield Finding("recognizer", "ok", f"{keeping_up[-1]} is the largest that keeps up here.")


async def _server(config: Config, parts: Parts, samples: Samples) -> Finding:
    """Have the speech server write a sentence down."""
    try:
        recognizer = await asyncio.to_thread(parts.make_recognizer, None)
        assert recognizer is not None  # it has an address
        try:
            await recognizer.transcribe(samples, language=config.session.language)
            started = time.monotonic()
            await recognizer.transcribe(samples, language=config.session.language)
        finally:
            await recognizer.close()
    except (SpeechError, FacilitatorError) as error:
        return Finding("recognizer", "problem", str(error), "Correct [transcription] in the configuration.", "failed")
    # a sound of any length up to 30 s costs about the same
    ratio = (time.monotonic() - started) / max(len(samples) / RATE_HZ, USUAL_SECONDS)
    message = f"{ratio:.2f} s for a second of speech."
    if ratio > KEEPS_UP:
        return Finding("recognizer", "note", f"It lags: {message}", "Choose a smaller model, or a server.", "slow")
    return Finding("recognizer", "ok", f"It keeps up: {message}")
