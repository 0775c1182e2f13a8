"""A meeting with real words, and what a store keeps of it."""

from __future__ import annotations

import datetime as dt
from functools import cache

from facilitator.catalog import load_process
from facilitator.core import events as ev
from facilitator.core.session import Session
from facilitator.core.state import Settings
from facilitator.languages import load_language
from facilitator.store.contents import Chosen, Person

BEGAN = dt.datetime(2026, 11, 24, 9, 30, tzinfo=dt.UTC)
CONTRACT = "Aidez-moi à dire non."


process_of = cache(load_process)
language_of = cache(load_language)


def chosen() -> Chosen:
    process = process_of("codev")
    return Chosen(
        process="codev",
        language="fr",
        address="tu",
        seconds=process.plan(60),
        people=(Person(name="Camille", role="client"), Person(name="Nour", role="consultant")),
        began=BEGAN,
    )


def session(*, listens: bool = True) -> Session:
    process = process_of("codev")
    return Session(
        Settings(process=process, seconds=process.plan(60), participants=(), language="fr", listens=listens),
        language_of("codev", "fr", "tu"),
    )


def in_contract(*, at: float = 60.0) -> Session:
    """Return a session in its contract, with consent and a contract agreed."""
    meeting = session()
    events: list[ev.Event] = [ev.ConsentGiven(at=0.0), ev.StartAsked(at=1.0)]
    events += [ev.NextAsked(at=2.0)] * 3
    events += [ev.RecordEdited(at=at, record="contract", text=CONTRACT), ev.RecordMarked(at=at, record="contract")]
    for event in events:
        meeting.receive(event)
    return meeting
