"""How long kept sessions stay, and the line that tells a client that theirs was destroyed.

Rules:

- A session goes once its days are over, whatever became of it; where the animator wants that, as soon as it is over,
  nothing of it waits as sound, and what is written down was delivered. That is looked at at each start, before anything
  else is kept.
- It is looked for in every folder that sessions were kept in, whichever the configuration names now.
- A session that a running facilitator holds stays, and so does the one that is asked for.
- One that cannot be read is as old as its file; it goes like the others.
- One whose date is before this program's own was held while the computer's clock was wrong: nobody knows how old it is,
  so it stays, and is told.
- Each one that goes is told, and each one that should have gone and did not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from facilitator.config import Config
from facilitator.documents.model import day
from facilitator.errors import NoSessionError, StoreBusyError, StoreError, UsageError
from facilitator.languages import REFERENCE, load_language
from facilitator.store.contents import Kept
from facilitator.store.folder import Destroyed, Sessions
from facilitator.wording import Language

FIRST_DAY = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
"""No session is older."""


def destroyed_line(destroyed: Destroyed, language: Language) -> str:
    """Return the line for the client: what was destroyed, and when."""
    at = destroyed.at
    return language.plain(
        "delivery.destroyed",
        session=destroyed.session,
        date=day(language, at.date()),
        time=f"{at:%H:%M:%S}",
        zone=f"UTC{at:%z}" if at.utcoffset() else "UTC",
    )


def purge(sessions: Sessions, session: str, config: Config) -> str:
    """Destroy a session and return the line for its client, in the session's own language where that can be read.

    Raises:
        NoSessionError: there is no such session.
        StoreError: it was not destroyed to its end.
    """
    try:
        kept: Kept | None = sessions.read(session)
    except StoreError:
        kept = None
    language = _language(kept, config)
    return destroyed_line(sessions.purge(session), language)


def purge_due(sessions: Sessions, config: Config, *, but: str | None = None) -> Iterator[str]:
    """Destroy every session whose time is over, except `but`; yield the line of each, or why it is still there.

    Raises:
        StoreSilentError: the folder of kept sessions does not answer.
    """
    for session in sessions.names():
        if session == but:
            continue
        try:
            if _is_due(sessions, session, config):
                yield purge(sessions, session, config)
        except (StoreBusyError, NoSessionError):
            continue  # it is being held, or another start was faster
        except StoreError as error:
            yield str(error)


def _is_due(sessions: Sessions, session: str, config: Config) -> bool:
    most = dt.timedelta(days=config.privacy.days)
    try:
        kept = sessions.read(session)
    except StoreBusyError:
        raise
    except StoreError:
        return dt.datetime.now(tz=dt.UTC) - sessions.written_at(session) > most
    if config.privacy.destroy_delivered and kept.delivered and not kept.kept_for:
        return True
    if kept.age() <= most:
        return False
    if kept.written_at < FIRST_DAY:
        raise StoreError(
            f"The session {session} was held while the computer's clock was wrong, so its days cannot be counted: "
            f"`facilitator sessions purge {session}` destroys it."
        )
    return True


def _language(kept: Kept | None, config: Config) -> Language:
    """Return the language that a session was held in, else the configuration's, else the reference."""
    chosen = config.session if kept is None else kept.chosen
    for process, code in ((chosen.process, chosen.language), ("codev", chosen.language)):
        try:
            return load_language(process, code, chosen.address, processes=config.session.processes_folder)
        except UsageError:  # a process of the user's own that is gone
            continue
    process, _, file = REFERENCE.partition("/")
    return load_language(process, file.removesuffix(".toml"))
