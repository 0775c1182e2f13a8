"""The days of a plan as an iCalendar file: an all-day event for each date that a human gave or accepted."""

from __future__ import annotations

import datetime as dt
import uuid

from icalendar import Calendar, Event

from facilitator.documents.model import Document


def render(document: Document) -> bytes:
    """Return the dates of `document` as iCalendar; b"" when it has none."""
    dated = [(place, task) for place, task in enumerate(document.tasks) if task.on is not None]
    if not dated:
        return b""
    calendar = Calendar()
    calendar.add("prodid", "-//codev-facilitator//plan//")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    for place, task in dated:
        assert task.on is not None
        event = Event()
        event.add("uid", str(uuid.uuid5(uuid.NAMESPACE_OID, f"{document.on}\n{place}\n{task.text}")))
        event.add("dtstamp", dt.datetime.combine(document.on, dt.time(), tzinfo=dt.UTC))
        event.add("dtstart", task.on)
        event.add("dtend", task.on + dt.timedelta(days=1))
        event.add("summary", task.text)
        if task.details:
            event.add("description", "\n".join(f"{label} {words}" for label, words in task.details))
        event.add("transp", "TRANSPARENT")
        calendar.add_component(event)
    return bytes(calendar.to_ical())
