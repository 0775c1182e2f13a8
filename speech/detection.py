"""Where there is voice: a probability for each 32 ms frame, and the changes that these probabilities mean.

Two halves, so that the rules are tested without a model: `SileroDetector` scores sound, `SpeechGate` turns scores into
changes. The gate counts frames and reads no clock.

The gate's rules, for each frame with probability p:

- The frame is *voiced* when p >= `rise_probability`, or when the frame before was voiced and p >= `fall_probability`.
  A p between the two thresholds carries on what was: it neither raises a fallen voice nor breaks a silence.
- `ROSE` at the first voiced frame, `FELL` at the first one after it that is not voiced. They alternate, `ROSE` first.
- `STARTED` at the `start_frames`-th consecutive frame with p >= `rise_probability`, `ENDED` after `end_seconds` without
  a voiced frame, rounded up to whole frames. They alternate, `STARTED` first. A voice that rose and was not confirmed
  falls without having started.
- One frame gives at most two changes, and both belong to a rise or both to a fall: `ROSE` before `STARTED`, `FELL`
  before `ENDED`.
"""

from __future__ import annotations

import functools
import importlib.util
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech.errors import BlockSizeError, ModelError
from speech.ports import FRAME, FRAME_SECONDS, INAUDIBLE, Samples

_CONTEXT = 64
"""Samples of the frame before that Silero VAD wants in front of each frame at 16 kHz (faster_whisper/vad.py)."""
_STATE_SHAPE = (1, 1, 128)
"""Shape of the network's two recurrent states, read from the model's own inputs `h` and `c`."""
FORGET_FRAMES = 16
"""Quiet frames (0.5 s) after which the network's state begins anew. Carried through a long silence it makes the network
deaf for up to 1.3 s when a voice comes back, most of all in noise and rooms; docs/measurements.md has the figures."""
_QUIET_PROBABILITY = 0.35


class SileroDetector:
    """Silero VAD v6, the model that faster-whisper brings, run as a stream.

    All detectors share one onnxruntime session on one thread; the state of the stream is each detector's own.

    Raises:
        ModelError: the installed faster-whisper lacks the model or it cannot be loaded.
    """

    def __init__(self) -> None:
        self._session = _shared_session()
        self.reset()

    def reset(self) -> None:
        """Forget everything heard, as for a new stream."""
        self._context: Samples = np.zeros(_CONTEXT, dtype=np.float32)
        self._forget()

    def _forget(self) -> None:
        """Begin the network's state anew; what was sounding goes on."""
        self._fresh = True
        self._quiet_frames = 0
        self._h: NDArray[np.float32] = np.zeros(_STATE_SHAPE, dtype=np.float32)
        self._c: NDArray[np.float32] = np.zeros(_STATE_SHAPE, dtype=np.float32)

    def score(self, samples: Samples) -> NDArray[np.float32]:
        """Return the probability of speech in [0, 1] for each frame of `samples`.

        Several frames in one call score as they do one by one, and cost less. A sample that is not a number counts as
        silence, since it would otherwise spoil every later score of the stream. Inaudible frames score 0 for nothing
        once the state is as new.

        Args:
            samples: a whole number of `FRAME`s of mono float32 at 16 kHz in [-1, 1]; the next ones of the stream.

        Returns:
            One float32 a frame; empty for no frames.

        Raises:
            BlockSizeError: not a whole number of frames; the stream's state is unchanged.
        """
        if samples.ndim != 1 or len(samples) % FRAME:
            raise BlockSizeError(
                f"A sound block of shape {samples.shape} is not a whole number of {FRAME}-sample frames; "
                "cut the stream into frames before scoring it."
            )
        count = len(samples) // FRAME
        if not count:
            return np.zeros(0, dtype=np.float32)
        sound = np.nan_to_num(samples.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        stream = np.concatenate([self._context, sound])
        frames = np.lib.stride_tricks.sliding_window_view(stream, FRAME + _CONTEXT)[::FRAME]
        scores = np.empty(count, dtype=np.float32)
        done = 0
        while done < count:  # a run ends where the state may have to begin anew
            if self._fresh and float(np.abs(sound[done * FRAME : (done + 1) * FRAME]).max()) < INAUDIBLE:
                scores[done] = 0.0
                done += 1
                continue
            part = frames[done : done + FORGET_FRAMES - self._quiet_frames]
            scores[done : done + len(part)] = self._run(part)
            done += len(part)
        self._context = stream[-_CONTEXT:].copy()
        return scores

    def _run(self, frames: Samples) -> NDArray[np.float32]:
        """Score frames of 576 samples, no more than may be quiet before the state begins anew."""
        self._fresh = False
        inputs = {"input": np.ascontiguousarray(frames), "h": self._h, "c": self._c}
        output, self._h, self._c = self._session.run(None, inputs)
        scores = np.asarray(output, dtype=np.float32).reshape(len(frames))
        voiced = np.flatnonzero(scores >= _QUIET_PROBABILITY)
        self._quiet_frames = len(frames) - 1 - int(voiced[-1]) if len(voiced) else self._quiet_frames + len(frames)
        if self._quiet_frames >= FORGET_FRAMES:
            self._forget()
        return scores


def load_onnxruntime() -> Any:
    """Return the onnxruntime module with its telemetry off. Every user of it in the project comes through here.

    Since 1.29 the official builds for Linux and macOS write a device id and a database under the user's cache and send
    events to Microsoft from the moment the library loads; only the environment, set before that, keeps them from it.
    On Windows the events go to the system's own tracing and are switched off by the call.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # noqa: PLC0415  after the line above, and only where sound is heard

    onnxruntime.disable_telemetry_events()
    return onnxruntime


@functools.lru_cache(maxsize=1)
def _shared_session() -> Any:
    """Load the model once for the process."""
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(
            _asset("silero_vad_v6.onnx"), providers=["CPUExecutionProvider"], sess_options=options
        )
    except Exception as error:
        raise ModelError(
            "The voice detector's model (silero_vad_v6.onnx) is missing or damaged; install faster-whisper 1.2 again."
        ) from error


def _asset(name: str) -> bytes:
    """Return a file of faster-whisper's assets, without importing it: that would load the whole recognizer here."""
    spec = importlib.util.find_spec("faster_whisper")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(name)
    return (Path(spec.submodule_search_locations[0]) / "assets" / name).read_bytes()


class VoiceKind(StrEnum):
    """What changed in a voice; the module's rules say when."""

    ROSE = "rose"
    FELL = "fell"
    STARTED = "started"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class VoiceChange:
    """One change, in the stream's time.

    Attributes:
        kind: what changed.
        at: end of the frame that decided it, seconds: the earliest instant at which it can be known.
        since: when it was so in the sound, seconds: for `ROSE` and `STARTED` the start of the first frame of the voice,
            for `FELL` and `ENDED` the end of its last voiced frame. Never after `at`.
    """

    kind: VoiceKind
    at: float
    since: float


@dataclass(frozen=True, slots=True)
class GateThresholds:
    """When a voice begins and when it is over.

    Attributes:
        rise_probability: a frame at or above it holds voice; 0.5 is Silero's own default.
        fall_probability: a voiced stretch goes on down to it; Silero's default is the rise less 0.15.
        start_frames: consecutive frames at or above the rise that make speech; 3 frames (96 ms) leave out clicks
            (SPEECH.md).
        end_seconds: silence that ends speech, seconds; SPEECH.md gives 0.3 to 0.5.
    """

    rise_probability: float = 0.5
    fall_probability: float = 0.35
    start_frames: int = 3
    end_seconds: float = 0.4

    def __post_init__(self) -> None:
        if not 0 < self.fall_probability <= self.rise_probability <= 1:
            raise ValueError("The thresholds must satisfy 0 < fall_probability <= rise_probability <= 1.")
        if self.start_frames < 1 or not self.end_seconds > 0:
            raise ValueError("start_frames must be at least 1 and end_seconds above 0.")

    @property
    def end_frames(self) -> int:
        """`end_seconds` in whole frames, rounded up."""
        return max(1, math.ceil(self.end_seconds / FRAME_SECONDS - 1e-9))


class SpeechGate:
    """Turns one channel's probabilities into changes. How they are cut into calls makes no difference."""

    def __init__(self, start_at: float = 0.0, thresholds: GateThresholds | None = None) -> None:
        """Start in silence.

        Args:
            start_at: time of the first frame's first sample, seconds.
            thresholds: the defaults when None.
        """
        self._thresholds = thresholds or GateThresholds()
        self._origin = start_at
        self._frames = 0
        self._loud_run = 0
        self._run_since = start_at
        self._quiet_run = 0
        self._voiced = False
        self._speaking = False
        self._last_voiced_at: float | None = None

    @property
    def now(self) -> float:
        """End of the last frame pushed, seconds."""
        return self._origin + self._frames * FRAME_SECONDS

    @property
    def voiced(self) -> bool:
        """True between `ROSE` and `FELL`."""
        return self._voiced

    @property
    def speaking(self) -> bool:
        """True between `STARTED` and `ENDED`."""
        return self._speaking

    @property
    def last_voiced_at(self) -> float | None:
        """End of the last voiced frame, seconds; None before the first."""
        return self._last_voiced_at

    def push(self, probabilities: Iterable[float]) -> list[VoiceChange]:
        """Return the changes that the next frames bring, in order.

        Args:
            probabilities: one in [0, 1] for each frame, the next ones of the stream.
        """
        changes: list[VoiceChange] = []
        for probability in probabilities:
            self._push_frame(float(probability), changes)
        return changes

    def skip_to(self, at: float) -> None:
        """Take up the stream at `at` after sound was lost. The state is kept; lost time is not counted as silence.

        Args:
            at: time of the next frame's first sample, seconds; not before `now`.

        Raises:
            ValueError: `at` is before `now`; nothing changes.
        """
        if at < self.now:
            raise ValueError("Sound cannot be taken up before the end of what was heard.")
        self._origin = at
        self._frames = 0
        self._loud_run = 0

    def follow(self, at: float) -> None:
        """Correct the clock by a little: a sound card's second is not quite the computer's.

        Args:
            at: time of the next frame's first sample, seconds; it may be before `now`.
        """
        self._origin = at
        self._frames = 0

    def finish(self) -> list[VoiceChange]:
        """Return the changes that the stream's end brings: what is open falls and ends, at `now`."""
        since = self.now if self._last_voiced_at is None else self._last_voiced_at
        changes = [VoiceChange(VoiceKind.FELL, self.now, since)] if self._voiced else []
        if self._speaking:
            changes.append(VoiceChange(VoiceKind.ENDED, self.now, since))
        self._voiced = self._speaking = False
        self._loud_run = 0
        return changes

    def _push_frame(self, probability: float, changes: list[VoiceChange]) -> None:
        limits = self._thresholds
        start = self.now
        self._frames += 1
        end = self.now
        loud = probability >= limits.rise_probability
        if loud and not self._loud_run:
            self._run_since = start
        self._loud_run = self._loud_run + 1 if loud else 0
        if loud or (self._voiced and not probability < limits.fall_probability):
            self._quiet_run = 0
            self._last_voiced_at = end
            if not self._voiced:
                self._voiced = True
                changes.append(VoiceChange(VoiceKind.ROSE, end, start))
            if self._loud_run >= limits.start_frames and not self._speaking:
                self._speaking = True
                changes.append(VoiceChange(VoiceKind.STARTED, end, self._run_since))
            return
        self._quiet_run += 1
        since = start if self._last_voiced_at is None else self._last_voiced_at
        if self._voiced:
            self._voiced = False
            changes.append(VoiceChange(VoiceKind.FELL, end, since))
        if self._speaking and self._quiet_run >= limits.end_frames:
            self._speaking = False
            changes.append(VoiceChange(VoiceKind.ENDED, end, since))
