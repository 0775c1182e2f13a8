"""The contract and the plan as Markdown, read back by a Markdown parser."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from facilitator.core.snapshot import ItemView, RecordView
from facilitator.documents import markdown
from facilitator.documents.markdown import escape
from facilitator.documents.model import lines, make
from facilitator.languages import load_language
from facilitator.wording import Language

FRENCH, ENGLISH = load_language("codev", "fr"), load_language("codev", "en")
DAY = date(2026, 11, 24)
EMPTY = RecordView("", agreed=False, agreed_by="", agreed_at=None, corrections=(), outstanding=0, lost=0, utterances=())
CONTRACT = replace(EMPTY, text="J'aimerais que vous m'aidiez à déléguer.")
CORRECTIONS: tuple[dict[str, object], ...] = (
    {"at": 1.0, "before": "Un.", "after": "Deux.", "undone": False},
    {"at": 2.0, "before": "Deux.", "after": "Trois.", "undone": False},
    {"at": 3.0, "before": "Trois.", "after": "Quatre.", "undone": True},
    {"at": 4.0, "before": "Trois.", "after": "Trois.", "undone": False},
)
"""Two changed the words and stand; one was taken back, one only added a date."""
AGREED = replace(CONTRACT, agreed=True, agreed_by="Camille", agreed_at=22 * 60.0)


@dataclass(frozen=True)
class Read:
    """A document as a reader gets it: headings, and the plain text of each kind of block, in order."""

    headings: list[str]
    quoted: list[str]
    items: list[str]
    everything: str


def read(text: str) -> Read:
    """Return what a CommonMark reader makes of `text`."""
    tokens = MarkdownIt("commonmark").parse(text)
    found = Read([], [], [], "")
    context: list[str] = []
    whole = []
    for token in tokens:
        if token.nesting == 1:
            context.append(token.type)
        elif token.nesting == -1:
            context.pop()
        elif token.type == "inline":
            said = plain(token)
            whole.append(said)
            if context[-1] == "heading_open":
                found.headings.append(said)
            if "blockquote_open" in context:
                found.quoted.append(said)
            if "list_item_open" in context:
                found.items.append(said)
    return replace(found, everything="\n".join(whole))


def plain(token: Token) -> str:
    """Return the text that is seen of an inline token; no sign of Markdown is left in it."""
    assert token.children is not None
    return "".join(
        "\n" if child.type == "softbreak" else child.content for child in token.children if child.type != "html_inline"
    )


def boxes(text: str) -> list[str]:
    """Return the items with a box to tick."""
    return [item.removeprefix("[ ] ") for item in read(text).items if item.startswith("[ ] ")]


def render(name: str, record: RecordView, language: Language, *, people: tuple[str, ...] = ()) -> str:
    """Return the document of a record as Markdown."""
    return markdown.render(make(name, record, language, DAY, people=people)).decode()


def test_a_contract_that_was_agreed_says_by_whom_and_when() -> None:
    found = read(render("contract", AGREED, FRENCH, people=("Camille",)))
    assert found.headings == ["Contrat de consultation", "La demande", "Notes"]
    assert found.quoted == [CONTRACT.text]
    assert "Séance du 24 novembre 2026" in found.everything
    assert "Pour Camille" in found.everything
    assert "Convenu par Camille, après vingt-deux minutes de séance." in found.everything
    assert "à valider" not in found.everything
    assert "non transcrit" not in found.everything


def test_who_agreed_is_named_by_role_when_no_name_is_known() -> None:
    found = read(render("contract", replace(AGREED, agreed_by="client"), FRENCH))
    assert "Convenu par le client, après" in found.everything
    assert "Pour" not in found.everything


def test_a_text_that_nobody_agreed_to_is_headed_to_be_agreed() -> None:
    french = read(render("contract", CONTRACT, FRENCH)).everything
    assert french.index("à valider") < french.index(CONTRACT.text)
    assert "to be agreed" in read(render("contract", CONTRACT, ENGLISH)).everything


def test_what_was_not_written_down_says_so_and_leaves_room() -> None:
    contract = read(render("contract", EMPTY, FRENCH))
    assert "non transcrit" in contract.everything
    assert "à valider" not in contract.everything
    assert contract.quoted == [FRENCH.plain("documents.contract.blank")]
    assert boxes(render("plan", EMPTY, ENGLISH)) == [ENGLISH.plain("documents.plan.blank")]
    assert "not transcribed" in read(render("plan", EMPTY, ENGLISH)).everything


@pytest.mark.parametrize("partly", [replace(AGREED, lost=1), replace(CONTRACT, outstanding=2)])
def test_what_was_written_down_in_part_says_so_and_keeps_the_part(partly: RecordView) -> None:
    found = read(render("contract", partly, FRENCH))
    assert "non transcrit" in found.everything
    assert found.quoted == [CONTRACT.text]


def test_a_plan_is_a_list_to_tick_a_line_an_item() -> None:
    plan = replace(EMPTY, text="D'ici lundi, j'appelle Nour.\n\n  Puis j'écris à l'équipe. \n")
    assert boxes(render("plan", plan, FRENCH)) == ["D'ici lundi, j'appelle Nour.", "Puis j'écris à l'équipe."]


def test_the_four_rules_are_at_the_end() -> None:
    for language in (FRENCH, ENGLISH):
        rules = language.items("documents.rules")
        assert len(rules) == 4
        found = read(render("contract", AGREED, language)).items
        assert [" ".join(item.split()) for item in found] == list(rules)


def test_corrections_are_counted_where_only_the_data_shows_it() -> None:
    text = render("contract", replace(AGREED, corrections=CORRECTIONS), FRENCH)
    assert "<!-- corrigé à la main\u00a0: 2 -->" in text
    assert "corrigé" not in read(text).everything
    assert "<!--" not in render("contract", AGREED, FRENCH)


def test_the_first_of_a_month_is_said_as_the_language_says_it() -> None:
    assert make("contract", EMPTY, FRENCH, date(2027, 1, 1)).session == "Séance du 1er janvier 2027"
    assert make("contract", EMPTY, ENGLISH, date(2027, 1, 1)).session == "Session of 1 January 2027"


TRICKY = [
    "*gras* _et_ `code`",
    "# pas un titre",
    "1. pas une liste",
    "12) ni ceci",
    "- ni cela",
    "+ ni",
    "> ni une citation",
    "--- ",
    "===",
    "[lien](http://x.y) ![image](z)",
    "[x] coché",
    "<script>alert(1)</script> &amp; &eacute; <b>",
    "a\\b \\* fin\\",
    "| a | b | ~~barré~~ $x$",
    "<!-- caché -->",
    "[a]: http://b",
    "```",
    "« l'été », c'est 50 % !",
]


@pytest.mark.parametrize("said", TRICKY)
def test_words_are_read_as_they_were_said_whatever_signs_they_hold(said: str) -> None:
    for name, language in (("contract", FRENCH), ("plan", ENGLISH)):
        text = render(name, replace(EMPTY, text=f"Avant\n{said}\nAprès"), language, people=(said,))
        found = read(text)
        shown = found.quoted if name == "contract" else boxes(text)
        assert shown == ["Avant", said.strip(), "Après"]
        assert len(found.headings) == 3
        assert language.plain("documents.for", name=said.strip()) in found.everything


@given(st.text(min_size=1, max_size=60))
def test_any_words_are_read_as_they_were_said(said: str) -> None:
    text = render("contract", replace(EMPTY, text=said), FRENCH)
    expected = list(lines(said)) or [FRENCH.plain("documents.contract.blank")]
    assert read(text).quoted == expected
    assert boxes(render("plan", replace(EMPTY, text=said), ENGLISH)) == (
        list(lines(said)) or [ENGLISH.plain("documents.plan.blank")]
    )


def test_a_line_is_escaped_only_where_it_must_be() -> None:
    assert escape("C'est 3.5 - 2 (à peu près) : oui !") == "C'est 3.5 - 2 (à peu près) : oui !"


def test_what_was_added_to_an_item_stands_under_its_words() -> None:
    item = ItemView(
        "D'ici vendredi, j'appelle.", who="Nour", first_step="écrire", done_when="c'est dit", due="2026-12-04"
    )
    plan = replace(EMPTY, text=f"{item.text}\nPuis j'écris.", items=(item, ItemView("Puis j'écris.")))
    text = render("plan", plan, FRENCH)
    assert boxes(text) == [item.text, "Puis j'écris."]
    added = [" ".join(one.split()) for one in read(text).items[1:5]]
    assert added == [
        "Qui : Nour",
        "Premier pas : écrire",
        "Ce sera fait quand : c'est dit",
        "Échéance : vendredi 4 décembre 2026",
    ]
