"""The check-up: each part, what is right, what is not, and the one thing to do about it."""

from __future__ import annotations

import asyncio
import platform
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facilitator.catalog import load_process
from facilitator.config import BROWSER, NONE, STAGE, TRACKS, Config
from facilitator.errors import FacilitatorError
from facilitator.languages import load_language
from speech.capture.device import DeviceSource
from speech.confinement import CORE, MEMORY, NETWORK, refused_here
from speech.detection import SileroDetector
from speech.devices import Device, Kind, choose, list_devices
from speech.errors import SpeechError
from speech.playback.device import DeviceSink
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
HEARD_CORRELATION = 0.3
"""From here on, what came back is what was played: noise alone stays below 0.1 over two seconds."""
LISTEN_AFTER_SECONDS = 1.0
"""Time for a device to open, and for the last of the sound to come back."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the check-up.

    Attributes:
        part: which part (`configuration`, `voice`, `call_input`, …).
        status: `ok`, `note` (it works, but know this) or `problem`.
        message: what is so.
        action: the one thing to do; "" when there is nothing.
    """

    part: str
    status: str
    message: str
    action: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """How the check-up gets at the parts that a session would use.

    Attributes:
        config_file: where the configuration was read; None for the defaults.
        open_voice, open_detector, choose_model, make_recognizer: as a session does it.
        speed_of: seconds of work for a second of speech, of a model that was measured; None for another.
    """

    config_file: Path | None
    open_voice: Callable[[], Awaitable[PromptCache]]
    open_detector: Callable[[], OtherVoiceDetector | None]
    choose_model: Callable[[], Path | None]
    make_recognizer: Callable[[Path | None], Recognizer | None]
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
    devices = await asyncio.to_thread(list_devices)
    for finding in _devices(config, devices):
        yield finding
    sound: Sound | None = None
    async for finding, rendered in _voice(config, parts):
        sound = rendered
        yield finding
    yield await asyncio.to_thread(_detector)
    yield await asyncio.to_thread(_interruptions, config, parts)
    model: Path | None = None
    async for finding, path in _model(config, parts):
        model = path
        yield finding
    if deep:
        async for finding in _deep(config, parts, devices, sound, model):
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


_NO_DEVICES: Mapping[str, Mapping[str, str]] = {
    "call_input": {
        BROWSER: "The console sends the sound of the tab or window that is shared with it.",
        TRACKS: "A meeting bot sends each participant's own track.",
    },
    "voice_output": {STAGE: "The participants' page plays the voice."},
}
"""What a name that is no device stands for."""


def _devices(config: Config, devices: tuple[Device, ...]) -> list[Finding]:
    audio = config.audio
    if not devices:
        action = "Start the sound server (pulseaudio or pipewire)." if sys.platform == "linux" else "Plug a device in."
        unused = {audio.call_input, audio.microphone_input, audio.voice_output} <= {NONE, STAGE, BROWSER, TRACKS}
        return [Finding("devices", "note" if unused else "problem", "No sound device was found.", action)]
    findings = [Finding("devices", "ok", f"{len(devices)} sound devices.")]
    wanted: tuple[tuple[str, str, Kind], ...] = (
        ("call_input", audio.call_input, "input"),
        ("microphone_input", audio.microphone_input, "input"),
        ("voice_output", audio.voice_output, "output"),
    )
    for part, name, kind in wanted:
        if name == NONE:
            what = "No device is chosen: nothing is played." if kind == "output" else "No device is chosen: not heard."
            findings.append(Finding(part, "note", what, f"Set {part} in [audio] to a name of `facilitator devices`."))
            continue
        if name in _NO_DEVICES.get(part, {}):
            findings.append(Finding(part, "ok", _NO_DEVICES[part][name]))
            continue
        try:
            device = choose(devices, name, kind)
        except SpeechError as error:
            findings.append(Finding(part, "problem", str(error), f"Set {part} in [audio]."))
        else:
            findings.append(Finding(part, "ok", f"{device.name} ({device.description})."))
    return findings


async def _voice(config: Config, parts: Parts) -> AsyncIterator[tuple[Finding, Sound | None]]:
    if not config.voice.enabled:
        yield Finding("voice", "note", "Switched off: messages are shown, not said."), None
        return
    started = time.monotonic()
    try:
        cache = await parts.open_voice()
        sound = await cache.render(SENTENCE.get(config.session.language, SENTENCE["en"]), private=True)
    except SpeechError as error:
        yield Finding("voice", "problem", str(error), "Set name in [voice], or leave it empty."), None
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


async def _model(config: Config, parts: Parts) -> AsyncIterator[tuple[Finding, Path | None]]:
    address = config.transcription.server_address
    if address is not None:
        way = "encrypted" if address.url.startswith("https:") else "in clear"
        message = (
            f"The sound of the written steps goes, {way}, to the speech server {address.host}, as the welcome says."
        )
        yield Finding("model", "note", message, "Empty server in [transcription] to keep it on this computer."), None
        return
    try:
        path = await asyncio.to_thread(parts.choose_model)
    except SpeechError as error:
        yield Finding("model", "problem", str(error), "Set model in [transcription]."), None
        return
    if path is None and config.transcription.model == NONE:
        yield Finding("model", "note", "Switched off: contract and plan are written by hand."), None
        return
    if path is None:
        action = "Run `facilitator models pull`."
        yield Finding("model", "note", "None is installed: contract and plan will not be written down.", action), None
        return
    speed = parts.speed_of(path)
    if speed is None:
        yield Finding("model", "ok", f"{path}."), path
    elif speed <= KEEPS_UP:
        yield Finding("model", "ok", f"{path}, which keeps up: {speed:.2f} s for a second of speech."), path
    else:
        yield Finding("model", "note", f"{path} is too slow here: its text will lag.", "Fetch a smaller one."), path


async def _deep(
    config: Config, parts: Parts, devices: tuple[Device, ...], sound: Sound | None, model: Path | None
) -> AsyncIterator[Finding]:
    if sound is None:
        return
    yield await _heard_back(config, devices, sound)
    recognizer = await asyncio.to_thread(parts.make_recognizer, model)
    if recognizer is None:
        return
    samples = resample(sound.samples, sound.rate_hz, RATE_HZ)
    try:
        await recognizer.transcribe(samples, language=config.session.language)
        started = time.monotonic()
        await recognizer.transcribe(samples, language=config.session.language)
        # a sound of any length up to 30 s costs about the same
        ratio = (time.monotonic() - started) / max(len(samples) / RATE_HZ, USUAL_SECONDS)
    except SpeechError as error:
        action = "Choose another model." if model is not None else "Correct [transcription] in the configuration."
        yield Finding("recognizer", "problem", str(error), action)
    else:
        message = f"{ratio:.2f} s for a second of speech."
        if ratio > KEEPS_UP:
            yield Finding("recognizer", "note", f"It lags: {message}", "Choose a smaller model, or a server.")
        else:
            yield Finding("recognizer", "ok", f"It keeps up: {message}")
    finally:
        await recognizer.close()


async def _heard_back(config: Config, devices: tuple[Device, ...], sound: Sound) -> Finding:
    """Play the sentence, and hear it where the call would: on the output's own monitor."""
    part = "route"
    if config.audio.voice_output == NONE:
        return Finding(part, "note", "Nothing was played: no output device is chosen.")
    if config.audio.voice_output == STAGE:
        return Finding(part, "note", "Nothing was played: the participants' page plays the voice.")
    try:
        output = choose(devices, config.audio.voice_output, "output")
        monitor = next((device for device in devices if device.name == f"{output.name}.monitor"), None)
        if monitor is None:
            return Finding(part, "note", "What was played cannot be heard back here.", "Ask somebody in the call.")
        heard = await _play_and_listen(sound, output.name, monitor.name)
    except SpeechError as error:
        return Finding(part, "problem", str(error), "Set voice_output in [audio].")
    played = resample(sound.samples, sound.rate_hz, RATE_HZ)
    if likeness(heard, played) < HEARD_CORRELATION:
        what = "played something else" if heard.any() else "stayed silent"
        return Finding(part, "problem", f"{output.name} {what}.", "Unmute it, or choose another output.")
    return Finding(part, "ok", f"The voice was heard back from {output.name}.")


async def _play_and_listen(sound: Sound, output: str, monitor: str) -> Samples:
    """Return what `monitor` carried while `sound` was played on `output`, at `RATE_HZ`."""
    source, sink = DeviceSource(monitor), DeviceSink(output)
    heard: list[Samples] = [np.zeros(0, dtype=np.float32)]

    async def listen() -> None:
        while (block := await source.read()) is not None:
            heard.append(block.samples)

    listening = asyncio.create_task(listen())
    try:
        await sink.open()
        await asyncio.sleep(LISTEN_AFTER_SECONDS)  # the monitor opens meanwhile
        await sink.play(sound, on_started=lambda _: None)
        await asyncio.sleep(LISTEN_AFTER_SECONDS)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await source.close()
        await sink.close()
    return np.concatenate(heard)


def likeness(heard: Samples, played: Samples) -> float:
    """Return the highest normalised correlation, 0 to 1, of `played` with any stretch of `heard`, both at one rate."""
    if len(heard) < len(played):
        return 0.0
    size = 1 << (len(heard) + len(played)).bit_length()
    cross = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(played, size)), size)
    cross = cross[: len(heard) - len(played) + 1]
    energy = np.concatenate([[0.0], np.cumsum(np.square(heard, dtype=np.float64))])
    window = energy[len(played) :] - energy[: -len(played)]
    scale = np.sqrt(window * float(np.sum(np.square(played, dtype=np.float64))))
    return float(np.max(np.abs(cross) / np.maximum(scale, 1e-9)))
