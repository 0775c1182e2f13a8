"""`facilitator demo`, the whole pipeline: made, heard, spoken, written down, with the network cut."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from facilitator.demo import Script, load_script
from speech.sound import read_wav

pytestmark = pytest.mark.e2e

NO_NETWORK = ("unshare", "--net", "--map-root-user") if shutil.which("unshare") else ()
PLANNED = {"fr": ("talk_over", "Thomas", "cut", "Nadia"), "en": ("talk_over", "Thomas", "cut", "Nadia")}


def hold(out: Path, *arguments: str) -> list[dict[str, Any]]:
    """Run the demo in a network namespace of its own and return its events."""
    command = [*NO_NETWORK, sys.executable, "-m", "facilitator", "demo", "--out", str(out), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return [json.loads(line) for line in (out / "events.jsonl").read_text(encoding="utf-8").splitlines()]


def of(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == kind]


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def said_in(script: Script, step: str) -> list[str]:
    return [line.say for one in script.steps if one.id == step for line in one.lines if line.say]


@pytest.mark.parametrize("language", ["fr", pytest.param("en", marks=pytest.mark.soak)])
def test_the_demo_holds_a_whole_session(tmp_path: Path, language: str) -> None:
    """Steps in order, due prompts spoken or withheld, exactly the scripted interruptions, texts word for word."""
    script = load_script(language)
    events = hold(tmp_path / "out", "--language", language, "--speed", "max")
    assert all(before["at"] <= after["at"] for before, after in pairwise(events))
    assert [event["step"] for event in of(events, "step_started")] == [step.id for step in script.steps]
    assert [event["step"] for event in of(events, "step_ended")] == [step.id for step in script.steps]
    assert of(events, "session_ended")
    assert not of(events, "warning")

    outcomes = [*of(events, "prompt_spoken"), *of(events, "prompt_withheld")]
    assert len({event["id"] for event in outcomes}) == len(outcomes)
    for step in script.steps:
        assert [e["cue"] for e in outcomes if e["step"] == step.id].count("opening") == 1
    overrun = [event["step"] for event in of(events, "step_ended") if event["overrun_seconds"] > 0]
    assert overrun == ["presentation"]
    assert [e["step"] for e in outcomes if e["cue"] == "ended"] == ["presentation"]
    assert [e["step"] for e in outcomes if e["cue"] == "remaining"] == ["consultation"]
    assert all(event["completed"] for event in of(events, "prompt_spoken"))
    for event in of(events, "prompt_spoken"):
        sound = read_wav(tmp_path / "out" / event["file"])
        assert sound.seconds == pytest.approx(event["ended_at"] - event["started_at"], abs=0.01)

    flags = of(events, "interruption_flagged")
    assert tuple(value for flag in flags for value in (flag["kind"], flag["who"])) == PLANNED[language]
    assert {flag["step"] for flag in flags} == {"presentation"}

    for step, record in (("contract", "contract"), ("synthesis", "plan")):
        written = [e for e in of(events, "utterance_transcribed") if e["step"] == step]
        for stage in ("live", "final_pass"):
            spoken = [e["text"] for e in written if e["stage"] == stage]
            assert [words(text) for text in spoken] == [words(text) for text in said_in(script, step)]
        assert of(events, f"{record}_agreed")
        document = (tmp_path / "out" / f"{record}.md").read_text(encoding="utf-8")
        agreed = of(events, f"{record}_agreed")[-1]["text"].splitlines()
        assert all(words(line) == words(line) and " ".join(words(line)) in " ".join(words(document)) for line in agreed)
    assert {event["step"] for event in of(events, "utterance_transcribed")} == {"contract", "synthesis"}


@pytest.mark.soak
def test_the_demo_runs_at_the_speed_asked_for(tmp_path: Path) -> None:
    """At twenty times real time the same session is held, and the fast voice of the clock changes no decision.

    Only the end may come later, since it waits for the recognizer, which is no faster.
    """
    fast = hold(tmp_path / "fast", "--speed", "max")
    paced = hold(tmp_path / "paced", "--speed", "20")
    texts = {"utterance_transcribed", "contract_agreed", "plan_agreed", "document_written"}

    def decided(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        timeless = [{**event, "at": 0.0} if event["type"] == "session_ended" else event for event in events]
        return [event for event in timeless if event["type"] not in texts]

    assert decided(fast) == decided(paced)
    for stage in ("live", "final_pass"):
        texts_of = [
            [e["text"] for e in of(events, "utterance_transcribed") if e["stage"] == stage] for events in (fast, paced)
        ]
        assert texts_of[0] == texts_of[1]
