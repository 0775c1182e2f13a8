"""The learned decision: how likely a stretch of somebody else's voice is an interruption, fitted on tuning speakers.

Every hop at which a stretch of a labelled call is a candidate is an example. It is right when its beginning lies within
a second of a true event's.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import pickle
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.voices import Library
from speech.detection import SileroDetector
from speech.interruptions.decision import FEATURES
from speech.interruptions.detector import PrimedDetector
from speech.ports import FRAME, RATE_HZ, Block, OtherVoice
from tools.floor_model.calls import Wanted, make
from tools.floor_model.line import CONDITIONS
from tools.floor_model.people import People
from tools.floor_model.scene import ONSET_SECONDS, Truth

CALLS = (18, 2, 1)
"""Calls of each rate in each condition: dense, realistic, holder alone."""
HIDDEN, DECAY = 4, 0.01
LICENCE = Path(__file__).resolve().parents[2] / "models" / "floor" / "LICENSE.md"
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heard:
    """One call as the detector heard it: the suspects of all hops, and what is true.

    Attributes:
        wanted: which call.
        seconds: its length.
        truth: what happens.
        features: a row a suspect, `FEATURES`.
        since: when each suspect began, seconds.
        at: when each was told, seconds.
        kinds: of each.
    """

    wanted: Wanted
    seconds: float
    truth: list[Truth]
    features: Floats
    since: Floats
    at: Floats
    kinds: list[str]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each suspect began with a true event."""
        onsets = np.array([event.onset for event in self.truth if event.kind != "backchannel"] or [-9.0])
        near: NDArray[np.bool_] = np.abs(self.since[:, None] - onsets[None]).min(1) <= ONSET_SECONDS
        return near


def listen(wanted: Wanted, model: Path, people: People, library: Library) -> Heard:
    """Make a call and let the detector hear it."""
    call = make(wanted, people, library)
    detector, silero = PrimedDetector(model), SileroDetector()
    detector.start()
    found = []
    chunk = 8 * FRAME
    for at in range(0, len(call.sound) // chunk * chunk, chunk):
        sound = call.sound[at : at + chunk]
        found += detector.suspects(Block(sound, at / RATE_HZ), silero.score(sound))
    return Heard(
        wanted,
        len(call.sound) / RATE_HZ,
        call.scene.truth,
        np.array([suspect.features for suspect in found]).reshape(len(found), len(FEATURES)),
        np.array([suspect.since for suspect in found]),
        np.array([suspect.at for suspect in found]),
        [suspect.candidate.kind for suspect in found],
    )


def plan(part: str, dense: int, realistic: int, alone: int) -> list[Wanted]:
    """Return so many calls of each rate in each condition."""
    counts = {"dense": dense, "realistic": realistic, "holder alone": alone}
    return [
        Wanted(part, rate, condition, number)
        for rate, count in counts.items()
        for condition in CONDITIONS
        for number in range(count)
    ]


_shared: dict[str, Any] = {}


def _begin(data: Path, model: Path) -> None:
    _shared.update(people=People(data), library=Library(data), model=model)


def _one(wanted: Wanted) -> Heard:
    return listen(wanted, _shared["model"], _shared["people"], _shared["library"])


def collect(path: Path, data: Path, model: Path, calls: list[Wanted], processes: int = 2) -> list[Heard]:
    """Return what the detector heard of all calls; kept in `path`."""
    if path.exists():
        heard: list[Heard] = pickle.loads(path.read_bytes())  # noqa: S301  our own
        return heard
    calls = sorted(calls, key=lambda wanted: wanted.rate == "dense")  # the long ones first
    with multiprocessing.get_context("spawn").Pool(processes, initializer=_begin, initargs=(data, model)) as pool:
        heard = list(pool.imap_unordered(_one, calls, chunksize=1))
    path.write_bytes(pickle.dumps(heard))
    return heard


def suspected(call: Heard, probable: Floats) -> list[OtherVoice]:
    """Return what the detector would tell of a call with these probabilities."""
    rows = zip(call.kinds, call.since.tolist(), call.at.tolist(), probable.tolist(), strict=True)
    return [OtherVoice(kind, since, at, probability) for kind, since, at, probability in rows]


def fit(calls: list[Heard], names: tuple[str, ...], *, hidden: int, decay: float, seed: int = 1) -> dict[str, Any]:
    """Return a decision fitted on `calls`; dense ones and the ten minutes weigh by what they hold."""
    import torch  # only in the recipe's own environment

    columns = [FEATURES.index(name) for name in names]
    x = np.concatenate([call.features for call in calls])[:, columns]
    y = np.concatenate([call.right for call in calls]).astype(np.float32)
    weight = np.concatenate([_weights(call) for call in calls]).astype(np.float32)
    mean, scale = x.mean(0), x.std(0) + 1e-6
    inputs, targets = torch.tensor((x - mean) / scale, dtype=torch.float32), torch.tensor(y)
    weights = torch.tensor(weight / weight.mean())
    torch.manual_seed(seed)
    sizes = [len(columns), hidden, 1] if hidden else [len(columns), 1]
    layers = [torch.nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]
    parameters = [p for layer in layers for p in layer.parameters()]
    optimizer = torch.optim.LBFGS(parameters, max_iter=300, line_search_fn="strong_wolfe")

    def forward(values: Any) -> Any:
        for number, layer in enumerate(layers):
            values = layer(torch.tanh(values) if number else values)
        return values[:, 0]

    def loss() -> Any:
        optimizer.zero_grad()
        losses = torch.nn.functional.binary_cross_entropy_with_logits(forward(inputs), targets, weights)
        total = losses + decay * sum((layer.weight**2).sum() for layer in layers)
        total.backward()
        return total

    optimizer.step(loss)
    return {
        "features": list(names),
        "mean": [round(float(value), 5) for value in mean],
        "scale": [round(float(value), 5) for value in scale],
        "layers": [
            {
                "weight": layer.weight.detach().numpy().round(5).tolist(),
                "bias": layer.bias.detach().numpy().round(5).tolist(),
            }
            for layer in layers
        ],
    }


def _weights(call: Heard) -> Floats:
    """Return how much each suspect counts: the hops of one stretch together as much as one of 4 hops."""
    _, index, counts = np.unique(call.since, return_inverse=True, return_counts=True)
    return np.minimum(1.0, 4.0 / counts[index])


def probabilities(decision: dict[str, Any], features: Floats) -> Floats:
    """Return what `decision` says of rows of `FEATURES`."""
    columns = [FEATURES.index(name) for name in decision["features"]]
    x = (features[:, columns] - np.array(decision["mean"])) / np.array(decision["scale"])
    for number, layer in enumerate(decision["layers"]):
        x = (np.tanh(x) if number else x) @ np.array(layer["weight"]).T + np.array(layer["bias"])
    return np.asarray(0.5 * (1 + np.tanh(x[:, 0] / 2)))


def write(decision: dict[str, Any], about: str, path: Path) -> None:
    """Write a decision for a model's folder."""
    path.write_text(json.dumps({"about": about, **decision}) + "\n", encoding="utf-8")


def decide(folder: Path, data: Path) -> None:
    """Fit the decision of the model in `folder`/model and write it there, beside its network and licence."""
    model = folder / "model"
    shutil.copy(LICENCE, model)
    if not (model / "decision.json").exists():  # the detector opens no folder without one
        blank = {"features": list(FEATURES[:1]), "mean": [0.0], "scale": [1.0]}
        write({**blank, "layers": [{"weight": [[0.0]], "bias": [0.0]}]}, "not fitted yet", model / "decision.json")
    heard = collect(folder / "tuning.pkl", data, model, plan("tuning", *CALLS))
    about = f"fitted on {len(heard)} calls of tuning speakers, {sum(call.seconds for call in heard) / 60:.0f} minutes"
    write(fit(heard, FEATURES, hidden=HIDDEN, decay=DECAY), about, model / "decision.json")
