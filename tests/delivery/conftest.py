"""A mail server, and a keyring that knows its password."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import keyring
import pytest

from facilitator.delivery.account import keep_password
from facilitator.live import Live
from facilitator.store.folder import Sessions
from facilitator.store.keys import FileVault, Keys
from tests.delivery.held import Held, settings
from tests.delivery.mailserver import PASSWORD, MailServer, mail_server
from tests.delivery.parcels import WORDS
from tests.deviceless import being_held
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


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path / "sessions", Keys([FileVault(tmp_path / "keys")]))


@pytest.fixture
async def held(tmp_path: Path, sessions: Sessions, mail: MailServer) -> AsyncIterator[Held]:
    live = Live(settings(tmp_path, sessions, account=mail.account()))
    async with being_held(live):
        session = Held(live, sessions)
        await session.do("start")
        await session.do("edit_contract", text=WORDS)
        await session.do("mark_contract")
        yield session
