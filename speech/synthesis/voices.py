"""The voices a speech engine has, written alike on every system, and the choice among them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from speech.errors import VoiceNotFoundError

_NEAREST = 4


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice of the engine.

    Attributes:
        id: what the engine knows it by: `roa/fr`, a registry key, an Apple identifier.
        name: what a person knows it by.
        languages: tags such as `fr` or `fr-FR`.
    """

    id: str
    name: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VoiceList:
    """What the engine offers.

    Attributes:
        voices: its voices.
        variants: speakers that can be added to any voice as `voice+variant` (espeak-ng: `fr+f2`); empty elsewhere.
    """

    voices: tuple[Voice, ...]
    variants: tuple[str, ...] = ()


def language_tag(written: str) -> str:
    """Return a language as `fr` or `fr-FR` from what an engine writes (`fr-fr`, `fr_FR`, `en-us-nyc`)."""
    first, *rest = re.split(r"[-_]", written.strip())
    region = next((part for part in rest[:1] if re.fullmatch(r"[A-Za-z]{2}|\d{3}", part)), None)
    return first.lower() + (f"-{region.upper()}" if region else "")


def choose(offered: VoiceList, wanted: str, language: str = "") -> str:
    """Return the engine's id for the voice asked for.

    Args:
        offered: what the engine has.
        wanted: an id, its last part, a name or a language tag, with an optional `+variant`; empty for the best voice
            of `language`.
        language: such as `fr` or `fr-CA`; decides when `wanted` is empty.

    Raises:
        VoiceNotFoundError: there is none; the nearest ones are named.
    """
    base, plus, variant = wanted.partition("+")
    voice = _by_name(offered.voices, base) if base else None
    voice = voice or _by_language(offered.voices, base or language)
    if voice is None:
        raise VoiceNotFoundError(_not_found(wanted or language, offered))
    if not plus:
        return voice.id
    exact = {name.casefold(): name for name in offered.variants}.get(variant.casefold())
    if exact is None:
        near = difflib.get_close_matches(variant, offered.variants, n=_NEAREST, cutoff=0.0)
        what = f"nearest are {', '.join(near)}" if near else "this engine has no variants"
        raise VoiceNotFoundError(f"The voice {wanted} has no variant {variant}: {what}.")
    return f"{voice.id}+{exact}"


def _by_name(voices: Sequence[Voice], wanted: str) -> Voice | None:
    key = wanted.casefold()
    for voice in voices:
        if key in (voice.id.casefold(), voice.name.casefold(), voice.id.casefold().rpartition("/")[2]):
            return voice
    return None


def _by_language(voices: Sequence[Voice], language: str) -> Voice | None:
    """The exact tag, else the language's own land (fr-FR, en-GB before en-029), else the first of that language."""
    tag = language_tag(language) if re.fullmatch(r"[A-Za-z]{2,3}([-_]\w+)*", language) else ""
    short = tag.partition("-")[0]
    own = {"en": "en-GB"}.get(short, f"{short}-{short.upper()}")
    for match in (tag, short, own):
        for voice in voices:
            if match and match in voice.languages:
                return voice
    return next(
        (voice for voice in voices if short and any(t.partition("-")[0] == short for t in voice.languages)), None
    )


def _not_found(wanted: str, offered: VoiceList) -> str:
    if not offered.voices:
        return "The speech engine has no voice at all: install one in the system's settings."
    names = [voice.id for voice in offered.voices] + [voice.name for voice in offered.voices]
    near = difflib.get_close_matches(wanted, names, n=_NEAREST, cutoff=0.3) or names[:_NEAREST]
    return f"The speech engine has no voice {wanted}: nearest are {', '.join(near)}."
