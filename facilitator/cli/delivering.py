"""`facilitator sessions deliver`: the documents of a kept session go to the client, after a look at what goes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from facilitator.cli import parts
from facilitator.cli.transcribe import tell_waiting
from facilitator.config import Config, load_config
from facilitator.core.snapshot import RecordView
from facilitator.delivery.account import Account, find_password, keep_password
from facilitator.delivery.courier import Courier
from facilitator.documents.write import Papers, check_free, places, write_rendered
from facilitator.errors import NoKeyringError, StoreError, UsageError
from facilitator.exporting import folder_for, papers
from facilitator.retention import destroyed_line
from facilitator.store.contents import Delivery, Kept, delivery_entry
from facilitator.store.file import SessionStore
from facilitator.store.folder import Sessions, open_sessions


@dataclass(frozen=True, slots=True)
class _Given:
    """What the command line says."""

    session: str
    to: str
    folder: Path | None
    yes: bool
    again: bool
    new_password: bool


def deliver(
    session: Annotated[str, typer.Argument(help="A name of `sessions list`.")],
    to: Annotated[str, typer.Option("--to", help="The client's address, and no other.", metavar="ADDRESS")] = "",
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="A folder instead, or for the message where no account is set.", metavar="DIR"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Send it once more.")] = False,
    new_password: Annotated[bool, typer.Option("--new-password", help="Ask for another password.")] = False,
    config: parts.ConfigOption = None,
) -> None:
    """Hand the documents of a session to the client alone, by e-mail or into a folder, once you have seen what goes.

    Example: facilitator sessions deliver 2026-11-24-0930-a1b2 --to camille@example.org
    """
    if not to and folder is None:
        raise UsageError("Say where the documents go: give --to ADDRESS or --folder DIR.")
    loaded = load_config(config)
    sessions = open_sessions(loaded.privacy.store_folder)
    given = _Given(session, to, folder, yes, again, new_password)
    store, kept = sessions.open(session)
    tell_waiting(session, kept.waiting)
    try:
        made_with, records = papers(kept, loaded.session.processes_folder)

        async def note(delivery: Delivery) -> None:
            await asyncio.to_thread(_note, store, delivery)

        courier = Courier(made_with, loaded.delivery.account, kept.deliveries, note)
        if to:
            _to_client(given, loaded, courier, made_with, records)
        else:
            _to_folder(given, courier, made_with, records)
    finally:
        store.close()
    _purge(given, loaded, sessions, kept, made_with)


def _note(store: SessionStore, delivery: Delivery) -> None:
    store.append(delivery_entry(delivery), after_end=True)
    store.mark()


def _to_folder(given: _Given, courier: Courier, made_with: Papers, records: Mapping[str, RecordView]) -> None:
    assert given.folder is not None
    target = folder_for(given.folder)
    check_free(places(target, records))
    rendered = made_with.render(records)
    table = Table("document", "size", title=escape(str(target)))
    for (name, ending), content in rendered.files.items():
        table.add_row(f"{name}.{ending}", _size(len(content)))
    parts.output.print(table)
    _ask(given, "Write these documents, in clear?")
    check_free(places(target, records))  # an answer may take long
    written = write_rendered(target, rendered)
    if written.failure:
        parts.errors.print(escape(written.failure))
    for path in written.paths:
        print(path)
    asyncio.run(courier.handed(rendered))


def _to_client(
    given: _Given, config: Config, courier: Courier, made_with: Papers, records: Mapping[str, RecordView]
) -> None:
    parcel = asyncio.run(courier.prepare(records, given.to))
    _show(courier.preview(parcel))
    if courier.account is None:
        _ask(given, "Write this message, with the documents, into a file?")
        folder = folder_for(given.folder or config.documents.path / made_with.folder)
        print(asyncio.run(courier.write(parcel, folder)))
        return
    _ask(given, "Send this message to this address?")
    _have_password(courier.account, new=given.new_password)
    with parts.errors.status("…"):
        asyncio.run(courier.send(parcel, again=given.again))
    parts.output.print("Sent: the server has taken the message.")


def _show(preview: Mapping[str, Any]) -> None:
    table = Table(show_header=False)
    for label, key in (("to", "to"), ("from", "from"), ("subject", "subject"), ("message", "text")):
        if preview[key]:
            table.add_row(label, escape(preview[key].strip()))
    for one in preview["attachments"]:
        table.add_row("attached", escape(f"{one['name']}, {_size(one['size_bytes'])}"))
    parts.output.print(table)
    for notice in preview["notices"]:
        parts.errors.print(escape(notice))


def _size(count: int) -> str:
    return f"{count / 1000:.1f} kB"


def _ask(given: _Given, question: str) -> None:
    if given.yes:
        return
    if not _is_terminal():
        raise UsageError("Nobody is there to be asked: give --yes once you have read what goes, and to whom.")
    typer.confirm(question, abort=True)


def _have_password(account: Account, *, new: bool) -> None:
    """Ask for the account's password where the keyring has none, and keep it there."""
    if not _is_terminal():
        return
    try:
        if not new and find_password(account) is not None:
            return
        keep_password(account, typer.prompt("Password of the e-mail account (kept in the keyring)", hide_input=True))
    except NoKeyringError:
        return  # said when it is needed
    except StoreError as error:
        parts.errors.print(escape(str(error)))


def _purge(given: _Given, config: Config, sessions: Sessions, kept: Kept, made_with: Papers) -> None:
    """Destroy the session, now that the client has its documents, where that is wanted and nothing is left to do."""
    if kept.kept_for:
        why = made_with.language.plain(f"delivery.kept.{kept.kept_for}", session=given.session)
        parts.errors.print(escape(why), soft_wrap=True)
        return
    wanted = config.privacy.destroy_delivered
    if not wanted and (given.yes or not _is_terminal()):
        parts.errors.print(f"`facilitator sessions purge {given.session}` destroys what is kept of it here.")
    elif wanted or typer.confirm(made_with.language.plain("interface.purge_question")):
        print(destroyed_line(sessions.purge(given.session), made_with.language))


def _is_terminal() -> bool:
    return sys.stdin.isatty()
