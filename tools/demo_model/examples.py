"""From utterances to training batches: one or several sentences a window, with prompts, times and phonemes to learn."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tools.demo_model import foreign, grammar
from tools.demo_model.synthesize import FRAMES_A_SECOND, Item
from tools.demo_model.vocab import UNUSED, Vocabulary

Array = np.ndarray[Any, Any]
Span = tuple[float, float]
FRAMES_A_BATCH = 8000
LONGEST_FRAMES = 2600
"""A segment lasts at most 25 s."""
_STATES_A_SECOND = 50
_POOL = 768
_FIRST_STAMP_SECONDS = 1.0
"""faster-whisper lets no window begin later."""
_FLOOR = 2.0
"""Whisper's features lie at most 8 decades, scaled by four, under the loudest."""
_IGNORED = -100
_OTHER_NAMES = (
    *("Helen", "Gérard", "Monique", "Olivier", "Fatou", "Zorglub", "Béatrice"),
    *("Kevin", "Yasmine", "Peter", "Mehdi", "Chloé", "Rashid", "Emma"),
)
"""Names that a prompt may hold and no sentence does."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An utterance with what training wants to know of it.

    Attributes:
        item: the utterance.
        rows: compact tokens of its text.
        spans: when each is heard, seconds.
        words: for each, which whitespace word of the text it belongs to.
        phonemes: class of the phoneme in each state; 0 for none.
        heard: class of the word in each state; 0 for none.
    """

    item: Item
    rows: list[int]
    spans: list[Span]
    words: list[int]
    phonemes: Array
    heard: Array


@dataclass(slots=True)
class Classes:
    """The classes of the two heads that only training needs, numbered as they come; 0 is nothing."""

    phonemes: dict[str, int] = field(default_factory=lambda: {"": 0})
    words: dict[str, int] = field(default_factory=lambda: {"": 0})


def prepare(items: list[Item], vocabulary: Vocabulary, classes: Classes) -> list[Prepared]:
    """Return all utterances prepared; what they hold and `classes` does not is added there."""
    return [_prepare(item, vocabulary, classes) for item in items]


def _prepare(item: Item, vocabulary: Vocabulary, classes: Classes) -> Prepared:
    count = item.mel.shape[1] // 2
    phonemes, heard = np.zeros(count, np.int16), np.zeros(count, np.int16)
    ends = [at for _, at in item.phonemes[1:]] + [item.end]
    for (name, at), end in zip(item.phonemes, ends, strict=False):
        if not name.startswith("_"):
            number = classes.phonemes.setdefault(item.language + name, len(classes.phonemes))
            phonemes[_states(at, end)] = number
    if not item.text:
        return Prepared(item, [], [], [], phonemes, heard)
    rows, offsets = vocabulary.encode(item.text)
    times, owners = _character_times(item)
    spans, words = [], []
    for begin, end in offsets:
        piece = (" " + item.text)[begin:end].strip()
        start = end - len(piece) - 1  # offsets count the space in front
        words.append(owners[start])
        if piece in (".", "?"):
            spans.append((item.end - 0.05, item.end + 0.25))
            continue
        spans.append((times[start], times[end - 1]))
        heard[_states(*spans[-1])] = classes.words.setdefault(piece.lower(), len(classes.words))
    return Prepared(item, rows, spans, words, phonemes, heard)


def _states(begin: float, end: float) -> slice:
    first = int(begin * _STATES_A_SECOND)
    return slice(first, max(int(end * _STATES_A_SECOND), first + 1))


def _character_times(item: Item) -> tuple[dict[int, float], dict[int, int]]:
    """Return for each character when it is said, evenly within its word, and which word it is of."""
    starts = [*item.starts, item.end]
    times: dict[int, float] = {}
    owners: dict[int, int] = {}
    position = 0
    for i, word in enumerate(item.text.split()):
        position = item.text.index(word, position)
        letters = max(len(word.rstrip(".?")), 1)
        for k in range(len(word) + 1):
            times[position + k] = starts[i] + (starts[i + 1] - starts[i]) * min(k / letters, 1.0)
            owners[position + k] = i
        position += len(word)
    return times, owners


def fragment(part: Prepared, first: int, last: int) -> Prepared:
    """Return words `first` to `last` (excluded) of an utterance, cut out at the words' edges."""
    starts = [*part.item.starts, part.item.end]
    end_state = len(part.heard) if last == len(part.item.starts) else int(starts[last] * _STATES_A_SECOND)
    begin = 0 if not first else int(starts[first] * _STATES_A_SECOND)
    offset = begin / _STATES_A_SECOND
    chosen = [i for i, word in enumerate(part.words) if first <= word < last]
    item = dataclasses.replace(
        part.item,
        mel=part.item.mel[:, 2 * begin : 2 * end_state],
        starts=[start - offset for start in part.item.starts[first:last]],
        end=min(starts[last], end_state / _STATES_A_SECOND) - offset,
    )
    return Prepared(
        item,
        [part.rows[i] for i in chosen],
        [(part.spans[i][0] - offset, part.spans[i][1] - offset) for i in chosen],
        [part.words[i] - first for i in chosen],
        part.phonemes[begin:end_state],
        part.heard[begin:end_state],
    )


@dataclass(frozen=True, slots=True)
class Example:
    """One window: features, tokens of prompt, head and body, when each of the body is heard, classes of the states."""

    mel: Array
    prompt: list[int]
    head: list[int]
    body: list[int]
    spans: list[Span | None]
    no_text: bool
    phonemes: Array
    heard: Array


class Examples:
    """An endless stream of batches."""

    def __init__(self, items: list[Prepared], vocabulary: Vocabulary, seed: int) -> None:
        self._items, self._vocabulary, self._rng = items, vocabulary, random.Random(seed)
        self._domain = [item for item in items if item.rows]

    def batches(self) -> Iterator[tuple[Array, ...]]:
        """Yield batches of about equally long windows: features, tokens, targets, guides, phonemes, words."""
        while True:
            plans = sorted((self._plan() for _ in range(_POOL)), key=_length)
            groups: list[list[list[Prepared]]] = [[]]
            for plan in plans:
                if groups[-1] and _length(plan) * (len(groups[-1]) + 1) > FRAMES_A_BATCH:
                    groups.append([])
                groups[-1].append(plan)
            self._rng.shuffle(groups)
            for group in groups:
                yield self._collated([self._example(plan) for plan in group])

    def _plan(self) -> list[Prepared]:
        """Draw one to eight utterances, mostly of one speaker, that fit a window."""
        rng = self._rng
        at = rng.randrange(len(self._items))
        first = self._items[at]
        if first.rows and len(first.item.starts) > 3 and rng.random() < 0.12:
            begin, end = sorted(rng.sample(range(len(first.item.starts) + 1), 2))
            first = fragment(first, begin, end) if end - begin > 1 else first
        if rng.random() < 0.5:
            return [first]
        parts, wanted = [first], rng.randrange(2, 9)
        strangers = rng.random() < 0.3
        while len(parts) < wanted:
            at = rng.randrange(len(self._items)) if strangers else (at + 1) % len(self._items)
            part = self._items[at]
            if part.item.language != first.item.language:
                strangers = True
                continue
            if not part.rows and rng.random() < 0.6:
                continue
            if _length([*parts, part]) > LONGEST_FRAMES:
                break
            parts.append(part)
        return parts

    def _example(self, parts: list[Prepared]) -> Example:
        rng, vocabulary = self._rng, self._vocabulary
        language = parts[0].item.language
        said = sum(1 for part in parts if part.rows)
        stamped = said != 1 or rng.random() < 0.8
        head = [
            "<|startoftranscript|>",
            f"<|{language}|>",
            "<|transcribe|>",
            *([] if stamped else ["<|notimestamps|>"]),
        ]
        body: list[int] = []
        spans: list[Span | None] = []
        offset = 0.0
        for part in parts:
            start, end = offset + (part.item.starts or [0.0])[0], offset + part.item.end
            if part.rows and stamped:
                body.append(vocabulary.stamp(start if body else min(start, _FIRST_STAMP_SECONDS)))
                spans.append((start - 0.1, start + 0.2))
            body += part.rows
            spans += [(a + offset, b + offset) for a, b in part.spans]
            if part.rows and stamped:
                body.append(vocabulary.stamp(end))
                spans.append((end - 0.1, end + 0.2))
            offset += len(part.heard) / _STATES_A_SECOND
        if not body and stamped:
            body, spans = [vocabulary.stamp(0)], [None]
        mel = np.concatenate([part.item.mel[:, : 2 * len(part.heard)] for part in parts], 1).astype(np.float32)
        return Example(
            mel=self._masked(np.maximum(mel, mel.max() - _FLOOR)),
            prompt=self._prompt(language) if rng.random() < 0.25 else [],
            head=[vocabulary.special_row(name) for name in head],
            body=[*body, vocabulary.special_row("<|endoftext|>")],
            spans=[*spans, None],
            no_text=not said,
            phonemes=np.concatenate([part.phonemes for part in parts]),
            heard=np.concatenate([part.heard for part in parts]),
        )

    def _masked(self, mel: Array) -> Array:
        rng = self._rng
        if rng.random() < 0.3:
            band, width = rng.randrange(72), rng.randrange(1, 8)
            mel[band : band + width] = mel.mean()
        for _ in range(rng.randrange(3)):
            at, width = rng.randrange(mel.shape[1]), rng.randrange(1, 8)
            mel[:, at : at + width] = mel.min()
        shifted: Array = mel + np.float32(rng.uniform(-0.1, 0.1))
        return shifted

    def _prompt(self, language: str) -> list[int]:
        """Draw what may stand before a window: names and words to expect, or earlier sentences."""
        rng = self._rng
        rules = grammar.rules(language)
        kind = rng.random()
        if kind < 0.55:
            names = rng.choices([*rules["name"], *rules["name"], *_OTHER_NAMES], k=rng.randrange(1, 9))
            rows = self._vocabulary.encode(rng.choice((" ", ", ")).join(names))[0]
        elif kind < 0.75:
            said = [rng.choice((grammar.sentence, foreign.text))(language, rng) for _ in range(2)]
            some = " ".join(said).split()
            rows = self._vocabulary.encode(" ".join(rng.sample(some, min(len(some), rng.randrange(1, 9)))))[0]
        else:
            rows = []
            while len(rows) < rng.randrange(5, 80):
                rows += rng.choice(self._domain).rows
            rows = [UNUSED if rng.random() < 0.05 else row for row in rows[-90:]]
        return [self._vocabulary.special_row("<|startofprev|>"), *rows]

    def _collated(self, batch: list[Example]) -> tuple[Array, ...]:
        frames = max(example.mel.shape[1] for example in batch) + 2 * self._rng.randrange(10)
        states = frames // 2
        tokens_long = max(len(e.prompt) + len(e.head) + len(e.body) for e in batch) - 1
        mel = np.zeros((len(batch), 80, states * 2), np.float32)
        tokens = np.zeros((len(batch), tokens_long), np.int64)
        targets = np.full((len(batch), tokens_long), _IGNORED, np.int64)
        guides = np.zeros((len(batch), tokens_long, states), bool)
        phonemes, heard = np.zeros((2, len(batch), states), np.int64)
        no_speech = self._vocabulary.special_row("<|nospeech|>")
        for b, example in enumerate(batch):
            mel[b, :, : example.mel.shape[1]] = example.mel
            phonemes[b, : len(example.phonemes)] = example.phonemes
            heard[b, : len(example.heard)] = example.heard
            whole = example.prompt + example.head + example.body
            tokens[b, : len(whole) - 1] = whole[:-1]
            targets[b, len(example.prompt)] = no_speech if example.no_text else example.head[1]
            at = len(example.prompt) + len(example.head) - 1  # here the first of the body is foretold
            targets[b, at : at + len(example.body)] = example.body
            for i, span in enumerate(example.spans):
                if span is not None:
                    low = min(max(int(span[0] * _STATES_A_SECOND) - 2, 0), states - 2)
                    guides[b, at + i, low : max(int(span[1] * _STATES_A_SECOND) + 2, low + 1)] = True
        return mel, tokens, targets, guides, phonemes, heard


def _length(parts: list[Prepared]) -> int:
    return sum(2 * len(part.heard) for part in parts)


assert FRAMES_A_SECOND == 2 * _STATES_A_SECOND
