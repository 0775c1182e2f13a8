"""`facilitator transcribe`: what was kept as sound is written down, step by step, and the sound is gone."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from facilitator.core import events as ev
from facilitator.store.contents import chosen_entry, course_entry, text_entry
from facilitator.store.folder import Sessions
from facilitator.store.keys import FileVault, Keys
from facilitator.store.sound import About, KeptSound
from tests.cli.command import ROOT, Done, command, environment, facilitator
from tests.speech.voices import speak
from tests.store.meetings import BEGAN, chosen, session

SAID = ("ma demande au groupe c'est de préparer l'entretien avec Sophie", "le contrat me convient")
Do = Callable[..., Done]


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a user without a keyring, a model or a configuration."""
    homes = {f"XDG_{name}_HOME": str(tmp_path / name.lower()) for name in ("CONFIG", "CACHE", "DATA", "STATE")}
    return {**homes, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    own = "codev-facilitator"
    return Sessions(tmp_path / "data" / own / "sessions", Keys([FileVault(tmp_path / "state" / own / "keys")]))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return a model of the user's own; the demo model is refused by its place."""
    return Path(shutil.copytree(ROOT / "models" / "demo", tmp_path / "model"))


@pytest.fixture
def do(tmp_path: Path, home: dict[str, str]) -> Do:
    def run(*arguments: str | Path) -> Done:
        return facilitator(*arguments, cwd=tmp_path, changes=home)

    return run


def kept(sessions: Sessions, *said: str, ended: bool = True) -> str:
    """Return the name of a session that heard `said` in its contract step, and had no model."""
    meeting = session()
    events: list[ev.Event] = [ev.ConsentGiven(at=0.0), ev.StartAsked(at=1.0), *[ev.NextAsked(at=2.0)] * 3]
    for event in events:
        meeting.receive(event)
    store = sessions.create(BEGAN)
    for place, text in enumerate(said, 1):
        at, name = 10.0 * place, f"u{place:03d}"
        about = About(id=name, channel="call", record="contract", step="contract", started_at=at, ended_at=at + 4)
        meeting.receive(ev.UtteranceHeard(at=at + 4, **about.model_dump()))
        store.keep_sound(KeptSound(about, speak(text, "fr")).to_bytes())
        meeting.receive(ev.UtteranceWritten(at=at + 4, stage="live", text=None, **about.model_dump()))
    if ended:
        meeting.receive(ev.EndAsked(at=900.0))
        meeting.receive(ev.EndAsked(at=901.0))
        meeting.receive(ev.Tick(at=902.0))
        assert meeting.ended
    durable = meeting.durable()
    texts = [text_entry(name, record) for name, record in durable.records.items()]
    store.append(chosen_entry(chosen()), *texts, course_entry(durable.at, BEGAN.timestamp(), durable.course))
    store.close(for_good=ended)
    store.mark()
    return store.session


@pytest.mark.parametrize("ended", [True, False])
def test_what_was_kept_is_written_down_and_the_sound_is_gone(
    do: Do, sessions: Sessions, model: Path, tmp_path: Path, *, ended: bool
) -> None:
    name = kept(sessions, *SAID, ended=ended)
    assert sessions.read(name).durable.records["contract"].text == ""
    assert "2 to write down" in do("sessions", "list").out
    early = do("sessions", "export", name, "--to", "early")
    assert early.code == 0
    assert f"`facilitator transcribe {name}` writes them down first" in early.err
    done = do("transcribe", name, "--model", model)
    assert done.code == 0, done.err
    assert done.out == "Utterances written down: 2. Their sound is deleted.\n"
    assert f"facilitator sessions export {name}" in done.err
    found = sessions.read(name)
    assert found.waiting == 0
    assert [path.suffix for path in (tmp_path / "state").rglob("*") if path.is_file()] != []
    assert list((tmp_path / "state").rglob("*.sound")) == []
    record = found.durable.records["contract"]
    assert [one.stage for one in record.spoken] == ["final_pass", "final_pass"]
    assert "entretien avec Sophie" in record.text
    assert record.text.endswith("ontrat me convient.")
    assert found.ended is ended
    done = do("sessions", "export", name, "--to", "out")
    assert done.err == ""
    text = (tmp_path / "out" / "contract.md").read_text(encoding="utf-8")
    assert "entretien avec Sophie" in text
    assert "à valider" in text
    assert "non transcrit" not in text


def test_a_killed_transcription_loses_nothing_and_goes_on(
    do: Do, sessions: Sessions, model: Path, tmp_path: Path, home: dict[str, str]
) -> None:
    name = kept(sessions, *SAID * 4)
    (mark,) = (tmp_path / "state").rglob("*.mark")
    before = mark.stat().st_mtime_ns
    process = subprocess.Popen(
        command("transcribe", name, "--model", model),
        cwd=tmp_path, env=environment(home), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while mark.stat().st_mtime_ns == before:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    part = sessions.read(name)
    written = len(part.durable.records["contract"].spoken)
    assert 0 < written < 8
    assert written + part.waiting == 8
    done = do("transcribe", name, "--model", model)
    assert done.code == 0, done.err
    assert done.out.startswith(f"Utterances written down: {8 - written}.")
    found = sessions.read(name)
    assert (len(found.durable.records["contract"].spoken), found.waiting) == (8, 0)


def test_damaged_sound_costs_itself_alone(do: Do, sessions: Sessions, model: Path) -> None:
    name = kept(sessions, *SAID)
    store, _ = sessions.open(name)
    with store._transaction():
        store._connection.execute("UPDATE sounds SET ciphertext=? WHERE place=1", (b"noise" * 20,))
    store.close()
    done = do("transcribe", name, "--model", model)
    assert done.code == 0, done.err
    assert done.out.startswith("Utterances written down: 1.")
    assert "damaged" in done.err
    assert sessions.read(name).waiting == 0


def test_what_cannot_be_done_is_one_sentence(do: Do, sessions: Sessions, tmp_path: Path) -> None:
    name = kept(sessions)
    assert do("transcribe", name).sentence == f"No sound of the session {name} waits to be written down."
    assert "did you mean" in do("transcribe", name + "0").sentence
    other = kept(sessions, SAID[0])
    done = do("transcribe", other)
    assert done.code == 2
    assert "facilitator models pull" in done.sentence
    assert "demo model" in do("transcribe", other, "--model", "demo").sentence
    assert do("transcribe", other, "--model", tmp_path / "none").code == 2
    assert sessions.read(other).waiting == 1, "a refusal costs no sound"
