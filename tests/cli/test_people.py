"""Who is present, as the command line, a file or standard input says it."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from facilitator.cli.people import MOST_BYTES, read_people
from facilitator.errors import UsageError
from facilitator.store.contents import Person

CAMILLE, NOUR = Person(name="Camille", role="client"), Person(name="Nour de l=Isle", role="consultant")


def test_the_file_has_one_a_line_after_those_of_the_flag(tmp_path: Path) -> None:
    file = tmp_path / "people.txt"
    file.write_text("\ufeff# le groupe\n\n  Nour de l=Isle = consultant \n", encoding="utf-8")
    assert read_people(["Camille=client"], file) == (CAMILLE, NOUR)
    assert read_people(["Camille=client"], None) == (CAMILLE,)
    assert read_people([], None) == ()


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.TextIOWrapper(io.BytesIO(b"Camille=client\r\nNour de l=Isle=consultant\r\n"))
    monkeypatch.setattr(sys, "stdin", text)
    assert read_people([], Path("-")) == (CAMILLE, NOUR)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"Camille=client\nZorbaquin\n", "Line 2 of people.txt: a participant is written NAME=ROLE"),
        (b"=client", "Line 1 of people.txt"),
        (b"Zorbaquin" * 23 + b"=client", "Line 1 of people.txt: a participant is written NAME=ROLE, such as"),
        (b"Zorbaquin=" + b"x" * 201, "with 200 letters at most on each side"),
        (b"Zorbaquin=client\n" * 41, "Give 40 participants at most"),
        (b"Zorbaquin=\xff", "people.txt is no list of participants in UTF-8"),
        (b"# " + b"x" * MOST_BYTES, "people.txt is no list of participants"),
    ],
)
def test_what_is_no_list_is_one_sentence_without_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("people.txt").write_bytes(content)
    with pytest.raises(UsageError) as refused:
        read_people([], Path("people.txt"))
    assert says in str(refused.value)
    assert "Zorbaquin" not in str(refused.value)


@pytest.mark.parametrize("file", ["gone.txt", "."])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_people([], Path(file))
