"""Every error of the facilitator that a user can meet. Each message is one plain sentence that says what to do.

    FacilitatorError
    ├── UsageError            wrong use or configuration: exit code 2
    │   ├── ConfigError       config.toml
    │   ├── CatalogError      a process or a language in prompts/, or the user's own
    │   ├── CallError         a recorded call, CALL.toml
    │   ├── NoSessionError    no kept session has this name
    │   ├── RecipientError    the address given for the client cannot be theirs
    │   └── TakenError        documents would take the place of others
    └── FailureError          something went wrong: exit code 1
        ├── InstallationError a file of the installation is missing
        ├── DocumentError     a document could not be written
        │   ├── NoDocumentError    none at all could be made of a text
        │   └── FolderSilentError  the folder does not answer
        ├── DeliveryError     an e-mail was not sent, or it is not known whether it was
        ├── ServiceError      the local service could not start
        └── StoreError        a kept session could not be written, read or destroyed
            ├── StoreDamagedError  it is not as it was written
            ├── StoreVersionError  another version wrote it
            ├── StoreBusyError     a running facilitator holds it
            ├── StoreSilentError   its folder does not answer
            ├── StoreFullError     the disk is full
            ├── KeyMissingError    its key is not there
            └── NoKeyringError     this computer has no keyring that encrypts

Beside this tree: the core's `ProcessError` and `IllegalEventError` (the language puts its code into words) and
`speech.errors.SpeechError`. No message holds a transcript, a name of somebody present, or sound.
"""

from __future__ import annotations

from typing import ClassVar

from speech.errors import one_line

_LONGEST = 1_000
"""Letters of a sentence: a path, or an address, may be long."""


class FacilitatorError(Exception):
    """What a command shows on stderr, as it is, before it exits with `exit_code`."""

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        """Return the sentence, on one line; of a very long one, which may quote a file, the middle is left out."""
        sentence = one_line(super().__str__())
        return sentence if len(sentence) <= _LONGEST else f"{sentence[: _LONGEST // 2]}…{sentence[-_LONGEST // 2 :]}"


class UsageError(FacilitatorError):
    """The command, or a file that the user wrote, asks for something that cannot be."""

    exit_code: ClassVar[int] = 2


class ConfigError(UsageError):
    """The configuration has an unknown key, a wrong value, or is not there."""


class CatalogError(UsageError):
    """A process or a language is not there, or its file cannot be used."""


class CallError(UsageError):
    """A recorded call's description cannot be used."""


class NoSessionError(UsageError):
    """No kept session has this name, or it cannot be taken up again."""


class RecipientError(UsageError):
    """The address given for the client cannot be theirs. `code` is a key of the languages' `delivery.refusals`."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class TakenError(UsageError):
    """Documents would take the place of others, which may be the only ones left of another session."""


class FailureError(FacilitatorError):
    """The command was right, and something went wrong all the same."""


class InstallationError(FailureError):
    """A file that comes with the installation is missing."""


class DocumentError(FailureError):
    """A document could not be written; no part of it was left behind."""


class NoDocumentError(DocumentError):
    """No document at all could be made of a text."""


class FolderSilentError(DocumentError):
    """The folder does not answer: nobody knows what is in it."""


class DeliveryError(FailureError):
    """An e-mail was not sent; with the code `unknown`, it is not known whether it was.

    `code` is a key of the languages' `delivery.troubles`.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class ServiceError(FailureError):
    """The local service could not start."""


class StoreError(FailureError):
    """A kept session could not be written, read or destroyed."""


class StoreDamagedError(StoreError):
    """A kept session is not as it was written: something was changed, cut off, or put back."""


class StoreVersionError(StoreError):
    """Another version of facilitator wrote this session."""


class StoreBusyError(StoreError):
    """A running facilitator holds this session."""


class StoreSilentError(StoreError):
    """The folder of kept sessions does not answer."""


class StoreFullError(StoreError):
    """The disk is full."""


class KeyMissingError(StoreError):
    """The key of a kept session is not there."""


class NoKeyringError(StoreError):
    """This computer has no keyring that encrypts, for a password."""
