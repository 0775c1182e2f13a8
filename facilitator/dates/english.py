"""The days that are said in English."""

from __future__ import annotations

import re
from datetime import timedelta

from facilitator.dates import days
from facilitator.dates.days import Outcome, Verdict
from facilitator.dates.grammar import Meaning, Said, compiled, number, one_of
from facilitator.dates.numbers import english, english_ordinals

_NUMBERS, _ORDINALS = english(), english_ordinals()
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_VERBS = {"march", "may"}
"""Months that are other words too: without a capital they need a preposition or a year."""
_SUNDAY = 6

_N = rf"(?P<n>\d{{1,3}}|{one_of(_NUMBERS)})(?![\w-])"
_O = rf"(?P<o>\d{{1,2}}(?:st|nd|rd|th)?|{one_of([*_ORDINALS, *_NUMBERS])})(?![\w-])"
_TH = rf"(?P<o>\d{{1,2}}(?:st|nd|rd|th)|{one_of(_ORDINALS)})(?![\w-])"
_D = rf"(?P<w>{one_of(_WEEKDAYS)})\b"
_M = rf"(?P<m>{one_of(_MONTHS)})\b"
_Y = r"(?:,? (?P<y>20\d\d)\b)?"
_PART = r"(?: (?:morning|noon|afternoon|evening|night))?"
_STOP = r"(?=\s*(?:[,.;:!?)]|$))"


def _in(said: Said) -> Outcome:
    return days.after(said.today, number(_NUMBERS, said["n"]), said["u"])


def _weekday(said: Said) -> int:
    return _WEEKDAYS.index(said["w"])


def _year(said: Said) -> int | None:
    return int(said["y"]) if said["y"] else None


def _ahead(count: int) -> Meaning:
    return lambda said: said.today + timedelta(days=count)


def _this(said: Said) -> Outcome:
    found = days.plain_weekday(said.today, _weekday(said))
    return found if found == days.in_week(said.today, _weekday(said), 0) else Verdict.UNSURE


def _next(said: Said) -> Outcome:
    """Return the next one, unless it is in this week: it may then be that, or the one a week later."""
    found = days.coming(said.today, _weekday(said))
    return Verdict.UNSURE if found == days.in_week(said.today, _weekday(said), 0) else found


def _of_next_week(said: Said) -> Outcome:
    """Return a day of next week; a Sunday may begin it or end it."""
    return Verdict.UNSURE if _weekday(said) == _SUNDAY else days.in_week(said.today, _weekday(said), 1)


def _a_week_from(said: Said) -> Outcome:
    first = days.plain_weekday(said.today, _weekday(said))
    weeks = number(_NUMBERS, said["n"]) if said["n"] else 1
    return first if isinstance(first, Verdict) else first + timedelta(days=7 * min(weeks, 52))


def _date(said: Said) -> Outcome:
    name = said["m"]
    at = said.words.start("m")
    clear = said["y"] or said["of"] or said.text[at].isupper()
    if name in _VERBS and not clear and not re.search(r"\b(?:on|by|before|until|due) (?:the )?$", said.lead):
        return Verdict.UNSURE
    day = number({**_NUMBERS, **_ORDINALS}, said["o"])
    return days.on(said.today, _MONTHS.index(name) + 1, day, _year(said), _weekday(said) if said["w"] else None)


def _of_month(said: Said) -> Outcome:
    return days.of_month(said.today, number({**_NUMBERS, **_ORDINALS}, said["o"]), months=1 if said["next"] else 0)


def _numbered(said: Said) -> Outcome:
    return days.numbered(said.today, _weekday(said), number({**_NUMBERS, **_ORDINALS}, said["o"]))


def _end_of(said: Said) -> Outcome:
    return days.end_of(said.today, _MONTHS.index(said["m"]) + 1, _year(said))


def _end_of_year(said: Said) -> Outcome:
    return days.on(said.today, 12, 31, _year(said) or said.today.year + (1 if said["next"] else 0))


def _iso(said: Said) -> Outcome:
    return days.on(said.today, int(said["mm"]), int(said["dd"]), _year(said)) if int(said["mm"]) else Verdict.UNSURE


_RULES: tuple[tuple[str, Meaning | Verdict], ...] = (
    (r"\b(?:today|tonight|this (?:afternoon|evening))\b", _ahead(0)),
    (rf"\btomorrow\b{_PART}", _ahead(1)),
    (r"\bthe day after tomorrow\b", _ahead(2)),
    (rf"\b{_D}{_PART}", lambda said: days.plain_weekday(said.today, _weekday(said))),
    (rf"\bthis {_D}{_PART}", _this),
    (rf"\b(?:this |the )?coming {_D}{_PART}", lambda said: days.coming(said.today, _weekday(said))),
    (rf"\bnext {_D}{_PART}", _next),
    (rf"\b{_D}{_PART} (?:of )?next week\b", _of_next_week),
    (rf"\bnext week,? (?:on )?{_D}{_PART}", _of_next_week),
    (rf"\b{_D}{_PART} (?:of )?this week\b", lambda said: days.in_week(said.today, _weekday(said), 0)),
    (rf"\b{_D} week\b", _a_week_from),
    (rf"\b{_N} weeks? (?:on|from) {_D}", _a_week_from),
    (rf"\b(?:{_D},? )?(?:the )?{_O}(?P<of> (?:day )?of)? {_M}{_Y}", _date),
    (rf"\b(?:{_D},? )?{_M} (?:the )?{_O}{_Y}", _date),
    (rf"\b{_D},? the {_TH}", _numbered),
    (rf"\b(?:by|before|on|until) the {_TH}(?: of (?:this|the|(?P<next>next)) month)?{_STOP}", _of_month),
    (rf"\bthe {_TH} of (?P<next>next) month\b", _of_month),
    (rf"\b(?:the )?end of {_M}{_Y}", _end_of),
    (r"\b(?:the )?end of (?:the|this) month\b", lambda said: days.end_of_month(said.today, 0)),
    (r"\b(?:the )?end of next month\b", lambda said: days.end_of_month(said.today, 1)),
    (r"\b(?:the )?end of (?:the |this |(?P<next>next ))?year\b|\byear[- ]end\b", _end_of_year),
    (r"\b(?:the )?end of (?P<y>20\d\d)\b", _end_of_year),
    (rf"\b(?:in|within) {_N} (?P<u>day|week|month|year)s?(?:'? time)?\b", _in),
    (rf"\b{_N} (?P<u>day|week|month|year)s? from (?:now|today)\b", _in),
    (r"\b(?:in|within) a fortnight\b|\ba fortnight from (?:now|today)\b", _ahead(14)),
    (r"\bchristmas(?: day)?\b", lambda said: days.on(said.today, 12, 25)),
    (r"(?<![-\d])(?P<y>20\d\d)-(?P<mm>0\d|1[0-2])-(?P<dd>\d\d)(?![-\d])", _iso),
    (r"(?<![/\d])\d\d?/\d\d?(?:/(?:20)?\d\d)?(?![/\d])", Verdict.UNSURE),
    (rf"\b(?:(?:early|mid|late|in|by|during|this|next) |mid-){_M}{_Y}(?! (?:the )?{_O})", Verdict.UNSURE),
    (rf"\b(?:{one_of(name for name in _MONTHS if name not in _VERBS)})\b", Verdict.UNSURE),
    (r"\b(?:the )?(?:end of )?(?:the|this|next) (?:week|weekend)\b|\bnext (?:month|year)\b", Verdict.UNSURE),
    (r"\bweek of\b|\bafter next\b", Verdict.UNSURE),
    (
        rf"\b(?:every|each|on) {_D}s?\b(?<=s)|\b(?:every|each|a|last|past) {_D}".replace("(?P<w>", "(?:"),
        Verdict.NOTHING,
    ),
    (rf"\b{_D[:-2]}s\b", Verdict.NOTHING),
    (rf"\b{_N} (?:day|week|month|year)s? ago\b|\byesterday\b|\blast (?:week|month|year)\b", Verdict.NOTHING),
)
_BEFORE = (
    (r"\bsince (?:the )?$", Verdict.NOTHING),
    (
        (
            r"\b(?:around|about|roughly|circa|sometime|maybe|perhaps|not|except|after|from|between|or|good|black|easter)"
            r"(?: (?:the|on|by|before|until))*[ ,]*$"
        ),
        Verdict.UNSURE,
    ),
    (rf"(?:\b{_O})(?: ?, ?| ?/ ?| ?- ?| or | and | to )(?:the )?$", Verdict.UNSURE),
)
_AFTER = (
    (r" ago\b", Verdict.NOTHING),
    (r"'s?\b(?! time)|'(?= )", Verdict.UNSURE),
    (r"[ ,]*\b(?:or|and a half|or so|roughly|after next|twenty|two thousand)\b", Verdict.UNSURE),
    (r"(?: |-|, )\d+(?!\d|\s*(?:am|pm|a\.m|p\.m|o'clock|h\b|:\d))", Verdict.UNSURE),
)


GRAMMAR = compiled(_RULES, _BEFORE, _AFTER)
