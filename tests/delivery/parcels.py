"""A session's papers and records, as the courier gets them."""

from __future__ import annotations

import datetime as dt
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from facilitator.catalog import load_process
from facilitator.core.snapshot import ItemView, RecordView
from facilitator.documents.write import Papers
from facilitator.languages import load_language

WORDS = "Aidez-moi à dire « non », sans blesser."
BEGAN = dt.datetime(2026, 12, 1, 9, 30, tzinfo=dt.UTC)


def papers(language: str = "fr", address: str = "tu") -> Papers:
    process = load_process("codev")
    return Papers(process, load_language("codev", language, address), {"client": ("Camille",)}, BEGAN)


def record(text: str, *items: ItemView) -> RecordView:
    return RecordView(
        text=text,
        agreed=True,
        agreed_by="Camille",
        agreed_at=60.0,
        corrections=(),
        outstanding=0,
        lost=0,
        utterances=(),
        items=items,
    )


def records(contract: str = WORDS) -> dict[str, RecordView]:
    call = ItemView("Demain, j'appelle Nour.", due="2026-12-04")
    return {"contract": record(contract), "plan": record(call.text, call)}


def parsed(content: object) -> EmailMessage:
    """Return a message as a mail program reads it."""
    assert isinstance(content, bytes)
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    return message
