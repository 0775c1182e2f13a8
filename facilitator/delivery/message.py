"""The message to the client: the documents as they are, and a few words in the session's language.

Its subject says the day and nothing of what was said or by whom. `To` is one address; there is no copy to anybody.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from facilitator.documents.model import Document, day
from facilitator.documents.write import Rendered
from facilitator.wording import Language

TYPES = {
    "pdf": ("application", "pdf"),
    "docx": ("application", "vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "md": ("text", "markdown"),
    "ics": ("text", "calendar"),
}
"""By ending, in the order in which they are attached."""
_NOT_IN_NAMES = str.maketrans(dict.fromkeys('\\/:*?"<>|', " "))
"""Signs that a file's name cannot have on some system."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file: its name, its ending and what it holds."""

    name: str
    ending: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent, as the animator sees it before."""

    recipient: str
    sender: str
    subject: str
    text: str
    attachments: tuple[Attachment, ...]


def write_letter(rendered: Rendered, language: Language, on: dt.date, *, sender: str, recipient: str) -> Letter:
    """Return the letter with the documents of the session of the day `on`."""
    attachments = tuple(
        Attachment(_file_name(language, document, ending), ending, rendered.files[name, ending])
        for name, document in rendered.documents.items()
        for ending in TYPES
        if (name, ending) in rendered.files
    )
    said = day(language, on)
    text = language.plain("delivery.text", date=said)
    return Letter(recipient, sender, language.plain("delivery.subject", date=said), text, attachments)


def _file_name(language: Language, document: Document, ending: str) -> str:
    name = language.plain("delivery.file", title=document.title, date=day(language, document.on))
    return f"{' '.join(name.translate(_NOT_IN_NAMES).split())}.{ending}"


def make_message(letter: Letter, message_id: str, at: dt.datetime) -> bytes:
    """Return the message as it is given to a server: seven bits, lines that end in CR LF.

    Args:
        letter: what it says. Without a sender the message opens as a draft, for a program that knows one.
        message_id: between its angle brackets; the same whenever the same is tried again.
        at: its date.
    """
    message = EmailMessage(policy=SMTP)
    if letter.sender:
        message["From"] = letter.sender
    else:
        message["X-Unsent"] = "1"
    message["To"] = letter.recipient
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = message_id
    message.set_content(letter.text, cte="quoted-printable")
    for one in letter.attachments:
        kind, subtype = TYPES[one.ending]
        params = {"charset": "utf-8"} if kind == "text" else None
        message.add_attachment(one.content, maintype=kind, subtype=subtype, filename=one.name, params=params)
    return message.as_bytes()
