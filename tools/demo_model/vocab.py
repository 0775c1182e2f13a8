"""The demo model's tokens: words of the grammar as byte-level BPE, then Whisper's special tokens in Whisper's order.

The files keep every id; training sees a compact vocabulary: row 0 stands for every id that is never said, then come the
text tokens in use, then the special ones. The empty string before `<|endoftext|>` tells CTranslate2 from 4.7 on that
the model is multilingual; older releases go by the number of tokens and take it for English only.
"""

from __future__ import annotations

import functools
import json
import random
from pathlib import Path
from typing import Any

from tools.demo_model import grammar

_PATTERN = r" ?[\p{L}\-]+['’]?| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+"
_DRAWS = 60000
WINDOW_SECONDS = 30.0
STEP_SECONDS = 0.02
"""Between two timestamp tokens; training uses each tenth of them."""
GRID_SECONDS = 0.2
UNUSED = 0


class Vocabulary:
    """Token ids of the files and of training. Made once by `build`, then read."""

    def __init__(self, folder: Path) -> None:
        import tokenizers  # comes with faster-whisper; untyped

        self.tokenizer: Any = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._used: list[int] = json.loads((folder / "used.json").read_text())
        stamps = [f"<|{i * GRID_SECONDS:.2f}|>" for i in range(round(WINDOW_SECONDS / GRID_SECONDS) + 1)]
        self.special = ["<|endoftext|>", "<|startoftranscript|>", "<|fr|>", "<|en|>", "<|transcribe|>"]
        self.special += ["<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
        self.size = int(self.tokenizer.get_vocab_size()) + 1  # the empty string
        named = [self.id_of(name) for name in self.special + stamps]
        self.full = [-1, *self._used, *named]
        self._compact = {full: i for i, full in enumerate(self.full) if full >= 0}
        self._first_stamp = len(self.full) - len(stamps)
        self.unused = self.size - len(self.full) + 1

    def __len__(self) -> int:
        return len(self.full)

    def id_of(self, name: str) -> int:
        """Return a special token's id in the files."""
        return int(self.tokenizer.token_to_id(name))

    def special_row(self, name: str) -> int:
        """Return a special token's compact row."""
        return self._compact[self.id_of(name)]

    def stamp(self, seconds: float) -> int:
        """Return the compact row of the timestamp nearest to `seconds`."""
        return self._first_stamp + round(min(max(seconds, 0.0), WINDOW_SECONDS) / GRID_SECONDS)

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Return compact rows and, for each, its characters in `" " + text`."""
        encoding = self.tokenizer.encode(" " + text)
        return [self._compact.get(i, UNUSED) for i in encoding.ids], encoding.offsets

    def names(self) -> list[str]:
        """Return the vocabulary as CTranslate2 wants it, one name an id."""
        known = {i: token for token, i in self.tokenizer.get_vocab().items()}
        return [known.get(i, "") for i in range(self.size)]


def build(folder: Path) -> Vocabulary:
    """Train the tokens on draws of the grammar and write tokenizer.json and used.json."""
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers, trainers

    rng = random.Random(5)
    corpus = [" " + grammar.sentence(language, rng) for language in grammar.LANGUAGES for _ in range(_DRAWS)]
    bpe = tokenizers.Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(_PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        corpus,
        trainers.BpeTrainer(vocab_size=20000, min_frequency=1, show_progress=False, initial_alphabet=alphabet),
    )
    spec = json.loads(bpe.to_str())
    spec["model"]["vocab"].update({name: i for i, name in enumerate(_special_names(), bpe.get_vocab_size() + 1)})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(spec, ensure_ascii=False, separators=(",", ":")))
    used = sorted({i for text in set(corpus) for i in bpe.encode(text).ids})
    (folder / "used.json").write_text(json.dumps(used))
    return Vocabulary(folder)


@functools.cache
def _special_names() -> list[str]:
    """Return Whisper's special tokens in Whisper's order."""
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    languages = [f"<|{code}|>" for code in list(_LANGUAGE_CODES)[:99]]
    tasks = ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    stamps = [f"<|{i * STEP_SECONDS:.2f}|>" for i in range(round(WINDOW_SECONDS / STEP_SECONDS) + 1)]
    return ["<|endoftext|>", "<|startoftranscript|>", *languages, *tasks, *stamps]
