"""The days that are said in French."""

from __future__ import annotations

from datetime import timedelta

from facilitator.dates import days
from facilitator.dates.days import Outcome, Verdict
from facilitator.dates.grammar import Meaning, Said, compiled, number, one_of
from facilitator.dates.numbers import french

_NUMBERS = {**french(), "premier": 1}
_WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_MONTHS = (
    "janvier",
    "fevrier",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "aout",
    "septembre",
    "octobre",
    "novembre",
    "decembre",
)
_UNITS = {"jour": "day", "semaine": "week", "mois": "month", "an": "year"}
_IDIOMS = {8, 15}
"""« Huit jours » are a week, « quinze jours » two weeks, or not."""

_N = rf"(?P<n>\d{{1,3}}(?:er)?|{one_of(_NUMBERS)})(?![\w-])"
_D = rf"(?P<w>{one_of(_WEEKDAYS)})\b"
_M = rf"(?P<m>{one_of(_MONTHS)})\b"
_Y = r"(?:\s+(?P<y>20\d\d)\b)?"
_PART = r"(?:\s+(?:matin|midi|soir|apres-midi))?"
_CLOCK = r"(?!\s*(?:h\d|h\b|heures?\b|:\d))"
_STOP = r"(?=\s*(?:[,.;:!?)»]|$))"
_BY = r"(?:d'ici|avant|pour|au plus tard)"


def _in(said: Said) -> Outcome:
    count, unit = number(_NUMBERS, said["n"]), _UNITS[said["u"]]
    return Verdict.UNSURE if unit == "day" and count in _IDIOMS else days.after(said.today, count, unit)


def _weekday(said: Said) -> int:
    return _WEEKDAYS.index(said["w"])


def _month(said: Said) -> int:
    return _MONTHS.index(said["m"]) + 1


def _year(said: Said) -> int | None:
    year = said["y"]
    return int(year) + (2000 if len(year) == len("26") else 0) if year else None


def _ahead(count: int) -> Meaning:
    return lambda said: said.today + timedelta(days=count)


def _a_week_from(said: Said) -> Outcome:
    first = days.plain_weekday(said.today, _weekday(said))
    return first if isinstance(first, Verdict) else first + timedelta(days=7 if said["later"] == "huit" else 14)


def _date(said: Said) -> Outcome:
    weekday = _weekday(said) if said["w"] else None
    return days.on(said.today, _month(said), number(_NUMBERS, said["n"]), _year(said), weekday)


def _of_month(said: Said) -> Outcome:
    return days.of_month(said.today, number(_NUMBERS, said["n"]), months=1 if said["next"] else 0)


def _end_of_year(said: Said) -> Outcome:
    return days.on(said.today, 12, 31, _year(said) or said.today.year + (1 if said["next"] else 0))


def _numeric(said: Said) -> Outcome:
    return days.on(said.today, int(said["mm"]), int(said["dd"]), _year(said)) if int(said["mm"]) else Verdict.UNSURE


_RULES: tuple[tuple[str, Meaning | Verdict], ...] = (
    (r"\b(?:aujourd'hui|ce soir|cet apres-midi)\b", _ahead(0)),
    (r"\baujourd'hui en (?P<later>huit)\b", _ahead(7)),
    (r"\baujourd'hui en quinze\b", _ahead(14)),
    (rf"\bdemain\b{_PART}", _ahead(1)),
    (rf"\bapres[- ]demain\b{_PART}", _ahead(2)),
    (rf"\b{_D}{_PART}", lambda said: days.plain_weekday(said.today, _weekday(said))),
    (rf"\bce {_D}{_PART}", lambda said: days.plain_weekday(said.today, _weekday(said))),
    (rf"\b(?:le )?{_D}{_PART} prochain\b", lambda said: days.coming(said.today, _weekday(said))),
    (rf"\b(?:le )?{_D} en (?P<later>huit|quinze)\b", _a_week_from),
    (rf"\b(?:le )?{_D}{_PART} de la semaine prochaine\b", lambda said: days.in_week(said.today, _weekday(said), 1)),
    (rf"\bla semaine prochaine,? {_D}{_PART}", lambda said: days.in_week(said.today, _weekday(said), 1)),
    (rf"\b(?:le )?{_D}{_PART} de cette semaine\b", lambda said: days.in_week(said.today, _weekday(said), 0)),
    (rf"\b(?:le )?(?:{_D},? (?:le )?)?{_N} {_M}{_Y}(?: prochain\b)?", _date),
    (rf"\b(?:le )?{_D} {_N}{_CLOCK}", lambda s: days.numbered(s.today, _weekday(s), number(_NUMBERS, s["n"]))),
    (rf"\b{_BY} (?:le|au) {_N}(?: du mois(?P<next> prochain)?)?{_STOP}", _of_month),
    (rf"\b(?:le )?{_N} du mois(?P<next> prochain)\b", _of_month),
    (
        rf"\b(?:la )?fin (?:du mois (?:de |d'))?(?:de |d')?{_M}{_Y}(?: prochain\b)?",
        lambda said: days.end_of(said.today, _month(said), _year(said)),
    ),
    (r"\b(?:la )?fin (?:du|de ce) mois\b", lambda said: days.end_of_month(said.today, 0)),
    (r"\b(?:la )?fin du mois prochain\b", lambda said: days.end_of_month(said.today, 1)),
    (r"\b(?:la )?fin (?:de l'|d'|de cette )?annee(?P<next> prochaine)?\b", _end_of_year),
    (r"\b(?:la )?fin (?:de )?(?P<y>20\d\d)\b", _end_of_year),
    (rf"\b(?:dans|d'ici|d'ici a|sous) {_N} (?P<u>jour|semaine|mois|an)s?\b", _in),
    (r"\bnoel\b", lambda said: days.on(said.today, 12, 25)),
    (r"\b(?:le|au|avant|pour) (?P<dd>\d\d?)/(?P<mm>0?\d|1[0-2])(?:/(?P<y>(?:20)?\d\d))?(?![/\d])", _numeric),
    (r"(?<![/\d.])(?P<dd>\d\d?)[/.](?P<mm>0?\d|1[0-2])[/.](?P<y>20\d\d)(?![/\d])", _numeric),
    (r"(?<![-\d])(?P<y>20\d\d)-(?P<mm>0\d|1[0-2])-(?P<dd>\d\d)(?![-\d])", _numeric),
    (rf"\b(?:debut |mi-|courant |en |au mois de |au mois d')?{_M}{_Y}", Verdict.UNSURE),
    (rf"\b(?:la )?semaine (?:du|de) (?:{_D} )?{_N}(?: {_M})?", Verdict.UNSURE),
    (r"\b(?:la |cette )?(?:fin de (?:la |cette )?)?semaine(?: prochaine| suivante)\b", Verdict.UNSURE),
    (r"\b(?:cette semaine|fin de (?:la )?semaine|week-?end|ce mois-ci)\b", Verdict.UNSURE),
    (r"\b(?:debut |milieu |courant )?(?:du |le )?mois prochain\b|\bannee prochaine\b", Verdict.UNSURE),
    (r"\b(?:quinzaine|huitaine|dizaine|vingtaine|trentaine) de jours\b|\b(?:quinzaine|huitaine)\b", Verdict.UNSURE),
    (rf"\b(?:les|un|des|chaque|tous les) {_D}s?|\b(?:le )?{_D}s\b".replace("(?P<w>", "(?:"), Verdict.NOTHING),
    (rf"\ble {_D}{_PART}", Verdict.NOTHING),
    (rf"\bil y a {_N} (?:jour|semaine|mois|an)s?\b|\b(?:avant-)?hier\b", Verdict.NOTHING),
)
_BEFORE = (
    (r"\bdepuis (?:le )?$", Verdict.NOTHING),
    (
        (
            r"\b(?:vers|autour|environ|alentours|peut-etre|pas|sauf|apres|partir|compter|des|entre|ou|milieu|debut)"
            r"(?: (?:de|du|d'|le|la|avant|plus tard que))*[ ,]*(?:l'|d')?$"
        ),
        Verdict.UNSURE,
    ),
    (r"(?:\b(?:de|du) |\bd'|\bde la |\bde l')$", Verdict.UNSURE),
    (rf"(?:\b{_N})(?: ?, ?| ?/ ?| ?- ?| ou | et | a | au )(?:le |les |au )?$", Verdict.UNSURE),
)
_AFTER = (
    (r"\s+(?:dernier|passe)\b", Verdict.NOTHING),
    (
        (
            r"[ ,]*\b(?:ou|environ|a peu pres|a quelques|et demie?|gras|saint|noir|de paques|de pentecote|suivant"
            r"|d'apres|deux[ -]mille|et quelques)\b"
        ),
        Verdict.UNSURE,
    ),
    (r"[ -]\d+(?!\d|\s*(?:h|:\d))", Verdict.UNSURE),
)


GRAMMAR = compiled(_RULES, _BEFORE, _AFTER)
