"""The courier sends once: what is tried again keeps its id, and what may have arrived is not sent again by itself."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from facilitator.delivery import courier as module
from facilitator.delivery.account import find_password
from facilitator.delivery.courier import Courier
from facilitator.documents import write
from facilitator.errors import DeliveryError, RecipientError, StoreFullError, TakenError
from facilitator.store.contents import Delivery
from tests.delivery.conftest import SafeKeyring
from tests.delivery.mailserver import CLIENT, PASSWORD, SENDER, MailServer
from tests.delivery.parcels import WORDS, papers, parsed, records


class Book:
    """Remembers what the courier notes."""

    def __init__(self) -> None:
        self.noted: list[Delivery] = []
        self.full_from: int | None = None

    async def note(self, delivery: Delivery) -> None:
        if self.full_from is not None and len(self.noted) >= self.full_from:
            raise StoreFullError("The disk is full.")
        self.noted.append(delivery)

    @property
    def states(self) -> list[str]:
        return [one.state for one in self.noted]


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def sender(mail: MailServer, book: Book) -> Courier:
    return Courier(papers(), mail.account(), (), book.note)


async def trouble(courier: Courier, *, again: bool = False) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await courier.send(await courier.prepare(records(), CLIENT), again=again)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    for secret in (CLIENT, SENDER, PASSWORD, WORDS, "Camille"):
        assert secret not in sentence
    return caught.value


async def test_the_documents_arrive_once_and_that_is_noted_before_and_after(
    mail: MailServer, sender: Courier, book: Book
) -> None:
    parcel = await sender.prepare(records(), f" {CLIENT} ")
    await sender.send(parcel)
    (taken,) = mail.taken
    assert (taken.mail_from, taken.rcpt_tos) == (SENDER, [CLIENT])
    message = parsed(taken.original_content)
    attached = [part.get_payload(decode=True) for part in message.iter_attachments()]
    assert attached == [one.content for one in parcel.letter.attachments]
    assert book.states == ["begun", "sent"]
    assert {one.id for one in book.noted} == {message["Message-ID"]}
    assert CLIENT not in repr(book.noted)
    assert WORDS not in repr(book.noted)
    assert (await trouble(sender)).code == "already_sent"
    assert len(mail.taken) == 1
    await sender.send(parcel, again=True)
    assert parsed(mail.taken[1].original_content)["Message-ID"] == message["Message-ID"]


@pytest.mark.parametrize("code", ["sender", "recipient", "later", "refused", "too_large", "cut"])
async def test_what_was_not_sent_can_be_tried_again_and_arrives_once(
    mail: MailServer, sender: Courier, book: Book, code: str
) -> None:
    mail.trouble = code
    assert (await trouble(sender)).code == code
    assert (await trouble(sender)).code == code
    assert mail.taken == []
    mail.trouble = ""
    await sender.send(await sender.prepare(records(), CLIENT))
    assert len(mail.taken) == 1
    assert book.states == ["begun", "failed", "begun", "failed", "begun", "sent"]
    assert len({one.id for one in book.noted}) == 1


async def test_what_may_have_arrived_is_not_sent_again_by_itself(mail: MailServer, sender: Courier, book: Book) -> None:
    mail.trouble = "taken"
    assert (await trouble(sender)).code == "unknown"
    mail.trouble = ""
    assert (await trouble(sender)).code == "unknown_before"
    assert len(mail.taken) == 1
    assert book.states == ["begun", "unknown"]
    parcel = await sender.prepare(records(), CLIENT)
    assert str(await trouble(sender)) in sender.preview(parcel)["notices"]
    await sender.send(parcel, again=True)
    first, second = (parsed(one.original_content)["Message-ID"] for one in mail.taken)
    assert first == second


async def test_a_program_that_died_while_sending_does_not_send_again_by_itself(
    mail: MailServer, sender: Courier, book: Book
) -> None:
    await sender.send(await sender.prepare(records(), CLIENT))
    after = Courier(papers(), mail.account(), book.noted[:1], book.note)  # the one that came after
    assert (await trouble(after)).code == "unknown_before"
    again = Courier(papers(), mail.account(), book.noted, book.note)
    assert (await trouble(again)).code == "already_sent"
    assert len(mail.taken) == 1


async def test_a_sending_that_is_given_up_is_unknown(
    mail: MailServer, sender: Courier, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = asyncio.Event()

    async def hang(*_: object) -> None:
        hangs.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "post", hang)
    sending = asyncio.ensure_future(sender.send(await sender.prepare(records(), CLIENT)))
    await asyncio.wait_for(hangs.wait(), 10)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert book.states == ["begun", "unknown"]
    assert mail.taken == []


async def test_other_words_are_another_message(mail: MailServer, sender: Courier, book: Book) -> None:
    await sender.send(await sender.prepare(records(), CLIENT))
    await sender.send(await sender.prepare(records("Aidez-moi à dire oui."), CLIENT))
    assert len(mail.taken) == 2
    assert len({one.id for one in book.noted}) == 2


async def test_another_address_is_shown_to_be_another(mail: MailServer, sender: Courier) -> None:
    await sender.send(await sender.prepare(records(), CLIENT))
    preview = sender.preview(await sender.prepare(records(), "camille@example.net"))
    assert preview["notices"][1:] == ["Les documents de cette séance sont déjà partis vers une autre adresse."]
    assert mail.taken[0].rcpt_tos == [CLIENT]


async def test_nothing_is_sent_that_could_not_be_noted_before(mail: MailServer, sender: Courier, book: Book) -> None:
    book.full_from = 0
    with pytest.raises(StoreFullError):
        await sender.send(await sender.prepare(records(), CLIENT))
    assert mail.connections == 0
    book.full_from = 1
    courier = Courier(papers(), mail.account(), (), book.note)
    await courier.send(await courier.prepare(records(), CLIENT))  # it was sent: that cannot be undone
    assert (len(mail.taken), book.states) == (1, ["begun"])


async def test_the_password_is_in_the_keyring_or_nothing_is_sent(
    mail: MailServer, sender: Courier, ring: SafeKeyring, book: Book
) -> None:
    ring.held[next(iter(ring.held))] = "wrong"
    assert (await trouble(sender)).code == "password"
    ring.held.clear()
    assert (await trouble(sender)).code == "no_password"
    ring.trouble = "locked"
    assert (await trouble(sender)).code == "keyring_locked"
    assert (mail.taken, book.states) == ([], ["begun", "failed"])


@pytest.mark.parametrize("other", [{"host": "localhost"}, {"port": 1}])
async def test_another_server_gets_no_password_of_the_same_user(
    mail: MailServer, book: Book, other: dict[str, Any]
) -> None:
    """Reproduced: a host changed in the configuration was given the password of the host before."""
    courier = Courier(papers(), mail.account(**other), (), book.note)
    assert (await trouble(courier)).code == "no_password"
    assert (mail.connections, book.states) == (0, [])
    assert find_password(mail.account(host="127.0.0.1")) == PASSWORD


async def test_a_keyring_that_does_not_encrypt_is_not_used(sender: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facilitator.delivery.account.system_keyring", lambda: None)
    assert (await trouble(sender)).code == "no_keyring"


async def test_the_preview_shows_what_goes_and_to_whom(sender: Courier, mail: MailServer) -> None:
    parcel = await sender.prepare(records(), CLIENT)
    preview = sender.preview(parcel)
    assert (preview["by"], preview["to"], preview["from"]) == ("mail", CLIENT, SENDER)
    assert [one["size_bytes"] for one in preview["attachments"]] == [
        len(one.content) for one in parcel.letter.attachments
    ]
    assert preview["notices"] == ["Le message passe par le serveur de courriel 127.0.0.1."]
    assert mail.connections == 0


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("c.camille", "bad_address"),
        (f"{CLIENT}, x@example.org", "bad_address"),
        (f"{CLIENT}\r\nBcc: x@example.org", "bad_address"),
        (SENDER.upper(), "own_address"),
    ],
)
async def test_an_address_that_cannot_be_the_clients_is_refused(sender: Courier, to: str, code: str) -> None:
    with pytest.raises(RecipientError) as caught:
        await sender.prepare(records(), to)
    assert caught.value.code == code
    assert to not in str(caught.value)


async def test_without_an_account_the_message_becomes_a_file(tmp_path: Path, book: Book) -> None:
    courier = Courier(papers(), None, (), book.note)
    parcel = await courier.prepare(records(), CLIENT)
    assert courier.preview(parcel)["by"] == "file"
    path = await courier.write(parcel, tmp_path / "out")
    message = parsed(path.read_bytes())
    assert (path.name, message["To"], message["X-Unsent"]) == ("client-2026-12-01-0930.eml", CLIENT, "1")
    assert path.stat().st_mode & 0o077 == 0
    assert book.states == ["folder"]
    await courier.write(await courier.prepare(records(), CLIENT), tmp_path / "out")
    assert parsed(path.read_bytes())["Message-ID"] == message["Message-ID"]


async def test_a_message_takes_no_other_files_place(tmp_path: Path, book: Book) -> None:
    """It may be all that is left of the session before, of the same minute or taken up again."""
    first = Courier(papers(), None, (), book.note)
    path = await first.write(await first.prepare(records(), CLIENT), tmp_path)
    before = path.read_bytes()
    other = Courier(papers(), None, (), book.note)
    with pytest.raises(TakenError, match="choose another folder"):
        await other.write(await other.prepare(records("Autre chose."), CLIENT), tmp_path)
    assert path.read_bytes() == before
    assert book.states == ["folder"]


async def test_a_document_that_cannot_be_made_is_told_before(sender: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "RENDERERS", {**write.RENDERERS, "pdf": None})
    preview = sender.preview(await sender.prepare(records(), CLIENT))
    assert "contract.pdf" in preview["notices"][0]
    assert not any(one["name"].endswith(".pdf") for one in preview["attachments"])


async def test_nothing_of_it_is_logged(mail: MailServer, sender: Courier, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await sender.send(await sender.prepare(records(), CLIENT))
        mail.trouble = "recipient"
        await trouble(sender, again=True)
    said = " ".join(one.getMessage() for one in caplog.records if not one.name.startswith("mail"))  # the server's own
    for secret in (CLIENT, SENDER, PASSWORD, WORDS, "Camille"):
        assert secret not in said
