"""Fine-tuning on primed windows, with a running mean of the weights that can be exported at any moment."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch  # only in the recipe's own environment

from tools.floor_model.line import CONDITIONS
from tools.floor_model.network import Network, published
from tools.floor_model.windows import FIRST

_BATCH = 24
_MEAN = 0.999
_LOG_SECONDS = 120.0
_OTHER_WEIGHT = 2.0
"""A frame of somebody else counts twice one of the holder: it is what is asked."""


@dataclass(frozen=True, slots=True)
class Course:
    """How to train.

    Attributes:
        minutes: how long.
        peak: highest learning rate of what was published; what is new learns twice as fast.
        start: checkpoint to start from; None for the published weights.
        threads: cores.
        seed: of the batches.
    """

    minutes: float = 40.0
    peak: float = 4e-4
    start: Path | None = None
    threads: int = 2
    seed: int = 1


def train(folder: Path, segmentation: Path, course: Course) -> None:
    """Train on the windows in `folder`; write `folder`/checkpoint.pt every two minutes and at the end."""
    torch.manual_seed(course.seed)
    torch.set_num_threads(course.threads)
    network = published(segmentation)
    if course.start is not None:
        network.load_state_dict(torch.load(course.start, weights_only=True))
    network.low.dropout = network.high.dropout = 0.1
    files = [np.load(path) for path in sorted(folder.glob("train-*.npz"))]
    x, y = (np.concatenate([file[key] for file in files]) for key in ("X", "Y"))
    optimizer, rates = _optimizer(network, course)
    mean = {name: value.clone() for name, value in network.state_dict().items()}
    rng, begin, step, logged, loss_mean = np.random.default_rng(course.seed), time.monotonic(), 0, 0.0, 0.0
    print(f"{len(x)} windows", flush=True)
    while (spent := time.monotonic() - begin) < course.minutes * 60:
        left = 0.5 * (1 + np.cos(np.pi * spent / course.minutes / 60))
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * min(1.0, step / 30) * max(0.02, left)
        chosen = np.sort(rng.choice(len(x), _BATCH, replace=False))
        loss = _step(network, optimizer, x[chosen], y[chosen], rng)
        step += 1
        loss_mean += (loss - loss_mean) * max(0.03, 1 / step)
        weight = min(_MEAN, step / (step + 10))
        for name, value in network.state_dict().items():
            mean[name].mul_(weight).add_(value, alpha=1 - weight)
        if spent - logged > _LOG_SECONDS:
            logged = spent
            _save(folder, mean)
            print(f"{spent / 60:5.1f} min, step {step}: loss {loss_mean:.4f}", flush=True)
    _save(folder, mean)
    network.load_state_dict(mean)
    print(evaluated(network, folder / "tuning.npz"))


def _save(folder: Path, mean: dict[str, Any]) -> None:
    partial = folder / "checkpoint.part"
    torch.save(mean, partial)
    partial.rename(folder / "checkpoint.pt")


def _optimizer(network: Network, course: Course) -> tuple[Any, list[float]]:
    new = [network.mark, *network.out.parameters(), *network.add.parameters(), *network.scale.parameters()]
    new += network.compare.parameters()
    old = [p for part in (network.low, network.high, network.lin0, network.lin1) for p in part.parameters()]
    rates = [2 * course.peak, course.peak]
    groups = [{"params": params, "lr": rate} for params, rate in zip((new, old), rates, strict=True)]
    return torch.optim.AdamW(groups, weight_decay=1e-3), rates


def _step(network: Network, optimizer: Any, x: Any, y: Any, rng: np.random.Generator) -> float:
    network.train()
    features, speaking = x.astype(np.float32), torch.from_numpy(y.astype(np.float32))
    if rng.random() < 0.5:  # a stretch of features goes missing
        at = int(rng.integers(60 - 6))
        features[:, :, at : at + int(rng.integers(1, 6))] = 0
    with torch.autocast("cpu", torch.bfloat16):
        found = network.frames(torch.from_numpy(features))[:, FIRST:]
    loss_of = torch.nn.functional.binary_cross_entropy_with_logits
    found = found.float()
    loss = loss_of(found[..., 0], speaking[..., 0]) + _OTHER_WEIGHT * loss_of(found[..., 1], speaking[..., 1])
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def evaluated(network: Network, path: Path) -> str:
    """Return how well frames of "somebody else" are told on tuning windows, by condition: AUC and error."""
    network.eval()
    file = np.load(path)
    x, y, hard = file["X"], file["Y"], file["H"]
    with torch.no_grad():
        parts = [
            network.frames(torch.from_numpy(x[i : i + 32].astype(np.float32)))[:, FIRST:] for i in range(0, len(x), 32)
        ]
    scores = torch.cat(parts).numpy()
    lines = []
    for number, condition in enumerate(CONDITIONS):
        found, truth = scores[hard == number], y[hard == number]
        speech = truth.any(-1)
        other, said = found[..., 1], truth[..., 1]
        lines.append(
            f"{condition.name}: AUC {_auc(other[speech], said[speech]):.4f}, "
            f"while the holder speaks {_auc(other[truth[..., 0] > 0], said[truth[..., 0] > 0]):.4f}, "
            f"wrong {np.mean((other > 0) != said):.4f}, "
            f"holder wrong {np.mean((found[..., 0] > 0) != truth[..., 0]):.4f}"
        )
    return "\n".join(lines)


def _auc(score: Any, truth: Any) -> float:
    ranks = np.empty(len(score))
    ranks[np.argsort(score, kind="stable")] = np.arange(len(score))
    ones = int(truth.sum())
    return float((ranks[truth > 0].mean() - (ones - 1) / 2) / (len(truth) - ones))
