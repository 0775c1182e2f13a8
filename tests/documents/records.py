"""Records and documents that the tests of this folder share."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import strategies as st

from facilitator.core.snapshot import ItemView, RecordView
from facilitator.documents.model import Document, make
from facilitator.languages import load_language

FRENCH, ENGLISH = load_language("codev", "fr"), load_language("codev", "en")
DAY = date(2026, 11, 24)
EMPTY = RecordView("", agreed=False, agreed_by="", agreed_at=None, corrections=(), outstanding=0, lost=0, utterances=())
CONTRACT = replace(
    EMPTY,
    text="J'aimerais que vous m'aidiez à dire « non », sans abîmer l'équipe : est-ce possible ?",
    agreed=True,
    agreed_by="Camille",
    agreed_at=1320.0,
    corrections=({"at": 1.0, "before": "Un.", "after": "Deux.", "undone": False},),
)
ITEMS = (
    ItemView(
        "D'ici vendredi prochain, j'appelle Nour.",
        who="Nour et l’équipe",
        first_step="Lui écrire ce soir",
        done_when="nous avons une date",
        due="2026-12-04",
    ),
    ItemView('Je relis mes notes : « clair, cœur, été » #1 *a* $x$ _y_ @z <b> \\ "q" // /* */ ~ ` [i] {j} 100 %'),
    ItemView("Fin mars, je fais le point.", due="2027-03-31"),
)
PLAN = replace(EMPTY, text="\n".join(item.text for item in ITEMS), items=ITEMS)
WORDS = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs"), max_codepoint=0x24F)
    | st.sampled_from("«»’—–…œŒ€"),
    min_size=1,
    max_size=80,
)
"""What may be said in Latin letters, with every sign that a typesetting language could take for its own."""


def contract(record: RecordView = CONTRACT) -> Document:
    return make("contract", record, FRENCH, DAY, people=("Camille",))


def plan(record: RecordView = PLAN) -> Document:
    return make("plan", record, FRENCH, DAY, people=("Camille",))


def squeezed(text: str) -> str:
    """Return `text` without any space, to compare what a page was broken into."""
    return "".join(text.split())
