"""What a plan's words name is offered beside them, and is no date until a human accepts it."""

from __future__ import annotations

from datetime import date

from facilitator.core import events as ev
from facilitator.core.items import Item
from facilitator.documents.offers import with_offers
from tests.core.builders import go, utterance


def test_a_day_is_offered_until_there_is_one() -> None:
    meeting = go("synthesis")
    meeting.send(utterance(1, "Vendredi prochain, j'appelle.", 10, record="plan", step="synthesis"))
    meeting.send(utterance(2, "J'écris bientôt.", 20, record="plan", step="synthesis"))
    shot = with_offers(meeting.session.snapshot(20), date(2026, 11, 24), "fr")
    assert [(item.text, item.due, item.offered) for item in shot.records["plan"].items] == [
        ("Vendredi prochain, j'appelle.", "", "2026-11-27"),
        ("J'écris bientôt.", "", ""),
    ]
    meeting.send(
        ev.RecordEdited(at=21, record="plan", items=(Item("Vendredi prochain, j'appelle.", due="2026-12-04"),))
    )
    shot = with_offers(meeting.session.snapshot(21), date(2026, 11, 24), "fr")
    assert [(item.due, item.offered) for item in shot.records["plan"].items] == [("2026-12-04", "")]
