"""Where a session's key is kept, and beside it the high-water mark: how far its file had come at least.

Rules:

- The system's keyring where there is a real one; else a file in a folder of its own, for this user alone.
- Only keyrings known to encrypt are used. All others, the null one and those in plain text among them, are refused by
  name: a back-end can change under a program that asks for "the keyring".
- Which keyring has a session's key is noted beside the key files. Where that one is not there, at a login of another
  kind, the key cannot be destroyed, and nobody is told that it was.
- A key is read back before anything is written under it: no session begins that could not be opened again.
- Sound has a key of its own, destroyed as soon as all of it is written down: whatever a disk still holds of it, in a
  journal that was removed or a block that was moved, is noise from then on.
- Python cannot wipe a key from memory; destroying one means that no copy of it is kept.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import keyring
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend

from facilitator.errors import KeyMissingError, StoreDamagedError, StoreError, StoreFullError
from facilitator.store.disk import FULL, destroy_file, half_written, make_private_folder, sync_folder, write_private
from facilitator.store.sealing import KEY_BYTES, NO_TAG

_Answer = TypeVar("_Answer")
SERVICE = "codev-facilitator"
ENCRYPTING = {
    "keyring.backends.SecretService": "Secret Service",
    "keyring.backends.libsecret": "libsecret",
    "keyring.backends.kwallet": "KWallet",
    "keyring.backends.macOS": "macOS Keychain",
    "keyring.backends.Windows": "Windows Credential Locker",
}
"""Back-ends that keep a secret encrypted, by module, with the name that the animator knows."""
_KEY, _MARK, _SOUND, _WHERE = "key", "mark", "sound", "where"


@dataclass(frozen=True, slots=True)
class Mark:
    """A session's file had at least `count` records, the last of which has this tag."""

    count: int
    tag: bytes

    def __str__(self) -> str:
        """Return the mark as it is kept."""
        return f"{self.count}:{self.tag.hex()}"


class KeyVault(Protocol):
    """Keeps a few short secrets for each session.

    Attributes:
        name: what it is, for the animator.
        is_keyring: whether the system keeps it encrypted.
    """

    name: str
    is_keyring: bool

    def put(self, session: str, what: str, secret: str) -> None:
        """Keep a secret, in place of the one before.

        Raises:
            StoreError: it cannot be kept.
        """
        ...

    def get(self, session: str, what: str) -> str | None:
        """Return a secret, None when there is none.

        Raises:
            StoreError: the vault does not answer.
        """
        ...

    def remove(self, session: str, what: str) -> None:
        """Destroy a secret, if there is one.

        Raises:
            StoreError: it cannot be destroyed.
        """
        ...


class KeyringVault:
    """The system's keyring."""

    is_keyring = True

    def __init__(self, backend: KeyringBackend, name: str) -> None:
        self.name = name
        self._backend = backend

    def put(self, session: str, what: str, secret: str) -> None:
        """Keep a secret."""
        self._ask(self._backend.set_password, SERVICE, f"{session} {what}", secret)

    def get(self, session: str, what: str) -> str | None:
        """Return a secret."""
        return self._ask(self._backend.get_password, SERVICE, f"{session} {what}")

    def remove(self, session: str, what: str) -> None:
        """Destroy a secret."""
        if self.get(session, what) is not None:
            self._ask(self._backend.delete_password, SERVICE, f"{session} {what}")

    def _ask(self, call: Callable[..., _Answer], *arguments: str) -> _Answer:
        with contextlib.suppress(Exception):  # what a back-end raises may hold the secret it was given
            return call(*arguments)
        raise StoreError(f"The keyring ({self.name}) does not answer: unlock it, then try again.")


class FileVault:
    """Files for this user alone, in a folder of their own."""

    is_keyring = False
    name = "key file"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, session: str, what: str, secret: str) -> None:
        """Keep a secret."""
        try:
            make_private_folder(self.folder)
            write_private(self._path(session, what), secret.encode())
        except OSError as reason:
            kind = StoreFullError if reason.errno in FULL else StoreError
            raise kind(
                f"The key cannot be written to {self.folder} ({reason.strerror}): check the folder and its disk."
            ) from None

    def get(self, session: str, what: str) -> str | None:
        """Return a secret."""
        try:
            return self._path(session, what).read_bytes().decode("ascii", "replace")
        except FileNotFoundError:
            return None
        except OSError as reason:
            why = f"The key in {self.folder} cannot be read ({reason.strerror}): check its rights."
            raise StoreError(why) from None

    def remove(self, session: str, what: str) -> None:
        """Destroy a secret, also one that was half written when the computer stopped."""
        path = self._path(session, what)
        try:
            if self.folder.exists():
                destroy_file(path)
                destroy_file(half_written(path))
                sync_folder(self.folder)
        except OSError as reason:
            why = f"{path} cannot be destroyed ({reason.strerror}): check its rights, then try again."
            raise StoreError(why) from None

    def _path(self, session: str, what: str) -> Path:
        return self.folder / f"{session}.{what}"


class Keys:
    """The keys of every session, in whichever vault each is.

    Args:
        vaults: the first one takes the keys of new sessions.
        notes: where it is noted which keyring has a key; None where that cannot change.
    """

    def __init__(self, vaults: Iterable[KeyVault], notes: FileVault | None = None) -> None:
        self._vaults = tuple(vaults)
        self._notes = notes

    @property
    def used(self) -> KeyVault:
        """The vault that new keys go to."""
        return self._vaults[0]

    def make(self, session: str) -> bytes:
        """Return a new key, which is kept and can be read back.

        Raises:
            StoreError: it cannot be kept.
        """
        key = secrets.token_bytes(KEY_BYTES)
        if self._notes is not None and self.used.is_keyring:
            self._notes.put(session, _WHERE, self.used.name)
        self.used.put(session, _KEY, key.hex())
        self.used.put(session, _MARK, str(Mark(0, NO_TAG)))
        if self.used.get(session, _KEY) != key.hex():
            raise StoreError(f"The key did not come back from where it was put ({self.used.name}): nothing is kept.")
        return key

    def find(self, session: str) -> tuple[bytes, Mark]:
        """Return a session's key and mark.

        Raises:
            KeyMissingError: there is no key, or it is in a keyring that is not here.
            StoreDamagedError: what is there is none.
            StoreError: a vault does not answer.
        """
        vault = self._known_holder(session)
        key, mark = _bytes(vault.get(session, _KEY)), _mark(vault.get(session, _MARK))
        if key is None or len(key) != KEY_BYTES or mark is None:
            raise StoreDamagedError(f"The key of the session {session} is damaged ({vault.name}): bring a copy back.")
        return key, mark

    def put_mark(self, session: str, mark: Mark) -> None:
        """Keep how far the session's file has come, beside its key.

        Raises:
            KeyMissingError: the key is gone: nobody could open the file any more.
            StoreError: it cannot be kept.
        """
        self._known_holder(session).put(session, _MARK, str(mark))

    def destroy(self, session: str) -> None:
        """Destroy a session's key and mark, wherever they are.

        Raises:
            StoreError: a vault still has it, or one that is not here.
        """
        self._destroy(session, _KEY, _SOUND, _MARK)
        if self._notes is not None:
            self._notes.remove(session, _WHERE)

    def make_sound_key(self, session: str) -> bytes:
        """Return the key of a session's sound, which is kept; made now where there is none.

        Raises:
            StoreError: it cannot be kept or read.
        """
        known = self.find_sound_key(session)
        if known is not None:
            return known
        key = secrets.token_bytes(KEY_BYTES)
        (self._holder(session) or self.used).put(session, _SOUND, key.hex())
        if self.find_sound_key(session) != key:
            raise StoreError(f"The key of the sound did not come back ({self.used.name}): no sound is kept.")
        return key

    def find_sound_key(self, session: str) -> bytes | None:
        """Return the key of a session's sound; None when there is none.

        Raises:
            StoreError: a vault does not answer.
        """
        vault = self._holder(session)
        key = None if vault is None else _bytes(vault.get(session, _SOUND))
        return key if key and len(key) == KEY_BYTES else None

    def destroy_sound_key(self, session: str) -> None:
        """Destroy the key of a session's sound, wherever it is: no sound of it can be read any more.

        Raises:
            StoreError: a vault still has it.
        """
        self._destroy(session, _SOUND)

    def _refuse_elsewhere(self, session: str) -> None:
        """Raise KeyMissingError where the key is in a keyring that is not here."""
        where = None if self._notes is None else self._notes.get(session, _WHERE)
        if where is not None and where not in {vault.name for vault in self._vaults}:
            raise KeyMissingError(
                f"The key of the session {session} is in a keyring that is not here ({where}): "
                "log in as when the session was held, then try again."
            )

    def _destroy(self, session: str, *secrets_of_it: str) -> None:
        self._refuse_elsewhere(session)
        for vault in self._vaults:
            for what in secrets_of_it:
                vault.remove(session, what)
                if vault.get(session, what) is not None:
                    why = f"The key of the session {session} could not be destroyed ({vault.name}): try again."
                    raise StoreError(why)

    def _known_holder(self, session: str) -> KeyVault:
        vault = self._holder(session)
        if vault is None:
            self._refuse_elsewhere(session)
            raise KeyMissingError(f"The key of the session {session} is not here: without it nothing can be read.")
        return vault

    def _holder(self, session: str) -> KeyVault | None:
        return next((vault for vault in self._vaults if vault.get(session, _KEY) is not None), None)


def open_keys(folder: Path) -> Keys:
    """Return the keys of this user: in the system's keyring where there is one, else in files in `folder`."""
    files = FileVault(folder)
    own = system_keyring()
    return Keys((files,) if own is None else (own, files), notes=files)


def system_keyring() -> KeyringVault | None:
    """Return the system's keyring; None where none encrypts."""
    try:
        return find_keyring(keyring.get_keyring())
    except Exception:  # noqa: BLE001  a back-end that cannot even be loaded keeps nothing
        return None


def find_keyring(backend: KeyringBackend) -> KeyringVault | None:
    """Return the keyring to use, `backend` or the first usable one within it; None when none encrypts."""
    candidates = backend.backends if isinstance(backend, ChainerBackend) else [backend]
    for one in candidates:
        name = ENCRYPTING.get(type(one).__module__)
        if name is not None:
            return KeyringVault(one, name)
    return None


def _bytes(text: str | None) -> bytes | None:
    try:
        return bytes.fromhex(text or "")
    except ValueError:
        return None


def _mark(text: str | None) -> Mark | None:
    count, _, tag = (text or "").partition(":")
    known = _bytes(tag)
    if not count.isascii() or not count.isdecimal() or known is None or len(known) != len(NO_TAG):
        return None
    return Mark(int(count), known)
