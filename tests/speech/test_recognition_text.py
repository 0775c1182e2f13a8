"""What passes between the service and the engine, and what is kept of the engine's text."""

from __future__ import annotations

import io
import math
from pathlib import Path

import pytest

from speech.recognition import wire
from speech.recognition.hallucinations import Heard, InventedTextLimits, limits_of, normalised, spoken_text

LIMITS = InventedTextLimits()


def test_a_message_comes_out_as_it_went_in() -> None:
    stream = io.BytesIO(wire.pack({"text": "é"}, b"\x00\xff") + wire.pack({"a": 1}))
    assert wire.read(stream) == ({"text": "é", "bytes": 2}, b"\x00\xff")
    assert wire.read(stream) == ({"a": 1, "bytes": 0}, b"")
    assert wire.read(stream) is None


@pytest.mark.parametrize(
    "data",
    [
        b"\x00",
        b"\x00\x00\x00\x00",
        b"HTTP/1.1 200",
        b"\x00\x00\x00\x05{}",
        b"\x00\x00\x00\x02[]",
        b"\x00\x00\x00\x02{}",
        b"\x00\x00\x00\x02xx",
        b'\x00\x00\x00\x0b{"bytes":2}x',
        b'\x00\x00\x00\x0c{"bytes":-1}',
        b'\x00\x00\x00\x0e{"bytes":true}',
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(wire.WireError) as caught:
        wire.read(io.BytesIO(data))
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def heard(text: str, *, log: float = -0.2, silence: float = 0.05, ratio: float = 1.0, left: float = math.inf) -> Heard:
    return Heard(text, log_probability=log, no_speech_probability=silence, compression_ratio=ratio, seconds_left=left)


@pytest.mark.parametrize(
    "text",
    [
        "Sous-titres réalisés par la communauté d'Amara.org",
        " Sous-titres réalisés para la communauté d'Amara.org ",
        "Sous-titrage Société Radio-Canada",
        "SOUS-TITRAGE ST' 501",
        "Sous-titrage FR ?",
        "Merci d'avoir regardé cette vidéo !",
        "Abonnez-vous.",
        "Subtitles by the Amara.org community",
        "Thanks for watching!",
        "Thank you for watching.",
        "Please subscribe to my channel.",
        "[Musique]",
        "(applaudissements)",
        "*soupir*",
        "♪ la la la ♪",
        "...",
        "",
    ],
)
@pytest.mark.parametrize("language", ["fr", "en", "de"])
def test_credits_and_annotations_are_never_text(text: str, language: str) -> None:
    assert spoken_text(heard(text), language, LIMITS) == ""


@pytest.mark.parametrize(
    "text",
    [
        "Oui.",
        "Non.",
        "Merci.",
        "Merci à tous, vos questions m'ont aidé.",
        "Je travaille à Radio-Canada.",
        "Nous avons des sous-titres dans nos vidéos.",
        "Je veux remercier l'équipe d'avoir regardé le budget.",
    ],
)
def test_what_people_say_stays(text: str) -> None:
    assert spoken_text(heard(text), "fr", LIMITS) == text


@pytest.mark.parametrize(("log", "silence"), [(-0.8, 0.05), (-0.2, 0.4)])
def test_a_doubtful_phrase_goes_when_the_engine_doubts_it_and_an_answer_never(log: float, silence: float) -> None:
    assert spoken_text(heard("Merci.", log=log, silence=silence), "fr", LIMITS) == ""
    assert spoken_text(heard("Thank you.", log=log, silence=silence), "en", LIMITS) == ""
    for answer in ("Oui.", "Non.", "D'accord."):
        assert spoken_text(heard(answer, log=log, silence=silence), "fr", LIMITS) == answer
    assert spoken_text(heard("Yes.", log=log, silence=silence), "en", LIMITS) == "Yes."


def test_a_credit_after_a_sentence_leaves_the_sentence() -> None:
    text = " Je parle à Marie.  Sous-titres réalisés par la communauté d'Amara.org"
    assert spoken_text(heard(text), "fr", LIMITS) == "Je parle à Marie."


@pytest.mark.parametrize(
    ("figures", "kept"),
    [
        ({"silence": 0.61, "log": -1.01}, False),
        ({"silence": 0.61, "log": -0.99}, True),
        ({"silence": 0.59, "log": -1.01}, True),
        ({"log": -1.51}, False),
        ({"log": -1.49}, True),
        ({"ratio": 2.41}, False),
        ({"ratio": 2.39}, True),
        ({"left": 0.0}, False),
        ({"left": 0.01}, True),
    ],
)
def test_a_segment_is_dropped_on_the_engines_own_figures(figures: dict[str, float], *, kept: bool) -> None:
    assert bool(spoken_text(heard("Je parle à Marie.", **figures), "fr", LIMITS)) is kept


@pytest.mark.parametrize(("left", "kept"), [(0.2, False), (0.9, False), (1.3, True)])
def test_more_words_than_there_is_time_for_were_not_said(left: float, *, kept: bool) -> None:
    """The demo model wrote a sentence of 17 words twice, the second time 0.06 s before the sound was over."""
    text = "D'abord je prépare la conversation avec ma responsable et ensuite je parle avec David du recrutement."
    assert bool(spoken_text(heard(text, left=left), "fr", LIMITS)) is kept


def test_phrases_are_compared_without_accents_case_and_punctuation() -> None:
    assert normalised("  Sous-titres RÉALISÉS, par l’équipe… ") == "sous titres realises par l equipe"


def test_a_model_may_have_limits_of_its_own(tmp_path: Path) -> None:
    assert limits_of(tmp_path) == LIMITS
    (tmp_path / "limits.json").write_text('{"hopeless_log_probability": -0.2}')
    limits = limits_of(tmp_path)
    assert limits == InventedTextLimits(hopeless_log_probability=-0.2)
    assert spoken_text(heard("Je parle à Marie.", log=-0.3), "fr", limits) == ""


@pytest.mark.parametrize("content", ["[]", "{", '{"unheard_of": 1}', '{"log_probability": "low"}'])
def test_limits_that_are_none_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "limits.json").write_text(content)
    with pytest.raises((ValueError, TypeError, AttributeError)):
        limits_of(tmp_path)
