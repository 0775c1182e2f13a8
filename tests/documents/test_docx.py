"""The DOCX, parsed back: every word in real styles, the language set, and nothing of the computer."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import pytest
from docx.api import Document as OpenDocument
from docx.document import Document as Docx
from docx.oxml.ns import qn
from hypothesis import given, settings

from facilitator.core.snapshot import ItemView
from facilitator.documents import docx
from facilitator.documents.model import Document, make
from tests.documents.records import CONTRACT, DAY, EMPTY, ENGLISH, ITEMS, WORDS, contract, plan


def read(document: Document) -> Docx:
    return OpenDocument(io.BytesIO(docx.render(document)))


def styled(file: Docx, style: str) -> list[str]:
    return [paragraph.text for paragraph in file.paragraphs if paragraph.style and paragraph.style.name == style]


def test_the_contract_is_in_real_styles() -> None:
    file = read(contract())
    assert styled(file, "Title") == ["Contrat de consultation"]
    assert styled(file, "Subtitle") == ["Séance du 24 novembre 2026 · Pour Camille"]
    assert styled(file, "Heading 1") == ["La demande", "Notes"]
    assert styled(file, "Notice") == ["Convenu par Camille, après vingt-deux minutes de séance."]
    assert styled(file, "Quote") == [CONTRACT.text]
    assert len(styled(file, "Note line")) == 8
    assert len(styled(file, "Rule")) == 4
    assert not any("corrigé" in paragraph.text for paragraph in file.paragraphs)


def test_the_plan_is_a_table_with_boxes_and_a_row_of_headings() -> None:
    file = read(plan())
    (table,) = file.tables
    assert [cell.text for cell in table.rows[0].cells] == ["Fait", "Action", "Échéance"]
    assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None
    assert [row.cells[0].text for row in table.rows[1:]] == ["☐"] * len(ITEMS)
    assert [row.cells[1].paragraphs[0].text for row in table.rows[1:]] == [item.text for item in ITEMS]
    assert [" ".join(p.text.split()) for p in table.rows[1].cells[1].paragraphs[1:]] == [
        "Qui : Nour et l’équipe",
        "Premier pas : Lui écrire ce soir",
        "Ce sera fait quand : nous avons une date",
    ]
    assert [" ".join(row.cells[2].text.split()) for row in table.rows[1:]] == [
        "vendredi 4 décembre 2026",
        "",
        "mercredi 31 mars 2027",
    ]
    assert styled(file, "To agree") == ["à valider"]


@pytest.mark.parametrize("document", [contract(EMPTY), plan(EMPTY)])
def test_what_was_not_written_down_leaves_room(document: Document) -> None:
    file = read(document)
    assert styled(file, "Notice") == ["non transcrit"]
    said = styled(file, "Quote") or [file.tables[0].rows[1].cells[1].text]
    assert [text.replace("\u202f", " ") for text in said] == [
        text.replace("\u202f", " ") for text in document.text or (document.tasks[0].text,)
    ]


@settings(max_examples=30)
@given(WORDS)
def test_every_sign_survives(said: str) -> None:
    document = plan(replace(EMPTY, text=said, items=(ItemView(said),)))
    assert read(document).tables[0].rows[1].cells[1].text == document.tasks[0].text


def test_it_says_its_title_and_language_and_nothing_of_the_computer() -> None:
    core = read(contract()).core_properties
    assert (core.title, core.language, core.comments) == (
        "Contrat de consultation",
        "fr",
        "corrigé à la main\u00a0: 1",
    )
    assert (core.author, core.last_modified_by, core.keywords) == ("", "", "")
    assert core.created is not None
    assert core.created.date() == DAY
    assert not any("thumbnail" in name for name in zipfile.ZipFile(io.BytesIO(docx.render(contract()))).namelist())


def test_the_spelling_language_is_the_sessions() -> None:
    for document, region in ((contract(), "fr-FR"), (make("contract", CONTRACT, ENGLISH, DAY), "en-GB")):
        defaults = read(document).styles.element.find(qn("w:docDefaults"))
        assert [one.get(qn("w:val")) for one in defaults.iter(qn("w:lang"))] == [region]
