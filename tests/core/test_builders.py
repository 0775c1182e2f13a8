"""The core's doubles say what they are meant to say."""

from __future__ import annotations

import tomllib
from pathlib import Path

from facilitator.core import events as ev
from facilitator.core.process import Cue
from tests.core.builders import FakeWording, Meeting, codev, heard

ROOT = Path(__file__).resolve().parents[2]


def test_codev_here_is_codev_of_the_file() -> None:
    file = tomllib.loads((ROOT / "prompts" / "codev" / "process.toml").read_text(encoding="utf-8"))
    process = codev()
    assert [step["id"] for step in file["steps"]] == [step.id for step in process.steps]
    for entry, step in zip(file["steps"], process.steps, strict=True):
        assert {int(length): minutes for length, minutes in entry["minutes"].items()} == dict(step.minutes)
        assert (entry.get("holder"), entry["rights"]) == (step.holder, step.rights.value)
        assert entry.get("written_down") == step.written_down
        assert entry.get("cues", True) == step.cues
        assert entry.get("replies", False) == step.replies
    for cue in Cue:
        entry = file["courtesy"][cue.value]
        there = process.courtesy[cue]
        assert entry["silence"] == there.silence_seconds
        assert (entry["held"], entry["deadline"]) == (there.held_silence_seconds, there.deadline_seconds)
    assert tuple(file["remaining"]["minutes"]) == process.remaining_minutes
    assert file["remaining"]["share"] == process.remaining_share
    assert file["roles"] == list(process.roles)
    assert set(file["may_always_speak"]) == process.may_always_speak
    for name, rule in file["records"].items():
        assert (rule["owner"], rule.get("open_until")) == (
            process.records[name].owner,
            process.records[name].open_until,
        )


def test_fake_wording_shows_key_holder_time_and_words() -> None:
    wording = FakeWording()
    names = {"client": ("Camille",), "consultant": ()}
    assert wording.text("k", names=names, holder="client", seconds=90.0) == "k for Camille, 90 s"
    assert wording.text("k", names=names, holder="consultant") == "k for consultant, 0 s"
    assert wording.text("k", names=names, holder=None, words="hello") == "k for nobody, 0 s: hello"


def test_heard_tells_a_voice_as_the_detector_does() -> None:
    told = [(type(event).__name__, round(event.at, 3), event.since) for event in heard({"a": [(1.0, 2.0)]})]
    assert told == [
        ("VoiceRose", 1.032, 1.0),
        ("SpeechStarted", 1.096, 1.0),
        ("VoiceFell", 2.032, 2.0),
        ("SpeechEnded", 2.4, 2.0),
    ]


def test_heard_keeps_speech_together_across_a_short_gap_and_a_click_is_no_speech() -> None:
    short = heard({"a": [(1.0, 2.0), (2.2, 3.0)]})
    assert [type(event).__name__ for event in short].count("SpeechStarted") == 1
    assert [type(event).__name__ for event in heard({"a": [(1.0, 1.05)]})] == ["VoiceRose", "VoiceFell"]


def test_meeting_says_each_prompt_with_its_latency_and_length() -> None:
    meeting = Meeting().send(ev.StartAsked(at=1.0)).until(10.0)
    spoken = [fact for fact in meeting.facts if fact.type == "prompt_spoken"]
    assert [(fact.started_at, fact.ended_at, fact.completed) for fact in spoken] == [(1.05, 3.05, True)]
