"""A private PulseAudio server for one test: real devices on a machine without any.

    with PulseServer() as pulse:
        pulse.environment      # give it to whatever should hear or speak there
        pulse.play("call", Path("someone.wav"))
        sound = pulse.record("vmic", seconds=2)

It has the null sinks `call` (what the call plays) and `vmic` (what the call hears from us), and the microphone
`vmic_mic`, which call applications list. The server dies with the `with` block, and with this process even when it is
killed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import needed

_READY_SECONDS = 10.0
_DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--") if shutil.which("setpriv") else ()
"""Linux then kills a child when this process dies, even by SIGKILL."""
_MODULES = (
    "module-native-protocol-unix",
    "module-null-sink sink_name=call",
    "module-null-sink sink_name=vmic",
    "module-remap-source master=vmic.monitor source_name=vmic_mic",
)


class PulseServer:
    """The server and what a test does with it. Skips the test where PulseAudio is not installed.

    Attributes:
        directory: the server's own, removed with it.
        environment: for a child process that is to use this server.
        changes: the part of `environment` to set in this process (monkeypatch) so that its children use it.
    """

    def __init__(self, *more: str) -> None:
        """Prepare a server; `more` are null sinks that it has too."""
        self._modules = (*_MODULES, *(f"module-null-sink sink_name={sink}" for sink in more))
        self._sinks = ("call", "vmic", *more)
        self.directory: Path
        self.environment: dict[str, str] = {}
        self.changes: dict[str, str] = {}
        self._server: subprocess.Popen[bytes] | None = None
        self._helpers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        needed.program("pulseaudio", package="pulseaudio")
        for tool in ("pactl", "paplay", "parec"):
            needed.program(tool, package="pulseaudio-utils")
        self.directory = Path(tempfile.mkdtemp(prefix="pulse-test-"))
        self.changes = {
            "XDG_RUNTIME_DIR": str(self.directory),
            "PULSE_SERVER": f"unix:{self.directory}/pulse/native",  # so no client starts a server of its own
            "PULSE_COOKIE": str(self.directory / "cookie"),
        }
        cleared = ("PULSE_SINK", "PULSE_SOURCE", "PULSE_RUNTIME_PATH", "DBUS_SESSION_BUS_ADDRESS")
        self.environment = {name: value for name, value in os.environ.items() if name not in cleared} | self.changes
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make this process and its children use the server until the test ends."""
        for name, value in self.changes.items():
            monkeypatch.setenv(name, value)
        for name in ("PULSE_SINK", "PULSE_SOURCE"):
            monkeypatch.delenv(name, raising=False)

    def close(self) -> None:
        """Kill the server and every helper, and remove their directory."""
        for process in [*self._helpers, self._server]:
            if process is not None:
                process.kill()
                process.wait()
        self._helpers, self._server = [], None
        shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self) -> None:
        """Kill the server now, as when a sound system crashes."""
        assert self._server is not None
        self._server.kill()
        self._server.wait()

    def restart(self) -> None:
        """Start the server again after `kill`; the streams of before are gone."""
        self._start()

    def unplug(self, sink: str) -> None:
        """Take a null sink away, and its monitor."""
        modules = [line.split("\t") for line in self.pactl("list", "short", "modules").splitlines()]
        (index,) = [
            number for number, kind, what, *_ in modules if kind == "module-null-sink" and f"sink_name={sink}" in what
        ]
        self.pactl("unload-module", index)

    def plug(self, sink: str, rate_hz: int = 44_100) -> None:
        """Add a null sink, and listen to it as a call application does."""
        self.pactl("load-module", "module-null-sink", f"sink_name={sink}", f"rate={rate_hz}")
        self.keep_awake(sink)

    def play(self, sink: str, wav: Path) -> None:
        """Play a file into `sink` and return when it has ended."""
        subprocess.run(["paplay", f"--device={sink}", str(wav)], env=self.environment, check=True, timeout=60)

    def start_playing(self, sink: str, wav: Path) -> subprocess.Popen[bytes]:
        """Play a file into `sink` while the test goes on; it ends with the server at the latest."""
        return self._helper(["paplay", f"--device={sink}", str(wav)])

    def record(self, sink: str, seconds: float, rate_hz: int = 16_000) -> NDArray[np.float32]:
        """Return what `sink` plays during the next `seconds`, mono float32."""
        with Recording(self, sink, rate_hz) as recording:
            time.sleep(seconds)
        return recording.samples

    def start_recorder(self, source: str, rate_hz: int) -> subprocess.Popen[bytes]:
        """Start `parec` on a source: raw mono float32 on its standard output, small latency."""
        command = ["parec", f"--device={source}", "--format=float32le", f"--rate={rate_hz}", "--channels=1"]
        return self._helper([*command, "--latency-msec=10", "--raw"], stdout=subprocess.PIPE)

    def pactl(self, *arguments: str) -> str:
        """Run `pactl` on this server and return what it says."""
        done = subprocess.run(
            ["pactl", *arguments], env=self.environment, check=True, timeout=10, capture_output=True, text=True
        )
        return done.stdout

    def _start(self) -> None:
        loads = [argument for module in self._modules for argument in ("-L", module)]
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--log-target=stderr", *loads]
        self._server = subprocess.Popen(
            [*_DIE_WITH_PARENT, *command],
            env={**self.environment, "HOME": str(self.directory)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and self._server.poll() is None:
            answer = subprocess.run(
                ["pactl", "list", "short", "sources"],
                env=self.environment,
                capture_output=True,
                check=False,
                timeout=10,
            )
            if b"vmic_mic" in answer.stdout:
                self.keep_awake(*self._sinks)
                return
            time.sleep(0.05)
        pytest.fail("PulseAudio did not start")

    def keep_awake(self, *sinks: str) -> None:
        """Listen to sinks, as a call application does.

        An idle null sink works in steps of 2 s, and a stream that opens there is stalled that long; some 2 s after
        this, none is any more.
        """
        for sink in sinks:
            self._helper(["parec", f"--device={sink}.monitor", "--latency-msec=20", "--raw", os.devnull])

    def _helper(self, command: list[str], stdout: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*_DIE_WITH_PARENT, *command],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
        )
        self._helpers.append(process)
        return process


def alive(pid: int) -> bool:
    """Say whether the process `pid` runs; one that waits only to be reaped does not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


class Recording:
    """What a sink plays, or a source gives, recorded while a `with` block runs; the times are measured on this side.

    Attributes:
        samples: mono float32 at `rate_hz`.
        started_at: `time.monotonic()` of the first sample: the earliest that any chunk's arrival allows.
    """

    def __init__(self, pulse: PulseServer, sink: str = "", rate_hz: int = 16_000, *, source: str = "") -> None:
        self._pulse = pulse
        self._source = source or f"{sink}.monitor"
        self.rate_hz = rate_hz
        self.samples: NDArray[np.float32] = np.empty(0, dtype=np.float32)
        self.started_at = 0.0

    def __enter__(self) -> Self:
        self._process = self._pulse.start_recorder(self._source, self.rate_hz)
        self._chunks: list[bytes] = []
        self._arrivals: list[float] = []
        self._first = threading.Event()
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()
        assert self._first.wait(10), "parec gave nothing"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
        data = b"".join(self._chunks)
        self.samples = np.frombuffer(data[: len(data) // 4 * 4], dtype="<f4")
        heard = np.cumsum([len(chunk) for chunk in self._chunks]) / 4 / self.rate_hz
        if len(heard):
            self.started_at = float(np.min(np.array(self._arrivals) - heard))

    def _pump(self) -> None:
        assert self._process.stdout is not None
        while chunk := os.read(self._process.stdout.fileno(), 65536):
            self._arrivals.append(time.monotonic())
            self._chunks.append(chunk)
            self._first.set()
