"""The animator's commands: the interface's names, their values, and one sentence for each mistake."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.commands import COMMANDS, CommandError, read
from facilitator.core import events as ev
from facilitator.core.items import Item

INTERFACE = [
    *("hush", "start", "next", "back", "pause", "resume", "extend", "end", "listening_pause", "listening_resume"),
    *("say", "mark_contract", "edit_contract", "edit_plan", "read_back", "remind", "consent", "rebudget"),
    *("deliver", "purge"),
]
ELSEWHERE = {"deliver", "purge"}
OUR_OWN = ["undo_time", "show_facts", "take_device"]
"""Done by the live session itself, not by the core."""


def test_every_command_of_the_interface_is_there_and_no_other() -> None:
    assert list(COMMANDS) == [*(name for name in INTERFACE if name not in ELSEWHERE), *OUR_OWN]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does(name: str) -> None:
    assert re.fullmatch(r"[A-Z].*\.", (COMMANDS[name].__doc__ or "").strip().splitlines()[0])


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("hush", ev.HushAsked(at=7.0)),
        ("start", ev.StartAsked(at=7.0)),
        ("next", ev.NextAsked(at=7.0)),
        ("back", ev.BackAsked(at=7.0)),
        ("pause", ev.PauseAsked(at=7.0)),
        ("resume", ev.ResumeAsked(at=7.0)),
        ("end", ev.EndAsked(at=7.0)),
        ("listening_pause", ev.ListeningPauseAsked(at=7.0)),
        ("listening_resume", ev.ListeningResumeAsked(at=7.0)),
        ("remind", ev.RemindAsked(at=7.0)),
        ("consent", ev.ConsentGiven(at=7.0)),
        ("rebudget", ev.RebudgetAsked(at=7.0)),
        ("undo_time", ev.TimeChangeUndone(at=7.0)),
    ],
)
def test_a_command_without_values_is_one_event_and_takes_no_value(name: str, event: ev.Event) -> None:
    assert read(name, {}, 7.0) == (event,)
    with pytest.raises(CommandError, match=f"'{name}' cannot be done: the value 'step'"):
        read(name, {"step": "welcome"}, 7.0)


NOT = "cannot be done:"
NO_PLAN = "give a text, items, utterances or undo, agreed_by, or both"
CONTRACT, PLAN = "contract", "plan"


@pytest.mark.parametrize(
    ("name", "values", "events"),
    [
        ("extend", {"minutes": 2}, [ev.ExtendAsked(at=1, seconds=120.0)]),
        ("extend", {"minutes": 0.5}, [ev.ExtendAsked(at=1, seconds=30.0)]),
        ("extend", {"seconds": 90}, [ev.ExtendAsked(at=1, seconds=90.0)]),
        ("extend", {"seconds": 7200}, [ev.ExtendAsked(at=1, seconds=7200.0)]),
        ("say", {}, [ev.SayAsked(at=1)]),
        ("say", {"text": "  Bonjour.  "}, [ev.SayAsked(at=1, text="Bonjour.")]),
        ("say", {"key": "rules"}, [ev.SayAsked(at=1, key="rules")]),
        ("mark_contract", {}, [ev.RecordMarked(at=1, record=CONTRACT)]),
        (
            "mark_contract",
            {"utterances": ["u1", "u2"], "agreed_by": "Camille"},
            [ev.RecordMarked(at=1, record=CONTRACT, utterances=("u1", "u2"), agreed_by="Camille")],
        ),
        (
            "mark_contract",
            {"text": "J'aimerais préparer l'entretien."},
            [
                ev.RecordEdited(at=1, record=CONTRACT, text="J'aimerais préparer l'entretien."),
                ev.RecordMarked(at=1, record=CONTRACT),
            ],
        ),
        ("edit_contract", {"text": "Autrement."}, [ev.RecordEdited(at=1, record=CONTRACT, text="Autrement.")]),
        ("edit_plan", {"text": "Un.\nDeux."}, [ev.RecordEdited(at=1, record=PLAN, text="Un.\nDeux.")]),
        (
            "edit_plan",
            {"agreed_by": "Camille"},
            [ev.RecordMarked(at=1, record=PLAN, whole=True, agreed_by="Camille")],
        ),
        (
            "edit_plan",
            {"items": [{"text": "Un,\r\nje commence."}, {"text": "Deux.", "who": "Nour", "due": "2026-12-04"}]},
            [
                ev.RecordEdited(
                    at=1,
                    record=PLAN,
                    items=(Item("Un, je commence."), Item("Deux.", who="Nour", due="2026-12-04")),
                )
            ],
        ),
        (
            "edit_plan",
            {"items": [{"text": "Un.", "first_step": "a", "done_when": "b", "due": dt.date(2026, 12, 4)}]},
            [ev.RecordEdited(at=1, record=PLAN, items=(Item("Un.", first_step="a", done_when="b", due="2026-12-04"),))],
        ),
        ("edit_plan", {"utterances": ["u1"]}, [ev.RecordEdited(at=1, record=PLAN, utterances=("u1",))]),
        ("edit_plan", {"undo": True}, [ev.CorrectionUndone(at=1, record=PLAN)]),
        ("edit_contract", {"undo": True}, [ev.CorrectionUndone(at=1, record=CONTRACT)]),
        (
            "edit_plan",
            {"text": "Un.", "agreed_by": "Camille"},
            [
                ev.RecordEdited(at=1, record=PLAN, text="Un."),
                ev.RecordMarked(at=1, record=PLAN, whole=True, agreed_by="Camille"),
            ],
        ),
        ("read_back", {}, [ev.ReadBackAsked(at=1, record=CONTRACT)]),
        ("read_back", {"record": "plan"}, [ev.ReadBackAsked(at=1, record=PLAN)]),
    ],
)
def test_the_values_of_a_command_reach_its_events(name: str, values: dict[str, Any], events: list[ev.Event]) -> None:
    assert list(read(name, values, 1)) == events


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("nxt", {}, "There is no command 'nxt'; did you mean 'next'?"),
        ("dance", {}, f"There is no command 'dance'; there are {', '.join(COMMANDS)}."),
        ("extend", {}, "The command 'extend' cannot be done: its values: give either seconds or minutes."),
        (
            "extend",
            {"minutes": 1, "seconds": 60},
            "The command 'extend' cannot be done: its values: give either seconds or minutes.",
        ),
        (
            "extend",
            {"minutes": 0},
            "The command 'extend' cannot be done: the value 'minutes': input should be greater than 0.",
        ),
        (
            "extend",
            {"seconds": 7201},
            "The command 'extend' cannot be done: the value 'seconds': input should be less than or equal to 7200.",
        ),
        (
            "extend",
            {"minutes": "2"},
            "The command 'extend' cannot be done: the value 'minutes': input should be a valid number.",
        ),
        *(
            ("edit_contract", values, f"The command 'edit_contract' {NOT} its values: give either a text or undo.")
            for values in ({}, {"text": "Un.", "undo": True}, {"undo": False})
        ),
        *(
            ("edit_plan", values, f"The command 'edit_plan' {NOT} its values: {NO_PLAN}.")
            for values in ({}, {"text": " \n"}, {"items": []}, {"undo": False})
        ),
        *(
            (
                "edit_plan",
                {"text": "Un.", **values},
                f"The command 'edit_plan' {NOT} its values: give only one of text, items, utterances and undo.",
            )
            for values in ({"items": [{"text": "Un."}]}, {"utterances": ["u1"]}, {"undo": True})
        ),
        *(
            (
                "edit_plan",
                {"items": [{"text": "Un.", "due": due}]},
                f"The command 'edit_plan' {NOT} the value 'items.0.due': {why}.",
            )
            for due, why in (
                ("demain", "it must be a day, as 2026-12-04"),
                ("20261204", "it must be a day, as 2026-12-04"),
                (20261204, "it must be a day, as 2026-12-04"),
                (dt.datetime(2026, 12, 4, tzinfo=dt.UTC), "it must be a day, as 2026-12-04"),
                ("2026-02-30", "it must be a day, as 2026-12-04"),
            )
        ),
        ("say", {"text": 3}, "The command 'say' cannot be done: the value 'text': input should be a valid string."),
        (
            "say",
            {"text": "x" * 8001},
            "The command 'say' cannot be done: the value 'text': string should have at most 8000 characters.",
        ),
        (
            "mark_contract",
            {"utterances": "u1"},
            "The command 'mark_contract' cannot be done: the value 'utterances': input should be a valid tuple.",
        ),
        (
            "mark_contract",
            {"utterances": ["u1", 2]},
            "The command 'mark_contract' cannot be done: the value 'utterances.1': input should be a valid string.",
        ),
        ("next", {"at": 3}, "The command 'next' cannot be done: the value 'at': extra inputs are not permitted."),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_command_and_the_value(
    name: str, values: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(CommandError) as caught:
        read(name, values, 0.0)
    assert str(caught.value) == sentence
    assert caught.value.code == ("bad_value" if name in COMMANDS else "unknown_command")
    assert caught.value.exit_code == 2


def test_a_mistake_does_not_repeat_what_was_said() -> None:
    with pytest.raises(CommandError) as caught:
        read("edit_contract", {"text": ["Sophie conteste mes décisions"]}, 0.0)
    assert "Sophie" not in str(caught.value)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
keys = st.sampled_from(["text", "key", "minutes", "seconds", "utterances", "agreed_by", "record"]) | st.text()


@given(st.sampled_from([*COMMANDS]) | st.text(), st.dictionaries(keys, values, max_size=4))
def test_whatever_comes_is_read_or_refused_in_one_line(name: str, given_values: dict[str, Any]) -> None:
    refusal, events = "", tuple[ev.Event, ...]()
    try:
        events = read(name, given_values, 1.5)
    except CommandError as error:
        refusal = str(error)
    assert bool(events) != bool(refusal)
    assert "\n" not in refusal
    assert refusal.endswith((".", "?")) or events
    for event in events:
        assert event.at == 1.5
        assert not isinstance(event, ev.ExtendAsked) or 0 < event.seconds <= 7200


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_schema_for_the_services_description(name: str) -> None:
    assert json.dumps(COMMANDS[name].model_json_schema())
