"""Taking a session up again: which one, and with what it began."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import typer

from facilitator.catalog import list_processes
from facilitator.cli import parts
from facilitator.config import Config
from facilitator.core.process import Participant
from facilitator.errors import NoSessionError, StoreSilentError
from facilitator.followup import FollowUp
from facilitator.retention import purge_due
from facilitator.store.contents import Chosen, Kept, Person
from facilitator.store.file import SessionStore
from facilitator.store.folder import Sessions, open_sessions
from facilitator.store.keeping import Storing

OFFERED_SECONDS = 12 * 3600
"""A session that was last written longer ago is not offered: nobody is in that meeting any more. It stays listed."""


_UNREAD = {"damaged": "unread_damaged", "other_version": "unread_version", "no_key": "unread_no_key"}
"""What is told of a session that may be the one that was just broken off, by its state."""


@dataclass(frozen=True, slots=True)
class Begun:
    """How a session begins.

    Attributes:
        sessions: where it is kept; None keeps nothing.
        store: the store of the one that goes on, held; None for a new one.
        kept: what that store holds.
        unfinished: another session that could go on: its name, and what its store holds.
        notices: what the animator is told of sessions that cannot go on, as codes of the languages' warnings.
    """

    sessions: Sessions | None
    store: SessionStore | None = None
    kept: Kept | None = None
    unfinished: tuple[str, Kept] | None = None
    notices: tuple[str, ...] = ()

    def config(self, config: Config) -> Config:
        """Return `config` with what the session that goes on was begun with."""
        if self.kept is None:
            return config
        chosen = self.kept.chosen
        changed = {"process": chosen.process, "language": chosen.language, "address": chosen.address}
        config = config.model_copy(update={"session": config.session.model_copy(update=changed)})
        return parts.as_agreed(config, chosen.server)

    def people(self, people: tuple[Person, ...]) -> tuple[Person, ...]:
        """Return everybody present: `people`, unless the session that goes on knows them."""
        return people if self.kept is None else self.kept.chosen.people

    def keeps_sound(self, config: Config) -> bool:
        """Whether sound may wait for a recognizer: what everybody agreed to holds until the session's end."""
        return self.sessions is not None and (
            config.privacy.keep_sound if self.kept is None else self.kept.chosen.keeps_sound
        )

    def storing(
        self,
        config: Config,
        seconds: Mapping[str, float],
        participants: tuple[Participant, ...],
        follow_up: FollowUp | None = None,
    ) -> Storing | None:
        """Return where the session is kept; None keeps nothing."""
        if self.sessions is None:
            return None
        session = config.session
        if self.kept is not None:
            return Storing(self.sessions, self.kept.chosen, self.store, self.kept)
        own = session.process not in list_processes(session.processes_folder) and Path(session.process).exists()
        chosen = Chosen(
            process=str(Path(session.process).resolve()) if own else session.process,
            language=session.language,
            address=session.address,
            seconds=dict(seconds),
            people=tuple(Person(name=person.name, role=person.role) for person in participants),
            began=dt.datetime.now(tz=dt.UTC).astimezone(),
            follow_up=follow_up,
            keeps_sound=self.keeps_sound(config),
            server="" if (address := config.transcription.server_address) is None else address.host,
        )
        return Storing(self.sessions, chosen)

    def say(self) -> None:
        """Say in the terminal where the key is, and which session could go on."""
        if self.sessions is not None and self.sessions.keys.used.is_keyring and sys.stdin.isatty():
            name = self.sessions.keys.used.name
            parts.errors.print(f"The session is kept encrypted on this computer; its key is in the keyring ({name}).")
        if self.unfinished is not None:
            name, _ = self.unfinished
            parts.errors.print(
                f"The session {name} was not finished: `facilitator run --resume {name}` takes it up again."
            )


def begin(config: Config, resume: str | None, *, on_page: bool = False) -> Begun:
    """Return how a session begins: the one that `resume` names, the unfinished one if it is wanted, or a new one.

    Args:
        config: where sessions are kept, and for how long.
        resume: name of the one to go on with; None for none.
        on_page: whether the set-up's page asks about an unfinished one; else the terminal does, where there is one.

    Raises:
        NoSessionError: there is no such session, or it is over.
        StoreError: it cannot be opened.
    """
    sessions = open_sessions(config.privacy.store_folder)
    stored = sessions if config.privacy.store else None
    try:
        for line in purge_due(sessions, config, but=resume):
            parts.errors.print(line)
    except StoreSilentError:
        if resume is not None:
            raise
        return Begun(stored, notices=("unread_silent",))
    if resume is not None:
        return take_up(sessions, resume)
    if stored is None:
        return Begun(None)
    recent = dt.datetime.now(tz=dt.UTC) - dt.timedelta(seconds=OFFERED_SECONDS)
    notices = tuple(sorted({_UNREAD[one.state] for one in sessions.listed(recent) if one.state in _UNREAD}))
    found = sessions.unfinished()
    if found is not None and found[1].age().total_seconds() > OFFERED_SECONDS:
        found = None
    if found is not None and not on_page and sys.stdin.isatty():
        if _wanted(*found):
            return take_up(sessions, found[0])
        found = None
    return Begun(sessions, unfinished=found, notices=notices)


def _wanted(name: str, kept: Kept) -> bool:
    began, last = kept.chosen.began.astimezone(), kept.written_at
    question = (
        f"The session {name}, begun on {began:%Y-%m-%d at %H:%M}, last at {last:%H:%M}, was not finished. Resume it?"
    )
    wanted = typer.confirm(question, default=True, err=True)
    if not wanted:
        parts.errors.print("It stays where it is: `facilitator sessions list` shows it.")
    return wanted


def take_up(sessions: Sessions, name: str) -> Begun:
    """Return how the session called `name` goes on: its store is held.

    Raises:
        NoSessionError: there is no such session, or it is over.
        StoreError: it cannot be opened.
    """
    store, kept = sessions.open(name)
    if kept.ended:
        store.close()
        raise NoSessionError(f"The session {name} is over: `facilitator sessions export` writes its documents.")
    return Begun(sessions, store, kept)
