"""« Le retour du client » : a plan is found again in each file that its client may bring, or the file is refused."""

from __future__ import annotations

import base64
import io
import random
import struct
import tracemalloc
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


def packed(*members: bytes, how: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a ZIP file of these files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as archive:
        for number, member in enumerate(members):
            archive.writestr(str(number), member)
    return file.getvalue()


def streams(*members: bytes) -> bytes:
    return b"%PDF" + b"".join(b"\nstream\n" + zlib.compress(one) + b"\nendstream" for one in members)


@pytest.mark.parametrize("pack", [packed, streams])
def test_all_parts_together_do_not_grow_without_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[..., bytes]
) -> None:
    """Reproduced: each part alone was limited, and thousands of them took minutes."""
    path, line = tmp_path / "plan", EXPECTED.to_line().encode()
    path.write_bytes(pack(*[b" " * 10_000] * 5, line))
    assert read_follow_up(path) == EXPECTED
    monkeypatch.setattr(followup, "MOST_PARTS", 5)
    assert "holds more than a plan ever does" in refusal(path)
    monkeypatch.setattr(followup, "MOST_PARTS", 6)
    monkeypatch.setattr(followup, "MOST_UNPACKED", 50_000)
    assert "holds more than a plan ever does" in refusal(path)
    monkeypatch.setattr(followup, "MOST_UNPACKED", 50_000 + len(line))
    assert read_follow_up(path) == EXPECTED


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_unpacks_without_a_limit_is_not_unpacked(tmp_path: Path, how: int) -> None:
    path = tmp_path / "plan.docx"
    path.write_bytes(packed(b"a", how=how))
    assert "holds more than a plan ever does" in refusal(path)


def test_a_length_that_lies_costs_no_more(tmp_path: Path) -> None:
    """The list says one byte, and there are a hundred million: they are neither unpacked nor believed."""
    path = tmp_path / "plan.docx"
    content = bytearray(packed(bytes(100_000_000)))
    for begin, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = content.index(begin) + offset
        content[at : at + 4] = (1).to_bytes(4, "little")
    path.write_bytes(content)
    tracemalloc.start()
    try:
        refusal(path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_parts_that_lie_over_each_other_are_refused(tmp_path: Path) -> None:
    """The same bytes, listed many times, would be unpacked as often."""
    path, one = tmp_path / "plan.docx", packed(random.Random(1).randbytes(10_000))
    start = one.index(b"PK\x01\x02")
    end = one.index(b"PK\x05\x06")
    entries = one[start:end] * 20
    tail = bytearray(one[end:])
    tail[8:12] = struct.pack("<HH", 20, 20)
    tail[12:16] = struct.pack("<I", len(entries))
    path.write_bytes(one[:start] + entries + bytes(tail))
    assert "holds more than a plan ever does" in refusal(path)


def test_a_file_is_not_read_without_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.md"
    monkeypatch.setattr(followup, "MOST_BYTES", 10_000)
    path.write_bytes(bytes(10_001))
    assert "too large" in refusal(path)


def test_the_view_is_what_was_planned() -> None:
    assert EXPECTED.view().items == tuple(replace(item, offered="") for item in ITEMS)


def test_the_command_refuses_a_file_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "plan.md").write_text("# Un plan\n")
    done = facilitator("run", "--follow-up", "plan.md", cwd=tmp_path)
    assert done.code == 2
    assert "carries no plan" in done.sentence
