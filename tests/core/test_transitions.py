"""Every phase, every event, every state of listening, against a table written here by hand."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import pytest

from facilitator.core import events as ev
from facilitator.core.errors import IllegalEventError
from facilitator.core.items import Item
from facilitator.core.transitions import AFTER_CLOSING, LISTENING, PHASES, Listening, Phase, next_states
from tests.core.builders import Meeting, go, outstanding, settings, utterance

EVENTS: dict[str, dict[str, Any]] = {
    "Tick": {},
    "StartAsked": {},
    "NextAsked": {},
    "BackAsked": {},
    "PauseAsked": {},
    "ResumeAsked": {},
    "ExtendAsked": {"seconds": 60.0},
    "EndAsked": {},
    "ConsentGiven": {},
    "ListeningPauseAsked": {},
    "ListeningResumeAsked": {},
    "HushAsked": {},
    "DeviceTakeAsked": {"device": "vmic"},
    "SayAsked": {"text": "Bonjour."},
    "RemindAsked": {},
    "ReadBackAsked": {"record": "contract"},
    "RecordMarked": {"record": "contract"},
    "RecordEdited": {"record": "contract", "text": "Autrement."},
    "CorrectionUndone": {"record": "contract"},
    "RebudgetAsked": {},
    "TimeChangeUndone": {},
    "FactsAsked": {"shown": False},
    "PurgeAsked": {},
    "ChannelOpened": {"channel": "camille"},
    "VoiceRose": {"channel": "camille", "since": 0.0},
    "VoiceFell": {"channel": "camille", "since": 0.0},
    "SpeechStarted": {"channel": "camille", "since": 0.0},
    "SpeechEnded": {"channel": "camille", "since": 0.0},
    "OtherVoiceHeard": {"channel": "call", "since": 0.0, "kind": "talk_over", "probability": 0.9},
    "DetectorFailed": {"channel": "call"},
    "UtteranceHeard": {
        "channel": "camille",
        "id": "u9",
        "record": "contract",
        "step": "contract",
        "started_at": 0.0,
        "ended_at": 1.0,
    },
    "UtteranceWritten": {
        "channel": "camille",
        "id": "u9",
        "record": "contract",
        "step": "contract",
        "stage": "live",
        "text": "",
        "started_at": 0.0,
        "ended_at": 1.0,
    },
    "AudioEnded": {},
    "FinalPassBegan": {},
    "FinalPassEnded": {},
    "PromptReady": {"prompt_id": "nothing"},
    "PromptStarted": {"prompt_id": "nothing"},
    "PromptEnded": {"prompt_id": "nothing", "completed": True},
    "PromptFailed": {"prompt_id": "nothing", "reason": "voice_failed"},
    "ComputerSlept": {},
    "DeviceLost": {"device": "vmic"},
    "DeviceRecovered": {"device": "vmic"},
    "DeviceOffered": {"device": "vmic", "name": "desk", "description": "Desk"},
    "Warned": {"code": "disk", "message": "Attention."},
}
"""Every event, with values that are right in the step where `at_phase` stands."""

WORLD = {
    *(
        "Tick",
        "ChannelOpened",
        "VoiceRose",
        "VoiceFell",
        "SpeechStarted",
        "SpeechEnded",
        "OtherVoiceHeard",
        "DetectorFailed",
        "UtteranceHeard",
        "UtteranceWritten",
        "FinalPassBegan",
        "FinalPassEnded",
    ),
    *("PromptReady", "PromptStarted", "PromptEnded", "PromptFailed", "DeviceLost", "DeviceRecovered"),
    *("DeviceOffered", "Warned", "ComputerSlept"),
}
"""The world does not ask."""

EXPECTED = """
event                | ready | running | paused  | closing | ended
StartAsked           | running | -     | -       | - | -
NextAsked            | -     | running | -       | - | -
BackAsked            | -     | running | -       | - | -
PauseAsked           | -     | paused  | -       | - | -
ResumeAsked          | -     | -       | running | - | -
ExtendAsked          | -     | running | paused  | - | -
EndAsked             | ended | closing | closing | closing | -
ConsentGiven         | ready | running | paused  | - | -
ListeningPauseAsked  | ready | running | paused  | closing | -
ListeningResumeAsked | ready | running | paused  | - | -
HushAsked            | -     | running | paused  | closing | -
DeviceTakeAsked      | ready | running | paused  | closing | -
SayAsked             | -     | running | paused  | - | -
RemindAsked          | -     | running | -       | - | -
ReadBackAsked        | -     | running | paused  | - | -
RecordMarked         | -     | running | paused  | - | -
RecordEdited         | -     | running | paused  | - | -
CorrectionUndone     | -     | running | paused  | - | -
RebudgetAsked        | -     | running | paused  | - | -
TimeChangeUndone     | -     | running | paused  | - | -
FactsAsked           | -     | running | paused  | - | -
AudioEnded           | ended | closing | closing | closing | -
PurgeAsked           | -       | -       | -       | -       | ended
"""

LISTEN = {
    ("unasked", "ConsentGiven"): "on",
    ("on", "ListeningPauseAsked"): "paused",
    ("paused", "ListeningResumeAsked"): "on",
}
ABOUT_LISTENING = {"ConsentGiven", "ListeningPauseAsked", "ListeningResumeAsked"}


def table() -> dict[tuple[str, str], str]:
    head, *rows = [[cell.strip() for cell in line.split("|")] for line in EXPECTED.strip().splitlines()]
    return {(phase, row[0]): cell for row in rows for phase, cell in zip(head[1:], row[1:], strict=True) if cell != "-"}


def expected(phase: Phase, listening: Listening, name: str) -> tuple[str, str] | str:
    """Return the phase and listening that follow, or the code of the refusal."""
    if name in WORLD:
        return phase.value, listening.value
    following = table().get((phase.value, name))
    if following is None:
        return "not_now"
    if name not in ABOUT_LISTENING:
        return following, listening.value
    if listening is Listening.NEVER:
        return "listening_never"
    heard = LISTEN.get((listening.value, name))
    return "listening_already" if heard is None else (following, heard)


def event(name: str, at: float) -> ev.Event:
    made: ev.Event = getattr(ev, name)(at=at, **EVENTS[name])
    return made


EVERY = [(phase, listening, name) for phase in Phase for listening in Listening for name in EVENTS]


def test_the_tables_here_know_every_event_and_phase() -> None:
    classes = {
        name
        for name, kind in inspect.getmembers(ev, inspect.isclass)
        if issubclass(kind, ev.Event) and kind not in {ev.Event, ev.ChannelEvent}
    }
    assert set(EVENTS) == classes
    assert {name for _, name in table()} == classes - WORLD
    assert set(PHASES) == set(Phase)
    assert set(LISTENING) == set(Listening)
    assert AFTER_CLOSING is Phase.ENDED


@pytest.mark.parametrize(("phase", "listening", "name"), EVERY)
def test_the_table(phase: Phase, listening: Listening, name: str) -> None:
    wanted = expected(phase, listening, name)
    if isinstance(wanted, str):
        with pytest.raises(IllegalEventError) as refusal:
            next_states(phase, listening, event(name, 0.0))
        assert refusal.value.code == str(refusal.value) == wanted
    else:
        assert next_states(phase, listening, event(name, 0.0)) == wanted


AT = 3000.0
"""When the events under test arrive: late enough for a re-budget."""


def offered(at: float) -> list[ev.Event]:
    """Return how another device comes to be offered."""
    return [event("DeviceLost", at), event("DeviceOffered", at)]


def at_phase(phase: Phase, listening: Listening) -> Meeting:
    """Return a session in the consultation, late, with a contract written, as far as the phase allows."""
    early = [ev.ConsentGiven(at=0)] if listening in {Listening.ON, Listening.PAUSED} else []
    chosen = settings(listens=listening is not Listening.NEVER)
    if phase is Phase.READY:
        paused = [ev.ListeningPauseAsked(at=0)] if listening is Listening.PAUSED else []
        return Meeting(settings=chosen).send(*early, *paused, *offered(0.0))
    meeting = go("consultation", consent=bool(early), settings=chosen)
    meeting.send(utterance(1, "Je voudrais.", 10.0))
    meeting.send(ev.RecordEdited(at=11.0, record="contract", text="J'aimerais."))
    meeting.until(AT - 20)
    if listening is Listening.PAUSED:
        meeting.send(ev.ListeningPauseAsked(at=AT - 15))
    if phase in {Phase.RUNNING, Phase.PAUSED}:
        meeting.send(ev.ExtendAsked(at=AT - 12, seconds=60))
    if phase is Phase.PAUSED:
        meeting.send(ev.PauseAsked(at=AT - 10))
    if phase is Phase.CLOSING:
        meeting.send(outstanding(2, AT - 9), ev.EndAsked(at=AT - 8))
    if phase is Phase.ENDED:
        meeting.send(ev.EndAsked(at=AT - 25))
    return meeting.send(*offered(AT - 5)).until(AT - 1)


@pytest.mark.parametrize(("phase", "listening", "name"), EVERY)
def test_a_session_follows_the_table_and_a_refused_event_changes_nothing(
    phase: Phase, listening: Listening, name: str
) -> None:
    meeting = at_phase(phase, listening)
    session = meeting.session
    before = session.snapshot(AT)
    shown = "paused" if (phase, listening) == (Phase.ENDED, Listening.ON) else listening.value  # nothing is captured
    assert (before.phase, before.listening) == (phase.value, shown)
    inside, deadline = pickle.dumps(session._state), session.next_deadline()
    wanted = expected(phase, listening, name)
    if isinstance(wanted, str):
        with pytest.raises(IllegalEventError, match=wanted):
            session.receive(event(name, AT))
        assert session.take_actions() == ()
        assert session.snapshot(AT) == before
        assert session.next_deadline() == deadline
        assert pickle.dumps(session._state) == inside
    else:
        session.receive(event(name, AT))
        after = session.snapshot(AT)
        assert session._state.listening.value == wanted[1]
        silent = {"AudioEnded", "EndAsked", "Tick"}
        assert after.phase == wanted[0] or (after.phase == "ended" and wanted[0] == "closing" and name in silent)


@pytest.mark.parametrize(
    ("step", "asked", "code"),
    [
        ("evaluation", ev.NextAsked(at=5), "last_step"),
        ("welcome", ev.BackAsked(at=5), "first_step"),
        ("welcome", ev.ExtendAsked(at=5, seconds=0), "no_time"),
        ("welcome", ev.ExtendAsked(at=5, seconds=-60), "no_time"),
        ("welcome", ev.ExtendAsked(at=5, seconds=float("nan")), "no_time"),
        ("welcome", ev.SayAsked(at=5, key="joke"), "no_such_prompt"),
        ("welcome", ev.RemindAsked(at=5), "nobody_holds"),
        ("welcome", ev.ReadBackAsked(at=5, record="poem"), "no_such_record"),
        ("welcome", ev.ReadBackAsked(at=5, record="plan"), "nothing_written"),
        ("welcome", ev.RecordMarked(at=5, record="poem"), "no_such_record"),
        ("welcome", ev.RecordMarked(at=5, record="plan"), "nothing_to_mark"),
        ("welcome", ev.RecordMarked(at=5, record="plan", whole=True), "nothing_to_mark"),
        ("welcome", ev.RecordMarked(at=5, record="plan", utterances=("u1",)), "no_such_utterance"),
        ("welcome", ev.RecordEdited(at=5, record="poem", text="x"), "no_such_record"),
        ("welcome", ev.RecordEdited(at=5, record="plan", text=" \n"), "nothing_written"),
        ("welcome", ev.RecordEdited(at=5, record="plan"), "nothing_written"),
        ("welcome", ev.RecordEdited(at=5, record="plan", items=(Item("Un."), Item(" "))), "nothing_written"),
        ("welcome", ev.RecordEdited(at=5, record="plan", utterances=("u1",)), "no_such_utterance"),
        ("welcome", ev.CorrectionUndone(at=5, record="poem"), "no_such_record"),
        ("welcome", ev.CorrectionUndone(at=5, record="plan"), "nothing_to_undo"),
        ("synthesis", ev.CorrectionUndone(at=5, record="contract"), "record_closed"),
        ("synthesis", ev.RecordEdited(at=5, record="contract", text="x"), "record_closed"),
        ("synthesis", ev.RecordMarked(at=5, record="contract"), "record_closed"),
        ("welcome", ev.RebudgetAsked(at=5), "on_time"),
        ("evaluation", ev.RebudgetAsked(at=3600), "on_time"),
        ("welcome", ev.TimeChangeUndone(at=5), "time_unchanged"),
        ("presentation", ev.FactsAsked(at=5, shown=True), "no_facts_here"),
        ("presentation", ev.DeviceTakeAsked(at=5, device="call"), "no_other_device"),
    ],
)
def test_what_the_tables_allow_may_still_be_refused(step: str, asked: ev.Event, code: str) -> None:
    meeting = go(step).until(4)
    before, inside = meeting.session.snapshot(5), pickle.dumps(meeting.session._state)
    with pytest.raises(IllegalEventError) as refusal:
        meeting.session.receive(asked)
    assert refusal.value.code == code
    assert meeting.session.snapshot(5) == before
    assert meeting.session.take_actions() == ()
    assert pickle.dumps(meeting.session._state) == inside


def test_nothing_said_yet_cannot_be_said_again() -> None:
    meeting = Meeting(ready_seconds=None).send(ev.StartAsked(at=0))
    with pytest.raises(IllegalEventError, match="nothing_said"):
        meeting.send(ev.SayAsked(at=1))


@pytest.mark.parametrize("step", ["contract", "consultation"])
def test_the_contract_is_open_to_the_end_of_the_consultation(step: str) -> None:
    meeting = go(step).send(ev.RecordEdited(at=5, record="contract", text="Aidez-moi."))
    assert meeting.session.snapshot(5).records["contract"].text == "Aidez-moi."


def test_a_record_whose_last_step_is_not_held_stays_open() -> None:
    meeting = go("synthesis", settings=settings({"contract": 60.0, "synthesis": 60.0}))
    meeting.send(ev.RecordEdited(at=5, record="contract", text="Aidez-moi."))
    assert meeting.session.snapshot(5).records["contract"].text == "Aidez-moi."


def test_time_never_goes_back() -> None:
    meeting = Meeting().send(ev.StartAsked(at=10))
    meeting.session.receive(ev.NextAsked(at=3))
    assert meeting.session.now == 10
    ended, started = [action.fact for action in meeting.session.take_actions() if hasattr(action, "fact")][-2:]
    assert (ended.at, started.at) == (10, 10)
    assert meeting.session.snapshot(1).at == 10
