"""Each bad input gives exit code 2 and one sentence, and leaves nothing half-written."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from facilitator.cli import main
from speech.ports import RATE_HZ, Sound
from speech.sound import write_flac, write_wav
from tests.cli.command import NO_SOUND_SERVER, ROOT, Done, facilitator
from tests.pulse import PulseServer

STEP = '[[steps]]\nid = "welcome"\nat = 0.0\nminutes = 1.0\n'
SECONDS = 4.0


class Case(NamedTuple):
    """A command that is wrong: its arguments, and what its sentence must hold."""

    arguments: str
    says: tuple[str, ...]


CASES = {
    "a name of two lines": Case("replay 'a\nb\x1b[2J.toml' --out out", ("no file a\N{REPLACEMENT CHARACTER}b",)),
    "no such recorded call": Case("replay gone.toml --out out", ("no file gone.toml",)),
    "missing audio": Case("replay missing.toml --out out", ("missing.flac is missing", "check where")),
    "text as audio": Case("replay text.toml --out out", ("text.flac",)),
    "zeros as audio": Case("replay zeros.toml --out out", ("zeros.flac", "convert it")),
    "empty audio": Case("replay empty.toml --out out", ("empty.wav is empty", "choose another")),
    "audio cut off, FLAC": Case("replay cut-flac.toml --out out", ("cut.flac is cut off at 2 s of 4 s",)),
    "audio cut off, WAV": Case("replay cut-wav.toml --out out", ("cut.wav is cut off at 2 s of 4 s",)),
    "unknown step": Case("replay step.toml --out out", ("step.toml", "'welcom'", "did you mean 'welcome'?")),
    "unknown key of a call": Case("replay key.toml --out out", ("key.toml", "'audoi'", "did you mean 'audio'?")),
    "unknown language of a call": Case("replay language.toml --out out", ("no language 'zz'", "en, fr")),
    "unknown process of a call": Case("replay method.toml --out out", ("no process 'codex'", "did you mean 'codev'?")),
    "out below a file": Case("replay good.toml --out good.toml/out", ("good.toml/out cannot be written", "--out")),
    "out where nobody may write": Case("replay good.toml --out /proc/out", ("/proc/out cannot be written", "--out")),
    "no out": Case("replay good.toml", ("--out", "facilitator replay --help")),
    "bad speed": Case("replay good.toml --out out --speed fast", ("speed 'fast'", "such as 1 or 4, or max")),
    "no speed": Case("replay good.toml --out out --speed 0", ("speed '0'",)),
    "negative speed": Case("replay good.toml --out out --speed=-3", ("speed '-3'",)),
    "speed that is no number": Case("replay good.toml --out out --speed nan", ("speed 'nan'",)),
    "demo language": Case("demo --language de --out out", ("'de'", "en, fr")),
    "demo out": Case("demo --speed never --out out", ("speed 'never'",)),
    "unknown option": Case("say Bonjour --loud", ("--loud", "facilitator say --help")),
    "unknown command": Case("sya Bonjour", ("'sya'", "facilitator --help")),
    "unknown subcommand": Case("models fetch", ("'fetch'", "facilitator models --help")),
    "missing argument": Case("say", ("text", "facilitator say --help")),
    "nothing to say": Case("say ''", ("nothing to say",)),
    "say to nowhere": Case("say Bonjour --to /proc/no.wav", ("/proc/no.wav cannot be written", "another file")),
    "say below a file": Case("say Bonjour --to good.toml/no.wav", ("good.toml/no.wav cannot be written",)),
    "say to a folder": Case("say Bonjour --to .", (". cannot be written",)),
    "say in no language": Case("say Bonjour --language zz --to no.wav", ("no voice zz", "nearest")),
    "unknown configuration": Case("say Bonjour --config gone.toml --to no.wav", ("no file gone.toml",)),
    "unknown section": Case("devices --config x", ("--config", "facilitator devices --help")),
    "unknown key": Case("run --config key-config.toml", ("key-config.toml", "'voice.nam'", "did you mean 'name'?")),
    "wrong type": Case("run --config type-config.toml", ("type-config.toml", "'session.duration'", "whole number")),
    "no TOML": Case("doctor --config toml-config.toml", ("toml-config.toml is not valid TOML",)),
    "unknown voice, say": Case(
        "say Bonjour --config voice-config.toml --to no.wav", ("no voice Celestine", "nearest are")
    ),
    "unknown voice, run": Case("run --config voice-config.toml", ("no voice Celestine", "nearest are")),
    "unknown voice, replay": Case("replay good.toml --out out --config voice-config.toml", ("no voice Celestine",)),
    "no device at all, say": Case("say Bonjour", ("no output at all", "sound server")),
    "the page speaks, say": Case("say Bonjour --config stage-config.toml", ("participants' page", "--to FILE.wav")),
    "no such device, run": Case("run --config output-config.toml", ("no output at all",)),
    "unknown input, run": Case("run --config input-config.toml", ("no microphone or other input at all",)),
    "no detector in its folder": Case(
        "replay good.toml --out out --config detector-config.toml",
        ("silent holds no detector of interruptions", "[listening] detector"),
    ),
    "unknown process": Case("run --process codex --config mute-config.toml", ("'codex'", "did you mean 'codev'?")),
    "unknown language": Case("run --language zz --config mute-config.toml", ("no language 'zz'", "en, fr")),
    "unknown role": Case("run --participant Nour=klient --config mute-config.toml", ("did you mean 'client'?",)),
    "no role": Case("run --participant Nour --config mute-config.toml", ("NAME=ROLE",)),
    "no minutes": Case("run --duration 0", ("--duration", "1")),
    "ready file nowhere": Case(
        "run --ready-file good.toml/ready --config mute-config.toml", ("good.toml/ready cannot be written",)
    ),
    "a step nobody holds": Case(
        "processes check unheld/process.toml", ("unheld/process.toml", "nobody holds the step 'presentation'", "holder")
    ),
    "a process that speaks no language": Case("processes check silent", ("no language", "fr.toml")),
    "no process there": Case("processes check .", ("no process.toml",)),
    "no such process": Case("processes show codex", ("'codex'", "did you mean 'codev'?")),
}
AS_PROCESSES = (
    *("missing audio", "text as audio", "audio cut off, FLAC", "audio cut off, WAV", "unknown step", "unknown key"),
    *("wrong type", "a step nobody holds", "unknown voice, say", "unknown voice, run", "no device at all, say"),
    *("no such device, run", "out below a file", "out where nobody may write", "say to nowhere", "unknown command"),
)
"""The cases that are tried once more as processes of their own, which shows what comes after the last handler."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with everything that the cases name."""
    folder = tmp_path_factory.mktemp("desk")
    samples = np.random.default_rng(5).normal(0, 0.01, round(SECONDS * RATE_HZ)).astype(np.float32)
    write_wav(folder / "good.wav", Sound(samples, RATE_HZ))
    write_flac(folder / "good.flac", samples)
    for name in ("wav", "flac"):
        whole = (folder / f"good.{name}").read_bytes()
        (folder / f"cut.{name}").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.wav").write_bytes(b"")
    (folder / "zeros.flac").write_bytes(bytes(5000))
    (folder / "text.flac").write_text("Bonjour à tous.\n" * 200, encoding="utf-8")
    texts = {
        "good": f'audio = "good.wav"\n{STEP}',
        "missing": f'audio = "missing.flac"\n{STEP}',
        "text": f'audio = "text.flac"\n{STEP}',
        "zeros": f'audio = "zeros.flac"\n{STEP}',
        "empty": f'audio = "empty.wav"\n{STEP}',
        "cut-flac": f'audio = "cut.flac"\n{STEP}',
        "cut-wav": f'audio = "cut.wav"\n{STEP}',
        "step": f'audio = "good.wav"\n{STEP.replace("welcome", "welcom")}',
        "key": f'audoi = "good.wav"\n{STEP}',
        "language": f'language = "zz"\naudio = "good.wav"\n{STEP}',
        "method": f'process = "codex"\naudio = "good.wav"\n{STEP}',
        "key-config": '[voice]\nnam = "fr"\n',
        "type-config": '[session]\nduration = "60"\n',
        "toml-config": "[session\n",
        "voice-config": '[voice]\nname = "Celestine"\n[audio]\nvoice_output = "none"\n',
        "output-config": '[audio]\nvoice_output = "headset"\n',
        "stage-config": '[audio]\nvoice_output = "stage"\n',
        "input-config": '[audio]\ncall_input = "headset"\nvoice_output = "none"\n',
        "detector-config": '[listening]\ndetector = "silent"\n[voice]\nenabled = false\n',
        "mute-config": '[voice]\nenabled = false\n[audio]\nvoice_output = "none"\n',
    }
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    shutil.copytree(ROOT / "prompts" / "codev", folder / "unheld")
    rules = (folder / "unheld" / "process.toml").read_text(encoding="utf-8")
    unheld = rules.replace('id = "presentation"\nholder = "client"\n', 'id = "presentation"\n')
    assert unheld != rules
    (folder / "unheld" / "process.toml").write_text(unheld, encoding="utf-8")
    (folder / "silent").mkdir()
    shutil.copy(ROOT / "prompts" / "codev" / "process.toml", folder / "silent")
    return folder


@pytest.fixture
def nothing_left(desk: Path) -> Iterator[None]:
    """Nothing half-written lies about after the test."""
    before = sorted(desk.rglob("*"))
    yield
    assert sorted(desk.rglob("*")) == before


def check(case: str, done: Done) -> None:
    sentence = done.sentence
    for part in CASES[case].says:
        assert part in sentence
    assert (done.code, done.out) == (2, "")


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("case", CASES)
def test_a_bad_input_is_exit_code_2_and_one_sentence(
    case: str, desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(desk)
    monkeypatch.setenv("PULSE_SERVER", NO_SOUND_SERVER)
    monkeypatch.setattr(sys, "argv", ["facilitator", *shlex.split(CASES[case].arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    assert isinstance(left.value.code, int)
    check(case, Done(left.value.code, *capsys.readouterr()))


@pytest.mark.usefixtures("nothing_left")
def test_the_real_command_says_the_same_and_nothing_more(desk: Path) -> None:
    for case in AS_PROCESSES:  # one at a time: sessions that are measured run beside
        check(case, facilitator(*shlex.split(CASES[case].arguments), cwd=desk))


def test_a_device_that_is_not_there_is_told_with_the_nearest(desk: Path) -> None:
    with PulseServer() as pulse:
        for wrong, config, near in (
            (("say", "Bonjour"), '[audio]\nvoice_output = "vmik"\n', "vmic"),
            (("run",), '[audio]\nvoice_output = "vmik"\n', "vmic"),
            (("run",), '[audio]\ncall_input = "call.monitr"\nvoice_output = "none"\n', "call.monitor"),
        ):
            path = desk / "device-config.toml"
            path.write_text(config, encoding="utf-8")
            done = facilitator(*wrong, "--config", path, cwd=desk, changes=pulse.changes)
            assert done.code == 2
            assert near in done.sentence.partition("nearest are")[2]
            path.unlink()


def test_a_mistake_in_the_configuration_of_the_environment_is_told_too(desk: Path) -> None:
    done = facilitator("say", "x", "--to", "x.wav", cwd=desk, changes={"FACILITATOR_CONFIG": "key-config.toml"})
    assert done.code == 2
    assert "'voice.nam'" in done.sentence
