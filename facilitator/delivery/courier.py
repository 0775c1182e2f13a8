"""Hands one session's documents to the client by e-mail, once.

What is about to be sent is noted first, and what became of it after. The same documents to the same address keep one
message id, however often they are tried.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from facilitator.core.snapshot import RecordView
from facilitator.delivery.account import Account, find_password
from facilitator.delivery.address import is_address, same
from facilitator.delivery.message import Letter, make_message, write_letter
from facilitator.delivery.smtp import PostError, post
from facilitator.documents.write import Papers, Rendered, check_free, in_time, write_all
from facilitator.errors import DeliveryError, NoKeyringError, RecipientError, StoreError
from facilitator.store.contents import Delivery

ALREADY_SENT, UNKNOWN, UNKNOWN_BEFORE = "already_sent", "unknown", "unknown_before"
_TO_A_FOLDER = ""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is to be handed over.

    Attributes:
        letter: the message.
        content: what tells these words and this recipient from any others.
        failure: a sentence that names the documents that could not be made, or "".
    """

    letter: Letter
    content: str
    failure: str


class Courier:
    """Hands over the documents of one session.

    Args:
        papers: what the documents are made with.
        account: the animator's; None makes a file of the message.
        deliveries: what was handed over before, oldest first.
        note: keeps what is about to happen, or happened; returns once it is kept, as far as this session is.
    """

    def __init__(
        self,
        papers: Papers,
        account: Account | None,
        deliveries: Iterable[Delivery],
        note: Callable[[Delivery], Awaitable[None]],
    ) -> None:
        self.account = account
        self._papers = papers
        self._deliveries = list(deliveries)
        self._keep = note
        self._written: set[Path] = set()

    async def prepare(self, records: Mapping[str, RecordView], to: str) -> Parcel:
        """Return what is to be sent to the address `to`.

        Raises:
            RecipientError: it is not one address, or is the animator's own.
            NoDocumentError: no document at all could be made of a record.
        """
        recipient, sender = to.strip(" "), "" if self.account is None else self.account.sender
        if not is_address(recipient):
            raise RecipientError(self._words("delivery.refusals.bad_address"), "bad_address")
        if same(recipient, sender):
            raise RecipientError(self._words("delivery.refusals.own_address"), "own_address")
        papers = self._papers
        rendered = await asyncio.to_thread(papers.render, records)
        letter = write_letter(rendered, papers.language, papers.started_on, sender=sender, recipient=recipient)
        return Parcel(letter, _digest(rendered.digest, recipient.casefold()), rendered.failure)

    def preview(self, parcel: Parcel) -> dict[str, Any]:
        """Return what the animator sees before anything is sent."""
        letter = parcel.letter
        return {
            "by": "file" if self.account is None else "mail",
            "to": letter.recipient,
            "from": letter.sender,
            "subject": letter.subject,
            "text": letter.text,
            "attachments": [{"name": one.name, "size_bytes": len(one.content)} for one in letter.attachments],
            "notices": self._notices(parcel),
        }

    def _notices(self, parcel: Parcel) -> list[str]:
        found = [parcel.failure] if parcel.failure else []
        if self.account is None:
            found.append(self._words("delivery.notices.no_account"))
        else:
            found.append(self._words("delivery.notices.through", host=self.account.host))
        before = self._before(parcel)
        if before is not None and (trouble := _HINDRANCES.get(before.state)) is not None:
            found.append(self._words(f"delivery.troubles.{trouble}"))
        known = {one.id: one for one in self._deliveries if one.id and one.state in _HINDRANCES}
        if any(one.recipient != _digest(one.id, parcel.letter.recipient.casefold()) for one in known.values()):
            found.append(self._words("delivery.notices.elsewhere"))
        return found

    async def send(self, parcel: Parcel, *, again: bool = False) -> None:
        """Send the message; return once the server has taken it.

        Args:
            parcel: what `prepare` returned.
            again: also where it was sent before, or nobody knows whether it was.

        Raises:
            DeliveryError: it was not sent, or with the code `unknown` nobody knows whether it was.
            StoreError: it could not be noted before; it was not sent.
        """
        assert self.account is not None
        before = self._before(parcel)
        if before is not None and not again and (trouble := _HINDRANCES.get(before.state)) is not None:
            raise self._trouble(trouble)
        password = await self._password(self.account)
        delivery = self._begin(parcel, before)
        message = make_message(parcel.letter, delivery.id, dt.datetime.now(tz=dt.UTC).astimezone())
        await self._note(delivery)
        state: Literal["sent", "failed", "unknown"] = "unknown"
        try:
            await post(self.account, password, parcel.letter.recipient, message)
            state = "sent"
        except PostError as error:
            state = "unknown" if error.code == UNKNOWN else "failed"
            raise self._trouble(error.code) from None
        finally:
            with suppress(StoreError):  # what is noted as begun is taken for unknown
                await self._note(delivery.model_copy(update={"state": state, "wall": time.time()}))

    async def write(self, parcel: Parcel, folder: Path) -> Path:
        """Write the message into `folder` as a draft for the animator's own program; return its path.

        Its name says which session it is of. Only what this courier wrote there is written again.

        Raises:
            TakenError: a file of that name is there.
            DocumentError: the folder cannot be written to, or does not answer.
            StoreError: it could not be noted.
        """
        path = folder / f"client-{self._papers.time}.eml"
        delivery = self._begin(parcel, self._before(parcel), state="folder")
        message = make_message(parcel.letter, delivery.id, dt.datetime.now(tz=dt.UTC).astimezone())

        def put() -> None:
            check_free([path], self._written)
            write_all(folder, {path: message})

        await in_time(put)
        self._written.add(path)
        await self._note(delivery)
        return path

    async def handed(self, rendered: Rendered) -> None:
        """Note that the documents were written into a folder.

        Raises:
            StoreError: it could not be noted.
        """
        content = _digest(rendered.digest, _TO_A_FOLDER)
        await self._note(Delivery(id="", content=content, recipient="", state="folder", wall=time.time()))

    def _begin(self, parcel: Parcel, before: Delivery | None, state: Literal["begun", "folder"] = "begun") -> Delivery:
        domain = (parcel.letter.sender or parcel.letter.recipient).rpartition("@")[2]
        message_id = before.id if before is not None else f"<{secrets.token_hex(16)}@{domain}>"
        recipient = _digest(message_id, parcel.letter.recipient.casefold())
        return Delivery(id=message_id, content=parcel.content, recipient=recipient, state=state, wall=time.time())

    async def _note(self, delivery: Delivery) -> None:
        self._deliveries.append(delivery)
        await self._keep(delivery)

    def _before(self, parcel: Parcel) -> Delivery | None:
        """Return what became last of the same documents for the same recipient."""
        return next((one for one in reversed(self._deliveries) if one.content == parcel.content), None)

    async def _password(self, account: Account) -> str:
        try:
            password = await asyncio.to_thread(find_password, account)
        except NoKeyringError:
            raise self._trouble("no_keyring") from None
        except StoreError:
            raise self._trouble("keyring_locked") from None
        if password is None:
            raise self._trouble("no_password")
        return password

    def _trouble(self, code: str) -> DeliveryError:
        return DeliveryError(self._words(f"delivery.troubles.{code}"), code)

    def _words(self, key: str, **values: str) -> str:
        return self._papers.language.plain(key, **values)


_HINDRANCES = {"sent": ALREADY_SENT, "begun": UNKNOWN_BEFORE, "unknown": UNKNOWN_BEFORE}
"""States in which nothing is sent again by itself, with why."""


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
