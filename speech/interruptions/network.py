"""The network that tells the holder's voice from another, primed with the holder's own sound.

It hears [`HALF` samples of the holder alone | the last `HALF` samples of the call] and gives for each frame of the
second half two log-odds: that the holder speaks, and that somebody else does. Fine-tuned from pyannote
segmentation-3.0 (CNRS, MIT); `models/floor/LICENSE.md` holds its notice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from speech.detection import load_onnxruntime
from speech.errors import ModelError
from speech.ports import RATE_HZ, Samples

HALF = 72_000
"""Samples of the primer, and of the call: 4.5 s each, as the network was trained."""
FRAMES = 264
"""Frames that the network says of the call's part."""
STEP = 270
"""Samples from one frame to the next: 16.9 ms."""
STEP_SECONDS = STEP / RATE_HZ
LEAD = 315
"""Samples from the start of the call's part to the centre of its first frame (frame 266 of the whole input)."""
NETWORK_FILE = "network.onnx"

Scores = NDArray[np.float32]
"""Log-odds, shape [frames, 2]: the holder speaks, somebody else speaks."""


class VoiceScorer(Protocol):
    """Says of each frame whether the holder and whether somebody else speaks."""

    def score(self, primer: Samples, recent: Samples) -> Scores:
        """Return the log-odds of `FRAMES` frames of `recent`, shape [FRAMES, 2]: holder, other.

        Args:
            primer: `HALF` samples of the holder's voice, mono float32 at `RATE_HZ`.
            recent: the last `HALF` samples of the call.
        """
        ...

    def forget(self) -> None:
        """Keep nothing of what was heard."""
        ...


class FloorNetwork:
    """The network of a model folder, on one thread of the CPU.

    Raises:
        ModelError: the file is missing, damaged or of another shape.
    """

    def __init__(self, model_dir: Path) -> None:
        self._input: NDArray[np.float32] = np.zeros((1, 1, 2 * HALF), dtype=np.float32)
        self._session = _load(model_dir / NETWORK_FILE)
        try:
            shape = self.score(self._input[0, 0, :HALF], self._input[0, 0, HALF:]).shape
        except Exception as error:
            raise _damaged(model_dir / NETWORK_FILE) from error
        if shape != (FRAMES, 2):
            raise _damaged(model_dir / NETWORK_FILE)

    def score(self, primer: Samples, recent: Samples) -> Scores:
        """Return the log-odds of `FRAMES` frames of `recent`, shape [FRAMES, 2]: holder, other; some 20 ms of a core.

        Args:
            primer: `HALF` samples of the holder's voice, mono float32 at `RATE_HZ`.
            recent: the last `HALF` samples of the call.
        """
        self._input[0, 0, :HALF] = primer
        self._input[0, 0, HALF:] = recent
        output = self._session.run(None, {"x": self._input})[0][0]
        return np.asarray(output, dtype=np.float32)

    def forget(self) -> None:
        """Overwrite the last input, and by a run on silence what the library's buffers hold of it."""
        if self._input.any():
            self._input.fill(0)
            self._session.run(None, {"x": self._input})


def _load(path: Path) -> Any:
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = 1
    # Its arena stays on, unlike Silero's: without it the buffers of each run (20 MB) leave holes between what is kept,
    # and 95 MB become 276 (glibc).
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"], sess_options=options)
    except Exception as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> ModelError:
    return ModelError(
        f"The model that hears interruptions ({path.parent.name}/{path.name}) is missing or damaged; "
        "install the program again, or name another folder."
    )
