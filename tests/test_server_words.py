"""A session that a speech server transcribes says so, and names it, before anybody agrees."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from facilitator.data import data_path
from facilitator.errors import CatalogError
from facilitator.languages import load_language
from facilitator.wording import Language
from tests.test_prompts import fill

HOST = "speech.example.org"
WAYS = [("fr", "tu"), ("fr", "vous"), ("en", "")]


def served(code: str, address: str, **settings: bool) -> Language:
    return load_language("codev", code, address or "tu", server=HOST, **settings)


@pytest.mark.parametrize(("code", "address"), WAYS)
@pytest.mark.parametrize("keeps_sound", [False, True])
def test_consent_names_the_server_and_what_becomes_of_the_sound(code: str, address: str, *, keeps_sound: bool) -> None:
    language = served(code, address, keeps_sound=keeps_sound)
    kept = {"fr": "gardé ici, chiffré", "en": "kept here, encrypted"}[code]
    for key, longest in (("steps.welcome.opening", 90), ("prompts.latecomer", 60)):
        said = fill(language, key, "Camille")
        assert f"{'serveur' if code == 'fr' else 'server'} {HOST}" in said
        assert (kept in said) == keeps_sound
        assert not re.search(r"[Tt]out est traité|Everything is processed|seulement\. |computer only|[{}]|  |\n", said)
        assert len(said.split()) <= longest
        assert max(len(re.findall(r"\w[\w'’-]*", one)) for one in re.split(r"[.!?…] ", said)) <= 22
    assert HOST in language.plain("interface.listening_question")
    assert HOST in language.plain("interface.warnings.speech_server")
    for words in ("peut refuser", "pause de l'écoute") if code == "fr" else ("may refuse", "pause of the listening"):
        assert words in language.plain("steps.welcome.opening")


def test_the_formal_french_stays_formal() -> None:
    for keeps_sound in (False, True):
        formal, other = (served("fr", way, keeps_sound=keeps_sound) for way in ("vous", "tu"))
        assert "Vous pouvez refuser" in formal.plain("prompts.latecomer")
        assert "Tu peux refuser" in other.plain("prompts.latecomer")


@pytest.mark.parametrize(("code", "address"), WAYS)
def test_without_a_server_or_without_listening_no_word_speaks_of_one(code: str, address: str) -> None:
    silent = load_language("codev", code, address or "tu", listens=False, server=HOST)
    for language in (silent, load_language("codev", code, address or "tu")):
        spoken = [key for key in language.keys if key.startswith(("steps.", "prompts.", "interface.listening"))]
        assert not [key for key in spoken if re.search("serveur|server", language.plain(key))]
        assert not [key for key in language.keys if key.endswith("_with_server")]


def test_a_process_whose_opening_does_not_name_it_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(data_path("prompts/codev"), own)
    text = (own / "fr.toml").read_text(encoding="utf-8")
    for ending, keeps_sound in (("_keeping_sound_with_server", True), ("_with_server", False)):
        text = re.sub(rf'opening{ending} = """.*?"""\n', "", text, flags=re.DOTALL)
        (own / "fr.toml").write_text(text, encoding="utf-8")
        load_language(own, keeps_sound=keeps_sound)
        with pytest.raises(CatalogError, match=rf"where the sound goes: add 'steps.STEP.opening{ending}'"):
            load_language(own, server=HOST, keeps_sound=keeps_sound)
