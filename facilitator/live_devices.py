"""The sound devices of a live session: what each channel and the voice use now, opened when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from facilitator.call import MICROPHONE_CHANNEL, MIXED_CHANNEL
from facilitator.config import BROWSER, STAGE, TRACKS
from facilitator.core import events as ev
from facilitator.device_words import VOICE, DeviceWords
from facilitator.live_settings import LiveSettings
from facilitator.monitoring import Monitor
from facilitator.speaking import DeviceMouth, Receive
from facilitator.timeline import LiveClock, Timeline
from speech.capture.device import DeviceSource
from speech.capture.ingest import Inlet
from speech.own_voice import OwnVoice
from speech.playback.device import DeviceSink
from speech.ports import AudioSource


class LiveDevices:
    """What is open, or can be.

    Args:
        settings: the devices that were chosen.
        timeline: runs what takes time.
        give: takes the events about devices.
        warn: told the codes of warnings.

    Attributes:
        inlets: the channels whose sound a page or a bot sends.
        words: tells what becomes of the devices.
    """

    def __init__(
        self, settings: LiveSettings, timeline: Timeline, give: Callable[[ev.Event], None], warn: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._timeline = timeline
        self._warn = warn
        output = None if settings.voice_output == STAGE else settings.voice_output
        self._used: dict[str, str | None] = {**_inputs(settings), VOICE: output}
        self.inlets = {channel: Inlet() for channel, device in self._used.items() if device in {BROWSER, TRACKS}}
        self.words = DeviceWords(timeline, settings.language, give, self._used)

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that have a source, in their order."""
        return tuple(channel for channel, device in self._used.items() if channel != VOICE and device is not None)

    def opener(self, channel: str) -> Callable[[], AudioSource]:
        """Return what opens the source of a channel, on the device that is then in use."""
        return self.inlets[channel].open if channel in self.inlets else partial(self._source, channel)

    def _source(self, channel: str) -> AudioSource:
        device = self._used[channel]
        assert device is not None
        return DeviceSource(device)

    def mouth(self, clock: LiveClock, own: OwnVoice, receive: Receive) -> DeviceMouth | None:
        """Return what plays the prompts; None where no device does. Called once."""
        output, monitor = self._used[VOICE], self._settings.voice_monitor
        if output is None:
            return None
        sink = DeviceSink(output, self._settings.microphone_to_call)
        sink.on_carried = lambda carried: self.words.carried(carried=carried)
        heard = None if monitor is None else Monitor(self._timeline, DeviceSink(monitor), self._warn)
        return DeviceMouth(self._timeline, clock, sink, own, receive, told=self.words, monitor=heard)

    def use(self, device: str, name: str) -> None:
        """Have `device`, a channel or `VOICE`, be another one from its next opening on."""
        self._used[device] = name


def _inputs(settings: LiveSettings) -> dict[str, str | None]:
    """Return each channel with its device, None where none was chosen."""
    microphone = {MICROPHONE_CHANNEL: settings.microphone_input}
    if settings.call_input != TRACKS:
        return {MIXED_CHANNEL: settings.call_input, **microphone}
    channels = (person.channel for person in settings.participants)
    return {one: TRACKS for one in channels if one not in {None, MICROPHONE_CHANNEL} and one is not None} | microphone
