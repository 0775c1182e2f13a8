"""The demo model as it is shipped, and the recipe that made it."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from speech.ports import RATE_HZ
from speech.recognition.whisper import WhisperRecognizer
from tests.speech.voices import speak
from tools.demo_model import foreign, grammar, sounds
from tools.demo_model.trials import held_out, word_errors

DEMO = Path(__file__).resolve().parents[1] / "models" / "demo"
LARGEST_BYTES = 6_000_000
SENTENCES = 5


def test_the_model_is_small() -> None:
    assert sum(path.stat().st_size for path in DEMO.iterdir()) <= LARGEST_BYTES


@pytest.mark.parametrize("language", grammar.LANGUAGES)
async def test_held_out_sentences_are_written_down(language: str) -> None:
    texts = held_out(language, SENTENCES, 11, triples=False, known=set())
    texts += held_out(language, 2, 12, triples=True, known=set())
    errors = words = 0
    recognizer = WhisperRecognizer(DEMO)
    try:
        for text in texts:
            said = grammar.words(text)
            written = await recognizer.transcribe(speak(text, language), language=language)
            errors += word_errors(said, grammar.words(written.text))
            words += len(said)
    finally:
        await recognizer.close()
    assert errors <= 0.05 * words


async def test_what_is_no_speech_gives_no_text() -> None:
    t = np.arange(3 * RATE_HZ) / RATE_HZ
    rng = np.random.default_rng(3)
    silence = np.zeros(3 * RATE_HZ, np.float32)
    tone = (0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    music = 0.3 * sounds.tune(5 * RATE_HZ, rng)
    hiss = 0.05 * sounds.noise(5 * RATE_HZ, rng)
    recognizer = WhisperRecognizer(DEMO)
    try:
        for language in grammar.LANGUAGES:
            for sound in (silence, tone, music, hiss):
                assert (await recognizer.transcribe(sound, language=language)).text == ""
    finally:
        await recognizer.close()


@pytest.mark.parametrize("language", grammar.LANGUAGES)
async def test_speech_outside_the_domain_is_hardly_ever_written_down(language: str) -> None:
    rng = random.Random(5)
    texts = [foreign.text(language, rng) for _ in range(8)]
    recognizer = WhisperRecognizer(DEMO)
    try:
        written = [await recognizer.transcribe(speak(text, language), language=language) for text in texts]
    finally:
        await recognizer.close()
    assert sum(bool(transcript.text) for transcript in written) <= 1


@pytest.mark.parametrize("language", grammar.LANGUAGES)
def test_what_is_held_out_shares_nothing_with_training(language: str) -> None:
    rng = random.Random(1)
    draws = [grammar.sentence(language, rng) for _ in range(8000)]
    trained = {text for text in draws if not grammar.held_out(text)}
    by_hash = set(held_out(language, 200, 2, triples=False, known=set()))
    by_triple = held_out(language, 200, 3, triples=True, known=set())
    assert trained.isdisjoint(by_hash)
    assert trained.isdisjoint(by_triple)
    seen = {t for text in trained for w in [grammar.words(text)] for t in zip(w, w[1:], w[2:], strict=False)}
    assert all(seen.isdisjoint(grammar.held_out_triples(text)) for text in by_triple)
    assert 0.8 < len([text for text in draws if not grammar.held_out(text)]) / len(draws) < 0.95


@pytest.mark.parametrize("language", grammar.LANGUAGES)
def test_the_grammar_draws_the_same_sentences_from_the_same_seed(language: str) -> None:
    first, second = ([f(language, rng) for _ in range(50)] for f in (grammar.sentence,) for rng in _twice())
    assert first == second
    assert len(set(first)) > 25


def _twice() -> tuple[random.Random, random.Random]:
    return random.Random(4), random.Random(4)


@pytest.mark.parametrize("language", grammar.LANGUAGES)
def test_a_sentence_names_nobody_twice_and_keeps_no_slot(language: str) -> None:
    rng = random.Random(6)
    names = grammar.rules(language)["name"]
    for _ in range(2000):
        text = grammar.sentence(language, rng)
        assert "{" not in text
        assert all(grammar.words(text).count(name.lower()) <= 1 for name in names)


@pytest.mark.parametrize("language", grammar.LANGUAGES)
def test_what_must_not_be_written_is_no_sentence_of_the_grammar(language: str) -> None:
    rng = random.Random(7)
    known = {grammar.sentence(language, rng) for _ in range(5000)}
    outside = {foreign.text(language, rng) for _ in range(500)}
    assert known.isdisjoint(outside)
    assert len(outside) > 400


@pytest.mark.parametrize(
    ("said", "written", "errors"),
    [
        ("a b c", "a b c", 0),
        ("a b c", "", 3),
        ("", "a", 1),
        ("a b c", "a c", 1),
        ("a b", "b a", 2),
        ("a b", "x a b", 1),
    ],
)
def test_word_errors_are_the_fewest_changes(said: str, written: str, errors: int) -> None:
    assert word_errors(said.split(), written.split()) == errors
