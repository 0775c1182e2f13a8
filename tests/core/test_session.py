"""A whole session: grants, listening, what is prepared ahead, the facts it states and the snapshots it shows."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
from collections import Counter

import pytest

from facilitator.core import events as ev
from facilitator.core import facts
from facilitator.core.snapshot import Snapshot
from tests.core.builders import BENOIT, CLIENT, Meeting, codev, go, heard, outstanding, settings, utterance
from tests.core.scenes import whole

CODEV_60 = ["welcome", "presentation", "clarification", "contract", "consultation", "synthesis", "evaluation"]


def test_a_session_of_all_its_steps() -> None:
    meeting = whole()
    assert [fact.step for fact in meeting.of(facts.StepStarted)] == CODEV_60
    assert [fact.step for fact in meeting.of(facts.StepEnded)] == CODEV_60
    assert {fact.overrun_seconds for fact in meeting.of(facts.StepEnded)} == {30}
    spoken = Counter((fact.step, fact.cue) for fact in meeting.of(facts.PromptSpoken))
    expected = {(step, cue) for step in CODEV_60 for cue in ("opening", "remaining", "ended")}
    assert spoken == Counter(dict.fromkeys(expected | {("evaluation", "custom")}, 1))
    assert meeting.withheld() == []
    assert meeting.session.ended
    assert meeting.types()[:2] == ["consent_given", "session_started"]
    assert meeting.types()[-1] == "session_ended"


@pytest.mark.parametrize("length", [60, 90, 120])
def test_what_a_session_says_was_prepared_ahead(length: int) -> None:
    """From before the start on, but for the words of the session itself."""
    ahead = {text for _, text in Meeting(settings=settings(codev().plan(length))).session.prompts_ahead()}
    meeting = whole(length)
    assert {fact.text for fact in meeting.of(facts.PromptSpoken)} <= ahead
    for key in codev().prompts:
        assert any(text.startswith(f"prompts.{key} ") for text in ahead)


@pytest.mark.parametrize("step", CODEV_60)
def test_what_the_animator_may_have_said_was_prepared_ahead(step: str) -> None:
    ahead = {text for _, text in Meeting().session.prompts_ahead()}
    meeting = go(step).until(30).send(ev.SayAsked(at=30, key="rules"))
    if step in {"presentation", "consultation", "synthesis"}:
        meeting.send(ev.RemindAsked(at=31))
    meeting.until(60).send(ev.EndAsked(at=60)).until(90)
    assert {fact.text for fact in meeting.of(facts.PromptSpoken)} <= ahead


def test_the_next_words_are_prepared_first_and_none_twice() -> None:
    keys = [key for key, _ in go("synthesis").session.prompts_ahead()]
    assert keys[:4] == ["steps.synthesis.opening", "cues.remaining", "cues.ended", "steps.synthesis.reminder"]
    ahead = Meeting().session.prompts_ahead()
    assert len(set(ahead)) == len(ahead)


def test_a_longer_step_is_prepared_anew() -> None:
    meeting = Meeting().send(ev.StartAsked(at=0), ev.ExtendAsked(at=1, seconds=900))
    assert ("cues.remaining", "cues.remaining for Ana, 300 s") in meeting.session.prompts_ahead()


def test_a_step_too_short_for_it_has_no_remaining_cue_to_prepare() -> None:
    ahead = Meeting(settings=settings({"welcome": 60.0})).session.prompts_ahead()
    assert "cues.remaining" not in [key for key, _ in ahead]


def test_what_happened_to_the_machinery_is_stated() -> None:
    meeting = Meeting().send(
        ev.DeviceLost(at=1, device="vmic"),
        ev.DeviceRecovered(at=2, device="vmic"),
        ev.Warned(at=3, code="disk", message="Le disque est plein."),
    )
    assert [fact.to_line() for fact in meeting.facts] == [
        {"type": "device_lost", "at": 1, "device": "vmic"},
        {"type": "device_recovered", "at": 2, "device": "vmic"},
        {"type": "warning", "at": 3, "code": "disk", "message": "Le disque est plein."},
    ]


LINES = {
    "session_started": {"process", "language"},
    "session_ended": {"process", "language"},
    "consent_given": set(),
    "session_paused": set(),
    "session_resumed": set(),
    "step_started": {"step", "holder", "seconds"},
    "step_extended": {"step", "seconds"},
    "step_ended": {"step", "seconds", "overrun_seconds"},
    "prompt_spoken": {"step", "cue", "text", "due_at", "started_at", "ended_at", "completed"},
    "prompt_withheld": {"step", "cue", "text", "reason"},
    "interruption_flagged": {"step", "kind", "started_at", "evidence", "who", "confidence"},
    "utterance_transcribed": {
        *("id", "stage", "replaces", "step", "text", "started_at", "ended_at", "who", "role", "channel"),
    },
    "contract_agreed": {"text", "agreed_by"},
    "listening_paused": set(),
    "listening_resumed": set(),
    "device_lost": {"device"},
    "device_recovered": {"device"},
    "warning": {"code", "message"},
    "purged": set(),
}
"""The keys that INTERFACE.md names. `file` is the player's to add."""
FURTHER = {
    "prompt_spoken": {"id"},
    "prompt_withheld": {"id", "due_at"},
    "contract_agreed": {"record"},
    "agenda_rebudgeted": {"steps"},
    "device_taken": {"device", "name"},
}
"""Keys and types of ours beyond it."""


def eventful() -> Meeting:
    """Return a meeting in which everything happens."""
    meeting = go("presentation", 10).plan(heard({CLIENT: [(20, 40)], BENOIT: [(25, 28)]})).until(50)
    meeting.send(ev.PauseAsked(at=50), ev.ResumeAsked(at=60), ev.ExtendAsked(at=61, seconds=60))
    meeting.send(ev.ListeningPauseAsked(at=62), ev.ListeningResumeAsked(at=64))
    meeting.send(ev.NextAsked(at=3000), ev.RebudgetAsked(at=3001), ev.NextAsked(at=3002)).until(3010)
    meeting.send(outstanding(1, 3010), utterance(1, "Un.", 3012), ev.RecordMarked(at=3013, record="contract"))
    meeting.send(
        ev.DeviceLost(at=3014, device="vmic"),
        ev.DeviceOffered(at=3014, device="vmic", name="usb", description="USB"),
        ev.DeviceTakeAsked(at=3014, device="vmic"),
        ev.DeviceRecovered(at=3015, device="vmic"),
        ev.Warned(at=3016, code="disk", message="Plein."),
        ev.BackAsked(at=3017),
        ev.EndAsked(at=3020),
    )
    return meeting.until(3100).send(ev.PurgeAsked(at=3100))


def test_the_lines_are_those_of_the_interface() -> None:
    lines = [fact.to_line() for fact in eventful().facts]
    assert {line["type"] for line in lines} == set(LINES) | {"agenda_rebudgeted", "device_taken"}
    for line in lines:
        kind = line["type"]
        assert set(line) == {"type", "at"} | LINES.get(kind, set()) | FURTHER.get(kind, set())
        for value in line.values():
            assert not isinstance(value, float) or value == round(value, 3)


def test_every_fact_has_its_line() -> None:
    kinds = {kind.__name__ for _, kind in inspect.getmembers(facts, inspect.isclass) if issubclass(kind, facts.Fact)}
    stated = {type(fact).__name__ for fact in eventful().facts}
    assert stated == kinds - {"Fact"}


@pytest.mark.parametrize("meeting", [whole(), whole(120), eventful()], ids=["60", "120", "eventful"])
def test_time_does_not_go_back_and_what_begins_ends(meeting: Meeting) -> None:
    times = [fact.at for fact in meeting.facts]
    assert times == sorted(times)
    steps = [fact for fact in meeting.facts if isinstance(fact, facts.StepStarted | facts.StepEnded)]
    for started, ended in zip(steps[::2], steps[1::2], strict=True):
        assert isinstance(started, facts.StepStarted)
        assert isinstance(ended, facts.StepEnded)
        assert started.step == ended.step
    for spoken in meeting.of(facts.PromptSpoken):
        assert spoken.due_at <= spoken.started_at <= spoken.ended_at == spoken.at


def test_a_snapshot_tells_what_can_be_done() -> None:
    """The reminder where somebody holds the floor, what may be said, and which record may still change by whom."""
    meeting = go("consultation", 10, settings=settings(channels=("call",)))
    shown = meeting.session.snapshot(20.0)
    assert shown.reminder == "steps.consultation.reminder for Benoît+Dalia, 0 s"
    assert (shown.sayable, shown.channels) == (("rules", "objectives", "silence"), ("call",))
    contract = shown.records["contract"]
    assert (contract.title, contract.owner, contract.open) == (
        "documents.contract.title for Benoît+Dalia, 0 s",
        "Camille",
        True,
    )
    shown = meeting.send(ev.NextAsked(at=30), ev.NextAsked(at=31)).session.snapshot(32.0)
    assert (shown.reminder, shown.records["contract"].open, shown.records["plan"].open) == (None, False, True)


def test_a_session_without_listening_shows_no_channel() -> None:
    shown = go("welcome", consent=False, settings=settings(listens=False, channels=("call",))).session.snapshot(1.0)
    assert shown.channels == ()


def test_a_snapshot_shows_the_devices_that_do_not_answer() -> None:
    meeting = go("welcome").send(ev.DeviceLost(at=1, device="vmic"), ev.DeviceLost(at=1, device="call"))
    assert meeting.session.snapshot(2.0).lost == ("call", "vmic")
    assert meeting.send(ev.DeviceRecovered(at=3, device="vmic")).session.snapshot(4.0).lost == ("call",)


def test_a_snapshot_tells_where_we_are() -> None:
    meeting = go("contract", 10).send(utterance(1, "Un.", 20)).until(130)
    shown = meeting.session.snapshot(130.0)
    assert (shown.step, shown.title, shown.who) == (
        "contract",
        "steps.contract.title for Camille, 0 s",
        "steps.contract.who for Camille, 0 s",
    )
    assert (shown.holder, shown.rights, shown.written_down) == ("client", "exchange", "contract")
    assert (shown.planned_seconds, shown.elapsed_seconds, shown.left_seconds) == (300, 120, 180)
    assert (shown.overrun_seconds, shown.following) == (0, "consultation")
    assert shown.ends_at == 10 + 3600
    assert shown.expected_end == 10 + 300 + 17 * 60 + 7 * 60 + 8 * 60
    assert [(view.id, view.when) for view in shown.steps][2:5] == [
        ("clarification", "past"),
        ("contract", "present"),
        ("consultation", "to_come"),
    ]
    assert shown.rebudget is None
    assert meeting.session.snapshot(400).overrun_seconds == 90


def test_a_snapshot_shows_what_is_said_and_what_waits() -> None:
    meeting = Meeting().send(ev.StartAsked(at=0), ev.SayAsked(at=0.1, text="Bonjour."))
    shown = meeting.session.snapshot(1)
    assert shown.speaking == "steps.welcome.opening for Ana, 300 s"
    assert shown.pending == ("Bonjour.",)
    assert [field.name for field in dataclasses.fields(Snapshot)][:3] == ["at", "phase", "listening"]


def test_before_the_start_all_time_is_left() -> None:
    shown = Meeting().session.snapshot(30)
    assert (shown.phase, shown.step, shown.left_seconds, shown.expected_end) == ("ready", "welcome", 300, 3630)
    assert shown.ends_at == 3630
    assert shown.rebudget is None


def test_actions_are_given_once() -> None:
    session = Meeting().session
    session.receive(ev.StartAsked(at=0))
    assert len(session.take_actions()) >= 2
    assert session.take_actions() == ()


def test_after_a_purge_nothing_of_what_was_written_down_or_said_is_held() -> None:
    words = "J'aimerais dire non."
    meeting = go("contract", 10).send(utterance(1, words, 20)).until(30)
    meeting.send(
        ev.RecordEdited(at=31, record="contract", text=words),
        ev.RecordMarked(at=32, record="contract"),
        ev.ReadBackAsked(at=33, record="contract"),
        ev.EndAsked(at=34),
        ev.EndAsked(at=35),
    ).until(80)
    session = meeting.session
    assert session.ended
    assert words in repr(session.durable())
    meeting.send(ev.PurgeAsked(at=81), outstanding(2, 82), utterance(2, words, 83))
    assert words not in repr(session.snapshot(84.0))
    assert words not in repr(session.durable())
    assert session.snapshot(84.0).records["contract"].utterances == ()
    assert [fact.type for fact in meeting.facts if fact.at > 80] == ["purged"]
    meeting.send(ev.PurgeAsked(at=85))
    assert words.encode() not in pickle.dumps(session._state)
