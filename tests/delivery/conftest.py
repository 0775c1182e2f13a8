"""A mail server, and a keyring that knows its password."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest

from facilitator.delivery.account import keep_password
from tests.delivery.mailserver import PASSWORD, MailServer, mail_server
from tests.fakes import FakeKeyring


class SafeKeyring(FakeKeyring):
    """A keyring that is known to encrypt."""


SafeKeyring.__module__ = "keyring.backends.SecretService"


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> SafeKeyring:
    made = SafeKeyring()
    monkeypatch.setattr(keyring, "get_keyring", lambda: made)
    return made


@pytest.fixture
def mail(tmp_path: Path, ring: SafeKeyring) -> Iterator[MailServer]:
    """Return a running server with STARTTLS and AUTH; the keyring has the password."""
    folder = tmp_path / "mail"
    folder.mkdir()
    with mail_server(folder) as server:
        keep_password(server.account(), PASSWORD)
        yield server
