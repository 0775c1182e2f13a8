"""What was handed over is in the session's store, also after its end; what cannot be noted is told; a purge ends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from facilitator.errors import StoreError, StoreFullError
from facilitator.store.contents import Delivery, chosen_entry, delivery_entry
from facilitator.store.file import SessionStore
from facilitator.store.folder import Sessions
from facilitator.store.keeping import FAILED, FULL, Keeping, Storing
from facilitator.store.keys import FileVault, Keys
from tests.store.meetings import BEGAN, chosen, in_contract

SENT = Delivery(id="<1@example.org>", content="c", recipient="r", state="sent", wall=1.0)


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path / "sessions", Keys([FileVault(tmp_path / "keys")]))


async def test_a_delivery_is_kept_with_the_session(sessions: Sessions) -> None:
    told: list[str] = []
    keeping = Keeping(Storing(sessions, chosen()), told.append)
    await keeping.record(delivery_entry(SENT))  # nothing is kept before the session is
    assert sessions.names() == []
    keeping.note(in_contract().durable())
    await keeping.flush()
    await keeping.record(delivery_entry(SENT))
    await keeping.close(ended=True)
    await keeping.record(delivery_entry(SENT))
    (name,) = sessions.names()
    assert sessions.read(name).deliveries == (SENT,)
    assert told == []


def test_a_session_that_was_sealed_for_good_takes_a_delivery_and_stays_sealed(sessions: Sessions) -> None:
    store = sessions.create(BEGAN)
    store.append(chosen_entry(chosen()))
    store.close(for_good=True)
    store = SessionStore.open(sessions.folder, store.session, sessions.keys)
    with pytest.raises(StoreError):
        store.append(delivery_entry(SENT))
    store.append(delivery_entry(SENT), after_end=True)
    store.close()
    store = SessionStore.open(sessions.folder, store.session, sessions.keys)
    assert store.closed
    assert [entry.kind for entry in store.read()] == ["chosen", "delivered"]
    store.close()


@pytest.mark.parametrize(("error", "code"), [(StoreError("no"), FAILED), (StoreFullError("full"), FULL)])
async def test_a_delivery_that_cannot_be_noted_is_told(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, error: StoreError, code: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    told: list[str] = []
    keeping = Keeping(Storing(sessions, chosen()), told.append)
    keeping.note(in_contract().durable())
    await keeping.flush()
    with monkeypatch.context() as patch:
        patch.setattr(SessionStore, "append", fail)
        await keeping.record(delivery_entry(SENT))
    assert told == [code]
    await keeping.close(ended=False)


async def test_a_purge_destroys_what_is_kept_and_nothing_is_kept_after(sessions: Sessions, tmp_path: Path) -> None:
    keeping = Keeping(Storing(sessions, chosen()), lambda _: None)
    durable = in_contract().durable()
    keeping.note(durable)
    await keeping.flush()
    (name,) = sessions.names()
    destroyed = await keeping.purge()
    assert destroyed is not None
    assert destroyed.session == name
    keeping.note(durable)
    await keeping.record(delivery_entry(SENT))
    assert await keeping.purge() is None
    await keeping.close(ended=True)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_where_nothing_is_kept_there_is_nothing_to_destroy() -> None:
    keeping = Keeping(None, lambda _: None)
    await keeping.record(delivery_entry(SENT))
    assert await keeping.purge() is None
    await keeping.close(ended=True)
