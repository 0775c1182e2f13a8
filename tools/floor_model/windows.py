"""Training windows: [the holder's own speech | the last seconds of a call], as the network's first layers see them."""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.voices import Library, Voice, stretches
from speech.detection import load_onnxruntime
from speech.ports import RATE_HZ, Samples
from tools.floor_model.line import CALL, CLEAN, DUCKED, FULL, mixed
from tools.floor_model.people import People, faster, pitch_hz
from tools.floor_model.scene import ALONE, TRAINING, Scene, play

HALF = 72_000
"""Samples of each part: 4.5 s."""
FRAMES, FIRST = 530, 266
"""Frames of a window, and the first that belongs to the call."""
STEP, OFFSET = 270, 495
"""Samples from frame to frame, and from a window's start to the middle of frame 0."""
_CAST, _HOLDERS, _OTHERS, _A_CALL = 24, 12, 7, 12
_ALIKE, _ALONE = 0.6, 0.15
"""Shares of calls whose listeners have about the holder's pitch, and in which nobody but the holder speaks."""
_CONDITIONS, _ODDS = (CLEAN, CALL, DUCKED, FULL), (0.25, 0.3, 0.1, 0.35)


def labels(speaking: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask of `HALF` samples at the frames of the call's part."""
    at = np.clip(np.arange(FIRST, FRAMES) * STEP + OFFSET - HALF, 0, HALF - 1)
    found: NDArray[np.bool_] = speaking[at]
    return found


@dataclass(frozen=True, slots=True)
class Job:
    """One file of windows.

    Attributes:
        path: the file; one that is there is kept.
        data: the test data's folder.
        first_layers: ONNX file of the network's SincNet.
        seed: everything follows from it.
        count: how many windows.
        part: whose voices, `train` or `tuning`.
    """

    path: Path
    data: Path
    first_layers: Path
    seed: int
    count: int
    part: str


def write(job: Job) -> None:
    """Write windows to an npz file: X float16, Y uint8 (holder, other), H (index of the condition)."""
    path, count, part = job.path, job.count, job.part
    if path.exists():
        return
    rng = np.random.default_rng(job.seed)
    people, library, session = People(job.data), Library(job.data), _session(job.first_layers)
    x = np.zeros((count, FRAMES, 60), np.float16)
    y = np.zeros((count, FRAMES - FIRST, 2), np.uint8)
    hard = np.zeros(count, np.uint8)
    done = 0
    while done < count:
        cast = _cast(rng, people, part)
        pitches = {id(voice): pitch_hz(voice) for voice in cast}
        for holder in cast[:_HOLDERS]:
            condition = rng.choice(len(_CONDITIONS), p=_ODDS)
            pool = [voice for voice in cast if voice is not holder]
            if rng.random() < _ALIKE:  # voices that are alike are the ones to learn from
                pool.sort(key=lambda voice: abs(np.log(pitches[id(voice)] / pitches[id(holder)])))
                pool = pool[:_OTHERS]
            others = [(str(i), pool[i]) for i in rng.permutation(len(pool))[:_OTHERS]]
            rate = ALONE if rng.random() < _ALONE else TRAINING
            first, bursts = bool(rng.random() < 0.1), 4 * _CONDITIONS[condition].bursts
            scene = play(rng, holder, others, seconds=60.0, rate=rate, bursts=bursts, other_first=first)
            if scene.length < 6 * RATE_HZ:
                continue
            sound = mixed(scene.tracks, scene.speaking, _CONDITIONS[condition], library, rng)
            for _ in range(_A_CALL):
                window = _window(rng, scene, sound)
                if window is not None and done < count:
                    x[done] = session.run(None, {"x": window[0][None, None]})[0][0]
                    y[done], hard[done] = window[1], condition
                    done += 1
    partial = path.with_suffix(".part.npz")
    np.savez(partial, X=x, Y=y, H=hard)
    partial.rename(path)


def _cast(rng: np.random.Generator, people: People, part: str) -> list[Voice]:
    """Return speakers, most at a speed of their own: pitch and formants move with it."""
    names = people.names(part)
    chosen = [people.voice(names[i]) for i in rng.permutation(len(names))[:_CAST]]
    if part == "train":
        chosen = [faster(v, float(rng.uniform(0.82, 1.2))) if rng.random() < 0.6 else v for v in chosen]
    return [voice for voice in chosen if voice.takes]


def _window(rng: np.random.Generator, scene: Scene, sound: Samples) -> tuple[Samples, NDArray[np.uint8]] | None:
    holder, others = scene.speaking[""], scene.others
    end = int(rng.uniform(5, scene.length / RATE_HZ) * RATE_HZ)
    if scene.truth and rng.random() < 0.6:
        end = int((scene.truth[rng.integers(len(scene.truth))].onset + rng.uniform(0.3, 3.0)) * RATE_HZ)
    end = min(max(end, HALF), scene.length)
    start = end - HALF
    if start < 0:
        return None
    wanted = rng.uniform(1.5, 3) if rng.random() < 0.25 else 4.5
    pieces = _pieces(rng, holder & ~others, others, (start, end))
    chunks = _primer(rng, sound, pieces, wanted)
    if chunks is None:
        return None
    wrong = stretches(others, 0, 0.3)
    if wrong and rng.random() < 0.1:  # a little of somebody else got in
        a, b = wrong[rng.integers(len(wrong))]
        chunks.insert(0, sound[a : min(b, a + int(0.8 * RATE_HZ))])
    primer = np.resize(np.concatenate(chunks), HALF)
    if rng.random() < 0.3:  # the holder was louder or softer then
        primer = primer * np.float32(10 ** (rng.normal(0, 3) / 20))
    window = np.concatenate([primer, sound[start:end]]).astype(np.float32)
    return window, np.stack([labels(holder[start:end]), labels(others[start:end])], 1).astype(np.uint8)


def _pieces(
    rng: np.random.Generator, alone: NDArray[np.bool_], others: NDArray[np.bool_], out: tuple[int, int]
) -> list[tuple[int, int]]:
    """Return stretches of 0.6 to 2.5 s of the holder alone, outside of samples `out`."""
    pieces: list[tuple[int, int]] = []
    for a, b in stretches(alone, 0.15, 0.6):
        if others[a:b].any():
            continue
        for low, high in ((a, min(b, out[0])), (max(a, out[1]), b)):
            at = low
            while high - at > 0.6 * RATE_HZ:
                length = min(high - at, int(rng.uniform(0.8, 2.5) * RATE_HZ))
                pieces.append((at, at + length))
                at += length
    return pieces


def _primer(
    rng: np.random.Generator, sound: Samples, pieces: list[tuple[int, int]], seconds: float
) -> list[Samples] | None:
    """Return so much of `pieces` in random order; None when they hold under 1.2 s."""
    chosen: list[Samples] = []
    for i in rng.permutation(len(pieces)):
        if sum(map(len, chosen)) >= seconds * RATE_HZ:
            break
        chosen.append(sound[pieces[i][0] : pieces[i][1]])
    return chosen if sum(map(len, chosen)) >= 1.2 * RATE_HZ else None


def write_all(folder: Path, data: Path, first_layers: Path, *, files: int, count: int, processes: int = 2) -> None:
    """Write `files` of training windows and one of tuning windows."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [Job(folder / "tuning.npz", data, first_layers, 900, count // 2, "tuning")]
    jobs += [Job(folder / f"train-{i:02}.npz", data, first_layers, 100 + i, count, "train") for i in range(files)]
    with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=1) as pool:
        pool.map(write, jobs, chunksize=1)


def _session(path: Path) -> Any:
    runtime = load_onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
