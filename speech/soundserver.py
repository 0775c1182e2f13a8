"""What the sound server says of a device that a child process uses: PulseAudio's, or PipeWire's in its place.

Rules:

- Only child processes ask: libpulse may hang, and they can be killed.
- The server moves a stream whose device went away to another one, and leaves it there. Nobody chose that one: the child
  must then stop at once, and wait for its own device.
- Where no server answers, nothing is known, and nothing is made up.

`python -m speech.soundserver KIND NAME MODULE …` waits until the device is there, then runs the child's MODULE with
NAME and the rest.
"""

from __future__ import annotations

import ctypes.util
import math
import os
import runpy
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from speech.devices import APPLICATION, DEFAULT, Kind
from speech.silence import Condition

WAIT_SECONDS = 4.0
"""A child waits so long for its device, then gives up: whoever started it need not wait for ever."""
NO_DEVICE = 4
"""Exit status of a child whose device cannot be opened."""
_REMADE_SECONDS = 0.5
"""ALSA's plugin makes a stream anew after it ran out of sound, some 1 ms later: only one that stays away has left."""
_POLL_SECONDS = 0.2
"""How often a server that is down is called."""
_EVENTS = ("server", "source", "source_output", "sink", "sink_input")


def _load() -> Any:
    """Return pulsectl, which is for Linux only and loads libpulse.

    It looks for the library by a compiler, which writes temporary files; its usual name is enough.
    """
    find, ctypes.util.find_library = ctypes.util.find_library, lambda name: None  # noqa: ARG005  as it is typed
    try:
        import pulsectl  # noqa: PLC0415  it loads libpulse
    finally:
        ctypes.util.find_library = find
    return pulsectl


class Watcher:
    """One connection to the sound server. It belongs to the thread that made it.

    Args:
        name: the device, or `default`.
        kind: what it is used for.
    """

    def __init__(self, name: str, kind: Kind) -> None:
        pulsectl = _load()
        self._name = name
        self._kind = kind
        self._news = False
        self._stop: type[Exception] = pulsectl.PulseLoopStop
        self._pulse: Any = pulsectl.Pulse("facilitator")

    def has_device(self) -> bool:
        """Whether the device is there now."""
        return self._wanted() is not None

    def wait(self, until: float) -> bool:
        """Wait for the device, until `time.monotonic()` seconds; return whether it is there."""
        self._listen()
        while not self.has_device():
            left = until - time.monotonic()
            if left <= 0:
                return False
            if not self._news:
                self._pulse.event_listen(timeout=left)
            self._news = False
        return True

    def follow(self, on_condition: Callable[[Condition], None]) -> None:
        """Tell the device's condition now and whenever it changes; return when this process's stream left the device.

        Raises:
            Exception: of pulsectl's, when the server is gone.
        """
        self._listen()
        told: Condition | None = None
        seen, left_at = False, math.inf
        while True:
            self._news = False
            wanted, stream = self._wanted(), self._stream()
            if stream is not None:
                seen, left_at = True, math.inf
                if wanted is None or self._astray(stream, wanted):
                    return
                condition = self._condition(wanted, stream)
                if condition != told:
                    told = condition
                    on_condition(condition)
            elif seen:
                left_at = min(left_at, time.monotonic())
                if time.monotonic() - left_at >= _REMADE_SECONDS:
                    return
            if not self._news:
                self._pulse.event_listen(timeout=_REMADE_SECONDS if math.isfinite(left_at) else None)

    def _listen(self) -> None:
        def note(_event: Any) -> None:
            self._news = True
            raise self._stop

        self._pulse.event_callback_set(note)
        self._pulse.event_mask_set(*_EVENTS)

    def _devices(self) -> Sequence[Any]:
        devices: Sequence[Any] = self._pulse.source_list() if self._kind == "input" else self._pulse.sink_list()
        return devices

    def _wanted(self) -> Any:
        name = self._name
        if name == DEFAULT:
            server = self._pulse.server_info()
            name = server.default_source_name if self._kind == "input" else server.default_sink_name
        return next((device for device in self._devices() if device.name == name), None)

    def _stream(self) -> Any:
        """Return this process's own stream; None as long as it has none."""
        streams = self._pulse.source_output_list() if self._kind == "input" else self._pulse.sink_input_list()
        ours = str(os.getpid())
        return next((one for one in streams if one.proplist.get("application.process.id") == ours), None)

    def _astray(self, stream: Any, wanted: Any) -> bool:
        """Whether `stream` is on another device; one that is being linked is on none yet."""
        where = stream.source if self._kind == "input" else stream.sink
        return where != wanted.index and any(device.index == where for device in self._devices())

    def _condition(self, device: Any, stream: Any) -> Condition:
        muted = _muted(device) or _muted(stream)
        heard_of = device.monitor_of_sink_name if self._kind == "input" else None
        sinks = {sink.index: sink for sink in self._pulse.sink_list()} if heard_of else {}
        sink = next((one for one in sinks.values() if one.name == heard_of), None)
        if sink is None:
            return Condition(muted=muted)
        playing = [one for one in self._pulse.sink_input_list() if not one.corked and not _ours(one)]
        here = [one for one in playing if one.sink == sink.index]
        others = [one for one in playing if one.sink in sinks and one.sink != sink.index and _is_program(one)]
        return Condition(
            muted=muted or _muted(sink) or (bool(here) and all(_muted(one) for one in here)),
            playing=bool(here),
            elsewhere=sinks[others[-1].sink].monitor_source_name if others and not here else "",
        )


def _muted(one: Any) -> bool:
    return bool(one.mute) or not any(one.volume.values)


def _ours(stream: Any) -> bool:
    return bool(stream.proplist.get("application.id") == APPLICATION)


def _is_program(stream: Any) -> bool:
    """Whether a program plays it: the server's own loopbacks carry what is already played elsewhere."""
    return "application.process.id" in stream.proplist


def watch(name: str, kind: Kind, on_condition: Callable[[Condition], None], on_astray: Callable[[], None]) -> None:
    """Follow a device that this process has a stream of; for a thread of its own.

    Args:
        name: the device, or `default`.
        kind: what it is used for.
        on_condition: told the device's condition, and each change of it; never where no server answers.
        on_astray: told once that the stream left its device, or that the server is gone.
    """
    connected = False
    while True:
        try:
            watcher = Watcher(name, kind)
        except Exception:  # noqa: BLE001  the server is down: its binding says so in several ways
            break
        connected = True
        try:
            watcher.follow(on_condition)
            break
        except Exception:  # noqa: BLE001  the same: it counts whether the server answers again
            time.sleep(_POLL_SECONDS)
    if connected:
        on_astray()


def _wait(name: str, kind: Kind) -> bool:
    """Wait for the server and the device; return whether it is there."""
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        try:
            return Watcher(name, kind).wait(until)
        except Exception:  # noqa: BLE001  the same
            time.sleep(_POLL_SECONDS)
    return False


def main() -> None:
    """Wait, then become the child."""
    _, kind, name, module, *more = sys.argv
    if not _wait(name, "input" if kind == "input" else "output"):
        sys.exit(NO_DEVICE)
    sys.argv = [module, name, *more]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
