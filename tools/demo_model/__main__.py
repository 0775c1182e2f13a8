"""`python -m tools.demo_model all --out DIR`, or one of its steps."""

from __future__ import annotations

import argparse
import random
from pathlib import Path

STEPS = ("sentences", "synthesize", "train", "convert")


def main() -> None:
    """Run one step of the recipe, or all."""
    parser = argparse.ArgumentParser(prog="python -m tools.demo_model", description=__doc__)
    parser.add_argument("step", choices=(*STEPS, "all"))
    parser.add_argument("--out", type=Path, required=True, help="folder for data, checkpoint and the finished model")
    parser.add_argument("--utterances", type=int, help="how many to synthesize")
    parser.add_argument("--steps", type=int, help="how many batches to train")
    parser.add_argument("--warm", type=Path, help="start from the weights of the demo model in this folder")
    options = parser.parse_args()
    folder: Path = options.out
    for step in STEPS if options.step == "all" else (options.step,):
        if step == "sentences":
            sentences(folder)
        elif step == "synthesize":
            from tools.demo_model import synthesize  # each step loads only what it needs

            synthesize.synthesize(folder / "data", utterances=options.utterances or synthesize.UTTERANCES)
        elif step == "train":
            from tools.demo_model.train import Course, train

            train(folder, Course(steps=options.steps or Course().steps, warm=options.warm))
        else:
            from tools.demo_model.convert import convert

            convert(folder, folder / "model")


def sentences(folder: Path) -> None:
    """Make the vocabulary and show what the grammar says."""
    from tools.demo_model import grammar, vocab

    vocabulary = vocab.build(folder / "vocabulary")
    print(f"{len(vocabulary)} tokens in training, {vocabulary.size} in the files")
    rng = random.Random(0)
    for language in grammar.LANGUAGES:
        draws = [grammar.sentence(language, rng) for _ in range(10000)]
        by_hash, by_triple = (sum(map(f, draws)) for f in (grammar.held_out_by_hash, _has_triple))
        print(
            f"{language}: of 10000 draws {len(set(draws))} differ; held out {by_hash} by hash, {by_triple} by triples"
        )
        print(*(f"  {text}" for text in draws[:8]), sep="\n")


def _has_triple(text: str) -> bool:
    from tools.demo_model import grammar

    return bool(grammar.held_out_triples(text))


if __name__ == "__main__":
    main()
