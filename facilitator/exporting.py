"""The documents of a kept session, without holding it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from facilitator.catalog import load_process
from facilitator.core.process import Participant, Process
from facilitator.core.session import Session
from facilitator.core.snapshot import RecordView
from facilitator.core.state import Settings, names_by_role
from facilitator.data import at_home, is_nobodys
from facilitator.documents.offers import with_offers
from facilitator.documents.write import Papers, Written, check_free, places, write_rendered
from facilitator.errors import NoSessionError, UsageError
from facilitator.languages import load_language
from facilitator.store.contents import Kept
from facilitator.wording import Language


def check_steps(kept: Kept, process: Process) -> None:
    """Make sure that `process` still has every step of a kept session.

    Raises:
        NoSessionError: it lacks one.
    """
    known = {step.id for step in process.steps}
    for step in kept.chosen.seconds:
        if step not in known:
            raise NoSessionError(f"The process {process.id!r} lacks the step {step!r} of this session: bring it back.")


@dataclass(frozen=True, slots=True)
class Reopened:
    """A kept session in the state in which it was left, with what it was held with."""

    session: Session
    process: Process
    language: Language
    people: tuple[Participant, ...]


def reopen(kept: Kept, processes: Path | None = None) -> Reopened:
    """Return `kept` as a session again, at the second at which it was last written.

    Args:
        kept: the session, as its store has it.
        processes: the user's own folder of processes; None for none.

    Raises:
        UsageError: the session's process or language is not there.
    """
    chosen = kept.chosen
    process = load_process(chosen.process, processes)
    check_steps(kept, process)
    language = load_language(chosen.process, chosen.language, chosen.address, processes=processes)
    people = tuple(Participant(person.name, person.role) for person in chosen.people)
    settings = Settings(process=process, seconds=chosen.seconds, participants=people, language=language.code)
    session = Session(settings, language)
    session.restore(kept.durable, kept.durable.at)
    return Reopened(session, process, language, people)


def papers(kept: Kept, processes: Path | None = None) -> tuple[Papers, Mapping[str, RecordView]]:
    """Return what the documents of `kept` are made with, and its records; the arguments and errors are `reopen`'s."""
    again = reopen(kept, processes)
    began = kept.chosen.began
    shot = with_offers(again.session.snapshot(kept.durable.at), began.date(), again.language.code)
    names = names_by_role(again.process, again.people)
    return Papers(again.process, again.language, names, began), shot.records


def export(kept: Kept, folder: Path, processes: Path | None = None) -> Written:
    """Write the documents of `kept` into `folder`, where none of their names may be taken.

    Args:
        kept: the session, as its store has it.
        folder: where; made when it is not there.
        processes: the user's own folder of processes; None for none.

    Raises:
        TakenError: a document of that name is there.
        UsageError: the session's process or language, or the folder's user, is not.
        DocumentError: the folder cannot be written to.
    """
    made_with, records = papers(kept, processes)
    target = folder_for(folder)
    check_free(places(target, records))
    return write_rendered(target, made_with.render(records))


def folder_for(named: Path) -> Path:
    """Return the folder that is named for documents, with a `~` at its start read as the user's.

    Raises:
        UsageError: it is nobody's: one of that name would be made here.
    """
    folder = at_home(named)
    if is_nobodys(folder):
        raise UsageError(f"{named} begins with a user that this computer does not have: write the path in full.")
    return folder
