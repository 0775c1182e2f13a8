"""Processes and languages: found, checked, and refused in one sentence."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from facilitator.catalog import find_process, list_processes, load_process
from facilitator.core.process import Cue, Rights
from facilitator.core.wording import Wording
from facilitator.data import data_path, did_you_mean
from facilitator.errors import CatalogError, InstallationError
from facilitator.languages import list_languages, load_language
from facilitator.wording import Language

CODEV = data_path("prompts/codev")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A copy of codev in a folder of the user's own, called `mine`."""
    shutil.copytree(CODEV, tmp_path / "mine")
    return tmp_path / "mine"


def change(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def refusal(act: Callable[[], object]) -> str:
    """Return the sentence with which `act` is refused."""
    with pytest.raises(CatalogError) as caught:
        act()
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_codev_is_read_as_it_is_written() -> None:
    process = load_process("codev")
    assert process.durations == (60, 90, 120)
    assert process.roles == ("client", "consultant", "animator")
    assert process.step("presentation").rights is Rights.HOLD
    assert process.step("consultation").replies
    assert process.step("contract").written_down == "contract"
    assert process.courtesy[Cue.REMAINING].held_silence_seconds == 1.5
    assert process.records["contract"].open_until == "consultation"
    assert process.remaining_seconds(8 * 60) == 120


def test_processes_are_listed_with_the_users_own_first(own: Path) -> None:
    assert list_processes() == {"codev": CODEV}
    own.rename(own.parent / "codev")
    assert list_processes(own.parent) == {"codev": own.parent / "codev"}


def test_a_process_is_found_by_name_by_folder_and_by_file(own: Path) -> None:
    assert find_process("codev") == CODEV
    assert find_process("mine", own.parent) == own
    assert find_process(str(own)) == find_process(own) == find_process(own / "process.toml") == own


def test_a_folder_of_a_user_who_is_not_here_is_no_process() -> None:
    assert "There is no process.toml in ~no-such-user/x" in refusal(lambda: load_process("~no-such-user/x"))


def test_an_unknown_process_is_refused_with_the_nearest(tmp_path: Path) -> None:
    assert refusal(lambda: load_process("codex")) == "There is no process 'codex'; did you mean 'codev'?"
    assert "there are codev." in refusal(lambda: load_process("zzz"))
    assert str(tmp_path) in refusal(lambda: load_process(tmp_path))
    assert "no process" in refusal(lambda: load_process(CODEV / "fr.toml"))
    assert "[session]" in refusal(lambda: list_processes(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('rights = "hold"', 'rigths = "hold"', "'steps.1.rigths' is unknown; did you mean 'rights'?"),
        ("share = 0.4", 'share = "much"', "'remaining.share' is wrong: it must be a number."),
        ("share = 0.4", "", "'remaining.share' is missing; add it."),
        ("held = 0.6, deadline = 10", "held = 0.6", "'courtesy.opening.deadline' is missing; add it."),
        ('owner = "client"', 'ownr = "client"', "'records.contract.ownr' is unknown; did you mean 'owner'?"),
        (
            "{ 60 = 5, 90 = 10, 120 = 12 }",
            "{ sixty = 5 }",
            "'steps.0.minutes.sixty' is wrong: it must be a whole number.",
        ),
        ('may_always_speak = ["animator"]', 'may_always_speak = ["animater"]', "did you mean 'animator'?"),
        ('holder = "animator"', 'holder = "nobody"', "the step 'welcome' is held by 'nobody', which is not a role"),
        ('id = "codev"', 'id = "codev', "is not valid TOML"),
    ],
)
def test_a_mistake_in_a_process_is_one_sentence_that_names_the_file(
    own: Path, before: str, after: str, expected: str
) -> None:
    change(own / "process.toml", before, after)
    said = refusal(lambda: load_process(own))
    assert expected in said
    assert str(own / "process.toml") in said
    assert "\n" not in said.strip()


def test_a_language_is_a_wording() -> None:
    wording: Wording = load_language("codev")
    said = wording.text("steps.presentation.opening", names={"client": ("Camille",)}, holder="client", seconds=480)
    assert said.startswith("Étape un : l'exposé. Pendant huit minutes, nous écoutons Camille ")


def test_languages_and_addresses_are_listed() -> None:
    assert list_languages("codev") == {"en": ("",), "fr": ("tu", "vous")}


def test_the_address_changes_only_what_differs() -> None:
    tu, vous = load_language("codev", "fr", "tu"), load_language("codev", "fr", "vous")
    assert (tu.address, vous.address) == ("tu", "vous")
    assert tu.plain("prompts.question_learning") == "Qu'as-tu appris aujourd'hui ?"
    assert vous.plain("prompts.question_learning") == "Qu'avez-vous appris aujourd'hui ?"
    assert tu.plain("cues.ended") == vous.plain("cues.ended")


def test_a_language_with_one_way_of_addressing_takes_any() -> None:
    assert load_language("codev", "en", "vous").address == ""


def test_an_unknown_language_or_address_is_refused_with_those_there_are() -> None:
    assert refusal(lambda: load_language("codev", "de")) == "'codev' has no language 'de'; there are en, fr."
    assert (
        refusal(lambda: load_language("codev", "fr", "Sie"))
        == "'codev' has no address 'Sie' in 'fr'; there are tu, vous."
    )


@pytest.mark.parametrize(
    ("file", "before", "after", "expected"),
    [
        ("fr.toml", 'ended = "Le temps', 'endde = "Le temps', "the key 'cues.ended' is missing; add it."),
        ("fr.toml", "[cues]", '[cues]\nbegun = "Ici"', "the key 'cues.begun' is unknown"),
        ("fr.toml", "Il reste {time}.", "Il reste {tiem}.", "{tiem}, which is no placeholder; did you mean 'time'?"),
        ("fr.toml", "Il reste {time}.", "Il reste {time.", "'cues.remaining' holds a lone brace"),
        ("fr.toml", '"zéro", ', "", "needs the 100 words from 0 to 99"),
        ("fr.toml", '"Il reste {time}."', "5", "the key 'cues.remaining' is wrong: it must be text in quotes"),
        (
            "fr-vous.toml",
            "question_session",
            "question_sesion",
            "not in fr.toml; did you mean 'prompts.question_session'?",
        ),
        ("fr-vous.toml", "{holder} finir", "{holdr} finir", "{holdr}, which is no placeholder"),
    ],
)
def test_a_mistake_in_a_language_names_the_file_and_the_key(
    own: Path, file: str, before: str, after: str, expected: str
) -> None:
    change(own / file, before, after)
    said = refusal(lambda: load_language(own, "fr", "vous"))
    assert expected in said
    assert str(own / file) in said


def test_a_process_of_ones_own_needs_only_its_own_words(own: Path) -> None:
    """The shared tables come from codev, and the records may have other names."""
    process = (own / "process.toml").read_text(encoding="utf-8")
    (own / "process.toml").write_text(process.replace("contract", "wish").replace("plan", "deed"), encoding="utf-8")
    text = (own / "fr.toml").read_text(encoding="utf-8").replace(".contract]", ".wish]").replace(".plan]", ".deed]")
    head, rest = text.split("[private]")
    documents = rest[rest.index("[documents.wish]") : rest.index("[interface]")]
    before, after = head.split("[numbers]")
    (own / "fr.toml").write_text(before + after[after.index("[roles.client]") :] + documents, encoding="utf-8")
    (own / "fr-vous.toml").unlink()
    language = load_language(own, "fr", "tu")
    assert language.plain("refusals.on_time").startswith("La séance est à l'heure")
    assert language.plain("documents.deed.title") == "Plan d'action"
    assert language.time(90) == "une minute et demie"
    change(own / "fr.toml", "items = ", "title_of_items = ")
    assert "'documents.deed.quote' (or '.items') is missing" in refusal(lambda: load_language(own))


def test_a_session_that_may_keep_sound_says_so(own: Path) -> None:
    for code, address, word, never in (
        ("fr", "tu", "leur son est gardé", "aucun son n'est gardé"),
        ("fr", "vous", "leur son est gardé", "aucun son n'est gardé"),
        ("en", "", "their sound is kept", "no sound is kept"),
    ):
        keeps = load_language("codev", code, address or "tu", keeps_sound=True)
        opening = keeps.plain("steps.welcome.opening")
        assert word in opening
        assert never not in opening
        assert word in keeps.plain("prompts.latecomer")
        assert never in load_language("codev", code, address or "tu").plain("steps.welcome.opening")
        unheard = load_language("codev", code, address or "tu", listens=False, keeps_sound=True)
        assert word not in unheard.plain("steps.welcome.opening")
    text = (own / "fr.toml").read_text(encoding="utf-8")
    (own / "fr.toml").write_text(re.sub(r'opening_keeping_sound = """.*?"""\n', "", text, flags=re.DOTALL))
    assert "opening_keeping_sound" in refusal(lambda: load_language(own, "fr", "tu", keeps_sound=True))


def test_a_session_without_listening_does_not_speak_of_listening() -> None:
    for code in ("fr", "en"):
        heard, unheard = (load_language("codev", code, listens=listens) for listens in (True, False))
        for key in ("steps.welcome.opening", "prompts.latecomer", "prompts.listening_paused"):
            assert heard.plain(key) != unheard.plain(key) == heard.plain(f"{key}_without_listening")


@pytest.mark.parametrize(
    ("key", "private"),
    [
        ("steps.welcome.opening", False),
        ("steps.presentation.opening", True),
        ("steps.presentation.reminder", True),
        ("private.cut", True),
        ("cues.remaining", False),
        ("cues.read_back", True),
        ("prompts.rules", False),
        ("", True),
        ("no.such.key", True),
    ],
)
def test_words_that_may_hold_a_name_or_what_was_said_are_private(key: str, *, private: bool) -> None:
    assert load_language("codev").is_private(key) is private


def record(own: Path, name: str) -> Path:
    path = own / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"RIFF")
    return path


def test_an_animators_recording_replaces_a_prompt_but_never_a_read_back(own: Path) -> None:
    path = record(own, "fr/steps.presentation.opening.wav")
    record(own, "fr/cues.read_back.wav")
    language = load_language(own)
    assert language.recording("steps.presentation.opening") == path
    for key in ("steps.welcome.opening", "cues.read_back", "", "../../secret"):
        assert language.recording(key) is None
    assert load_language(own, "en").recording("steps.presentation.opening") is None


def test_a_recording_that_says_tu_is_not_played_where_the_words_say_vous(own: Path) -> None:
    same, tu = record(own, "fr/cues.ended.wav"), record(own, "fr/prompts.question_session.wav")
    assert load_language(own, "fr", "tu").recording("prompts.question_session") == tu
    language = load_language(own, "fr", "vous")
    assert language.recording("cues.ended") == same
    assert language.recording("prompts.question_session") is None
    vous = record(own, "fr-vous/prompts.question_session.wav")
    assert language.recording("prompts.question_session") == vous


def test_a_session_without_listening_has_recordings_of_its_own(own: Path) -> None:
    heard = record(own, "fr/steps.welcome.opening.wav")
    unheard = record(own, "fr/steps.welcome.opening_without_listening.wav")
    assert load_language(own).recording("steps.welcome.opening") == heard
    assert load_language(own, listens=False).recording("steps.welcome.opening") == unheard


def say(template: str, *names: str, language: str = "fr") -> str:
    """Return `template` with `names` as the client's."""
    words = {key: load_language("codev", language).plain(key) for key in ("language.comma", "language.code")}
    words |= {"language.and": "{first} et {last}", "language.name": "", "language.address": "", "x": template}
    words |= {"roles.client.unnamed": "le client", "language.nobody": "le groupe"}
    return Language(words, {}).text("x", names={"client": names}, holder="client")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), "Le client parle. Nous écoutons le client."),
        (("Camille",), "Camille parle. Nous écoutons Camille."),
        (("Camille", "Nour"), "Camille et Nour parle. Nous écoutons Camille et Nour."),
        (
            ("Camille", "Nour", "Jean  Paul"),
            "Camille, Nour et Jean Paul parle. Nous écoutons Camille, Nour et Jean Paul.",
        ),
        (("{words}",), "{words} parle. Nous écoutons {words}."),
    ],
)
def test_names_are_joined_as_they_are_said(names: tuple[str, ...], expected: str) -> None:
    assert say("{client} parle. Nous écoutons {holder}.", *names) == expected


def test_a_step_that_nobody_holds_is_the_groups() -> None:
    language = load_language("codev")
    assert "le groupe finir" in language.text("private.talk_over", names={}, holder=None)


def test_data_that_is_nowhere_is_said_plainly() -> None:
    with pytest.raises(InstallationError, match=r"lacks no-such-thing"):
        data_path("no-such-thing")


def test_a_suggestion_is_the_nearest_name_else_all_of_them() -> None:
    assert did_you_mean("durations", ["duration", "process"]) == "did you mean 'duration'?"
    assert did_you_mean("x", ["duration", "process"]) == "there are duration, process."
    assert did_you_mean("x", []) == "there are none."
