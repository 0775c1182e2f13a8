"""Days said in French and in English: what is offered, what is left unsure, and that nothing is guessed."""

from __future__ import annotations

import datetime as dt
from datetime import date, timedelta

import dateparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.dates import offered_date, spoken_date
from facilitator.dates.days import coming
from facilitator.dates.numbers import english, english_ordinals, french

TUESDAY = date(2026, 11, 24)

OFFERED = {
    "fr": {
        "aujourd'hui": "2026-11-24",
        "ce soir": "2026-11-24",
        "demain": "2026-11-25",
        "demain matin": "2026-11-25",
        "après-demain": "2026-11-26",
        "d'ici vendredi": "2026-11-27",
        "ce vendredi": "2026-11-27",
        "vendredi prochain": "2026-11-27",
        "mardi prochain": "2026-12-01",
        "lundi prochain à midi": "2026-11-30",
        "vendredi à 14h30": "2026-11-27",
        "vendredi 14 h": "2026-11-27",
        "vendredi en huit": "2026-12-04",
        "vendredi en quinze": "2026-12-11",
        "aujourd'hui en huit": "2026-12-01",
        "aujourd'hui en quinze": "2026-12-08",
        "mardi de la semaine prochaine": "2026-12-01",
        "la semaine prochaine, jeudi": "2026-12-03",
        "jeudi de cette semaine": "2026-11-26",
        "le 3 décembre": "2026-12-03",
        "Le 1er décembre": "2026-12-01",
        "le premier décembre": "2026-12-01",
        "le vingt et un janvier": "2027-01-21",
        "le vingt-cinq janvier": "2027-01-25",
        "vendredi 4 décembre": "2026-12-04",
        "le vendredi quatre décembre à 9 h": "2026-12-04",
        "le 15 mars 2028": "2028-03-15",
        "le 15 mars prochain": "2027-03-15",
        "vendredi 27": "2026-11-27",
        "avant le 15.": "2026-12-15",
        "d'ici le 30": "2026-11-30",
        "le 3 du mois prochain": "2026-12-03",
        "d'ici au 3 décembre": "2026-12-03",
        "d'ici fin mars": "2027-03-31",
        "d’ici la fin mars": "2027-03-31",
        "à la fin du mois de février": "2027-02-28",
        "fin février 2028": "2028-02-29",
        "fin d'avril": "2027-04-30",
        "d'ici la fin du mois": "2026-11-30",
        "fin du mois prochain": "2026-12-31",
        "d'ici la fin de l'année": "2026-12-31",
        "fin de l'année prochaine": "2027-12-31",
        "fin 2027": "2027-12-31",
        "dans deux semaines": "2026-12-08",
        "d'ici 10 jours": "2026-12-04",
        "dans un mois": "2026-12-24",
        "sous trois mois": "2027-02-24",
        "dans un an": "2027-11-24",
        "avant Noël": "2026-12-25",
        "le 3/12": "2026-12-03",
        "pour le 03/12/26": "2026-12-03",
        "03/12/2026": "2026-12-03",
        "2026-12-03": "2026-12-03",
        "vendredi, oui, vendredi": "2026-11-27",
        "Depuis lundi j'hésite, mais j'appelle Nour vendredi.": "2026-11-27",
        "Hier j'ai dit non ; demain je dis oui.": "2026-11-25",
    },
    "en": {
        "today": "2026-11-24",
        "tonight": "2026-11-24",
        "tomorrow morning": "2026-11-25",
        "the day after tomorrow": "2026-11-26",
        "by Friday": "2026-11-27",
        "this Friday": "2026-11-27",
        "this coming Monday": "2026-11-30",
        "next Monday at noon": "2026-11-30",
        "next Tuesday": "2026-12-01",
        "Friday at 2 pm": "2026-11-27",
        "Friday next week": "2026-12-04",
        "next week on Friday": "2026-12-04",
        "Thursday this week": "2026-11-26",
        "Friday week": "2026-12-04",
        "a week from Friday": "2026-12-04",
        "two weeks from Friday": "2026-12-11",
        "3 December": "2026-12-03",
        "the 3rd of December": "2026-12-03",
        "the twenty-fifth of January": "2027-01-25",
        "December 3": "2026-12-03",
        "December the third": "2026-12-03",
        "Friday, December 4th, 2026": "2026-12-04",
        "by May 3": "2027-05-03",
        "by 3 may": "2027-05-03",
        "the 3rd of may": "2027-05-03",
        "Friday the 27th": "2026-11-27",
        "by the 15th.": "2026-12-15",
        "by the 15th of next month": "2026-12-15",
        "the fifteenth of next month we meet": "2026-12-15",
        "by the end of March": "2027-03-31",
        "end of the month": "2026-11-30",
        "the end of next month": "2026-12-31",
        "by the end of the year": "2026-12-31",
        "by the end of next year": "2027-12-31",
        "by year-end": "2026-12-31",
        "the end of 2027": "2027-12-31",
        "in two weeks": "2026-12-08",
        "in two weeks' time": "2026-12-08",
        "within ten days": "2026-12-04",
        "a month from now": "2026-12-24",
        "in a fortnight": "2026-12-08",
        "before Christmas": "2026-12-25",
        "2026-12-03": "2026-12-03",
        "I may call Nour by Friday": "2026-11-27",
        "Last Monday I failed; tomorrow I call.": "2026-11-25",
    },
}

UNSURE = {
    "fr": (
        "j'appelle Nour", "mardi", "ce mardi", "mardi en huit", "lundi de cette semaine", "vendredi 5 décembre",
        "vendredi 28", "le 31 février", "fin octobre", "le 20 novembre", "le 3 décembre 2024", "le 3 décembre 2099",
        "entre le 3 et le 5 décembre", "le 3 ou le 4 décembre", "du 3 au 5 décembre", "lundi ou mercredi",
        "demain et vendredi", "début mars", "mi-mars", "en mars", "d'ici mars", "d'ici la semaine prochaine",
        "en fin de semaine", "ce week-end", "le mois prochain", "l'année prochaine", "dans huit jours",
        "dans 15 jours", "dans une quinzaine", "dans une dizaine de jours", "dans deux ou trois semaines",
        "dans environ deux semaines", "dans deux semaines environ", "dans un mois et demi", "dans 500 jours",
        "dans zéro jour", "lundi dernier", "depuis lundi", "il y a deux semaines", "hier", "le lundi",
        "tous les lundis",
        "chaque lundi", "un lundi", "la réunion de vendredi", "le rapport du 3 décembre", "la semaine du 3 décembre",
        "vers le 3 décembre", "après vendredi", "à partir de lundi", "dès lundi", "pas avant vendredi",
        "peut-être vendredi", "mardi gras", "lundi de Pâques", "vendredi ou plus tard", "3/4 de l'équipe", "le 3/0",
        "le 45/12", "avant le 15 personnes viennent", "avant le 31 juin", "le 3 décembre deux mille vingt-sept",
        "le 3 décembre 27", "fin mars ou fin avril", "lundi suivant", "", "1/2", "trois mois", "pendant deux semaines",
        "d'ici le 0.", "fin mars 2020",
    ),
    "en": (
        "I call Nour", "Tuesday", "this Tuesday", "this Monday", "next Friday", "next Sunday", "Sunday next week",
        "Tuesday week", "Monday this week", "Friday 5 December", "Friday the 28th", "between Monday and Wednesday",
        "the 3rd or the 4th of December", "Monday or Tuesday", "tomorrow and Friday", "early March", "mid-March",
        "in March", "by March", "by May", "next month", "next week", "by the end of next week", "this weekend",
        "in a week or two", "in about two weeks", "in two or three weeks", "in two weeks or so",
        "in a month and a half", "in 500 days", "last Friday", "since Monday", "two weeks ago", "yesterday",
        "on Fridays",
        "every Friday", "each Friday", "Friday's meeting", "the week of 3 December", "around 3 December",
        "after Friday", "from Monday on", "not Friday", "maybe Friday", "Good Friday", "Black Friday", "3/12",
        "03/12/2026",
        "I may 3 times", "the first may help", "we march 3 days", "December", "3 December twenty twenty-seven",
        "Friday after next", "the Friday after next", "2026-00-10", "3/4", "",
        "December 3 1999", "by the 45th.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("language", "text"), [(code, text) for code, texts in OFFERED.items() for text in texts])
def test_a_day_that_is_sure_is_offered(language: str, text: str) -> None:
    assert str(offered_date(text, TUESDAY, language)) == OFFERED[language][text]


@pytest.mark.parametrize(("language", "text"), [(code, text) for code, texts in UNSURE.items() for text in texts])
def test_what_may_mean_another_day_is_not_guessed(language: str, text: str) -> None:
    assert offered_date(text, TUESDAY, language) is None


def test_the_words_that_name_the_day_are_pointed_out() -> None:
    text = "J'écris à Nour d’ici la fin mars, au plus tard."
    found = spoken_date(text, TUESDAY, "fr")
    assert found is not None
    assert text[found.start : found.end] == "la fin mars"


def test_a_text_too_long_for_an_item_offers_nothing() -> None:
    assert offered_date("vendredi" + " bon" * 240, TUESDAY, "fr") == date(2026, 11, 27)
    assert offered_date("vendredi" + " bon" * 260, TUESDAY, "fr") is None


def test_a_language_without_a_grammar_offers_nothing() -> None:
    assert offered_date("mañana", TUESDAY, "es") is None


@pytest.mark.parametrize("place", ["D'ici {}, j'appelle Nour.", "J'appelle Nour {} !", "Bon, {}"])
def test_a_day_is_found_anywhere_in_a_sentence(place: str) -> None:
    for text in ("vendredi", "le 3 décembre", "fin mars", "demain"):
        assert str(offered_date(place.format(text), TUESDAY, "fr")) == str(offered_date(text, TUESDAY, "fr"))


def test_month_ends_leap_years_and_short_months() -> None:
    assert offered_date("dans un mois", date(2027, 1, 31), "fr") == date(2027, 2, 28)
    assert offered_date("fin février", date(2027, 12, 1), "fr") == date(2028, 2, 29)
    assert offered_date("fin janvier", date(2027, 1, 31), "fr") == date(2027, 1, 31)
    assert offered_date("le 29 février", date(2027, 12, 1), "fr") == date(2028, 2, 29)
    assert offered_date("d'ici le 31", date(2027, 1, 31), "fr") == date(2027, 1, 31)
    assert offered_date("d'ici le 30", date(2027, 1, 31), "fr") is None
    assert offered_date("le 3 mars 2028", date(2024, 2, 29), "fr") == date(2028, 3, 3)


def test_numbers_are_complete() -> None:
    assert set(french().values()) == set(english().values()) == set(range(1, 100))
    assert set(english_ordinals().values()) == set(range(1, 32))
    assert (french()["vingt et une"], french()["soixante et onze"], french()["quatre vingt dix sept"]) == (21, 71, 97)
    assert (english()["twenty five"], english_ordinals()["twenty first"], english_ordinals()["twelfth"]) == (25, 21, 12)
    assert "vingt un" not in french()


DAYS = st.dates(date(2024, 1, 1), date(2040, 12, 31))
WORDS = """
    le la de d'ici du à fin en dans vendredi lundi mars mai décembre 3 12 15 deux quinze semaine semaines mois jours
    prochain dernier demain ou et by the of end May March Friday next week in a from 3rd December / , . ' 2027
"""


@given(st.lists(st.sampled_from(WORDS.split()), max_size=9).map(" ".join), DAYS, st.sampled_from(["fr", "en"]))
def test_any_words_give_a_day_from_today_on_or_none(text: str, today: date, language: str) -> None:
    found = spoken_date(text, today, language)
    if found is not None:
        assert today <= found.day <= today + timedelta(days=6 * 366)
        assert text[found.start : found.end].strip()
        assert spoken_date(text, today, language) == found


@given(st.text(max_size=80), DAYS, st.sampled_from(["fr", "en"]))
def test_any_text_is_read(text: str, today: date, language: str) -> None:
    found = spoken_date(text, today, language)
    assert found is None or found.end <= len(text)


ORACLE = {
    "fr": ("demain", "le 3 décembre", "15 janvier", "dans deux semaines", "dans 10 jours", "dans 3 mois", "vendredi"),
    "en": ("tomorrow", "3 December", "January 15", "in two weeks", "in 10 days", "in 3 months", "Friday"),
}
"""Forms that dateparser reads rightly; it has no « d'ici », and misses « lundi prochain à midi » (#459)."""


@pytest.mark.filterwarnings("ignore:Parsing dates involving a day of month:DeprecationWarning")  # dateparser #1246
@pytest.mark.parametrize(("language", "text"), [(code, text) for code, texts in ORACLE.items() for text in texts])
@pytest.mark.parametrize("today", [TUESDAY, date(2027, 1, 30), date(2028, 2, 28)])
def test_where_we_are_sure_dateparser_agrees(language: str, text: str, today: date) -> None:
    ours = offered_date(text, today, language)
    if ours is None:
        return
    theirs = dateparser.parse(
        text,
        languages=[language],
        settings={
            "RELATIVE_BASE": dt.datetime.combine(today, dt.time(12)),
            "PREFER_DATES_FROM": "future",
            "PREFER_DAY_OF_MONTH": "current",
        },
    )
    assert theirs is not None
    assert theirs.date() == ours


@given(DAYS, st.integers(0, 6))
def test_the_coming_weekday_is_within_a_week(today: date, weekday: int) -> None:
    found = coming(today, weekday)
    assert found.weekday() == weekday
    assert 1 <= (found - today).days <= 7
