"""What the terminal does with the two texts, on a live session: chosen, completed, dated, taken back, sent."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from facilitator.cli.asking import Asker, Question
from facilitator.cli.texts import Texts, lines_of
from facilitator.core import events as ev
from facilitator.core.snapshot import RecordView
from facilitator.live import Live
from facilitator.store.folder import Sessions
from facilitator.store.keys import FileVault, Keys
from tests.delivery import conftest
from tests.delivery.held import settings
from tests.delivery.mailserver import CLIENT, MailServer
from tests.deviceless import being_held

ring, mail = conftest.ring, conftest.mail


class Terminal:
    """A session in its contract step, and the hand that answers what is asked."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.told: list[str] = []
        self.defects: list[BaseException] = []
        self.asker = Asker(live.settings.language, self.told.append, self.defects.append)
        self.texts = Texts(live, self.asker, self.told.append, lambda: dt.date(2026, 11, 24))

    def record(self, name: str) -> RecordView:
        return self.live.snapshot().records[name]

    def lines(self, name: str) -> list[str]:
        return lines_of(self.record(name), self.live.settings.language)

    async def says(self, number: int, text: str, record: str) -> None:
        at, step = 10.0 + number, {"contract": "contract", "plan": "synthesis"}[record]
        self.live._runner.receive(
            ev.UtteranceWritten(
                at=at, channel="call", id=f"u{number}", record=record, step=step, stage="live", text=text,
                started_at=at - 1, ended_at=at,
            )
        )  # fmt: skip
        await self.live._keeping.flush()

    async def to(self, step: str) -> None:
        while self.live.snapshot().step != step:
            await self.live.command("next", {})

    async def does(self, act: Callable[[], Coroutine[Any, Any, None]], *answers: str) -> None:
        """Do something, and answer each question that it asks."""
        asked: list[Question] = []
        self.asker.begin(act())
        for answer in answers:
            asked.append(await self.asked(but=asked))
            asked[-1].press(answer)
        await self.done()

    async def asked(self, *, but: Sequence[Question] = ()) -> Question:
        """Return the next question, other than those before."""
        async with asyncio.timeout(5):
            while self.asker.question is None or self.asker.question in but:
                await asyncio.sleep(0)
        return self.asker.question

    async def done(self) -> None:
        """Wait until what was asked is done, and nothing is asked any more."""
        async with asyncio.timeout(10):
            await asyncio.gather(*self.asker._running)
        assert self.defects == []


@pytest.fixture
async def screen(tmp_path: Path, mail: MailServer) -> AsyncIterator[Terminal]:
    sessions = Sessions(tmp_path / "sessions", Keys([FileVault(tmp_path / "keys")]))
    live = Live(settings(tmp_path, sessions, account=mail.account()))
    async with being_held(live):
        terminal = Terminal(live)
        await live.command("start", {})
        await terminal.to("contract")
        yield terminal


async def test_the_contract_is_chosen_among_what_was_said(screen: Terminal) -> None:
    await screen.does(screen.texts.choose)
    assert screen.told == ["Rien n'a encore été dit qui soit écrit."]
    for number, text in enumerate(("Un.", "Deux.", "Trois."), 1):
        await screen.says(number, text, "contract")
    for typed in ("4", "0", "rien", "1-9"):
        await screen.does(screen.texts.choose, f"{typed}\n")
        assert screen.told[-1] == "Ce numéro n'est pas dans la liste."
    await screen.does(screen.texts.choose, "2-3\n")
    record = screen.record("contract")
    assert (record.text, record.agreed, record.agreed_by) == ("Deux.\nTrois.", True, "Camille")
    await screen.does(screen.texts.choose, "\x1b")
    assert screen.record("contract").text == "Deux.\nTrois."


async def test_the_contract_is_corrected_and_taken_back(screen: Terminal) -> None:
    await screen.says(1, "Aidez-moi à dire nom.", "contract")
    screen.asker.begin(screen.texts.correct())
    question = await screen.asked()
    assert question.typed == "Aidez-moi à dire nom."
    for key in ("\x7f", "\x7f", "n.", "\n"):
        question.press(key)
    await screen.done()
    assert screen.record("contract").text == "Aidez-moi à dire non."
    await screen.does(screen.texts.undo)
    assert screen.record("contract").text == "Aidez-moi à dire nom."
    await screen.does(screen.texts.undo)
    assert screen.told[-1] == "Il n'y a pas de correction à annuler depuis le dernier accord."


async def test_items_are_completed_dated_and_agreed(screen: Terminal) -> None:
    await screen.to("synthesis")
    await screen.does(screen.texts.accept_days)
    assert screen.told[-1] == "Aucun jour n'est proposé pour ce plan."
    await screen.says(1, "J'appelle Nour d'ici vendredi.", "plan")
    await screen.says(2, "Je fais le point le 15 janvier.", "plan")
    await screen.says(3, "Voilà.", "plan")
    await screen.does(screen.texts.choose, "1 2\n")
    assert [item.text for item in screen.record("plan").items] == [
        "J'appelle Nour d'ici vendredi.",
        "Je fais le point le 15 janvier.",
    ]
    assert (
        screen.lines("plan")[0] == "J'appelle Nour d'ici vendredi. · Échéance : vendredi 27\u00a0novembre\u00a02026 ?"
    )
    await screen.does(screen.texts.accept_days, "n", "O")
    assert [item.due for item in screen.record("plan").items] == ["", "2027-01-15"]
    await screen.does(screen.texts.correct, "1\n", "\n", "Paul\n", "écrire\n", "oui\n", "le 2 décembre\n")
    assert screen.lines("plan")[0] == (
        "J'appelle Nour d'ici vendredi. · Qui : Paul · Premier pas : écrire · Ce sera fait quand : oui · "
        "Échéance : mercredi 2\u00a0décembre\u00a02026"
    )
    await screen.does(screen.texts.correct, "2\n", "\x1b")
    await screen.does(screen.texts.mark)
    record = screen.record("plan")
    assert (record.agreed, record.agreed_by, len(record.items)) == (True, "Camille", 2)
    assert record.items[0].who == "Paul"


async def test_an_item_without_words_is_taken_away(screen: Terminal) -> None:
    await screen.to("synthesis")
    await screen.does(screen.texts.correct, "Un.\n", "\n", "\n", "\n", "\n")
    await screen.does(screen.texts.correct, "2\n", "Deux.\n", "\n", "\n", "\n", "\n")
    screen.asker.begin(screen.texts.correct())
    which = await screen.asked()
    which.press("1\n")
    words = await screen.asked(but=[which])
    assert words.typed == "Un."
    words.press("\x15")
    words.press("\n")
    await screen.done()
    assert screen.lines("plan") == ["Deux."]


async def test_an_item_that_changed_meanwhile_is_left_alone(screen: Terminal) -> None:
    await screen.to("synthesis")
    await screen.does(screen.texts.correct, "Un.\n", "\n", "\n", "\n", "\n")
    screen.asker.begin(screen.texts.correct())
    asked: list[Question] = []
    for answer in ("1\n", "\n", "\n", "\n", "\n", "2027-01-01\n"):
        asked.append(await screen.asked(but=asked))
        if len(asked) == 6:
            await screen.live.command("edit_plan", {"text": "Autre."})
        asked[-1].press(answer)
    await screen.done()
    assert screen.told[-1] == "Ce point a changé entre-temps : rien n'a été fait."
    assert screen.lines("plan") == ["Autre."]


async def test_what_goes_to_the_client_is_shown_first(screen: Terminal, mail: MailServer) -> None:
    await screen.live.command("edit_contract", {"text": "Aidez-moi."})
    await screen.does(screen.texts.deliver, f"{CLIENT}\n", "n")
    assert mail.taken == []
    await screen.does(screen.texts.deliver, f"{CLIENT}\n", "o")
    (taken,) = mail.taken
    assert taken.rcpt_tos == [CLIENT]
    assert screen.live.delivered
    await screen.does(screen.texts.deliver, f"{CLIENT}\n", "o", "n")
    assert len(mail.taken) == 1
    await screen.does(screen.texts.deliver, f"{CLIENT}\n", "o", "o")
    assert len(mail.taken) == 2
    await screen.does(screen.texts.deliver, "camille\n")
    assert screen.told[-1].startswith("Il faut une adresse")


async def test_another_question_drops_the_one_before_and_stops_nothing_that_was_confirmed(
    screen: Terminal, mail: MailServer
) -> None:
    await screen.live.command("edit_contract", {"text": "Aidez-moi."})
    screen.asker.begin(screen.texts.deliver())
    first = await screen.asked()
    await screen.does(screen.texts.deliver, f"{CLIENT}\n", "o")
    assert first.answer.cancelled()
    assert len(mail.taken) == 1
