"""Folders that hang or refuse: told in the language of the session, and nothing else waits for them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from facilitator.documents import write
from facilitator.live import Live
from facilitator.store.folder import Sessions
from facilitator.web.service import RefusedError
from tests.delivery.held import Held, end, settings
from tests.delivery.mailserver import CLIENT
from tests.delivery.parcels import WORDS


@pytest.mark.parametrize("by_letter", [False, True])
async def test_a_folder_that_hangs_is_told_and_holds_up_neither_another_one_nor_the_purge(
    tmp_path: Path, sessions: Sessions, monkeypatch: pytest.MonkeyPatch, *, by_letter: bool
) -> None:
    gate, mkdir = threading.Event(), Path.mkdir

    def hangs(path: Path, *args: Any, **kwargs: Any) -> None:
        if "gone" in path.parts:
            gate.wait(20)
        mkdir(path, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", hangs)
    live = Live(settings(tmp_path, sessions))
    session = Held(live, sessions)
    await session.do("start")
    await session.do("edit_contract", text=WORDS)
    letter: dict[str, Any] = {"to": CLIENT, "confirm": True} if by_letter else {}
    if by_letter:
        await session.do("deliver", to=CLIENT)
    with monkeypatch.context() as patch:
        patch.setattr(write, "FOLDER_SECONDS", 0.01)
        with pytest.raises(RefusedError) as refused:
            await session.do("deliver", folder=str(tmp_path / "gone"), **letter)
    assert (refused.value.code, str(refused.value)[:28]) == ("folder_silent", "Le dossier ne répond pas : r")
    assert not live.delivered
    assert "delivered" in await session.do("deliver", folder=str(tmp_path / "here"), **letter)
    await end(session)
    await session.do("purge")
    gate.set()
    await live.close()


async def test_what_cannot_be_made_or_destroyed_is_said_in_the_language_of_the_session(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise PermissionError(1, "no")

    with monkeypatch.context() as patch:
        for ending in ("md", "docx", "pdf"):
            patch.setitem(write.RENDERERS, ending, broken)
        said = [await told(held, "deliver"), await told(held, "deliver", to=CLIENT)]
    with monkeypatch.context() as patch:
        patch.setattr(write.tempfile, "mkstemp", broken)
        said.append(await told(held, "deliver"))
    await held.do("deliver")
    await end(held)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", broken)
        said.append(await told(held, "purge"))
    words = held.live.settings.language.table("refusals")
    assert said == [words[code] for code in ("no_document", "no_document", "cannot_write", "not_purged")]


async def told(held: Held, name: str, **values: Any) -> str:
    with pytest.raises(RefusedError) as refused:
        await held.do(name, **values)
    return str(refused.value)
