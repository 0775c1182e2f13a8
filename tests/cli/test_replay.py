"""`facilitator replay`: the same call gives the same events at every speed, and an interrupt leaves no traceback."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from facilitator.demo import Script, make_call
from tests.cli.command import command, environment, facilitator

SCRIPT = Script.model_validate(
    {
        "language": "fr",
        "address": "tu",
        "speakers": {
            "Isabelle": {"role": "animator", "voice": "fr+f1", "pitch": 45},
            "Camille": {"role": "client", "voice": "fr+f2", "pitch": 55},
            "Karim": {"role": "consultant", "voice": "fr+m3", "pitch": 40},
        },
        "steps": [
            {
                "id": "presentation",
                "minutes": 0.2,
                "lines": [
                    {"who": "Camille", "say": "Je dirige une petite équipe technique depuis la rentrée."},
                    {"who": "Karim", "say": "Oui.", "over": 1.5},
                    {
                        "who": "Camille",
                        "say": "Une personne de l'équipe travaillait là bien avant moi, et je m'appuie sur elle.",
                    },
                    {"who": "Karim", "say": "Attends, est-ce qu'elle avait demandé ton poste ?", "over": 2.0},
                    {"pause": 3.0},
                ],
            },
            {
                "id": "contract",
                "minutes": 0.2,
                "lines": [
                    {"who": "Camille", "say": "J'aimerais préparer l'entretien avec Sophie."},
                    {"command": "mark_contract", "agreed_by": "Camille"},
                    {"who": "Isabelle", "say": "Merci Camille."},
                    {"pause": 3.0},
                ],
            },
        ],
    }
)


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recorded call of three people, about 25 s long."""
    openings = {"presentation": 4.0, "contract": 4.0}
    return asyncio.run(make_call(SCRIPT, openings, tmp_path_factory.mktemp("call"), lambda *_: None))


DOCUMENTS = [f"{name}.{ending}" for name in ("contract", "plan") for ending in ("md", "docx", "pdf")]


def events(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]


def test_without_a_model_a_call_gives_the_same_events_again_and_at_another_speed(call: Path, tmp_path: Path) -> None:
    written = []
    for place, speed in (("first", "max"), ("again", "max"), ("slower", "20")):
        (tmp_path / place).mkdir()
        done = facilitator("replay", call, "--out", "out", "--speed", speed, cwd=tmp_path / place)
        assert (done.code, done.err) == (0, "")
        assert "La séance est terminée." in done.out
        assert done.out.endswith("".join(f"Écrit : out/{name}\n" for name in DOCUMENTS))
        written.append((tmp_path / place / "out" / "events.jsonl").read_bytes())
        found = [tmp_path / place / "out", *(tmp_path / place / "out").rglob("*")]
        assert [path for path in found if path.stat().st_mode & 0o077] == [], (
            "names and sentences are for the user alone"
        )
    assert written[0] == written[1]
    assert written[0].decode().splitlines() == written[2].decode().splitlines()
    out = tmp_path / "first" / "out"
    lines = events(out)
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    assert [line["code"] for line in lines if line["type"] == "warning"] == ["no_model", "nothing_to_mark"]
    assert [line["step"] for line in lines if line["type"] == "step_started"] == ["presentation", "contract"]
    assert [(line["kind"], line["who"]) for line in lines if line["type"] == "interruption_flagged"] == [
        ("talk_over", "Karim")
    ]
    prompts = [line for line in lines if line["type"] == "prompt_spoken"]
    assert {line["file"] for line in prompts} == {f"prompts/{path.name}" for path in (out / "prompts").iterdir()}
    assert len(prompts) >= 2
    assert [line["path"] for line in lines if line["type"] == "document_written"] == [f"out/{n}" for n in DOCUMENTS]
    assert "non transcrit" in (out / "contract.md").read_text(encoding="utf-8")
    assert not [line for line in lines if line["type"] == "utterance_transcribed"]


@pytest.mark.parametrize("when", ["while it renders", "while it plays"])
def test_an_interrupt_leaves_no_traceback_and_no_process(call: Path, tmp_path: Path, when: str) -> None:
    changes = {"XDG_CACHE_HOME": str(tmp_path / "cache")} if when == "while it renders" else None
    process = subprocess.Popen(
        command("replay", call, "--out", "out", "--speed", "1"),
        cwd=tmp_path,
        env=environment(changes),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    log, deadline = tmp_path / "out" / "events.jsonl", time.monotonic() + 60
    while not (log.is_file() and (when == "while it renders" or log.stat().st_size)):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in out + err
    assert err in {"", "\n"}
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
