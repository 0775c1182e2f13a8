"""The PDF, parsed back: every word is there, in a tagged file that says nothing of the computer."""

from __future__ import annotations

import io
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from pypdf import PdfReader

from facilitator.core.snapshot import ItemView
from facilitator.documents import pdf
from facilitator.documents.model import Document
from tests.documents.records import CONTRACT, EMPTY, ITEMS, PLAN, WORDS, contract, plan, squeezed


def read(document: Document) -> PdfReader:
    return PdfReader(io.BytesIO(pdf.render(document)))


def text(document: Document) -> str:
    return "\n".join(page.extract_text() for page in read(document).pages)


def test_every_word_of_the_contract_is_there() -> None:
    found = text(contract())
    assert squeezed(CONTRACT.text) in squeezed(found)
    for words in (
        "Contrat de consultation",
        "24 novembre 2026",
        "Pour Camille",
        "Convenu par Camille",
        "Les quatre règles",
    ):
        assert squeezed(words) in squeezed(found)
    assert "à valider" not in found
    assert "corrigé" not in found


def test_every_word_of_the_plan_is_there_with_what_was_added() -> None:
    found = squeezed(text(plan()))
    for item in ITEMS:
        for said in (item.text, item.who, item.first_step, item.done_when):
            assert squeezed(said) in found
    assert "vendredi4décembre2026" in found
    assert "mercredi31mars2027" in found
    assert found.count("☐") == len(ITEMS)
    assert "àvalider" in found


@settings(max_examples=60)
@given(WORDS)
def test_every_sign_survives(said: str) -> None:
    normal = unicodedata.normalize("NFC", said)
    record = replace(EMPTY, text=said, items=(ItemView(said),))
    for document in (contract(record), plan(record)):
        assert squeezed(normal) in squeezed(unicodedata.normalize("NFC", text(document)))


@pytest.mark.parametrize("document", [contract(), plan(), contract(EMPTY), plan(EMPTY)])
def test_it_is_tagged_and_says_its_language_and_title(document: Document) -> None:
    reader = read(document)
    catalog = reader.trailer["/Root"]
    assert catalog["/MarkInfo"]["/Marked"]
    assert catalog["/Lang"].startswith("fr")
    assert "pdfuaid:part" in catalog["/Metadata"].get_object().get_data().decode()
    assert reader.metadata is not None
    assert reader.metadata.title == document.title
    assert len(reader.pages) == 1


def test_it_says_nothing_of_the_computer_and_how_often_it_was_corrected_only_in_the_data() -> None:
    reader = read(contract())
    assert reader.metadata is not None
    assert set(reader.metadata) <= {"/Title", "/Subject", "/Creator", "/Producer"}
    assert reader.metadata["/Subject"] == "corrigé à la main\u00a0: 1"
    assert pdf.render(contract()) == pdf.render(contract())


def test_signs_that_the_carried_fonts_lack_do_not_cost_the_document() -> None:
    found = text(contract(replace(EMPTY, text="Bravo \U0001f600 汉字 !")))
    assert "Bravo" in found


def test_a_long_plan_goes_on_and_keeps_its_headings() -> None:
    many = tuple(ItemView(f"Pas numéro {number}.") for number in range(60))
    document = plan(replace(PLAN, text="\n".join(item.text for item in many), items=many))
    reader = read(document)
    assert len(reader.pages) > 1
    assert all("Échéance" in page.extract_text() for page in reader.pages[:2])
    assert "1 / " in reader.pages[0].extract_text()


def test_the_pages_can_be_looked_at() -> None:
    (page,) = pdf.draw(contract(), 20)
    assert page.startswith(b"\x89PNG")


def test_nothing_is_written_to_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    pdf.render(contract())
    assert list(tmp_path.iterdir()) == []
