"""How likely a candidate is an interruption: features with names, and a small learned model that weighs them.

The model is data, `decision.json` in the model's folder::

    {"features": [names], "mean": [...], "scale": [...], "layers": [{"weight": [[...]], "bias": [...]}, ...]}

x = (features - mean) / scale; each layer is weight @ x + bias, with tanh between the layers and a sigmoid at the end.
`features` may leave some of `FEATURES` out, or order them otherwise. An "about" may say where the numbers come from.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from speech.errors import ModelError
from speech.interruptions.candidates import DUE_SECONDS, Candidate, frames_of
from speech.interruptions.frames import Floats, FrameView
from speech.interruptions.network import STEP_SECONDS
from speech.interruptions.primer import Acquaintance

DECISION_FILE = "decision.json"
EARLY_SECONDS = 8.0
"""So long after the step began the holder is hardly known."""
MASS_SECONDS = 2.6
_NEAR_SECONDS = 0.5
_WINDOW_SECONDS = 0.3
_SILENCE_SECONDS = 3.0
_AWAY_SECONDS = 10.0
_STEP_SECONDS = 600.0
"""The longest step that the decision was fitted on: beyond, a step is as it was there, however long it lasts."""
_CLIP = 4.0

FEATURES: Final = (
    "other_mean",  # mean log-odds of somebody else in the stretch, each clipped to ±4
    "other_p25",  # their 25th percentile
    "other_low",  # the lowest mean over 0.3 s
    "other_share",  # share of frames above 0
    "contrast",  # mean of other less holder
    "mass",  # other_mean times the duration, up to 2.6 s of it
    "duration",  # seconds
    "over_due",  # seconds beyond what its kind needs
    "since_end",  # seconds from its end to the newest frame
    "holder_mean",  # mean log-odds of the holder in the stretch
    "holder_share",  # share of frames in which the holder speaks
    "holder_first",  # mean log-odds of the holder in its first 0.5 s
    "holder_before",  # and in the 0.5 s before it
    "other_before",  # mean log-odds of somebody else in the 0.5 s before it
    "silence_before",  # seconds without anybody before the onset, up to 3
    "holder_away",  # seconds from the holder's last word to the onset, up to 10
    "step_seconds",  # from the step's start to the onset, up to 600
    "early",  # 1 where that is under 8 s, else 0
    "primer_seconds",  # the holder's voice in the primer
    "primer_certainty",  # mean certainty of the primer's stretches, log-odds
    "other_part",  # share of others in all speech of one alone so far: high where the holder is mistaken
    "level_difference",  # dB above the holder's usual level
    "level_jump",  # dB above the 0.5 s before
    "speech_mean",  # mean probability of speech
    "talk_over",  # 1 for the candidate's kind
    "cut",
    "intrusion",
)


def features(candidate: Candidate, view: FrameView, known: Acquaintance) -> Floats:
    """Return the `FEATURES` of a candidate, in their order.

    Args:
        candidate: one of `find_candidates(view)`.
        view: the frames as they are known now.
        known: how well the holder is known now.
    """
    start, end = candidate.start - view.first, candidate.end - view.first
    near = slice(max(0, start - frames_of(_NEAR_SECONDS)), start)
    other = np.clip(view.other[start:end], -_CLIP, _CLIP)
    holder = np.clip(view.holder[start:end], -_CLIP, _CLIP)
    level = _mean_db(view.level_db[start:end])
    seconds, onset = candidate.seconds, candidate.start * STEP_SECONDS
    window = min(len(other), frames_of(_WINDOW_SECONDS))
    values = {
        "other_mean": other.mean(),
        "other_p25": np.percentile(other, 25),
        "other_low": np.convolve(other, np.full(window, 1 / window), "valid").min(),
        "other_share": np.mean(other > 0),
        "contrast": np.mean(other - holder),
        "mass": other.mean() * min(seconds, MASS_SECONDS),
        "duration": seconds,
        "over_due": seconds - DUE_SECONDS[candidate.kind],
        "since_end": (len(view.other) - end) * STEP_SECONDS,
        "holder_mean": holder.mean(),
        "holder_share": np.mean(holder > 0),
        "holder_first": holder[: frames_of(_NEAR_SECONDS)].mean(),
        "holder_before": _mean_before(view.holder[near]),
        "other_before": _mean_before(view.other[near]),
        "silence_before": _since_last((view.holder > 0) | (view.other > 0), start, _SILENCE_SECONDS),
        "holder_away": _since_last(view.holder > 0, start, _AWAY_SECONDS),
        "step_seconds": min(onset, _STEP_SECONDS),
        "early": onset < EARLY_SECONDS,
        "primer_seconds": known.seconds,
        "primer_certainty": known.certainty,
        "other_part": known.other_share,
        "level_difference": 0.0 if known.level_db is None else level - known.level_db,
        "level_jump": level - _mean_db(view.level_db[near]) if start else 0.0,
        "speech_mean": view.speech[start:end].mean(),
        "talk_over": candidate.kind == "talk_over",
        "cut": candidate.kind == "cut",
        "intrusion": candidate.kind == "intrusion",
    }
    return np.array([values[name] for name in FEATURES], dtype=np.float64)


def _mean_before(log_odds: Floats) -> float:
    return float(np.clip(log_odds, -_CLIP, _CLIP).mean()) if len(log_odds) else -_CLIP


def _mean_db(levels_db: Floats) -> float:
    return float(10 * np.log10(np.mean(10 ** (levels_db / 10))))


def _since_last(sounding: NDArray[np.bool_], start: int, most: float) -> float:
    """Return the seconds from the last sounding frame to `start`, up to `most`."""
    least = max(0, start - frames_of(most))
    last = np.flatnonzero(sounding[least:start])
    return float(start - least - (last[-1] + 1 if len(last) else 0)) * STEP_SECONDS


class _Layer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    weight: list[list[float]]
    bias: list[float]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str | list[str] = ""
    features: list[str]
    mean: list[float]
    scale: list[float]
    layers: list[_Layer]


class _Weights(NamedTuple):
    weight: Floats
    bias: Floats


class Decision:
    """The learned model of a model folder.

    Raises:
        ModelError: the file is missing, damaged, or asks for features that this version does not have.
    """

    def __init__(self, model_dir: Path) -> None:
        path = model_dir / DECISION_FILE
        try:
            file = _File.model_validate_json(path.read_bytes())
            self._read(file)
        except (OSError, ValidationError, ValueError, json.JSONDecodeError) as error:
            raise ModelError(
                f"The model that decides on interruptions ({path.parent.name}/{path.name}) is missing, damaged or of "
                "another version; install the program again, or name another folder."
            ) from error

    def _read(self, file: _File) -> None:
        width = len(file.features)
        unknown = sorted(set(file.features) - set(FEATURES))
        if unknown or len(set(file.features)) != width:
            raise ValueError(f"unknown or repeated features: {unknown}")
        self._columns = [FEATURES.index(name) for name in file.features]
        self._mean = np.array(file.mean, dtype=np.float64)
        self._scale = np.array(file.scale, dtype=np.float64)
        if not width or self._mean.shape != (width,) or self._scale.shape != (width,) or not (self._scale > 0).all():
            raise ValueError("mean and scale do not fit the features")
        self._layers = []
        for layer in file.layers:
            weight, bias = np.array(layer.weight, dtype=np.float64), np.array(layer.bias, dtype=np.float64)
            if weight.shape[1:] != (width,) or bias.shape != (len(weight),):
                raise ValueError("a layer does not fit the one before")
            self._layers.append(_Weights(weight, bias))
            width = len(bias)
        if width != 1 or not self._layers:
            raise ValueError("the last layer must give one number")
        if not all(np.isfinite(part).all() for part in (self._mean, self._scale, *sum(self._layers, ()))):
            raise ValueError("not a number among the weights")

    def probability(self, values: Floats) -> float:
        """Return how likely a candidate with these `FEATURES` is an interruption, 0 to 1."""
        x = (values[self._columns] - self._mean) / self._scale
        for number, layer in enumerate(self._layers):
            x = layer.weight @ (np.tanh(x) if number else x) + layer.bias
        return float(0.5 * (1 + np.tanh(x[0] / 2)))
