"""The end of a live session: its documents go to the client, then all that is held of it is destroyed.

Rules:

- An e-mail is sent when the animator confirms what they were shown: the same words, to the same address.
- A folder that hangs is left after a while, so that another one, or the purge, does not wait for it.
- A purge comes after the session's end, and after a delivery of what is written down, or on a second word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from facilitator.core.snapshot import RecordView
from facilitator.delivery.account import Account
from facilitator.delivery.courier import ALREADY_SENT, UNKNOWN_BEFORE, Courier
from facilitator.documents.write import Papers, Rendered, check_free, in_time, places, write_rendered
from facilitator.errors import (
    DeliveryError,
    DocumentError,
    FacilitatorError,
    FolderSilentError,
    NoDocumentError,
    RecipientError,
    StoreError,
    TakenError,
)
from facilitator.retention import destroyed_line
from facilitator.store.contents import Delivery, delivery_entry
from facilitator.store.keeping import Keeping
from facilitator.web.service import RefusedError

DELIVER, PURGE = "deliver", "purge"
CONFLICT, BAD_REQUEST, UNPROCESSABLE = 409, 400, 422
Records = Mapping[str, RecordView]
_Text = Annotated[str, Field(max_length=4_000)]


class _Values(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Deliver(_Values):
    """Hand the documents over: into a folder, or to the client's address, first shown, then with `confirm` sent."""

    folder: _Text = ""
    to: _Text = ""
    confirm: bool = False
    again: bool = False


class Purge(_Values):
    """Destroy all that is held of the session."""

    confirm: bool = False


_Model = TypeVar("_Model", bound=_Values)


class Handing:
    """Delivers and purges one live session.

    Args:
        papers: what the documents are made with.
        account: the animator's; None for none.
        folder: where documents go when no other folder is named.
        before: what was handed over before this process.
        keeping: keeps the session.
        records: returns what is written down, as it is shown.
        on_line: told what happened, as event lines without their `at`.
        on_failure: told which documents could not be made, in one sentence.
    """

    def __init__(
        self,
        papers: Papers,
        *,
        account: Account | None,
        folder: Path,
        before: tuple[Delivery, ...],
        keeping: Keeping,
        records: Callable[[], Records],
        on_line: Callable[[dict[str, Any]], None],
        on_failure: Callable[[str], None],
    ) -> None:
        self._papers = papers
        self._folder = folder
        self._keeping = keeping
        self._records = records
        self._on_line = on_line
        self._on_failure = on_failure
        self._own: set[Path] = set()
        self._courier = Courier(papers, account, before, self._note)
        self._shown = ""
        self._delivered: Records | None = None
        self._busy = asyncio.Lock()

    @property
    def delivered(self) -> bool:
        """Whether all that is written down was delivered as it stands."""
        return self._delivered is not None and self._delivered == self._records()

    async def deliver(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Hand the documents over; return what there is to say of it.

        Raises:
            RefusedError: it was not done, or nobody knows whether it was.
        """
        asked = self._read(Deliver, values)
        async with self._busy:
            try:
                return await (self._to_client(asked) if asked.to else self._to_folder(asked))
            except TakenError:
                raise self._refused(CONFLICT, "documents_there") from None
            except RecipientError as error:
                raise RefusedError(BAD_REQUEST, error.code, str(error)) from None
            except DeliveryError as error:
                status = CONFLICT if error.code in {ALREADY_SENT, UNKNOWN_BEFORE} else UNPROCESSABLE
                raise RefusedError(status, error.code, str(error)) from None
            except NoDocumentError:
                raise self._refused(UNPROCESSABLE, "no_document") from None
            except FolderSilentError:
                raise self._refused(UNPROCESSABLE, "folder_silent") from None
            except (DocumentError, StoreError, OSError, RuntimeError, ValueError):
                raise self._refused(UNPROCESSABLE, "cannot_write") from None

    async def _to_folder(self, asked: Deliver) -> dict[str, Any]:
        """Write the documents into the folder named, else into a new one of this session in the configuration's."""
        records = self._records()
        rendered = await asyncio.to_thread(self._papers.render, records)
        paths = await in_time(partial(self._write, Path(asked.folder or self._folder), records, rendered))
        await self._courier.handed(rendered)
        self._done(records, rendered.failure, paths)
        return {"delivered": {"by": "folder", "paths": [str(path) for path in paths]}}

    def _write(self, named: Path, records: Records, rendered: Rendered) -> tuple[Path, ...]:
        """Write the documents; those of another session are never overwritten."""
        folder = named.expanduser()
        check_free(places(folder, records), self._own)
        written = write_rendered(folder, rendered)
        self._own.update(written.paths)
        return written.paths

    async def _to_client(self, asked: Deliver) -> dict[str, Any]:
        """Show what would be sent, or send what was shown."""
        records = self._records()
        parcel = await self._courier.prepare(records, asked.to)
        if not asked.confirm:
            self._shown = parcel.content
            return {"preview": self._courier.preview(parcel)}
        if parcel.content != self._shown:
            sentence = self._papers.language.plain("delivery.refusals.preview_first")
            raise RefusedError(CONFLICT, "preview_first", sentence)
        if self._courier.account is None:
            path = await self._courier.write(
                parcel, await asyncio.to_thread(Path(asked.folder or self._folder).expanduser)
            )
            self._done(records, parcel.failure, (path,))
            return {"delivered": {"by": "file", "paths": [str(path)]}}
        await self._courier.send(parcel, again=asked.again)
        self._done(records, parcel.failure, ())
        return {"delivered": {"by": "mail", "paths": []}}

    def _done(self, records: Records, failure: str, paths: tuple[Path, ...]) -> None:
        self._delivered = records
        if failure:
            self._on_failure(failure)
        for path in paths:
            self._on_line({"type": "document_written", "path": str(path)})
        self._on_line({"type": "delivered"})

    async def _note(self, delivery: Delivery) -> None:
        await self._keeping.record(delivery_entry(delivery))

    async def purge(self, values: Mapping[str, Any], *, ended: bool) -> str:
        """Destroy what is kept of the session; return the line for the client, "" where nothing was kept.

        Raises:
            RefusedError: it was not destroyed, or not to its end.
        """
        asked = self._read(Purge, values)
        async with self._busy:
            if not ended:
                raise self._refused(CONFLICT, "not_now")
            if not (asked.confirm or self.delivered or not any(one.text for one in self._records().values())):
                sentence = self._papers.language.plain("delivery.refusals.not_delivered")
                raise RefusedError(CONFLICT, "not_delivered", sentence)
            try:
                destroyed = await self._keeping.purge()
            except FacilitatorError:
                raise self._refused(UNPROCESSABLE, "not_purged") from None
            self._delivered = None
            return "" if destroyed is None else destroyed_line(destroyed, self._papers.language)

    def _read(self, model: type[_Model], values: Mapping[str, Any]) -> _Model:
        try:
            return model.model_validate(dict(values))
        except ValidationError:
            raise self._refused(BAD_REQUEST, "bad_value") from None

    def _refused(self, status: int, code: str) -> RefusedError:
        return RefusedError(status, code, self._papers.language.plain(f"refusals.{code}"))
