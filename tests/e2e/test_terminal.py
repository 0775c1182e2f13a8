"""`facilitator run` driven by single keys in a real terminal."""

from __future__ import annotations

import http.client
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.pulse import PulseServer

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
[voice]
enabled = false
[listening]
enabled = false
[documents]
folder = "{folder}"
"""


class Terminal:
    """A process in a terminal of 100 columns.

    Attributes:
        shown: everything it has written so far, without the escape sequences.
    """

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int) -> None:
        self.process = process
        self._descriptor = descriptor
        self.shown = ""

    def send(self, bytes_at_once: bytes) -> None:
        os.write(self._descriptor, bytes_at_once)
        self.read(0.3)

    def press(self, keys: str) -> None:
        for key in keys:
            os.write(self._descriptor, key.encode())
            self.read(0.1)

    def read(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self._descriptor], [], [], left)[0]:
                try:
                    data = os.read(self._descriptor, 65536)
                except OSError:  # the terminal's other end is gone
                    return
                self.shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data.decode(errors="replace"))

    def wait_for(self, text: str, seconds: float = 15.0) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.shown:
            assert time.monotonic() < deadline, f"{text!r} is not in {self.shown[-800:]!r}"
            self.read(0.1)

    def forget(self) -> None:
        self.shown = ""


@contextmanager
def terminal(
    folder: Path, text: str = CONFIG, environment: Mapping[str, str] = os.environ, *, arguments: Sequence[str] = ()
) -> Iterator[Terminal]:
    config = folder / "config.toml"
    config.write_text(text.format(folder=folder / "documents"), encoding="utf-8")
    ours, theirs = pty.openpty()
    own = {"XDG_DATA_HOME": str(folder / "data"), "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    environment = {**environment, **own}
    process = subprocess.Popen(
        [sys.executable, "-m", "facilitator", "run", "--no-browser", "--config", str(config), "--duration", "60",
         *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_a_session_is_driven_by_single_keys(tmp_path: Path) -> None:
    """Start, next, no double next, more time, pause, back, end, documents, quit: each key does what the legend says."""
    with terminal(tmp_path) as screen:
        screen.wait_for("étape suivante")
        screen.wait_for("quitter")  # the legend is there whole
        screen.press("n")
        screen.wait_for("Accueil  prévu : cinq minutes")
        time.sleep(1.1)
        screen.press("nnN")  # held down: one step, not three
        screen.wait_for("Exposé  prévu : cinq minutes")
        assert "Clarification  prévu" not in screen.shown
        screen.press("+2")
        screen.wait_for("reste 06:5")
        screen.press(" ")
        screen.wait_for("En pause")
        screen.forget()
        time.sleep(1.1)
        screen.press("n")
        screen.wait_for("Ce n'est pas possible à ce moment de la séance.")
        screen.press(" ")
        screen.wait_for("En cours")
        screen.press("m")
        screen.wait_for("Rien n'a encore été dit")
        screen.press("e")
        screen.wait_for("Terminer la séance ?")
        screen.press("n")
        screen.press("eo")
        screen.wait_for("La séance est terminée.")
        screen.press("d")
        screen.wait_for("L'adresse du client ?")
        screen.press("\n")
        screen.wait_for("Écrit : ")
        screen.press("x")
        screen.wait_for("Tout détruire de cette séance")
        screen.press("o")
        screen.wait_for("a été détruite le")
        screen.press("q")
        screen.read(5.0)
        assert screen.process.wait(10) == 0
    (folder,) = (tmp_path / "documents").iterdir()
    documents = {f"{name}.{ending}" for name in ("contract", "plan") for ending in ("md", "docx", "pdf")}
    assert {path.name for path in folder.iterdir()} == documents
    assert "non transcrit" in (folder / "contract.md").read_text(encoding="utf-8")
    assert [path for path in (tmp_path / "data").rglob("*") if path.is_file()] == []
    assert "Traceback" not in screen.shown


def test_quitting_asks_first_while_something_would_be_lost(tmp_path: Path) -> None:
    """`q` in a running session asks; anything but yes goes on; the end of the terminal ends the process."""
    with terminal(tmp_path) as screen:
        screen.wait_for("étape suivante")
        screen.press("n")
        screen.wait_for("Accueil  prévu")
        screen.press("q")
        screen.wait_for("Quitter sans documents ?")
        screen.press("n")
        screen.read(0.5)
        assert screen.process.poll() is None
        screen.press("qo")
        assert screen.process.wait(10) == 0


def test_ctrl_c_asks_first_and_ctrl_s_stops_nothing(tmp_path: Path) -> None:
    """Ctrl-C is a habit for copying, Ctrl-S for saving: neither may cost the session."""
    with terminal(tmp_path) as screen:
        screen.wait_for("étape suivante")
        screen.press("n")
        screen.wait_for("Accueil  prévu")
        screen.send(b"\x13")
        screen.forget()
        screen.wait_for("reste 04:5")
        screen.process.send_signal(signal.SIGINT)
        screen.wait_for("Quitter sans documents ?")
        assert screen.process.poll() is None
        screen.process.send_signal(signal.SIGINT)
        assert screen.process.wait(10) == 0


def test_a_key_gives_new_links_for_a_link_opens_once(tmp_path: Path) -> None:
    with terminal(tmp_path) as screen:
        screen.wait_for("étape suivante")
        before = re.findall(r"http://\S+#\S+", screen.shown)
        screen.forget()
        screen.press("o")
        screen.wait_for("La page des participants s'ouvre ici, une fois")
        screen.read(0.3)
        after = re.findall(r"http://\S+#\S+", screen.shown)
        assert len(before) == len(after) == 2
        assert [one.partition("#")[0] for one in after] == [one.partition("#")[0] for one in before]
        assert not set(before) & set(after)
        screen.press("qo")
        assert screen.process.wait(10) == 0


LISTENS = """
[voice]
enabled = false
[audio]
call_input = "call.monitor"
[documents]
folder = "{folder}"
"""


def test_no_stray_key_gives_consent_and_a_listening_pause_cannot_wait(tmp_path: Path) -> None:
    """An arrow's letters and a pasted text are no commands; consent is asked back; `l` acts within a question."""
    with PulseServer() as pulse, terminal(tmp_path, LISTENS, pulse.environment) as screen:
        screen.wait_for("Aucun modèle de transcription n'est installé")  # told at the start, though nobody saw it then
        for keys in (b"\x1b[C", b"\x1b[D", b"\x1b[B", b"cncn"):
            screen.send(keys)
        screen.forget()
        screen.wait_for("rien n'est écouté")
        screen.press("c")
        screen.wait_for("Tout le monde est-il d'accord")
        screen.press("n")
        screen.forget()
        screen.wait_for("rien n'est écouté")
        screen.press("co")
        screen.wait_for("À l'écoute")
        screen.press("n")
        screen.wait_for("Accueil  prévu")
        screen.press("+l")
        screen.wait_for("Écoute en pause")
        screen.press("l")  # a second press of the same hand
        screen.forget()
        screen.wait_for("Écoute en pause")
        time.sleep(1.1)
        screen.press("5")  # the question is still there
        screen.wait_for("reste 09:5")
        screen.press("l")
        screen.wait_for("À l'écoute")


def test_the_ready_file_is_private_and_gone_at_the_end(tmp_path: Path) -> None:
    """It holds the token: nobody else may read it, and nothing of it is left."""
    ready, config = tmp_path / "ready.json", tmp_path / "config.toml"
    config.write_text(CONFIG.format(folder=tmp_path), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "facilitator", "run", "--no-browser", "--config", str(config), "--ready-file",
         str(ready)],
        stdin=subprocess.DEVNULL, cwd=ROOT,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 20
        while not ready.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        known = json.loads(ready.read_text(encoding="utf-8"))
        assert set(known) == {"pid", "console_url", "stage_url", "api_url", "token", "tokens", "ingest_token"}
        assert known["pid"] == process.pid
        assert ready.stat().st_mode & 0o077 == 0
        assert known["token"] not in known["console_url"] + known["stage_url"] + known["api_url"]
        process.terminate()
        assert process.wait(10) == 0
        assert not ready.exists()
    finally:
        process.kill()
        process.wait()


def test_a_terminal_that_nobody_reads_stops_no_meeting_and_no_key_stops_the_process(tmp_path: Path) -> None:
    """Neither Ctrl-Z nor a backslash with Ctrl does; the service answers, and a signal ends it all."""
    ready = tmp_path / "ready.json"
    with terminal(tmp_path, arguments=("--ready-file", str(ready))) as screen:
        screen.wait_for("quitter")
        screen.send(b"\x1a\x1c")
        screen.press("n")
        screen.wait_for("Accueil  prévu")
        known = json.loads(ready.read_text(encoding="utf-8"))
        api, headers = urlsplit(known["api_url"]), {"Authorization": f"Bearer {known['token']}"}
        for _ in range(5):  # some frames fill what a terminal holds of what nobody reads
            time.sleep(2)
            service = http.client.HTTPConnection(api.netloc, timeout=5)
            service.request("GET", f"{api.path}/state", headers=headers)
            assert json.load(service.getresponse())["phase"] == "running"
            service.close()
        screen.process.terminate()
        assert screen.process.wait(10) == 0
