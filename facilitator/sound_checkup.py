"""The check-up of the sound: each device is opened for a moment; what is heard is looked at and forgotten."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping

import numpy as np

from facilitator.config import BROWSER, NONE, STAGE, TRACKS, Config
from facilitator.findings import Finding
from speech.capture.device import DeviceSource
from speech.devices import Device, Kind, Server, choose, list_devices, sound_server
from speech.errors import SpeechError
from speech.playback.device import DeviceSink
from speech.ports import RATE_HZ, Block, Samples, Sound
from speech.silence import Condition, Silence, why_silent
from speech.sound import resample

LISTEN_SECONDS = 1.5
"""Sound that tells zeros from the faintest noise, and time for the sound server to say what it knows."""
SETTLE_SECONDS = 1.0
"""Time for the monitor to open while the output plays silence."""
LISTEN_AFTER_SECONDS = 1.0
"""Time for the last of the sound to come back."""
HEARD_CORRELATION = 0.3
"""From here on, what came back is what was played: noise alone stays below 0.1 over two seconds."""
SLOW_SECONDS = 0.5
"""A voice that comes later than this is felt to lag."""
_TONE_SECONDS, _TONE_HZ = 0.5, (300.0, 3000.0)
"""A tone that rises marks its own place to the sample; both ends are in every call's band."""
_FAINTEST = 1e-3
"""What is fainter than the loudest that was heard by so much is not it."""
_REFUSABLE = sys.platform in {"darwin", "win32"}

_NO_DEVICES: Mapping[str, Mapping[str, str]] = {
    "call_input": {
        BROWSER: "The console sends the sound of the tab or window that is shared with it.",
        TRACKS: "A meeting bot sends each participant's own track.",
    },
    "voice_output": {STAGE: "The participants' page plays the voice."},
}
"""What a name that is no device stands for."""
_NOTHING_THERE = {
    Server.REFUSES: (
        "no_permission",
        "The sound server does not let this program in.",
        "Run it as the user who is logged in at this computer.",
    ),
    Server.DOWN: ("no_server", "No sound server answers.", "Start the sound server (pulseaudio or pipewire)."),
    Server.ANSWERS: ("no_device", "The sound server has no device at all.", "Plug one in, or switch it on."),
    Server.NONE: ("no_device", "No sound device was found.", "Plug one in, or switch it on."),
}
_SILENT = {
    Silence.REFUSED: (
        "problem",
        "no_permission",
        "The system gives only silence.",
        "Allow it in the privacy settings.",
    ),
    Silence.MUTED: ("problem", "muted", "It is muted.", "Unmute it in the system's sound settings."),
    Silence.NOTHING_PLAYS: (
        "note",
        "nothing_plays",
        "No program plays into it now.",
        "In the call, choose this output.",
    ),
    Silence.WRONG_DEVICE: (
        "problem",
        "wrong_device",
        "No program plays into it, and one plays into {elsewhere}.",
        "If that is the call, set call_input to {elsewhere}, or change the call's output.",
    ),
    Silence.NO_SOUND: (
        "problem",
        "silent",
        "It gives nothing at all, not even noise.",
        "Check its button and its plug, or choose another one.",
    ),
}


async def check_sound(config: Config) -> AsyncIterator[Finding]:
    """Give the findings about the devices."""
    audio = config.audio
    devices = await asyncio.to_thread(list_devices)
    if not devices:
        code, message, action = _NOTHING_THERE[await asyncio.to_thread(sound_server)]
        unused = {audio.call_input, audio.microphone_input, audio.voice_output} <= {NONE, STAGE, BROWSER, TRACKS}
        yield Finding("devices", "note" if unused else "problem", message, action, code)
        return
    yield Finding("devices", "ok", f"{len(devices)} sound devices.")
    wanted: list[tuple[str, str, Kind]] = [
        ("call_input", audio.call_input, "input"),
        ("microphone_input", audio.microphone_input, "input"),
        ("voice_output", audio.voice_output, "output"),
    ]
    beside: tuple[tuple[str, str, Kind], ...] = (
        ("microphone_to_call", audio.microphone_to_call, "input"),
        ("voice_monitor", audio.voice_monitor, "output"),
    )
    if audio.voice_output not in {NONE, STAGE}:  # most do without them
        wanted += [one for one in beside if one[1] != NONE]
    for finding in await asyncio.gather(*(_device(devices, *what) for what in wanted)):
        yield finding


async def _device(devices: tuple[Device, ...], part: str, name: str, kind: Kind) -> Finding:
    if name == NONE:
        what = "No device is chosen: nothing is played." if kind == "output" else "No device is chosen: not heard."
        action = f"Set {part} in [audio] to a name of `facilitator devices`."
        return Finding(part, "note", what, action, "not_chosen")
    if name in _NO_DEVICES.get(part, {}):
        return Finding(part, "ok", _NO_DEVICES[part][name])
    try:
        device = choose(devices, name, kind)
    except SpeechError as error:
        return Finding(part, "problem", str(error), f"Set {part} in [audio].", "no_device")
    try:
        return await (_output if kind == "output" else _input)(part, device)
    except SpeechError as error:
        return Finding(part, "problem", str(error), "Close what else uses it, or choose another.", "cannot_open")


def _rate(part: str, device: Device) -> Finding | None:
    """Say that a device gives less than the recognizer needs."""
    if not 0 < device.rate_hz < RATE_HZ:
        return None
    message = f"{device.name} runs at {device.rate_hz} Hz, as a telephone does: words are lost on it."
    action = "Take the headset out of its hands-free mode, or choose another device."
    return Finding(part, "problem", message, action, "wrong_rate")


async def _output(part: str, device: Device) -> Finding:
    told: list[bool] = []
    sink = DeviceSink(device.name)
    sink.on_muted = told.append
    try:
        await sink.open()
    finally:
        await sink.close()
    if told == [True]:
        action = "Unmute it in the system's sound settings."
        return Finding(part, "problem", f"{device.name} ({device.description}): it is muted.", action, "muted")
    return _rate(part, device) or Finding(part, "ok", f"{device.name} ({device.description}) opens.")


async def _input(part: str, device: Device) -> Finding:
    named = f"{device.name} ({device.description})"
    blocks, condition = await listen(device.name, LISTEN_SECONDS)
    wrong_rate = _rate(part, device)
    if wrong_rate is not None:
        return wrong_rate
    if any(block.samples.any() for block in blocks):
        return Finding(part, "ok", f"{named} gives sound.")
    call = part == "call_input"
    why = why_silent(condition or Condition(), microphone=not call, carried=False, refusable=_REFUSABLE)
    if why not in _SILENT:
        return Finding(part, "ok", f"{named}: a program plays into it, silence for now.")
    status, code, message, action = _SILENT[why]
    elsewhere = "" if condition is None else condition.elsewhere
    told, do = (text.format(elsewhere=elsewhere) for text in (message, action))
    return Finding(part, status, f"{named}: {told[0].lower()}{told[1:]}", do, code)


async def listen(name: str, seconds: float) -> tuple[list[Block], Condition | None]:
    """Return some seconds of a device's sound, and what the system says of it.

    Raises:
        SourceLostError: it cannot be opened, or went away.
    """
    source = DeviceSource(name)
    blocks: list[Block] = []
    try:
        while sum(len(block.samples) for block in blocks) < seconds * RATE_HZ:
            block = await source.read()
            assert block is not None  # it is closed below
            blocks.append(block)
    finally:
        await source.close()
    return blocks, source.condition


async def check_route(config: Config, sentence: Sound) -> Finding:
    """Play a tone and a sentence, and hear them where the call would: on the output's own monitor."""
    part = "route"
    if config.audio.voice_output in {NONE, STAGE}:
        played = "no output device is chosen" if config.audio.voice_output == NONE else "the participants' page plays"
        return Finding(part, "note", f"Nothing was played: {played}.", code="not_played")
    devices = await asyncio.to_thread(list_devices)
    try:
        output = choose(devices, config.audio.voice_output, "output")
        monitor = next((device for device in devices if device.name == f"{output.name}.monitor"), None)
        if monitor is None:
            message = "What was played cannot be heard back here."
            return Finding(part, "note", message, "Ask somebody in the call.", "not_heard_back")
        tone = _tone(sentence.rate_hz)
        both = Sound(np.concatenate([tone, sentence.samples]), sentence.rate_hz)
        blocks, asked_at = await _play_and_listen(both, output.name, monitor.name)
    except SpeechError as error:
        return Finding(part, "problem", str(error), "Set voice_output in [audio].", "cannot_open")
    heard = np.concatenate([np.zeros(0, dtype=np.float32), *(block.samples for block in blocks)])
    marks = [resample(one, sentence.rate_hz, RATE_HZ) for one in (tone, sentence.samples)]
    (tone_at, tone_likeness), (_, likeness) = (place_of(one, heard) for one in marks)
    if min(tone_likeness, likeness) < HEARD_CORRELATION:
        what = "played something else" if heard.any() else "stayed silent"
        action = "Unmute it, or choose another output."
        return Finding(part, "problem", f"{output.name} {what}.", action, "not_heard_back")
    took = _time_of(tone_at, blocks) - asked_at
    message = (
        f"A tone and a sentence were heard back from {output.name}, {1000 * took:.0f} ms after they were asked for."
    )
    if took > SLOW_SECONDS:
        return Finding(part, "note", message, "Choose an output without effects or Bluetooth.", "slow")
    return Finding(part, "ok", message)


def _tone(rate_hz: int) -> Samples:
    """Return a tone that rises, faded at both ends."""
    at = np.arange(round(_TONE_SECONDS * rate_hz)) / rate_hz
    low, high = _TONE_HZ
    phase = 2 * np.pi * (low * at + (high - low) * at**2 / (2 * _TONE_SECONDS))
    faded = 0.3 * np.sin(phase) * np.sin(np.pi * at / _TONE_SECONDS)
    return faded.astype(np.float32)


def _time_of(place: int, blocks: list[Block]) -> float:
    """Return when the sample at `place` of all `blocks` was taken: each block knows its own time."""
    for block in blocks:
        if place < len(block.samples):
            return block.at + place / RATE_HZ
        place -= len(block.samples)
    return 0.0


async def _play_and_listen(sound: Sound, output: str, monitor: str) -> tuple[list[Block], float]:
    """Play on `output`; return what `monitor` carried, and when it was asked for, in `time.monotonic()` seconds."""
    source, sink = DeviceSource(monitor), DeviceSink(output)
    heard: list[Block] = []

    async def hear() -> None:
        while (block := await source.read()) is not None:
            heard.append(block)

    hearing = asyncio.create_task(hear())
    try:
        await sink.open()
        await asyncio.sleep(SETTLE_SECONDS)
        asked_at = time.monotonic()
        await sink.play(sound, on_started=lambda _: None)
        await asyncio.sleep(LISTEN_AFTER_SECONDS)
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        await source.close()
        await sink.close()
    return heard, asked_at


def place_of(played: Samples, heard: Samples) -> tuple[int, float]:
    """Return from which sample on `heard` is most like `played`, and the normalised correlation there, 0 to 1."""
    if len(heard) < len(played):
        return 0, 0.0
    size = 1 << (len(heard) + len(played)).bit_length()
    cross = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(played, size)), size)
    cross = cross[: len(heard) - len(played) + 1]
    energy = np.concatenate([[0.0], np.cumsum(np.square(heard, dtype=np.float64))])
    window = energy[len(played) :] - energy[: -len(played)]
    scale = np.sqrt(np.maximum(window, 0.0) * float(np.sum(np.square(played, dtype=np.float64))))
    # where nothing was heard, what the transform rounds is no likeness
    likeness = np.abs(cross) / np.maximum(scale, max(1e-9, _FAINTEST * float(scale.max())))
    best = int(np.argmax(likeness))
    return best, float(likeness[best])
