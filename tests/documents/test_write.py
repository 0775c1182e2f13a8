"""Writing the documents: whole, for the user alone, and never all lost for one."""

from __future__ import annotations

import datetime as dt
import stat
import subprocess
import sys
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


WRITES_AND_WAITS = """
import sys
from pathlib import Path
from facilitator.documents import write
put = Path.replace
def wait(self, target):
    print("here", flush=True)
    sys.stdin.read()
    return put(self, target)
Path.replace = wait
folder = Path(sys.argv[1])
write.write_all(folder, {folder / "plan.md": b"words in clear", folder / "client-2026-11-24-0930.eml": b"words"})
"""


def test_what_a_killed_process_was_writing_goes_with_the_next_write(tmp_path: Path) -> None:
    """Reproduced: `.plan.md.….tmp` stayed for ever, with the words in clear. A living process's pieces stay."""
    theirs = [
        tmp_path / name for name in (".plan.md.abcdefgh.tmp", "plan.codev-piece.a.tmp", ".a.codev-piece.a.tmp.bak")
    ]
    for path in theirs:
        path.write_text("another program's")
    (tmp_path / ".a.codev-piece.link.tmp").symlink_to(theirs[0])
    kept = {path.name for path in tmp_path.iterdir()}
    command = [sys.executable, "-c", WRITES_AND_WAITS, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        pieces = {path.name for path in tmp_path.iterdir()} - kept
        assert len(pieces) == 2
        ours = {path.name for path in written(tmp_path, contract=CONTRACT).paths}
        assert {path.name for path in tmp_path.iterdir()} == kept | ours | pieces
        process.kill()
    written(tmp_path, contract=CONTRACT)
    assert {path.name for path in tmp_path.iterdir()} == kept | ours


def test_new_folders_are_closed_to_others(tmp_path: Path) -> None:
    written(tmp_path / "own", contract=CONTRACT)
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o700
    (tmp_path / "shared").mkdir(mode=0o755)
    written(tmp_path / "shared", contract=CONTRACT)
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o755, "a folder of the user's is left as it is"


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
