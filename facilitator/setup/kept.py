"""What is kept from one session to the next: the choices and, only where the animator says so, the group's names.

Rules:

- Nothing is kept unless the animator asks for it. It is one file, sealed with a key of its own, which is where the
  sessions' keys are: nothing of it is ever in clear on a disk.
- To forget is to destroy the key first, then the file; both are read again before it is said to be done.
"""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_data_path, user_state_path
from pydantic import ValidationError

from facilitator.errors import StoreError
from facilitator.setup.choices import Choices
from facilitator.store.disk import destroy_file, make_private_folder, write_private
from facilitator.store.keys import Keys, open_keys
from facilitator.store.sealing import NO_TAG, NONCE_BYTES, Seal, Sealed, UnsealError

_NAME, _KIND = "choices", "choices"


class KeptChoices:
    """The choices of the session before, sealed.

    Args:
        folder: where the file is.
        keys: where its key is.
    """

    def __init__(self, folder: Path, keys: Keys) -> None:
        self._path = folder / f"{_NAME}.sealed"
        self._keys = keys

    @property
    def there(self) -> bool:
        """Whether something is kept."""
        return self._path.exists()

    def read(self) -> Choices | None:
        """Return the choices that were kept; None when there are none, or they cannot be opened any more.

        Raises:
            StoreError: the file or the key's vault does not answer.
        """
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as reason:
            raise StoreError(f"{self._path} cannot be read ({reason.strerror}): check its rights.") from None
        try:
            key, _ = self._keys.find(_NAME)
            sealed = Sealed(content[:NONCE_BYTES], content[NONCE_BYTES:])
            return Choices.model_validate_json(Seal(_NAME, key).open(1, _KIND, sealed, NO_TAG))
        except (UnsealError, ValidationError, StoreError):
            return None

    def write(self, choices: Choices) -> None:
        """Keep choices, without the people unless they ask for that, in place of those before.

        Raises:
            StoreError: they cannot be kept.
        """
        kept = choices if choices.keep_names else choices.model_copy(update={"people": ()})
        sealed = Seal(_NAME, self._keys.make(_NAME)).close(1, _KIND, kept.model_dump_json().encode(), NO_TAG)
        try:
            make_private_folder(self._path.parent)
            write_private(self._path, sealed.nonce + sealed.ciphertext)
        except OSError as reason:
            raise StoreError(f"{self._path} cannot be written ({reason.strerror}): check its disk.") from None

    def renew(self, choices: Choices) -> None:
        """Keep choices where they ask for it, else destroy what is kept.

        Raises:
            StoreError: it was not done.
        """
        if choices.keep:
            self.write(choices)
        else:
            self.forget()

    def forget(self) -> None:
        """Destroy what is kept, its key first. Where nothing is kept, nothing happens.

        Raises:
            StoreError: it was not destroyed to its end.
        """
        self._keys.destroy(_NAME)
        try:
            destroy_file(self._path)
        except OSError as reason:
            raise StoreError(
                f"The key is destroyed, so nothing can be read; but {self._path} could not be removed "
                f"({reason.strerror}): remove it by hand."
            ) from None


def open_kept() -> KeptChoices:
    """Return what this user keeps."""
    data, state = (place("codev-facilitator", appauthor=False) for place in (user_data_path, user_state_path))
    return KeptChoices(data, open_keys(state / "keys"))
