"""Training: resumable, with a running mean of the weights that can be converted at any moment."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch  # only in the recipe's own environment
from torch.nn import functional

from tools.demo_model import synthesize, warm
from tools.demo_model.examples import Classes, Examples, prepare
from tools.demo_model.model import TinyWhisper
from tools.demo_model.vocab import Vocabulary

_WARM_UP, _DECAY_FROM = 200, 0.4
_MEAN = 0.998
_LOG_STEPS = 50
_DETACHED_STEPS = 150
"""A warm start spares the encoder from the random heads for so long."""


@dataclass(frozen=True, slots=True)
class Course:
    """How to train.

    Attributes:
        steps: batches of about 80 s of sound; the rate falls to zero over them.
        peak: highest learning rate.
        warm: folder of an earlier demo model whose weights to start from; None for random ones.
        save_seconds: between two checkpoints.
        threads: cores.
        seed: of weights and batches.
    """

    steps: int = 8000
    peak: float = 1.5e-3
    warm: Path | None = None
    save_seconds: float = 150.0
    threads: int = 2
    seed: int = 1


def train(folder: Path, course: Course) -> None:
    """Train on the utterances in `folder`/data; goes on from `folder`/checkpoint.pt where there is one."""
    torch.set_num_threads(course.threads)
    torch.manual_seed(course.seed)
    vocabulary = Vocabulary(folder / "vocabulary")
    checkpoint = folder / "checkpoint.pt"
    saved: dict[str, Any] | None = torch.load(checkpoint) if checkpoint.exists() else None
    classes = Classes() if saved is None else Classes(**saved["classes"])
    trained = dataclasses.asdict(classes)
    items = prepare(synthesize.read(folder / "data"), vocabulary, classes)
    if saved is None:
        trained = dataclasses.asdict(classes)
    phonemes, words = len(trained["phonemes"]), len(trained["words"])
    model = TinyWhisper(len(vocabulary), vocabulary.unused, phonemes, words)
    if course.warm is not None and saved is None:
        warm.start_from(model, course.warm, vocabulary)
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.dim() > 1], "weight_decay": 0.01},
            {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ],
        lr=course.peak,
        betas=(0.9, 0.98),
    )
    mean = {name: value.clone() for name, value in model.state_dict().items()}
    step = 0
    if saved is not None:
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        mean, step = saved["mean"], saved["step"]
    print(f"{len(items)} utterances, {len(vocabulary)} tokens, {phonemes} phonemes, {words} words, from step {step}")
    batches = Examples(items, vocabulary, course.seed + step).batches()
    begin = last_save = time.monotonic()
    log: list[list[float]] = []
    while step < course.steps:
        rate = min(1.0, (step + 1) / _WARM_UP) * min(1.0, (1 - step / course.steps) / (1 - _DECAY_FROM))
        for group in optimizer.param_groups:
            group["lr"] = course.peak * rate
        detached = course.warm is not None and step < _DETACHED_STEPS
        log.append(_step(model, next(batches), optimizer, detached=detached))
        step += 1
        weight = min(_MEAN, step / (step + 10))
        for name, value in model.state_dict().items():
            mean[name].mul_(weight).add_(value, alpha=1 - weight)
        if step % _LOG_STEPS == 0:
            loss, phoneme, word, aligned, right = np.mean(log[-_LOG_STEPS:], 0)
            print(
                f"{(time.monotonic() - begin) / 60:5.1f} min, step {step}: loss {loss:.4f}, phonemes {phoneme:.3f}, "
                f"words {word:.3f}, alignment {aligned:.3f}, tokens right {right:.4f}, rate {rate:.3f}",
                flush=True,
            )
        if time.monotonic() - last_save > course.save_seconds or step == course.steps:
            last_save = time.monotonic()
            state = {"model": model.state_dict(), "mean": mean, "optimizer": optimizer.state_dict(), "step": step}
            state["classes"] = trained
            torch.save(state, checkpoint.with_suffix(".part"))
            checkpoint.with_suffix(".part").rename(checkpoint)


def _step(model: TinyWhisper, batch: tuple[Any, ...], optimizer: Any, *, detached: bool) -> list[float]:
    mel, tokens, targets, guides, phonemes, heard = (torch.from_numpy(array) for array in batch)
    phonemes *= phonemes < model.phoneme_head.out_features  # new ones, of shards made since the checkpoint
    heard *= heard < model.word_head.out_features
    logits, alignments, phoneme_logits, word_logits = model(mel, tokens, detached=detached)
    count = phonemes.shape[1]
    loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)
    phoneme_loss = functional.cross_entropy(phoneme_logits[:, :count].flatten(0, 1), phonemes.flatten())
    word_loss = functional.cross_entropy(word_logits[:, :count].flatten(0, 1), heard.flatten())
    rows = guides.any(-1)
    aligned = torch.zeros(())
    if bool(rows.any()):
        for weights in alignments:
            inside = weights[..., :count].masked_fill(~guides, -1e9).logsumexp(-1)
            aligned = aligned - inside[rows].mean() / len(alignments)
    optimizer.zero_grad()
    (loss + 0.7 * (phoneme_loss + word_loss) + 0.3 * aligned).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    with torch.no_grad():
        asked = targets >= 0
        right = (logits.argmax(-1) == targets)[asked].float().mean()
    return [float(value.detach()) for value in (loss, phoneme_loss, word_loss, aligned, right)]
