"""Offers the days that a plan's own words name, beside the words: none is a due date until a human accepts it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from facilitator.core.snapshot import ItemView, RecordView, Snapshot
from facilitator.dates import offered_date


def with_offers(shot: Snapshot, today: date, language: str) -> Snapshot:
    """Return `shot` with the day that each item's words name, where it has none yet.

    Args:
        shot: what is shown.
        today: the day on which the words were said.
        language: two letters.
    """
    return replace(shot, records={name: _offer(record, today, language) for name, record in shot.records.items()})


def _offer(record: RecordView, today: date, language: str) -> RecordView:
    return replace(record, items=tuple(_offered(item, today, language) for item in record.items))


def _offered(item: ItemView, today: date, language: str) -> ItemView:
    found = None if item.due else offered_date(item.text, today, language)
    return item if found is None else replace(item, offered=found.isoformat())
