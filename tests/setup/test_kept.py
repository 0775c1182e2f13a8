"""What is kept for the next session is sealed, holds names only where that was asked for, and can be destroyed."""

from __future__ import annotations

from pathlib import Path

import pytest

from facilitator.config import Config
from facilitator.errors import StoreError
from facilitator.setup.choices import Choices
from facilitator.setup.kept import KeptChoices
from facilitator.store.contents import Person
from facilitator.store.keys import FileVault, Keys

GROUP = Choices.of(Config(), [Person(name="Camille", role="client")])


@pytest.fixture
def kept(tmp_path: Path) -> KeptChoices:
    return KeptChoices(tmp_path / "data", Keys([FileVault(tmp_path / "keys")]))


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_nothing_is_kept_until_it_is_asked_for(kept: KeptChoices, tmp_path: Path) -> None:
    assert kept.read() is None
    assert not kept.there
    assert everything(tmp_path) == b""


def test_names_are_kept_only_with_the_names(kept: KeptChoices) -> None:
    kept.write(GROUP.model_copy(update={"duration": 60}))
    assert kept.read() == GROUP.model_copy(update={"duration": 60, "people": ()})
    named = GROUP.model_copy(update={"keep_names": True})
    kept.write(named)
    assert kept.read() == named


def test_no_name_is_in_clear_on_the_disk_and_the_file_is_this_users_alone(kept: KeptChoices, tmp_path: Path) -> None:
    kept.write(GROUP.model_copy(update={"keep_names": True, "call_input": "call.monitor"}))
    assert b"Camille" not in everything(tmp_path)
    assert b"call.monitor" not in everything(tmp_path)
    assert {path.stat().st_mode & 0o077 for path in tmp_path.rglob("*") if path.is_file()} == {0}


def test_to_forget_destroys_the_key_and_the_file(kept: KeptChoices, tmp_path: Path) -> None:
    kept.write(GROUP)
    kept.forget()
    assert (kept.there, kept.read(), everything(tmp_path)) == (False, None, b"")
    kept.forget()


def test_what_does_not_open_any_more_is_as_if_it_were_not_there(kept: KeptChoices, tmp_path: Path) -> None:
    kept.write(GROUP)
    file = next((tmp_path / "data").iterdir())
    content = file.read_bytes()
    for wrong in (content[:-1], b"", content[:5] + b"x" + content[6:]):
        file.write_bytes(wrong)
        assert kept.read() is None
    file.write_bytes(content)
    assert kept.read() is not None
    for key in (tmp_path / "keys").iterdir():
        key.unlink()
    assert kept.read() is None
    kept.forget()
    assert everything(tmp_path) == b""


def test_a_place_that_takes_nothing_says_so(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    kept = KeptChoices(tmp_path / "data", Keys([FileVault(tmp_path / "keys")]))
    with pytest.raises(StoreError, match="check its disk"):
        kept.write(GROUP)
