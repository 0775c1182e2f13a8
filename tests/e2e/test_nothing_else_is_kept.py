"""The promise: of all that is said, the words of the contract and of the plan exist somewhere, and no others do.

A sentence that the model writes down well is said in each step, with a name that is said in no other. Afterwards
everything is searched for each name: what the service sent, the session's store decrypted and as bytes, what the
process printed, every file that it left, and the documents. It takes as long as seven sentences and a final pass do.
"""

from __future__ import annotations

import asyncio
import io
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pypdf
import pytest

from facilitator.store.folder import Sessions
from facilitator.store.keys import FileVault, Keys
from speech.ports import RATE_HZ, Sound
from speech.recognition.whisper import WhisperRecognizer
from speech.sound import write_wav
from tests.e2e.live import ROOT, Run, running
from tests.pulse import PulseServer
from tests.speech.voices import speak

pytestmark = [pytest.mark.e2e]

SAID = {
    "welcome": ("hugo", "je vais commencer par appeler Hugo"),
    "presentation": ("lucie", "en ce moment Lucie conteste mes décisions"),
    "clarification": ("antoine", "Antoine peut m'aider à définir mes priorités"),
    "contract": ("sophie", "ma demande au groupe c'est de préparer l'entretien avec Sophie"),
    "consultation": ("david", "David peut m'aider à définir mes priorités"),
    "synthesis": ("julien", "mon premier pas c'est d'appeler Julien d'ici vendredi"),
    "evaluation": ("fatima", "la semaine prochaine j'envoie un message à Fatima"),
}
WRITTEN = {"contract": "contract", "synthesis": "plan"}
OTHERS = {name for step, (name, _) in SAID.items() if step not in WRITTEN}
CONFIG = """
[voice]
enabled = false
[audio]
call_input = "call.monitor"
[transcription]
model = "{model}"
"""
PEOPLE = ("--participant", "Camille=client", "--participant", "Nour=consultant")


def names_in(content: str | bytes) -> set[str]:
    """Return which of the names are in `content`, in whatever case and encoding."""
    if isinstance(content, str):
        content = content.encode()
    small = content.lower()
    forms = {name: (name.encode(), name.encode("utf-16-le")) for name, _ in SAID.values()}
    return {name for name, written in forms.items() if any(form in small for form in written)}


def names_in_documents(folder: Path) -> Mapping[str, set[str]]:
    """Return which names are in each document."""
    found: dict[str, set[str]] = {}
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        if path.suffix == ".docx":
            with zipfile.ZipFile(io.BytesIO(content)) as parts:
                content = b"\n".join(parts.read(part) for part in parts.namelist())
        if path.suffix == ".pdf":
            content += "\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages).encode()
        found[path.name] = names_in(content)
    return found


@pytest.fixture
def pulse(tmp_path: Path) -> Iterator[PulseServer]:
    (tmp_path / "tmp").mkdir()
    with PulseServer() as server:
        homes = {f"XDG_{name}_HOME": str(tmp_path / name.lower()) for name in ("CONFIG", "CACHE", "DATA", "STATE")}
        keyring = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
        server.environment |= {**homes, **keyring, "TMPDIR": str(tmp_path / "tmp")}
        yield server


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return a model of the user's own; the demo model is refused by its place."""
    return Path(shutil.copytree(ROOT / "models" / "demo", tmp_path / "model"))


@pytest.fixture
def voices(tmp_path: Path) -> dict[str, Path]:
    """Return a recording of what is said in each step."""
    (tmp_path / "said").mkdir()
    paths = {step: tmp_path / "said" / f"{step}.wav" for step in SAID}
    for step, path in paths.items():
        write_wav(path, Sound(speak(SAID[step][1], "fr"), RATE_HZ))
    return paths


async def hold(run: Run, pulse: PulseServer, voices: Mapping[str, Path], out: Path) -> None:
    """Hold a whole session, in which somebody speaks in every step up to its very end."""
    await run.command("consent")
    await run.command("start")
    for step in SAID:
        if step != "welcome":
            await run.command("next")
        await run.wait_for("step_started", step=step)
        await asyncio.to_thread(pulse.play, "call", voices[step])
        if step in WRITTEN:
            await run.wait_for("utterance_transcribed", step=step, stage="live")
        if step == "contract":
            await run.command("mark_contract")
        if step == "synthesis":
            await run.command("edit_plan", agreed_by="Camille")
    await run.command("end")
    await run.wait_for("session_ended")
    await run.command("deliver", folder=str(out))
    assert await asyncio.wait_for(run.process.wait(), 15) == 0


async def test_no_word_of_another_step_is_anywhere(
    tmp_path: Path, pulse: PulseServer, model: Path, voices: Mapping[str, Path]
) -> None:
    recognizer = WhisperRecognizer(model)
    heard = {step: await recognizer.transcribe(speak(SAID[step][1], "fr"), language="fr") for step in SAID}
    await recognizer.close()
    assert {step: names_in(one.text) for step, one in heard.items()} == {step: {SAID[step][0]} for step in SAID}

    out, log = tmp_path / "out", tmp_path / "printed.txt"
    with log.open("wb") as output:
        async with running(pulse, tmp_path, CONFIG.format(model=model), *PEOPLE, output=output) as run:
            await hold(run, pulse, voices, out)
    agreed = {line["type"]: names_in(line["text"]) for line in run.lines if line["type"].endswith("_agreed")}
    assert agreed == {"contract_agreed": {"sophie"}, "plan_agreed": {"julien"}}
    snapshots = [text for text in run.published if '"records"' in text]
    assert len(snapshots) > len(SAID)
    assert names_in("\n".join(snapshots)) == {"sophie", "julien"}
    assert names_in("\n".join(run.published)) == {"sophie", "julien"}

    (path,) = (tmp_path / "data").rglob("*.session")
    (keys,) = (tmp_path / "state").rglob("keys")
    store, _ = Sessions(path.parent, Keys([FileVault(keys)])).open(path.stem)
    assert store.sounds() == ()
    assert names_in(b"\n".join(entry.payload for entry in store.read())) == {"sophie", "julien"}
    store.close()

    documents = names_in_documents(out)
    for record, name in (("contract", "sophie"), ("plan", "julien")):
        assert {path: found for path, found in documents.items() if path.startswith(record)} == {
            f"{record}.{ending}": {name} for ending in ("docx", "md", "pdf")
        }

    ours = {out, tmp_path / "said", tmp_path / "model"}
    (tmp_path / "planted.txt").write_text("C'est Hugo.", encoding="utf-16-le")
    left = {
        path.relative_to(tmp_path).as_posix(): names_in(path.read_bytes())
        for path in tmp_path.rglob("*")
        if path.is_file() and ours.isdisjoint(path.parents)
    }
    assert any(name.endswith(".session") for name in left)
    assert "printed.txt" in left
    assert {name: found for name, found in left.items() if found} == {"planted.txt": {"hugo"}}
