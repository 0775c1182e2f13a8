"""The message: one recipient, a subject that says nothing, the documents byte for byte."""

from __future__ import annotations

import datetime as dt

import pytest

from facilitator.delivery.message import make_message, write_letter
from tests.delivery.parcels import BEGAN, WORDS, papers, parsed, records

AT = dt.datetime(2026, 12, 1, 18, 0, tzinfo=dt.UTC)
WAYS = [("fr", "tu"), ("fr", "vous"), ("en", "")]


@pytest.mark.parametrize(("language", "address"), WAYS)
def test_the_message_is_read_back_whole(language: str, address: str) -> None:
    made_with = papers(language, address or "tu")
    rendered = made_with.render(records())
    letter = write_letter(
        rendered, made_with.language, BEGAN.date(), sender="nour@example.org", recipient="camille@example.com"
    )
    content = make_message(letter, "<1@example.org>", AT)
    assert content.isascii()
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) < 998
    message = parsed(content)
    assert (message["From"], message["To"]) == ("nour@example.org", "camille@example.com")
    assert [message[name] for name in ("Cc", "Bcc", "Reply-To", "Sender")] == [None] * 4
    assert (message["Message-ID"], message["Date"].datetime) == ("<1@example.org>", AT)
    files = {part.get_filename(): part.get_payload(decode=True) for part in message.iter_attachments()}
    assert list(files.values()) == [
        rendered.files[name, ending]
        for name in ("contract", "plan")
        for ending in ("pdf", "docx", "md", "ics")
        if (name, ending) in rendered.files
    ]
    assert len(files) == 7
    for secret in ("Camille", "Nour", "non"):
        assert secret not in message["Subject"]
        assert not any(secret in str(name) for name in files)
    body = message.get_body()
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == letter.text
    assert WORDS not in letter.text


def test_the_names_of_the_files_keep_their_accents() -> None:
    made_with = papers()
    letter = write_letter(
        made_with.render(records()), made_with.language, BEGAN.date(), sender="", recipient="c@example.com"
    )
    message = parsed(make_message(letter, "<1@example.org>", AT))
    names = [part.get_filename() for part in message.iter_attachments()]
    assert names[:2] == [
        "Contrat de consultation (1er décembre 2026).pdf",
        "Contrat de consultation (1er décembre 2026).docx",
    ]
    assert names[-1] == "Plan d'action (1er décembre 2026).ics"
    assert message["Subject"] == "Documents du 1er décembre 2026"


def test_without_an_account_it_is_a_draft() -> None:
    made_with = papers()
    letter = write_letter(
        made_with.render(records()), made_with.language, BEGAN.date(), sender="", recipient="c@example.com"
    )
    message = parsed(make_message(letter, "<1@example.org>", AT))
    assert (message["X-Unsent"], message["From"]) == ("1", None)
