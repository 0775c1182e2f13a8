"""The animator's e-mail account, and its password in the system's keyring."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from facilitator.errors import NoKeyringError, StoreError
from facilitator.store.keys import KeyVault, system_keyring

_MAIL = "mail"
"""Under this and the account's place the password is kept, in the same service as the keys of sessions."""


@dataclass(frozen=True, slots=True)
class Account:
    """Where messages are given to, and as whom.

    Attributes:
        host, port: the server.
        user: name of the account.
        sender: the animator's own address.
        tls: True for a connection encrypted from the first byte, False for STARTTLS.
        ca_file: certificates that are trusted too; None for the system's alone.
    """

    host: str
    port: int
    user: str
    sender: str
    tls: bool = False
    ca_file: Path | None = None

    @property
    def place(self) -> str:
        """What its password is kept under: a server that has the same user never gets another server's password."""
        return f"{self.user}@{self.host.casefold()}:{self.port}"


def find_password(account: Account) -> str | None:
    """Return the account's password; None when the keyring has none.

    Raises:
        NoKeyringError: there is no keyring that encrypts.
        StoreError: it does not answer.
    """
    return password_vault().get(_MAIL, account.place)


def keep_password(account: Account, password: str) -> None:
    """Keep the account's password, in place of the one before.

    Raises:
        NoKeyringError: there is no keyring that encrypts.
        StoreError: it does not answer, or did not keep it.
    """
    keep_secret(_MAIL, account.place, password, what="password")


def keep_secret(use: str, name: str, secret: str, *, what: str) -> None:
    """Keep a secret in the keyring for a use and a name, in place of the one before; sentences call it `what`.

    Raises:
        NoKeyringError: there is no keyring that encrypts.
        StoreError: it does not answer, or did not keep it.
    """
    vault = password_vault()
    vault.put(use, name, secret)
    if vault.get(use, name) != secret:
        raise StoreError(f"The {what} did not come back from the keyring ({vault.name}): it is not kept.")


def password_vault() -> KeyVault:
    """Return the system's keyring, for passwords.

    Raises:
        NoKeyringError: there is none that encrypts.
    """
    found = system_keyring()
    if found is None:
        raise NoKeyringError("This computer has no keyring that encrypts: the password is kept nowhere.")
    return found
