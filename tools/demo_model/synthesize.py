"""Sentences said by espeak-ng, kept as log-mel features with the times of their words and phonemes.

Six utterances after each other are of one speaker in one place, so that training can join them into longer speech.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import pickle
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from speech.ports import RATE_HZ, Samples
from tools.demo_model import foreign, grammar, sounds
from tools.demo_model.espeak import Espeak, Manner, Spoken

BASES = {"fr": ["fr", "fr", "fr", "fr", "roa/fr-BE", "roa/fr-CH"], "en": ["en", "en-us"]}
_COMMON_VARIANTS = ("", "m1", "m2", "m3", "m4", "m6", "f1", "f2", "f4")
_OTHER_VARIANTS = """
m8 Andy Denis Gene Lee Mario Michael Annie Alicia linda steph anika adam benjamin caleb ed marcelo max
miguel pablo pedro rob sandro victor zac belinda grandma iven2 klatt2
"""
TRAINED_VARIANTS = (*_COMMON_VARIANTS, *_COMMON_VARIANTS, *_OTHER_VARIANTS.split())
UNSEEN_VARIANTS = ("m5", "m7", "f3", "f5", "edward", "Hugo", "quincy", "antonio")
"""Kept for tests: no training utterance has them."""
TRAINED_RATES = (130, 190)
"""Words a minute, the upper one excluded; tests also take slower and faster speech."""
GROUP = 6
FRENCH_SHARE = 0.62
FOREIGN_SHARE = 0.16
NO_SPEECH_SHARE = 0.05
FIXED_LEFT_OUT = 0.7
"""Of the sentences without a slot, which would else be a sixth of all."""
LONGEST_SECONDS = 12.0
FRAMES_A_SECOND = 100
UTTERANCES, SHARDS = 36000, 12


@dataclass(frozen=True, slots=True)
class Item:
    """One utterance.

    Attributes:
        mel: log-mel features, float16, 80 bands by frames of 10 ms.
        text: what is said; empty where nothing is to be written down.
        language: "fr" or "en".
        starts: when each word of `text`, parted at spaces, begins, seconds.
        end: when the last one ends.
        phonemes: (name, seconds), names starting with "_" for pauses.
        group: utterances of one group are of one speaker.
    """

    mel: np.ndarray[Any, np.dtype[np.float16]]
    text: str
    language: str
    starts: list[float]
    end: float
    phonemes: list[tuple[str, float]]
    group: int


def draw_manner(language: str, variants: tuple[str, ...], rng: np.random.Generator) -> Manner:
    """Draw a speaker of `language`."""
    base = BASES[language][int(rng.integers(len(BASES[language])))]
    variant = variants[int(rng.integers(len(variants)))]
    return Manner(
        voice=f"{base}+{variant}" if variant else base,
        words_per_minute=int(rng.integers(*TRAINED_RATES)),
        pitch=int(rng.integers(30, 71)),
        pitch_range=int(rng.integers(30, 71)),
        gap=int(rng.integers(0, 5)) if rng.random() < 0.2 else 0,
    )


def word_starts(text: str, spoken: Spoken, whole_seconds: float) -> tuple[list[float], float]:
    """Return when each word of `text` begins and when the last one ends; merged words share their time evenly."""
    at = dict(spoken.words)
    starts: list[float | None] = []
    position = 0
    for word in text.split():
        position = text.index(word, position)
        starts.append(at.get(position))
        position += len(word)
    pauses = [seconds for name, seconds in spoken.phonemes[-3:] if name.startswith("_")]
    end = min(pauses) if pauses else whole_seconds
    known: list[float] = [starts[0] or 0.0]
    for i in range(1, len(starts)):
        start = starts[i]
        if start is None:
            later = next((k for k in range(i, len(starts)) if starts[k] is not None), len(starts))
            right = starts[later] if later < len(starts) else end
            start = known[-1] + ((end if right is None else right) - known[-1]) / (later - i + 2)
        known.append(start)
    return known, end


class Studio:
    """Says texts; one a process."""

    def __init__(self, seed: int) -> None:
        from faster_whisper.feature_extractor import FeatureExtractor  # slow, and only needed here

        self.rng, self.texts = np.random.default_rng(seed), random.Random(seed)
        self._engine, self._extractor = Espeak(), FeatureExtractor()

    def say(self, text: str, manner: Manner, path: sounds.Path) -> tuple[Samples, Spoken, float, float]:
        """Return the sound at 16 kHz with silence around it, what espeak-ng told, its length and the lead, seconds."""
        spoken = self._engine.speak(text, manner)
        samples = soxr.resample(spoken.samples, self._engine.rate_hz, RATE_HZ)
        lead, tail = self.rng.uniform(0.02, 0.6), self.rng.uniform(0.02, 0.6)
        silences = [np.zeros(int(seconds * RATE_HZ), np.float32) for seconds in (lead, tail)]
        sound = np.concatenate([silences[0], samples, silences[1]])
        return sounds.sent(sound, path, self.rng), spoken, len(spoken.samples) / self._engine.rate_hz, lead

    def mel(self, samples: Samples) -> np.ndarray[Any, np.dtype[np.float16]]:
        """Return the features as faster-whisper computes them, without its padding."""
        features = self._extractor(samples, padding=0)[:, : len(samples) // (RATE_HZ // FRAMES_A_SECOND)]
        return np.asarray(features, dtype=np.float16)

    def group(self, number: int) -> list[Item]:
        """Say six utterances of one speaker."""
        language = "fr" if self.texts.random() < FRENCH_SHARE else "en"
        manner, path = draw_manner(language, TRAINED_VARIANTS, self.rng), sounds.draw_path(self.rng)
        items: list[Item] = []
        while len(items) < GROUP:
            kind = self.texts.random()
            if kind < NO_SPEECH_SHARE:
                items.append(Item(self.mel(sounds.no_speech(self.rng)), "", language, [], 0.0, [], number))
                continue
            outside = kind < NO_SPEECH_SHARE + FOREIGN_SHARE
            said = manner
            if outside:
                text = foreign.text(language, self.texts)
                if self.texts.random() < 0.3:
                    said = dataclasses.replace(manner, voice=self.texts.choice(foreign.OTHER_VOICES))
            else:
                text = grammar.sentence(language, self.texts)
                if grammar.held_out(text) or (grammar.is_fixed(text) and self.texts.random() < FIXED_LEFT_OUT):
                    continue
            sound, spoken, seconds, lead = self.say(text, said, path)
            if len(sound) > LONGEST_SECONDS * RATE_HZ or not spoken.phonemes:
                continue
            starts, end = ([], 0.0) if outside else word_starts(text, spoken, seconds)
            items.append(
                Item(
                    mel=self.mel(sound),
                    text="" if outside else text,
                    language=language,
                    starts=[lead + start for start in starts],
                    end=lead + end,
                    phonemes=[(name, lead + at) for name, at in spoken.phonemes],
                    group=number,
                )
            )
        return items


def shard(path: Path, count: int, seed: int) -> None:
    """Write `count` utterances to `path`; the same seed gives the same ones."""
    studio = Studio(seed)
    items = [item for number in range(count // GROUP) for item in studio.group(seed * 100000 + number)]
    partial = path.with_suffix(".part")
    with partial.open("wb") as file:
        pickle.dump(items, file)
    partial.rename(path)


def read(folder: Path) -> list[Item]:
    """Return the utterances of all shards in `folder`."""
    items: list[Item] = []
    for path in sorted(folder.glob("train-*.pkl")):
        with path.open("rb") as file:
            items += pickle.load(file)  # noqa: S301  written by `shard` a moment ago
    return items


def synthesize(folder: Path, *, utterances: int = UTTERANCES, shards: int = SHARDS, processes: int = 2) -> None:
    """Write the training utterances into `folder`; shards that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(folder / f"train-{i:02d}.pkl", utterances // shards, 100 + i) for i in range(shards)]
    with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=1) as pool:
        pool.starmap(shard, [job for job in jobs if not job[0].exists()], chunksize=1)
