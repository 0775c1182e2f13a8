"""The plan's dates as iCalendar, read back: only those that a human accepted, each a whole day."""

from __future__ import annotations

from datetime import date

from icalendar import Calendar

from facilitator.documents import calendar
from tests.documents.records import EMPTY, ITEMS, contract, plan


def test_each_date_is_an_all_day_event_with_the_words() -> None:
    made = Calendar.from_ical(calendar.render(plan()))
    events = made.walk("VEVENT")
    assert [str(event["summary"]) for event in events] == [ITEMS[0].text, ITEMS[2].text]
    assert [event.decoded("dtstart") for event in events] == [date(2026, 12, 4), date(2027, 3, 31)]
    assert [event.decoded("dtend") for event in events] == [date(2026, 12, 5), date(2027, 4, 1)]
    assert "Nour et l’équipe" in events[0]["description"]
    assert "description" not in events[1]
    assert len({str(event["uid"]) for event in events}) == 2


def test_without_dates_there_is_nothing_to_write() -> None:
    assert calendar.render(plan(EMPTY)) == b""
    assert calendar.render(contract()) == b""


def test_writing_it_again_gives_the_same_events() -> None:
    assert calendar.render(plan()) == calendar.render(plan())
