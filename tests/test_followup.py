"""« Le retour du client » : a plan is found again in each file that its client may bring, or the file is refused."""

from __future__ import annotations

import base64
import io
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from docx.api import Document as Docx

from facilitator import followup
from facilitator.commands import PlanItem
from facilitator.documents import docx, markdown, pdf
from facilitator.documents.model import Document, make
from facilitator.errors import UsageError
from facilitator.followup import FollowUp, read_follow_up
from tests.cli.command import facilitator
from tests.documents.records import CONTRACT, DAY, EMPTY, ENGLISH, ITEMS, PLAN, contract, plan

RENDERERS: dict[str, Callable[[Document], bytes]] = {"md": markdown.render, "docx": docx.render, "pdf": pdf.render}
EXPECTED = FollowUp(
    on="2026-11-24",
    people=("Camille",),
    items=tuple(
        PlanItem(text=i.text, who=i.who, first_step=i.first_step, done_when=i.done_when, due=i.due) for i in ITEMS
    ),
)


def written(folder: Path, ending: str, document: Document) -> Path:
    path = folder / f"plan.{ending}"
    path.write_bytes(RENDERERS[ending](document))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        read_follow_up(path)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "Nour" not in sentence
    return sentence


@pytest.mark.parametrize("ending", RENDERERS)
def test_a_plan_comes_back_from_each_of_its_files(tmp_path: Path, ending: str) -> None:
    assert read_follow_up(written(tmp_path, ending, plan())) == EXPECTED


@pytest.mark.parametrize("ending", RENDERERS)
def test_a_contract_and_an_empty_plan_open_nothing(tmp_path: Path, ending: str) -> None:
    for document in (contract(), plan(EMPTY), make("contract", CONTRACT, ENGLISH, DAY)):
        assert (document.next_time, document.follow_up) == ("", "")
        assert "carries no plan" in refusal(written(tmp_path, ending, document))


def test_each_file_says_how_it_is_used() -> None:
    assert "rouvre ce plan" in plan().next_time
    assert "opens this plan" in make("plan", PLAN, ENGLISH, DAY).next_time
    assert plan().next_time in markdown.render(plan()).decode()
    said = "\n".join(paragraph.text for paragraph in Docx(io.BytesIO(docx.render(plan()))).paragraphs)
    assert plan().next_time in said


def test_ticks_and_notes_change_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, "md", plan())
    text = path.read_text(encoding="utf-8").replace("- [ ]", "- [x]", 1).replace("&nbsp;", "Fait, et appris.", 1)
    path.write_text(text.replace("\n", "\r\n"), encoding="utf-8")
    assert read_follow_up(path) == EXPECTED
    path = written(tmp_path, "docx", plan())
    again = Docx(str(path))
    again.add_paragraph("Fait, et appris.")
    again.save(str(path))
    assert read_follow_up(path) == EXPECTED


def test_a_changed_plan_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.md"
    line = EXPECTED.to_line()
    head, _, encoded = line.rpartition(":")
    other = base64.urlsafe_b64encode(base64.urlsafe_b64decode(encoded).replace(b"Nour", b"Paul")).decode()
    for changed in (f"{head}:{other}", line[:-9], line[:40]):
        path.write_text(changed)
        assert "was changed or cut off" in refusal(path)


@pytest.mark.parametrize(
    "content", [b"{}", b'{"on": "2026-11-24", "items": []}', b'{"on": "hier", "items": [{"text": "a"}]}', b"\xff"]
)
def test_what_is_no_plan_is_refused_though_its_sum_is_right(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "plan.md"
    encoded = base64.urlsafe_b64encode(content).decode()
    path.write_text(f"codev-plan:1:{followup._checksum(content)}:{encoded}")
    assert "was changed or cut off" in refusal(path)


def test_a_file_of_a_newer_facilitator_says_so(tmp_path: Path) -> None:
    path = tmp_path / "plan.md"
    path.write_text(EXPECTED.to_line().replace("codev-plan:1:", "codev-plan:2:"))
    assert "newer facilitator" in refusal(path)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / "none.md")
    assert "cannot be read" in refusal(tmp_path)
    path = tmp_path / "other.docx"
    for content in (b"", b"PK\x03\x04 no archive", b"%PDF-1.7\nstream\nnoise\nendstream", bytes(range(256)) * 99):
        path.write_bytes(content)
        assert "carries no plan" in refusal(path)


def test_nothing_grows_without_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, packed = tmp_path / "plan.docx", io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b" " * 50_000 + EXPECTED.to_line().encode())
    path.write_bytes(packed.getvalue())
    assert read_follow_up(path) == EXPECTED
    monkeypatch.setattr(followup, "MOST_BYTES", 10_000)
    assert "carries no plan" in refusal(path)
    path.write_bytes(b"%PDF stream\n" + zlib.compress(b" " * 50_000 + EXPECTED.to_line().encode()))
    assert "carries no plan" in refusal(path)
    path.write_bytes(bytes(10_001))
    assert "too large" in refusal(path)


def test_the_view_is_what_was_planned() -> None:
    assert EXPECTED.view().items == tuple(replace(item, offered="") for item in ITEMS)


def test_the_command_refuses_a_file_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "plan.md").write_text("# Un plan\n")
    done = facilitator("run", "--follow-up", "plan.md", cwd=tmp_path)
    assert done.code == 2
    assert "carries no plan" in done.sentence
