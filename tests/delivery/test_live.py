"""A live session hands over and is purged: shown first, sent once, then nothing of it is left."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facilitator.core.snapshot import Snapshot
from facilitator.live import Live
from facilitator.store.folder import Sessions
from facilitator.store.keeping import Storing
from facilitator.store.sound import About, KeptSound
from facilitator.web.service import RefusedError, Service
from tests.delivery.held import Held, end, settings
from tests.delivery.mailserver import CLIENT, SENDER, MailServer
from tests.delivery.parcels import WORDS, parsed


def texts(shot: Snapshot) -> str:
    return repr(shot.records) + repr(shot.cues) + repr(shot.pending) + repr(shot.speaking)


def left(folder: Path) -> list[Path]:
    return [path for name in ("sessions", "keys") for path in (folder / name).rglob("*") if path.is_file()]


async def test_it_is_shown_then_sent_once(held: Held, mail: MailServer, tmp_path: Path) -> None:
    preview = (await held.do("deliver", to=CLIENT))["preview"]
    assert (preview["to"], preview["by"]) == (CLIENT, "mail")
    assert (mail.connections, "delivered" in held.types()) == (0, False)
    answers = await asyncio.gather(
        *(held.do("deliver", to=CLIENT, confirm=True) for _ in range(3)), return_exceptions=True
    )
    sent = [one for one in answers if isinstance(one, dict)]
    assert sent == [{"delivered": {"by": "mail", "paths": []}}]
    assert {one.code for one in answers if isinstance(one, RefusedError)} == {"already_sent"}
    (taken,) = mail.taken
    assert taken.rcpt_tos == [CLIENT]
    assert WORDS in "".join(
        part.get_content() for part in parsed(taken.original_content).iter_attachments() if "markdown" in str(part)
    )
    assert held.types().count("delivered") == 1
    assert held.live.delivered
    assert not (tmp_path / "documents").exists()


async def test_what_was_not_shown_is_not_sent(held: Held, mail: MailServer) -> None:
    assert await held.refused("deliver", to=CLIENT, confirm=True) == (409, "preview_first")
    await held.do("deliver", to=CLIENT)
    assert await held.refused("deliver", to="camille@example.net", confirm=True) == (409, "preview_first")
    await held.do("edit_contract", text="Aidez-moi à dire oui.")
    assert await held.refused("deliver", to=CLIENT, confirm=True) == (409, "preview_first")
    assert mail.connections == 0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"to": "camille"}, (400, "bad_address")),
        ({"to": SENDER}, (400, "own_address")),
        ({"to": CLIENT, "cc": SENDER}, (400, "bad_value")),
        ({"to": [CLIENT]}, (400, "bad_value")),
        ({"to": CLIENT, "confirm": "yes"}, (400, "bad_value")),
    ],
)
async def test_wrong_values_are_refused(held: Held, values: dict[str, Any], expected: tuple[int, str]) -> None:
    assert await held.refused("deliver", **values) == expected


async def test_trouble_loses_nothing_and_a_retry_arrives_once(held: Held, mail: MailServer) -> None:
    await held.do("deliver", to=CLIENT)
    for trouble in ("recipient", "cut"):
        mail.trouble = trouble
        assert await held.refused("deliver", to=CLIENT, confirm=True) == (422, trouble)
    assert held.live.snapshot().records["contract"].text == WORDS
    assert not held.live.delivered
    mail.trouble = "taken"
    assert await held.refused("deliver", to=CLIENT, confirm=True) == (422, "unknown")
    mail.trouble = ""
    assert await held.refused("deliver", to=CLIENT, confirm=True) == (409, "unknown_before")
    assert len(mail.taken) == 1
    await held.do("deliver", to=CLIENT, confirm=True, again=True)
    assert len({parsed(one.original_content)["Message-ID"] for one in mail.taken}) == 1


async def test_another_process_knows_what_was_sent(held: Held, mail: MailServer, tmp_path: Path) -> None:
    await held.do("deliver", to=CLIENT)
    await held.do("deliver", to=CLIENT, confirm=True)
    await held.live.close()
    (name,) = held.sessions.names()
    store, kept = held.sessions.open(name)
    assert [one.state for one in kept.deliveries] == ["begun", "sent"]
    storing = Storing(held.sessions, kept.chosen, store, kept)
    resumed = Held(Live(settings(tmp_path, held.sessions, account=mail.account(), storing=storing)), held.sessions)
    preview = (await resumed.do("deliver", to=CLIENT))["preview"]
    assert len(preview["notices"]) == 2, "through which server, and that it was sent"
    assert await resumed.refused("deliver", to=CLIENT, confirm=True) == (409, "already_sent")
    assert len(mail.taken) == 1
    await resumed.live.close()


async def test_after_a_delivery_and_the_end_a_purge_leaves_nothing(held: Held, tmp_path: Path) -> None:
    await held.do("read_back")
    await held.do("deliver", to=CLIENT)
    await held.do("deliver", to=CLIENT, confirm=True)
    assert await held.refused("purge") == (409, "not_now")
    await end(held)
    (name,) = held.sessions.names()
    said = await held.do("purge")
    assert said["purged"].startswith(f"La séance {name} a été détruite le ")
    assert held.types()[-1] == "purged"
    assert set(held.lines[-1]) == {"type", "at"}
    assert WORDS not in texts(held.live.snapshot())
    assert held.live.empty
    assert WORDS not in repr(held.live._runner.session.durable())
    assert held.live._keeping._last is None
    assert left(tmp_path) == []
    await held.live.close()
    assert left(tmp_path) == []


async def test_a_purge_without_a_delivery_needs_a_second_word(held: Held, tmp_path: Path) -> None:
    await end(held)
    assert await held.refused("purge") == (409, "not_delivered")
    assert await held.refused("purge", confirm=1) == (400, "bad_value")
    assert held.live.snapshot().records["contract"].text == WORDS
    assert left(tmp_path) != []
    await held.do("purge", confirm=True)
    assert WORDS not in texts(held.live.snapshot())
    assert left(tmp_path) == []


async def test_a_purge_that_fails_is_told_and_can_be_tried_again(
    held: Held, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await held.do("deliver")
    await end(held)
    path = next((tmp_path / "sessions").glob("*.session"))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(PermissionError(1, "no")))
        assert (await held.refused("purge"))[0] == 422
    assert "purged" not in held.types()
    assert path.exists()
    assert (await held.do("purge"))["purged"]
    assert left(tmp_path) == []


async def test_where_that_is_wanted_the_session_is_destroyed_with_its_delivery(
    held: Held, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held.live.settings = replace(held.live.settings, destroy_delivered=True)
    assert "purged" not in await held.do("deliver"), "destroyed before its end"
    await end(held)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(PermissionError(1, "no")))
        said = await held.do("deliver", to=CLIENT)
        assert "purged" not in said, "destroyed when it was only shown"
        said = await held.do("deliver", to=CLIENT, confirm=True)
    assert said["delivered"]["by"] == "mail"
    assert "purged" not in said
    assert held.lines[-1]["code"] == "not_purged"
    said = await held.do("deliver")
    assert said["purged"].startswith("La séance ")
    assert held.types()[-1] == "purged"
    assert left(tmp_path) == []


async def test_one_whose_sound_waits_is_kept_and_that_is_said(held: Held, tmp_path: Path) -> None:
    held.live.settings = replace(held.live.settings, destroy_delivered=True)
    about = About(id="u1", channel="call", record="plan", step="synthesis", started_at=1.0, ended_at=2.0)
    assert await held.live._keeping.keep_sound(KeptSound(about, np.zeros(16_000, np.float32)))
    await end(held)
    assert "purged" not in await held.do("deliver")
    assert (held.lines[-1]["code"], held.lines[-1]["type"]) == ("kept_waiting", "warning")
    (name,) = held.sessions.names()
    assert f"« facilitator transcribe {name} »" in held.lines[-1]["message"]


async def test_without_an_account_the_message_is_a_file(tmp_path: Path, sessions: Sessions) -> None:
    session = Held(Live(settings(tmp_path, sessions)), sessions)
    await session.do("start")
    assert (await session.do("deliver", to=CLIENT))["preview"]["by"] == "file"
    said = (await session.do("deliver", to=CLIENT, confirm=True, folder=str(tmp_path / "out")))["delivered"]
    path = tmp_path / "out" / "client-2026-11-24-0930.eml"
    assert said == {"by": "file", "paths": [str(path)]}
    assert parsed(path.read_bytes())["To"] == CLIENT
    assert session.types()[-2:] == ["document_written", "delivered"]
    await session.do("deliver", to=CLIENT, confirm=True, folder=str(tmp_path / "out"))
    before = path.read_bytes()
    await session.live.close()
    other = Held(Live(settings(tmp_path, sessions)), sessions)  # of the same minute
    await other.do("start")
    await other.do("deliver", to=CLIENT)
    answer = await other.refused("deliver", to=CLIENT, confirm=True, folder=str(tmp_path / "out"))
    assert answer == (409, "documents_there")
    assert path.read_bytes() == before
    await other.live.close()


async def test_a_document_that_another_put_beside_ours_is_left(held: Held, tmp_path: Path) -> None:
    """Our own are written again at the end; a plan.ics that was not ours stays."""
    await held.do("deliver", folder=str(tmp_path / "out"))
    await held.do("deliver", folder=str(tmp_path / "out"))
    (tmp_path / "out" / "plan.ics").write_text("theirs")
    assert await held.refused("deliver", folder=str(tmp_path / "out")) == (409, "documents_there")
    assert (tmp_path / "out" / "plan.ics").read_text() == "theirs"


async def test_the_days_of_a_plan_are_looked_for_once_and_its_words_forgotten_by_a_purge(held: Held) -> None:
    while held.live.snapshot().step != "synthesis":
        await held.do("next")
    await held.do("edit_plan", items=[{"text": f"Action {number}, pour le 4 décembre."} for number in range(50)])
    held.live.snapshot()
    before = held.live._dates.cache_info()
    shot = held.live.snapshot()
    assert {item.offered[5:] for item in shot.records["plan"].items} == {"12-04"}
    assert (held.live._dates.cache_info().misses, before.currsize >= 50) == (before.misses, True)
    await end(held)
    await held.do("purge", confirm=True)
    assert held.live._dates.cache_info().currsize == 0


async def test_the_service_answers_with_the_preview(held: Held) -> None:
    import aiohttp

    service = Service(held.live)
    url = await service.start("127.0.0.1", 0)
    headers = {"Authorization": f"Bearer {service.token}"}
    command = {"command": "deliver", "to": CLIENT}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{url}/api/commands", json=command) as answer,
    ):
        body = await answer.json()
    await service.close()
    assert body["preview"]["to"] == CLIENT
    assert body["phase"] == "running"
