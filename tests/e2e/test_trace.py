"""A whole real session under `strace`: what it opens, writes and connects to, all of it.

Spoken and written down, typed, delivered, exported and purged, with real devices. Then everything that any process of
it wrote is searched for what was said, typed and heard, for a name and for the key. What the session is not to do, the
program that starts it does first: that must all be found, and nothing else.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from facilitator.store.keys import FileVault
from speech.capture.protocol import HEADER, SOUND
from speech.ports import RATE_HZ, Sound
from speech.sound import write_wav
from tests.e2e.live import ROOT, Run, running
from tests.marks import forms, found, sound_forms
from tests.pulse import PulseServer
from tests.speech.voices import speak
from tests.tracing import Trace, can_trace_the_sealed, read_trace, traced

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(sys.platform != "linux", reason="strace is Linux's")]

SAID, SPOKEN = "ma demande au groupe c'est de préparer l'entretien avec Sophie", "Sophie"
TYPED, NAME = "Zorbaquin", "Philiberte"
CONFIG = """
[audio]
call_input = "call.monitor"
voice_output = "vmic"
[transcription]
model = "{model}"
"""
PEOPLE = ("--participant", f"{NAME}=client", "--participant", "Nour=consultant")
OURS = {
    r"{tmp}/data/codev-facilitator/sessions/[^/]+\.session(-journal|-wal|-shm)?": "the store, encrypted",
    r"{tmp}/state/codev-facilitator/keys/[^/]+": "the keys, where there is no keyring",
    r"{tmp}/out/[^/]+": "the chosen folder",
    r"{tmp}/exported/[^/]+": "the chosen folder of the export",
    r"{tmp}/\.?ready\.json(\.\d+)?": "the ready file, asked for",
    r"{tmp}/state/codev-facilitator/ready/[^/]+": "where the ready file lies, so that the next start can remove it",
    r"{tmp}/cache/codev-facilitator/prompts/[^/]+\.(wav|tmp)": "prompts that are the same in every session",
    r"/dev/shm/codev-speech-[^/]+/(lock|\d+\.wav)": "the private directory, in memory",
    r"/dev/shm/jack_db-\d+/[^/]+": "JACK's library, which PortAudio asks for devices, notes that there are none",
    r"/dev/shm/sem\.[^/]+": "a semaphore: one number",
    r"/dev/null": "nowhere",
    r".*/__pycache__/[^/]+\.pyc(\.\d+)?": "Python's own: our code, compiled",
    r"/proc/(self|\d+)/(task/\d+/)?comm": "the name of a thread (libpulse)",
    r"{pulse}/cookie": "who may use the sound server (libpulse)",
}
"""What may be opened for writing, by a pattern for the whole path, each with its reason."""
CLIENTS = {r"{tmp}/out/.*", r"{tmp}/exported/.*"}
"""Where the client's documents are: what was said is theirs."""
SOCKETS = {
    r"AF_UNIX {pulse}/pulse/native": "the sound server",
    r"AF_UNIX /dev/shm/jack_default_\d+_\d+": "JACK's library, which PortAudio asks for devices, looks for its server",
    r"AF_UNIX /var/run/nscd/socket": "the C library asks who a user is",
    r"AF_UNIX /run/systemd/userdb/.*": "the same",
    r"AF_INET 127\.0\.0\.1:\d+": "the local service",
    r"AF_NETLINK ": "which addresses this computer has: asks the kernel, sends nothing",
}
PLANT = """
import base64, os, socket, sys, zlib
word, where = sys.argv[1], sys.argv[2]
def put(name, content):
    with open(f"{where}/{name}", "wb") as file:
        file.write(content)
    os.unlink(f"{where}/{name}")
put("plain", word.encode())
put("wide", word.encode("utf-16-le"))
put("coded", base64.b64encode(b"x" + word.encode() + b"!!"))
put("packed", zlib.compress(b"it is " + word.encode()))
asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asking.connect(("192.0.2.1", 53))  # sends nothing
os.execvp(sys.argv[3], sys.argv[3:])
"""
"""Does what nobody may, takes its traces away, and becomes the facilitator."""
PLANTED = {"plain": "plain", "wide": "utf-16-le", "coded": "base64 of plain", "packed": "plain, packed"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return a model of the user's own; the demo model is refused by its place."""
    return Path(shutil.copytree(ROOT / "models" / "demo", tmp_path / "model"))


async def hold(run: Run, pulse: PulseServer, said: Path, out: Path) -> None:
    """Hold a session: a contract is said and corrected by hand, a plan typed, and both go into a folder."""
    await run.command("consent")
    await run.command("start")
    await run.wait_until_speaking()
    for step in ("presentation", "clarification", "contract"):
        await run.command("next")
        await run.wait_for("step_started", step=step)
    await run.command("hush")
    await asyncio.to_thread(pulse.play, "call", said)
    live = await run.wait_for("utterance_transcribed", step="contract", stage="live", seconds=60)
    assert SPOKEN.lower() in live["text"].lower()
    await run.command("edit_contract", text=f"{live['text']}, et parler à {TYPED}.")
    await run.command("mark_contract")
    await run.command("next")
    await run.command("next")
    await run.command("edit_plan", text=f"J'appelle {TYPED}.", agreed_by=NAME)
    await run.command("end")
    await run.wait_for("session_ended", seconds=60)
    await run.command("deliver", folder=str(out))
    assert await asyncio.wait_for(run.process.wait(), 30) == 0


async def then(environment: Mapping[str, str], through: list[str], *arguments: str) -> None:
    """Run another command of the facilitator's, traced."""
    process = await asyncio.create_subprocess_exec(
        *through, sys.executable, "-m", "facilitator", *arguments, env=environment, cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    told, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, told.decode()


def heard_sound(trace: Trace) -> list[np.ndarray]:
    """Return stretches of the loudest of what the device's process handed over, 32 samples each."""
    (content,) = [bytes(said) for command, said in trace.piped.items() if "speech.capture.worker" in command]
    frames = []
    while len(content) >= HEADER.size:
        kind, _, _, size = HEADER.unpack(content[: HEADER.size])
        if kind == SOUND:
            frames.append(np.frombuffer(content[HEADER.size : HEADER.size + size], "<f4"))
        content = content[HEADER.size + size :]
    loud = sorted(frames, key=lambda frame: -float(np.abs(frame).mean()))[:20]
    assert len(loud) == 20
    assert np.abs(loud[-1]).mean() > 0.01, "nothing was heard"
    return [frame[100:132] for frame in loud]


def unlisted(things: set[str], listed: Mapping[str, str], **places: Path) -> set[str]:
    """Return which of `things` no pattern of `listed` is for."""
    patterns = [
        re.compile(one.format(**{name: re.escape(str(path)) for name, path in places.items()})) for one in listed
    ]
    return {thing for thing in things if not any(pattern.fullmatch(thing) for pattern in patterns)}


async def test_nothing_of_a_session_leaves_it(
    tmp_path: Path, pulse: PulseServer, model: Path, count: Callable[[str], None]
) -> None:
    if not can_trace_the_sealed(tmp_path / "trial"):
        pytest.skip("strace may not read what sealed processes write here: that takes root, with CAP_SYS_PTRACE")
    for name in ("planted", "tmp", "home"):
        (tmp_path / name).mkdir()
    pulse.environment |= {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
    }
    said = tmp_path / "said.wav"
    write_wav(said, Sound(speak(SAID, "fr"), RATE_HZ))
    plant = [sys.executable, "-c", PLANT, TYPED, str(tmp_path / "planted")]
    folders = [tmp_path / f"trace-{name}" for name in ("run", "export", "purge")]
    with (tmp_path / "printed.txt").open("wb") as output:
        through = [*traced(folders[0]), *plant]
        config = CONFIG.format(model=model)
        async with running(pulse, tmp_path, config, *PEOPLE, output=output, through=through) as run:
            await hold(run, pulse, said, tmp_path / "out")

    (store,) = (tmp_path / "data").rglob("*.session")
    (keys,) = (tmp_path / "state").rglob("keys")
    key = FileVault(keys).get(store.stem, "key")
    assert key is not None
    exporting, purging = ("export", store.stem, "--to", str(tmp_path / "exported")), ("purge", store.stem, "--yes")
    await then(pulse.environment, traced(folders[1]), "sessions", *exporting)
    await then(pulse.environment, traced(folders[2]), "sessions", *purging)

    traces = [read_trace(folder) for folder in folders]
    places = {"tmp": tmp_path, "pulse": pulse.directory}
    opened = set().union(*(trace.opened for trace in traces))
    assert unlisted(opened, OURS, **places) == {f"{tmp_path}/planted/{name}" for name in PLANTED}
    connections = {f"{family} {address}" for trace in traces for _, family, address in trace.connections}
    assert unlisted(connections, SOCKETS, **places) == {"AF_INET 192.0.2.1:53"}
    assert sum(trace.rings for trace in traces) == 0

    secrets = {
        "spoken": forms(SPOKEN),
        "typed": forms(TYPED),
        "name": forms(NAME),
        "key": forms(key),
        **{f"sound {place}": sound_forms(part) for place, part in enumerate(heard_sound(traces[0]))},
    }
    written: dict[str, bytes] = {}
    for trace in traces:
        for path, content in trace.written.items():
            written[path] = written.get(path, b"") + bytes(content)
    left = {
        str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and not _tests(path, tmp_path)
    }
    calls, size = sum(trace.calls for trace in traces), sum(map(len, written.values()))
    count(
        f"a session traced: {calls} calls, {len(opened)} files opened to write, {size} bytes written, {len(left)} left"
    )
    clients = unlisted({*written, *left}, dict.fromkeys(CLIENTS, ""), **places)
    seen = {
        path.removeprefix(str(tmp_path)): found(content, secrets)
        for content_of in (written, left)
        for path, content in content_of.items()
        if path in clients and "/keys/" not in path
    }
    assert {path: what for path, what in seen.items() if what} == {
        f"/planted/{name}": {("typed", form)} for name, form in PLANTED.items()
    }


def _tests(path: Path, folder: Path) -> bool:
    """Whether a file is the test's own."""
    return path.relative_to(folder).parts[0].startswith(("trace-", "trial", "said.wav", "model"))
