"""Keys: in a keyring that encrypts, else in a file for this user alone; destroyed everywhere, or it is said."""

from __future__ import annotations

from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.backends.chainer import ChainerBackend

from facilitator.errors import KeyMissingError, StoreError
from facilitator.store.keys import FileVault, KeyringVault, Keys, Mark, find_keyring, open_keys
from tests.fakes import FakeKeyring

NAME = "2026-11-24-0930-a1b2"


class Secret(FakeKeyring):
    """A keyring that is known to encrypt."""


Secret.__module__ = "keyring.backends.SecretService"


class Plain(FakeKeyring):
    """A keyring in plain text."""


Plain.__module__ = "keyrings.alt.file"


def test_a_key_and_its_mark_come_back(tmp_path: Path) -> None:
    for vault in (FileVault(tmp_path / "keys"), KeyringVault(Secret(), "Secret Service")):
        keys = Keys([vault])
        key = keys.make(NAME)
        assert keys.find(NAME) == (key, Mark(0, bytes(16)))
        keys.put_mark(NAME, Mark(7, b"\x01" * 16))
        assert keys.find(NAME) == (key, Mark(7, b"\x01" * 16))
        assert len(key) == 32
        assert keys.make("2026-11-24-0931-a1b2") != key
        keys.destroy(NAME)
        keys.destroy(NAME)
        with pytest.raises(KeyMissingError):
            keys.find(NAME)


def test_a_key_is_found_in_the_vault_that_has_it(tmp_path: Path) -> None:
    files, ring = FileVault(tmp_path / "keys"), KeyringVault(Secret(), "Secret Service")
    key = Keys([files]).make(NAME)
    keys = Keys([ring, files])
    assert keys.find(NAME)[0] == key
    keys.put_mark(NAME, Mark(3, bytes(16)))
    assert files.get(NAME, "mark") == str(Mark(3, bytes(16)))
    keys.destroy(NAME)
    assert list((tmp_path / "keys").iterdir()) == []


def test_a_key_in_a_keyring_that_is_not_here_is_not_said_to_be_destroyed(tmp_path: Path) -> None:
    files, ring = FileVault(tmp_path / "keys"), KeyringVault(Secret(), "Secret Service")
    key = Keys([ring, files], notes=files).make(NAME)
    elsewhere = Keys([files], notes=files)
    for attempt in (elsewhere.find, elsewhere.destroy, elsewhere.destroy_sound_key):
        with pytest.raises(KeyMissingError, match=r"is not here \(Secret Service\): log in .*\.$"):
            attempt(NAME)
    keys = Keys([ring, files], notes=files)
    assert keys.find(NAME)[0] == key
    keys.destroy(NAME)
    elsewhere.destroy(NAME)
    assert list((tmp_path / "keys").iterdir()) == []


def test_a_key_that_was_half_written_is_destroyed_with_it(tmp_path: Path) -> None:
    keys = Keys([FileVault(tmp_path)])
    key = keys.make(NAME)
    for what in ("key", "mark"):
        (tmp_path / f".{NAME}.{what}.new").write_text(key.hex())
    keys.put_mark(NAME, Mark(1, bytes(16)))
    keys.destroy(NAME)
    assert list(tmp_path.iterdir()) == []


def test_no_mark_is_kept_for_a_key_that_is_gone(tmp_path: Path) -> None:
    keys = Keys([FileVault(tmp_path)])
    with pytest.raises(KeyMissingError):
        keys.put_mark(NAME, Mark(1, bytes(16)))


@pytest.mark.parametrize("backend", [null.Keyring(), fail.Keyring(), Plain(), FakeKeyring()])
def test_keyrings_that_keep_nothing_or_in_plain_text_are_refused(backend: KeyringBackend) -> None:
    assert find_keyring(backend) is None


def test_the_first_keyring_of_a_chain_that_encrypts_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChainerBackend, "backends", [Plain(), Secret()])
    found = find_keyring(ChainerBackend())
    assert found is not None
    assert (found.name, found.is_keyring) == ("Secret Service", True)
    monkeypatch.setattr(ChainerBackend, "backends", [Plain()])
    assert find_keyring(ChainerBackend()) is None


def test_without_a_keyring_the_key_is_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "get_keyring", Plain)
    assert isinstance(open_keys(tmp_path).used, FileVault)
    monkeypatch.setattr(keyring, "get_keyring", Secret)
    assert isinstance(open_keys(tmp_path).used, KeyringVault)

    def broken() -> KeyringBackend:
        raise RuntimeError

    monkeypatch.setattr(keyring, "get_keyring", broken)
    assert isinstance(open_keys(tmp_path).used, FileVault)


@pytest.mark.parametrize("trouble", ["locked", "broken"])
def test_a_keyring_that_does_not_answer_is_one_sentence_without_its_words(trouble: str) -> None:
    keys = Keys([KeyringVault(Secret(trouble), "Secret Service")])
    for attempt in (keys.make, keys.find, keys.destroy):
        with pytest.raises(StoreError) as caught:
            attempt(NAME)
        assert str(caught.value) == "The keyring (Secret Service) does not answer: unlock it, then try again."
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None


def test_a_key_that_does_not_come_back_begins_no_session() -> None:
    with pytest.raises(StoreError, match="did not come back"):
        Keys([KeyringVault(Secret("forgets"), "Secret Service")]).make(NAME)


def test_a_key_that_stays_is_not_said_to_be_destroyed() -> None:
    ring = Secret()
    keys = Keys([KeyringVault(ring, "Secret Service")])
    keys.make(NAME)
    ring.trouble = "keeps"
    with pytest.raises(StoreError, match="could not be destroyed"):
        keys.destroy(NAME)


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("no folder")
    vault = FileVault(tmp_path / "keys")
    for attempt in (
        lambda: vault.put(NAME, "key", "00"),
        lambda: vault.get(NAME, "key"),
        lambda: vault.remove(NAME, "key"),
    ):
        with pytest.raises(StoreError, match=r"\.$"):
            attempt()
