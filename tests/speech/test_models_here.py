"""Models that are here: bundled, imported from a folder, or put there by hand."""

from __future__ import annotations

import dataclasses
import errno
import shutil
from pathlib import Path

import pytest

from speech.errors import ModelError, ModelNotFoundError
from speech.model_files import model_folder
from speech.models import ModelStore, default_directory
from tests.speech.stores import DEMO, TINY, names, store, write_model


def test_the_bundled_model_is_found_by_name_and_listed(tmp_path: Path) -> None:
    models = ModelStore(tmp_path / "none", {"demo": DEMO})
    assert models.find_model("demo") == DEMO
    demo = next(info for info in models.list_models() if info.name == "demo")
    assert (demo.path, demo.bundled) == (DEMO, True)
    assert demo.size_bytes > 3_000_000
    assert not (tmp_path / "none").exists()
    with pytest.raises(ModelError, match="part of the program"):
        models.remove("demo")


def test_a_folder_is_found_by_its_path_also_with_the_weights_in_a_subfolder(tmp_path: Path) -> None:
    write_model(tmp_path / "mine" / "ctranslate2")
    assert ModelStore(tmp_path).find_model(str(tmp_path / "mine")) == tmp_path / "mine" / "ctranslate2"
    assert ModelStore(tmp_path).find_model(str(DEMO)) == DEMO


def test_a_folder_of_a_user_who_is_not_here_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="There is no model"):
        ModelStore(tmp_path).find_model("~no-such-user/x")


@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json", "vocabulary.txt"])
@pytest.mark.parametrize("empty", [False, True])
def test_a_folder_that_lacks_a_file_is_refused_with_its_name(tmp_path: Path, name: str, *, empty: bool) -> None:
    folder = write_model(tmp_path / "mine")
    (folder / name).unlink()
    if empty:
        (folder / name).touch()
    with pytest.raises(ModelError, match=name.replace(".txt", "")):
        model_folder(folder)


def test_what_is_not_here_is_said(tmp_path: Path) -> None:
    models = store(tmp_path, bundled={"demo": DEMO})
    with pytest.raises(ModelError, match="“tiny” is not on this computer yet; fetch it first"):
        models.find_model("tiny")
    with pytest.raises(ModelError, match="no model “huge”; choose one of demo, tiny"):
        models.find_model("huge")
    with pytest.raises(ModelError, match="no folder “nowhere”"):
        model_folder(tmp_path / "nowhere")


def test_a_model_is_imported_from_a_folder_without_a_network(tmp_path: Path) -> None:
    models = store(tmp_path / "store")
    folder = models.add("mine", write_model(tmp_path / "source"))
    shutil.rmtree(tmp_path / "source")
    assert models.find_model("mine") == folder == tmp_path / "store" / "mine"
    assert "README.md" not in names(folder)
    (folder / "config.json").write_bytes(b"[]")
    with pytest.raises(ModelError, match="changed"):
        models.find_model("mine")
    with pytest.raises(ModelError, match="already"):
        models.add("mine", DEMO)
    models.remove("mine")
    assert names(tmp_path / "store") == {".partial"}
    with pytest.raises(ModelError, match="nothing was removed"):
        models.remove("mine")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "Mine", ".partial", "x" * 65, "a b"])
def test_a_name_that_could_leave_the_directory_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="cannot name a model"):
        store(tmp_path).add(name, DEMO)
    with pytest.raises(ModelError):
        store(tmp_path).remove(name)
    assert DEMO.is_dir()


def test_an_import_is_checked_against_known_hashes_and_the_room_there_is(tmp_path: Path) -> None:
    known = dataclasses.replace(TINY, sha256={"config.json": "0" * 64})
    source = write_model(tmp_path / "source")
    with pytest.raises(ModelError, match=r"config\.json is not the one"):
        store(tmp_path / "store", known=known).add("tiny", source)
    with pytest.raises(ModelError, match="make room"):
        store(tmp_path / "store", free_bytes=lambda _: 0).add("tiny", source)
    assert "tiny" not in names(tmp_path / "store")


def test_an_import_that_cannot_be_copied_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", fail)
    with pytest.raises(ModelError, match="cannot be copied"):
        store(tmp_path / "store").add("mine", write_model(tmp_path / "source"))
    assert names(tmp_path / "store" / ".partial") == set()


def test_a_folder_put_there_by_hand_is_a_model_and_a_damaged_record_is_not(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "mine")
    assert store(tmp_path).find_model("mine") == folder
    (folder / "manifest.json").write_text("{")
    with pytest.raises(ModelError, match="record of the model “mine” is damaged"):
        store(tmp_path).find_model("mine")


def test_a_place_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="cannot be written to"):
        store(tmp_path / "file").add("mine", DEMO)


def test_models_live_in_the_users_data_directory_unless_told() -> None:
    assert ModelStore().directory == default_directory()
    assert default_directory().parts[-2:] == ("codev-facilitator", "models")
