"""Writing the documents: whole, for the user alone, and never all lost for one."""

from __future__ import annotations

import datetime as dt
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from facilitator.catalog import load_process
from facilitator.core.snapshot import RecordView
from facilitator.documents import markdown, write
from facilitator.documents.write import Written, write_documents
from facilitator.errors import DocumentError
from tests.documents.records import CONTRACT, DAY, EMPTY, FRENCH, PLAN, contract

OPEN = replace(CONTRACT, agreed=False)


def written(folder: Path, *people: str, **records: RecordView) -> Written:
    """Write the documents of `records` in French."""
    return write_documents(
        folder,
        process=load_process("codev"),
        records=records,
        language=FRENCH,
        names={"client": people, "consultant": ("Nour",)},
        began=dt.datetime.combine(DAY, dt.time(9, 30), dt.UTC),
    )


def test_the_documents_are_written_whole_and_for_the_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    made = written(folder, "Camille", contract=CONTRACT, plan=PLAN)
    names = ["contract.md", "contract.docx", "contract.pdf", "plan.md", "plan.docx", "plan.pdf", "plan.ics"]
    assert made == Written(tuple(folder / name for name in names))
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert made.paths[0].read_bytes() == markdown.render(contract())
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in made.paths)


def test_without_a_date_there_is_no_calendar(tmp_path: Path) -> None:
    written(tmp_path, plan=EMPTY)
    assert not (tmp_path / "plan.ics").exists()


def test_one_way_of_writing_that_fails_is_told_and_the_others_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> bytes:
        raise ValueError(CONTRACT.text)

    monkeypatch.setattr(write, "RENDERERS", {**write.RENDERERS, "pdf": fail})
    made = written(tmp_path, contract=CONTRACT)
    assert [path.name for path in made.paths] == ["contract.md", "contract.docx"]
    assert made.failure == "Ces documents n'ont pas pu être préparés : contract.pdf. Les autres sont écrits."


def test_a_record_of_which_nothing_can_be_made_is_an_error_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dates alone are not the text: nobody may be told that it was delivered."""

    def fail(_: object) -> bytes:
        raise ValueError(CONTRACT.text)

    monkeypatch.setattr(write, "RENDERERS", {"md": fail, "docx": fail, "pdf": fail, "ics": write.RENDERERS["ics"]})
    with pytest.raises(DocumentError, match="No document could be made of the plan") as caught:
        written(tmp_path, plan=PLAN)
    assert "aidiez" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_writing_again_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    written(tmp_path, contract=OPEN)
    path, *_ = written(tmp_path, contract=CONTRACT).paths
    assert "Convenu par Camille" in path.read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written_to_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        written(tmp_path / "file", contract=CONTRACT)
    assert str(tmp_path / "file") in str(caught.value)
    assert "aidiez" not in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_disk_that_fails_half_way_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second document cannot be flushed: none is changed and no piece is left."""
    written(tmp_path, contract=OPEN, plan=EMPTY)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    calls: list[int] = []

    def fsync(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fsync)
    with pytest.raises(DocumentError, match="No space left on device"):
        written(tmp_path, contract=CONTRACT, plan=EMPTY)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
