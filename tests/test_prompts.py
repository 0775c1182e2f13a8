"""The words of codev: the same keys in every language, fit to be said aloud, and whole."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import facilitator
from facilitator.catalog import load_process
from facilitator.core.process import Rights
from facilitator.languages import list_languages, load_language
from facilitator.wording import PLACEHOLDER, Language

SOURCES = Path(facilitator.__file__).parent
PROCESS = load_process("codev")
TONGUES = [
    load_language("codev", code, address or "tu", listens=listens)
    for code, addresses in list_languages("codev").items()
    for address in addresses
    for listens in (True, False)
]
HEARD = [TONGUES[0], TONGUES[2], TONGUES[4]]
FRENCH = next(tongue for tongue in HEARD if tongue.address == "tu")
ENGLISH = next(tongue for tongue in HEARD if tongue.code == "en")
SPOKEN = re.compile(r"steps\.\w+\.(opening|reminder)|cues\.\w+|prompts\.\w+")
VARIANTS = ("_without_listening", "_keeping_sound")


def spoken(language: Language) -> dict[str, str]:
    """Return the texts that the voice says, by key, placeholders unfilled."""
    return {key: language.plain(key) for key in language.keys if SPOKEN.match(key)}


def holes(language: Language) -> dict[str, list[str]]:
    """Return the placeholders of every key, in alphabetical order."""
    return {key: sorted(PLACEHOLDER.findall(" ".join(language.items(key)))) for key in language.keys}


def fill(language: Language, key: str, *clients: str) -> str:
    """Return the words for `key`, all placeholders filled, as the session fills them."""
    step = next((step for step in PROCESS.steps if key.startswith(f"steps.{step.id}.")), None)
    names = {"client": clients, "consultant": ("Nour", "Paul")} if clients else {}
    return language.text(key, names=names, holder=step.holder if step else None, seconds=480, words="Voilà.")


def test_every_language_and_address_is_here() -> None:
    assert [(tongue.code, tongue.address) for tongue in HEARD] == [("en", ""), ("fr", "tu"), ("fr", "vous")]
    assert [tongue.name for tongue in HEARD] == ["English", "Français", "Français"]


@pytest.mark.parametrize("language", TONGUES)
def test_keys_and_placeholders_are_the_same_in_every_language(language: Language) -> None:
    assert language.keys == FRENCH.keys
    assert {k: v for k, v in holes(language).items() if not has_twin(k)} == {
        k: v for k, v in holes(FRENCH).items() if not has_twin(k)
    }


def has_twin(key: str) -> bool:
    """Whether `key` has other words in a session without listening, or in one that may keep sound."""
    return any(f"{key}{ending}" in FRENCH.keys for ending in VARIANTS)


# --- what the code uses is there ---


def codes(name: str) -> set[str]:
    """Return the texts given to the calls of `name` in the core."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (SOURCES / "core").glob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    named = [call for call in calls if isinstance(call.func, ast.Name | ast.Attribute) and name == called(call.func)]
    inner = [node for call in named for arg in call.args for node in ast.walk(arg)]
    return {node.value for node in inner if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def called(function: ast.Name | ast.Attribute) -> str:
    return function.id if isinstance(function, ast.Name) else function.attr


def test_every_refusal_of_the_core_has_its_sentence() -> None:
    used = codes("IllegalEventError")
    assert {"not_now", "listening_never", "on_time"} <= used
    handing = {"documents_there", "cannot_write", "folder_silent", "no_document", "not_purged"}
    assert used | handing | {"not_this_step", "unknown_command", "bad_value"} == set(FRENCH.table("refusals"))


def test_every_trouble_of_a_delivery_has_its_sentence() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (SOURCES / "delivery").glob("*.py"))
    used = set(re.findall(r'(?:PostError|_trouble|_told)\("(\w+)"\)', sources)) | set(
        re.findall(r'_of\([\w.]+, "(\w+)"', sources)
    )
    assert {"server_down", "cut", "unknown", "refused", "no_password"} <= used
    told = set(FRENCH.table("delivery.troubles"))
    assert used | {"already_sent", "unknown_before", "later", "too_large"} == told


def test_every_reason_of_the_core_has_its_words() -> None:
    used = codes("drop") | codes("Withhold")
    assert {"no_pause", "deaf", "hushed", "step_over"} <= used
    assert used | {"voice_failed", "voice_off", "voice_late", "stage_locked"} == set(FRENCH.table("reasons"))


def test_every_kind_of_interruption_has_its_invitation() -> None:
    floor = (SOURCES / "core" / "floor.py").read_text(encoding="utf-8")
    kinds = set(re.findall(r'return .*"(\w+)"$', floor, re.MULTILINE))
    assert kinds == {"talk_over", "cut", "intrusion", "reply"}
    assert set(FRENCH.table("private")) == kinds | {"gave_way", "silence", "overrun"}
    assert set(FRENCH.table("interface.flags")) == kinds


def test_every_step_has_what_its_rights_ask_for() -> None:
    for step in PROCESS.steps:
        parts = {key for key in FRENCH.table(f"steps.{step.id}") if not key.endswith(VARIANTS)}
        expected = {"title", "who"} | ({"opening"} if step.cues else set())
        assert parts == expected | ({"reminder"} if step.rights is Rights.HOLD else set())


def test_every_key_that_any_code_names_is_there() -> None:
    """A key written whole in the sources, or up to a hole, leads somewhere."""
    table = re.compile(
        r'f?"((?:cues|prompts|private|reasons|refusals|documents|delivery|interface|numbers|steps)\.[^"\s]*)"'
    )
    found = {key for path in SOURCES.rglob("*.py") for key in table.findall(path.read_text(encoding="utf-8"))}
    assert "cues.closing" in found
    for key in found - {"documents.{name}.quote", "documents.{name}.items"}:
        pattern = re.compile(re.sub(r"\\\{.*?\\\}", r"[\\w.]+", re.escape(key)))
        assert any(pattern.match(one) for one in FRENCH.keys), key


# --- numbers and times ---

FRENCH_UNITS = [
    *("zéro", "une", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"),
    *("dix", "onze", "douze", "treize", "quatorze", "quinze", "seize", "dix-sept", "dix-huit", "dix-neuf"),
]
ENGLISH_TEENS = {10: "ten", 11: "eleven", 12: "twelve", 13: "thirteen", 15: "fifteen", 18: "eighteen"}


def french(number: int) -> str:
    """Return a number below 100 in French, before a feminine noun, by the rule of twenties and sixties."""
    if number < 20:
        return FRENCH_UNITS[number]
    if number >= 80:
        return "quatre-vingts" if number == 80 else f"quatre-vingt-{FRENCH_UNITS[number - 80]}"
    stem = {2: "vingt", 3: "trente", 4: "quarante", 5: "cinquante", 6: "soixante", 7: "soixante"}[number // 10]
    rest = number - 60 if number >= 60 else number % 10
    if rest == 0:
        return stem
    return f"{stem} et {FRENCH_UNITS[rest]}" if rest in {1, 11} else f"{stem}-{FRENCH_UNITS[rest]}"


def english(number: int) -> str:
    """Return a number below 100 in English."""
    units = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    if number < 10:
        return units[number]
    if number < 20:
        return ENGLISH_TEENS.get(number) or f"{units[number - 10]}teen"
    tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"][number // 10 - 2]
    return tens if number % 10 == 0 else f"{tens}-{units[number % 10]}"


@pytest.mark.parametrize("number", range(100))
def test_numbers_are_spelt_right(number: int) -> None:
    assert FRENCH.number(number) == french(number)
    assert ENGLISH.number(number) == english(number)


def test_a_larger_number_is_left_in_digits() -> None:
    assert FRENCH.number(100) == "100"


@pytest.mark.parametrize(
    ("seconds", "in_french", "in_english"),
    [
        (0, "cinq secondes", "five seconds"),
        (30, "trente secondes", "thirty seconds"),
        (43, "quarante-cinq secondes", "forty-five seconds"),
        (57.4, "cinquante-cinq secondes", "fifty-five seconds"),
        (57.5, "une minute", "one minute"),
        (60, "une minute", "one minute"),
        (90, "une minute et demie", "one and a half minutes"),
        (120, "deux minutes", "two minutes"),
        (150, "deux minutes et demie", "two and a half minutes"),
        (480, "huit minutes", "eight minutes"),
        (21 * 60, "vingt et une minutes", "twenty-one minutes"),
        (3584, "cinquante-neuf minutes et demie", "fifty-nine and a half minutes"),
        (3585, "une heure", "one hour"),
        (3600, "une heure", "one hour"),
        (3660, "une heure une minute", "one hour and one minute"),
        (5400, "une heure trente minutes", "one hour and thirty minutes"),
        (7200, "deux heures", "two hours"),
    ],
)
def test_a_time_is_said_in_words(seconds: float, in_french: str, in_english: str) -> None:
    assert (FRENCH.time(seconds), ENGLISH.time(seconds)) == (in_french, in_english)


@pytest.mark.parametrize("language", [FRENCH, ENGLISH])
def test_no_time_is_ever_said_in_digits(language: Language) -> None:
    said = {language.time(seconds / 2) for seconds in range(2 * 8 * 3600)}
    assert not [one for one in said if re.search(r"\d|[{}]", one)]


# --- fit to be said aloud ---


@pytest.mark.parametrize("language", TONGUES)
def test_what_is_said_holds_no_digit_no_abbreviation_and_no_sign(language: Language) -> None:
    for key in spoken(language):
        for clients in ((), ("Camille",), ("Camille", "Nour")):
            said = fill(language, key, *clients)
            assert not re.search(r"[\d/&@#*_<>()\[\]{}\"«»]|\b(min|sec|etc|cf|ex|n°|e\.g|i\.e)\b", said), key
            assert not re.search(r"\b[A-ZÉÈ]{2,}\b|  |\n", said), key
            assert re.search(r"[.!?…]$", said), key
            assert said[0].isupper(), key


@pytest.mark.parametrize("language", TONGUES)
def test_what_is_said_is_short_and_one_thing_at_a_time(language: Language) -> None:
    for key in spoken(language):
        said = fill(language, key, "Camille", "Nour")
        most = 90 if key.startswith("steps.welcome.") else 60
        assert len(said.split()) <= most, key
        sentences = [len(re.findall(r"\w[\w'’-]*", one)) for one in re.split(r"[.!?…]", said)]
        assert max(sentences) <= 22, key


@pytest.mark.parametrize("language", HEARD)
def test_each_opening_says_which_step_it_is_and_how_long(language: Language) -> None:
    counted = [step.id for step in PROCESS.steps if step.cues][1:]
    for number, step in enumerate(counted, start=1):
        said = language.plain(f"steps.{step}.opening")
        word = "un" if number == 1 and language.code == "fr" else language.number(number)
        assert re.match(rf"(Étape|Step) {word} ?: ", said), step
        assert said.count("{time}") == 1, step
        assert re.split(r"\W", language.plain(f"steps.{step}.title").lower())[0] in said.lower(), step
    assert "{time}" in language.plain("steps.welcome.opening")


@pytest.mark.parametrize("language", TONGUES)
def test_who_does_what_is_one_sentence(language: Language) -> None:
    for step in PROCESS.steps:
        for clients in ((), ("Camille",), ("Camille", "Nour")):
            who = fill(language, f"steps.{step.id}.who", *clients)
            assert re.fullmatch(r"[A-ZÉÀ][^.!?]*\.", who), who


DELIVERY = ("delivery.kept.", "delivery.notices.", "delivery.refusals.", "delivery.troubles.")


@pytest.mark.parametrize("language", HEARD)
def test_private_cues_and_refusals_are_whole_sentences(language: Language) -> None:
    for key in language.keys:
        if key.startswith((*("private.", "refusals.", "interface.warnings."), *DELIVERY)):
            assert re.search(r"^[A-ZÉ“«{].*\.$", language.plain(key)), key


@pytest.mark.parametrize("language", [tongue for tongue in TONGUES if tongue.code == "fr"])
def test_no_french_word_that_contracts_or_elides_stands_before_a_name(language: Language) -> None:
    """« à le client », « de Amélie », « que Amélie » would be wrong."""
    hole = r"\{(?:client|consultant|animator|holder)\}"
    for key in language.keys:
        text = " ".join(language.items(key))
        assert not re.search(rf"\b(?:à|de|que|qu'|d'|lorsque|puisque|si|jusqu'à) {hole}", text, re.IGNORECASE), key


@pytest.mark.parametrize("language", HEARD)
def test_the_welcome_says_what_the_law_and_courtesy_ask_for(language: Language) -> None:
    asked = {
        "fr": ["assistant vocal", "l'accord de chacun", "sur cet ordinateur", "Seuls le contrat et le plan d'action",
               "oublié", "peut refuser", "pause de l'écoute", "À tout moment"],
        "en": ["voice assistant", "everyone agrees", "on this computer", "Only the contract and the action plan",
               "forgotten", "may refuse", "pause of the listening", "At any moment"],
    }  # fmt: skip
    for words in asked[language.code]:
        assert words in language.plain("steps.welcome.opening")


def test_the_formal_french_never_says_tu_and_the_other_never_vous_to_one_person() -> None:
    formal = next(tongue for tongue in HEARD if tongue.address == "vous")
    for key in formal.keys:
        text = " ".join(formal.items(key))
        assert not re.search(r"\b(tu|toi|ton|ta|tes|te)\b|\bt'|-tu\b", text, re.IGNORECASE), key
    for key in FRENCH.keys:
        if key not in {"steps.contract.opening", "documents.contract.blank"}:  # the client speaks to the group
            assert not re.search(r"\b(vous|votre|vos)\b", " ".join(FRENCH.items(key)), re.IGNORECASE), key
