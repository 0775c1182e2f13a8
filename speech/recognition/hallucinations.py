"""Text that Whisper writes where nobody spoke, and how it is left out.

Whisper learnt from subtitled videos: in silence, noise and music it writes the credits that such videos end with. The
voice detector keeps most silence away; this is the second line. It also writes on beyond the sound's end, in the
silence that fills its window: the same sentence again. Four rules, in `spoken_text`:

1. A segment is dropped when the engine's own figures speak against it (`InventedTextLimits`).
2. A sentence is dropped when it is a credit that nobody says in a meeting (`_CREDITS`, `_CREDIT_STARTS`,
   `_CREDIT_SITE`), always, and in either language: a French session may get an English credit.
3. A sentence that people do say (`_DOUBTFUL`: "Merci.", "Thank you.") is dropped only when the engine doubts it. A yes
   or a no is never on the list: an answer lost costs more than a word invented.
4. A segment after the first is dropped where the sound is over, or too soon over for so many words
   (`_MOST_WORDS_A_SECOND`).

Phrases are compared without case, accents, punctuation and repeated spaces.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class InventedTextLimits:
    """Beyond which figures of the engine a segment is not believed.

    Attributes:
        no_speech_probability: above it, and below `log_probability`, the segment is silence; 0.6 is Whisper's default.
        log_probability: mean natural log of the tokens' probabilities; -1.0 is Whisper's default.
        hopeless_log_probability: below it the segment is dropped whatever else is said; under it (a mean probability of
            0.22) Whisper's text is mostly unrelated to the sound.
        compression_ratio: length of the text over its zlib length; above 2.4 (Whisper's default) the text is a loop.
        doubt_no_speech_probability: above it a doubtful phrase is dropped; ours, well under Whisper's 0.6.
        doubt_log_probability: below it a doubtful phrase is dropped; ours.
    """

    no_speech_probability: float = 0.6
    log_probability: float = -1.0
    hopeless_log_probability: float = -1.5
    compression_ratio: float = 2.4
    doubt_no_speech_probability: float = 0.3
    doubt_log_probability: float = -0.7


LIMITS_FILE = "limits.json"
"""A model's folder may set some limits of its own, by their names: one that knows a closed domain must be surer."""


def limits_of(model_folder: Path) -> InventedTextLimits:
    """Return the limits for the model in a folder.

    Raises:
        ValueError, TypeError, AttributeError: its file holds something else.
    """
    path = model_folder / LIMITS_FILE
    own: dict[str, float] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return InventedTextLimits(**{name: float(value) for name, value in own.items()})


@dataclass(frozen=True, slots=True)
class Heard:
    """One segment as the engine gave it.

    Attributes:
        text: what it wrote.
        log_probability: mean natural log of the tokens' probabilities, at most 0.
        no_speech_probability: how likely the window held no speech, 0 to 1.
        compression_ratio: length of `text` over its zlib length.
        seconds_left: from where it begins to the end of the sound; infinite for the first, whose place is not doubted.
    """

    text: str
    log_probability: float
    no_speech_probability: float
    compression_ratio: float
    seconds_left: float = math.inf


_CREDITS = {
    "fr": frozenset(
        {
            "sous titrage",
            "sous titres",
            "sous titrage st 501",
            "sous titrage fr",
            "sous titrage societe radio canada",
            "sous titres par la communaute",
            "merci d avoir regarde",
            "merci d avoir regarde cette video",
            "merci d avoir regarde la video",
            "merci a tous d avoir regarde cette video",
            "merci de votre attention et a la prochaine video",
            "abonnez vous",
            "abonnez vous a la chaine",
            "abonnez vous a ma chaine",
            "n oubliez pas de vous abonner",
            "n hesitez pas a vous abonner",
            "n oubliez pas de liker et de vous abonner",
            "a bientot pour une nouvelle video",
            "on se retrouve dans la prochaine video",
            "je vous dis a la prochaine video",
            "musique de generique",
            "generique de fin",
        }
    ),
    "en": frozenset(
        {
            "thanks for watching",
            "thank you for watching",
            "thank you so much for watching",
            "thank you very much for watching",
            "thanks for watching and see you next time",
            "please subscribe",
            "please subscribe to my channel",
            "please like and subscribe",
            "like and subscribe",
            "don t forget to subscribe",
            "don t forget to like and subscribe",
            "see you in the next video",
            "i ll see you in the next video",
            "see you next time on this channel",
            "end of transcript",
        }
    ),
}

_CREDIT_STARTS = {
    "fr": (
        "sous titres realises",
        "sous titres fait par",
        "sous titres crees par",
        "sous titrage realise",
        "sous titrage par ",
        "soustitreur com",
        "transcription realisee par",
    ),
    "en": (
        "subtitles by",
        "subtitled by",
        "subtitles created by",
        "captions by",
        "captioned by",
        "closed captioning",
        "transcription by",
        "transcribed by https",
        "otter ai",
    ),
}

_CREDIT_SITE = "amara org"
"""Written by Whisper in the credits of many languages, wherever in the sentence."""

_DOUBTFUL = {
    "fr": frozenset(
        {
            "merci",
            "merci beaucoup",
            "merci a tous",
            "au revoir",
            "bonne journee",
            "a bientot",
            "a la prochaine",
            "voila",
            "hum",
            "euh",
            "musique",
            "applaudissements",
            "rires",
            "silence",
        }
    ),
    "en": frozenset(
        {
            "thank you",
            "thank you very much",
            "thanks",
            "bye",
            "bye bye",
            "goodbye",
            "you",
            "so",
            "oh",
            "the end",
            "to be continued",
            "hmm",
            "uh",
            "music",
            "applause",
            "laughter",
            "silence",
        }
    ),
}

_MOST_WORDS_A_SECOND = 10.0
"""Nobody says more: people reach 6 or 7 for a moment."""
_PLACE_SECONDS = 0.5
"""By so much the engine may be off in where a segment begins."""
_ANNOTATION = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|\*[^*]*\*|[♪♫]+[^♪♫]*[♪♫]+|[♪♫]")
"""What subtitlers put in brackets or between notes: "[Musique]", "(applaudissements)", "♪ ... ♪"."""
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")


def normalised(text: str) -> str:
    """Return `text` in lower case without accents or punctuation, words parted by single spaces."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(re.findall(r"[^\W_]+", plain.casefold()))


def spoken_text(heard: Heard, language: str, limits: InventedTextLimits) -> str:
    """Return what of a segment was said, as far as can be told; empty when none of it was.

    Args:
        heard: the segment and the engine's figures.
        language: two letters; a language without a table of phrases gets rules 1 and 2.
        limits: the model's.
    """
    if _is_unlikely(heard, limits):
        return ""
    doubted = (
        heard.no_speech_probability > limits.doubt_no_speech_probability
        or heard.log_probability < limits.doubt_log_probability
    )
    sentences = _SENTENCE_END.split(_ANNOTATION.sub(" ", heard.text).strip())
    kept = [sentence for sentence in sentences if not _is_invented(sentence, language, doubted=doubted)]
    return " ".join(" ".join(kept).split())


def joined(texts: Iterable[str]) -> str:
    """Return the segments' texts as one line."""
    return " ".join(text for text in texts if text)


def _is_unlikely(heard: Heard, limits: InventedTextLimits) -> bool:
    silent = (
        heard.no_speech_probability > limits.no_speech_probability and heard.log_probability < limits.log_probability
    )
    return (
        silent
        or heard.log_probability < limits.hopeless_log_probability
        or heard.compression_ratio > limits.compression_ratio
        or heard.seconds_left <= 0
        or len(heard.text.split()) > _MOST_WORDS_A_SECOND * (heard.seconds_left + _PLACE_SECONDS)
    )


def _is_invented(sentence: str, language: str, *, doubted: bool) -> bool:
    phrase = normalised(sentence)
    return (
        not phrase
        or _CREDIT_SITE in phrase
        or any(phrase in table for table in _CREDITS.values())
        or any(phrase.startswith(starts) for starts in _CREDIT_STARTS.values())
        or (doubted and phrase in _DOUBTFUL.get(language, ()))
    )
