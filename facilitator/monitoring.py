"""The animator hears the voice too, where it is played into the call's microphone and not to them.

What goes wrong here costs the call nothing: it is told, and tried again with the next prompt.
"""

from __future__ import annotations

from collections.abc import Callable

from facilitator.timeline import Timeline
from speech.errors import SinkLostError
from speech.playback.device import DeviceSink
from speech.ports import Sound


class Monitor:
    """Plays each prompt a second time, on the animator's own output.

    Args:
        timeline: runs the playback.
        sink: the animator's output.
        tell: told `monitor_lost` and `monitor_back`, each once.
    """

    def __init__(self, timeline: Timeline, sink: DeviceSink, tell: Callable[[str], None]) -> None:
        self._timeline = timeline
        self._sink = sink
        self._tell = tell
        self._lost = False
        sink.on_lost = self._told_lost

    async def open(self) -> None:
        """Open the output, so that the first prompt need not wait."""
        try:
            await self._sink.open()
        except SinkLostError:
            self._told_lost()

    def play(self, sound: Sound) -> None:
        """Play `sound` beside the call; while the output is lost it is left out, for it would come late."""
        if self._lost and not self._sink.is_open:
            self._timeline.work(self.open())
        else:
            self._timeline.work(self._play(sound))

    async def _play(self, sound: Sound) -> None:
        try:
            await self._sink.play(sound, on_started=self._started)
        except SinkLostError:
            self._told_lost()

    def _started(self, _at: float) -> None:
        if self._lost:
            self._lost = False
            self._tell("monitor_back")

    def _told_lost(self) -> None:
        if not self._lost:
            self._lost = True
            self._tell("monitor_lost")

    def stop(self, fade_seconds: float) -> None:
        """Fade what is playing."""
        self._sink.stop(fade_seconds)

    async def close(self) -> None:
        """Give the output back."""
        await self._sink.close()
