"""Offers the days that a plan's own words name, beside the words: none is a due date until a human accepts it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial

from facilitator.core.snapshot import ItemView, RecordView, Snapshot
from facilitator.dates import offered_date

Dates = Callable[[str, date, str], date | None]


def with_offers(shot: Snapshot, today: date, language: str, dates: Dates = offered_date) -> Snapshot:
    """Return `shot` with the day that each item's words name, where it has none yet.

    Args:
        shot: what is shown.
        today: the day on which the words were said.
        language: two letters.
        dates: `offered_date`, or what remembers its answers.
    """
    offer = partial(_offer, lambda text: dates(text, today, language))
    return replace(shot, records={name: offer(record) for name, record in shot.records.items()})


def _offer(dates: Callable[[str], date | None], record: RecordView) -> RecordView:
    return replace(record, items=tuple(_offered(dates, item) for item in record.items))


def _offered(dates: Callable[[str], date | None], item: ItemView) -> ItemView:
    found = None if item.due else dates(item.text)
    return item if found is None else replace(item, offered=found.isoformat())
