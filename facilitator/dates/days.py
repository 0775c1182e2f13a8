"""Days counted from today. Each function answers `Verdict.UNSURE` where what was said may mean another day too."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from enum import Enum, auto

HORIZON_DAYS = 300
"""A day and a month without a year mean the next time they come, if that is within so many days: later, the last
time may be meant."""
NUMBERED_DAYS = 45
"""A weekday and its number mean the next time they come together, within so many days."""
LIMITS = {"day": 366, "week": 104, "month": 36, "year": 5}
"""The most of each unit that a plan is made for."""
YEARS_AHEAD = 5
WEEK = 7


class Verdict(Enum):
    """What words that look like a day may turn out to be, instead of a day."""

    UNSURE = auto()
    """They may mean more than one day: no day is offered for the whole text."""
    NOTHING = auto()
    """They speak of the past or of a habit: they are passed over."""


Outcome = date | Verdict


def coming(today: date, weekday: int) -> date:
    """Return the next day after today that is `weekday`, 0 for Monday."""
    return today + timedelta(days=(weekday - today.weekday() - 1) % WEEK + 1)


def plain_weekday(today: date, weekday: int) -> Outcome:
    """Return the day that a weekday alone means; said on that weekday, it may be today."""
    return Verdict.UNSURE if today.weekday() == weekday else coming(today, weekday)


def in_week(today: date, weekday: int, weeks: int) -> Outcome:
    """Return `weekday` of the week that is `weeks` after this one; Monday begins a week."""
    found = today + timedelta(days=weekday - today.weekday() + WEEK * weeks)
    return found if found >= today else Verdict.UNSURE


def numbered(today: date, weekday: int, day: int) -> Outcome:
    """Return the next `weekday` that is the `day`th of its month."""
    for ahead in range(NUMBERED_DAYS):
        found = today + timedelta(days=ahead)
        if found.day == day:
            return found if found.weekday() == weekday else Verdict.UNSURE
    return Verdict.UNSURE


def of_month(today: date, day: int, *, months: int = 0) -> Outcome:
    """Return the `day`th of this month, or of the next where that is past; with `months`, of that month from now."""
    for ahead in (months,) if months else (0, 1):
        year, month = divmod(today.year * 12 + today.month - 1 + ahead, 12)
        found = _date(year, month + 1, day)
        if found is not None and found >= today:
            return found
    return Verdict.UNSURE


def on(today: date, month: int, day: int, year: int | None = None, weekday: int | None = None) -> Outcome:
    """Return a day of a month; without a year the next one, unless it is so far off that the last one may be meant."""
    if year is None:
        found = _date(today.year, month, day)
        if found is None or found < today:
            found = _date(today.year + 1, month, day)
        if found is None or found > today + timedelta(days=HORIZON_DAYS):
            return Verdict.UNSURE
    else:
        found = _date(year, month, day)
        if found is None or not today <= found <= today.replace(day=1, year=today.year + YEARS_AHEAD):
            return Verdict.UNSURE
    return found if weekday in {None, found.weekday()} else Verdict.UNSURE


def end_of(today: date, month: int, year: int | None = None) -> Outcome:
    """Return the last day of a month."""
    when = year or (today.year if month >= today.month else today.year + 1)
    last = calendar.monthrange(when, month)[1]
    found = on(today, month, last, when)
    far = isinstance(found, date) and year is None and found > today + timedelta(days=HORIZON_DAYS)
    return Verdict.UNSURE if far else found


def end_of_month(today: date, months: int) -> date:
    """Return the last day of the month that is `months` after this one."""
    year, month = divmod(today.year * 12 + today.month - 1 + months, 12)
    return date(year, month + 1, calendar.monthrange(year, month + 1)[1])


def after(today: date, count: int, unit: str) -> Outcome:
    """Return the day `count` days, weeks, months or years from now; a month that is too short gives its last day."""
    if not 0 < count <= LIMITS[unit]:
        return Verdict.UNSURE
    if unit in {"day", "week"}:
        return today + timedelta(days=count * (WEEK if unit == "week" else 1))
    last = end_of_month(today, count * (12 if unit == "year" else 1))
    return last.replace(day=min(today.day, last.day))


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
