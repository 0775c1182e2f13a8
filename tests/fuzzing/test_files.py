"""Every file that comes from outside, almost right: it is taken, or refused in one sentence."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from facilitator.call import load_call, read_call
from facilitator.catalog import load_process
from facilitator.cli.people import read_people
from facilitator.cli.preparing import _participants
from facilitator.commands import PlanItem
from facilitator.config import load_config
from facilitator.documents.write import RENDERERS
from facilitator.errors import UsageError
from facilitator.followup import FollowUp, read_follow_up
from facilitator.languages import load_language
from facilitator.setup.choices import Choices
from facilitator.store.keys import FileVault, Keys
from speech.models import ModelStore
from speech.ports import RATE_HZ, Sound
from speech.recognition.speed import Speeds
from speech.sound import write_wav
from tests.documents.records import plan
from tests.fuzzing.mutations import Content, mutated, numbers, toml_files, try_all

ROOT = Path(__file__).resolve().parents[2]
CODEV = ROOT / "prompts" / "codev"
Count = Callable[[str], None]
PEOPLE = "# le groupe\n\nCamille=client\n  Nour de l=Isle = consultant \nHélène=animator\r\nZoé=consultant"
CALL = """
process = "codev"
duration = 60
language = "fr"
address = "tu"
audio = "call.wav"
animator_audio = "call.wav"
[[participants]]
name = "Camille"
role = "client"
track = "call.wav"
[[participants]]
name = "Nour"
role = "consultant"
[[steps]]
id = "presentation"
at = 0.0
minutes = 1.5
[[steps]]
id = "contract"
at = 1.0
[[commands]]
at = 1.2
command = "mark_contract"
[[commands]]
at = 1.3
command = "extend"
minutes = 2
"""


@numbers(150)
def test_a_configuration(tmp_path: Path, examples: int, count: Count) -> None:
    path = tmp_path / "config.toml"

    def read(content: bytes) -> None:
        path.write_bytes(content)
        Choices.of(load_config(path))  # for the set-up's page

    whole = (ROOT / "config.toml").read_text("utf-8")
    refused = [f'[session]\nprocess = "{"y" * 5_000}"'.encode(), b'[documents]\nfolder = "\\u0000"']
    try_all(toml_files(whole), read, examples, "config.toml", count, refused=refused)


@numbers(100)
def test_a_recorded_call(tmp_path: Path, examples: int, count: Count) -> None:
    process = load_process("codev")
    path = tmp_path / "call.toml"
    write_wav(tmp_path / "call.wav", Sound(np.full(2 * RATE_HZ, 0.1, np.float32), RATE_HZ))

    def read(content: bytes) -> None:
        path.write_bytes(content)
        load_call(path, read_call(path), process)

    long = CALL.replace('"consultant"', f'"{"y" * 5_000}"').encode()
    try_all(toml_files(CALL), read, examples, "CALL.toml", count, refused=[long])


@numbers(120)
def test_the_participants(tmp_path: Path, examples: int, count: Count) -> None:
    process, config = load_process("codev"), load_config(ROOT / "config.toml")
    path = tmp_path / "people.txt"

    def read(content: bytes) -> None:
        path.write_bytes(content)
        people = read_people([], path)
        Choices.of(config, people)  # for the set-up's page
        for tracks in (False, True):
            _participants(people, process, microphone=True, tracks=tracks)

    long = f"{'y' * 5_000}=client\n".encode()
    role = f"Camille={'y' * 5_000}\n".encode()
    many = "".join(f"Nour {number}=consultant\n" for number in range(1_000)).encode()
    files = mutated(PEOPLE.encode()) | st.binary(max_size=300)
    try_all(files, read, examples, "the participants", count, refused=[long, role, many])


@numbers(60)
def test_the_sound_of_a_recorded_call(tmp_path: Path, examples: int, count: Count) -> None:
    process = load_process("codev")
    path = tmp_path / "call.toml"
    path.write_text('audio = "call.wav"\n[[steps]]\nid = "welcome"\nat = 0.0\nminutes = 1\n')
    write_wav(tmp_path / "call.wav", Sound(np.full(RATE_HZ, 0.1, np.float32), RATE_HZ))
    whole = (tmp_path / "call.wav").read_bytes()

    def read(content: bytes) -> None:
        (tmp_path / "call.wav").write_bytes(content)
        load_call(path, read_call(path), process)

    heads = mutated(whole[:60]).map(lambda head: Content(head + whole[60:]))
    try_all(heads | mutated(whole[:2000]), read, examples, "the sound of a call", count)


@numbers(80)
def test_the_rules_of_a_process(tmp_path: Path, examples: int, count: Count) -> None:
    folder = Path(shutil.copytree(CODEV, tmp_path / "codev"))

    def read(content: bytes) -> None:
        (folder / "process.toml").write_bytes(content)
        process = load_process(folder)
        process.plan(60)
        load_language(folder, "en", "tu")

    try_all(toml_files((CODEV / "process.toml").read_text("utf-8")), read, examples, "process.toml", count)


@numbers(30)
@pytest.mark.parametrize("file", ["fr.toml", "fr-vous.toml"])
def test_the_words_of_a_language(tmp_path: Path, file: str, examples: int, count: Count) -> None:
    folder = Path(shutil.copytree(CODEV, tmp_path / "codev"))

    def read(content: bytes) -> None:
        (folder / file).write_bytes(content)
        language = load_language(folder, "fr", "vous")
        for key in language.keys:
            if language.has(key):
                language.is_private(key)

    try_all(toml_files((CODEV / file).read_text("utf-8")), read, examples, file, count)


@numbers(120)
def test_a_plan_that_its_client_brings_back(tmp_path: Path, examples: int, count: Count) -> None:
    brought = FollowUp(on="2026-11-24", people=("Camille",), items=(PlanItem(text="j'appelle Nour", who="Camille"),))
    path = tmp_path / "plan.md"
    line = brought.to_line()

    def read(content: bytes) -> None:
        path.write_bytes(content)
        read_follow_up(path)

    path.write_text(f"# Plan\n{line}\n")
    assert read_follow_up(path) == brought
    files = mutated(f"# Plan\n<!-- {line} -->\n".encode()) | mutated(line.encode())
    try_all(files, read, examples, "plan.md", count)


@numbers(40)
@pytest.mark.parametrize("ending", ["docx", "pdf"])
def test_a_plan_brought_back_as_a_document(tmp_path: Path, ending: str, examples: int, count: Count) -> None:
    whole = RENDERERS[ending](plan())
    path = tmp_path / f"plan.{ending}"

    def read(content: bytes) -> None:
        path.write_bytes(content)
        read_follow_up(path)

    shorter = {"docx": whole[:2] + whole[3:], "pdf": b"%PDF"}[ending]  # a ZIP that says it began before its beginning
    try_all(mutated(whole) | st.binary(max_size=50), read, examples, f"plan.{ending}", count, refused=[shorter])


@numbers(60)
@pytest.mark.parametrize("which", ["key", "mark", "both"])
def test_the_files_of_keys(tmp_path: Path, which: str, examples: int, count: Count) -> None:
    vault = FileVault(tmp_path / "keys")
    keys = Keys([vault])
    session = "2026-11-24-1000-abcd"
    keys.make(session)
    names = ["key", "mark"] if which == "both" else [which]
    paths = {name: vault._path(session, name) for name in names}
    whole = {name: path.read_bytes() for name, path in paths.items()}

    def read(contents: tuple[bytes, ...]) -> None:
        for path, content in zip(paths.values(), contents, strict=True):
            path.write_bytes(content)
        keys.find(session)
        keys.find_sound_key(session)

    files = st.tuples(*(mutated(content) | st.binary(max_size=80) for content in whole.values()))
    try_all(files, read, examples, f"the file of a {which}", count)


@numbers(40)
@pytest.mark.parametrize("file", ["manifest.json", "model.bin", "config.json", "vocabulary.json", "tokenizer.json"])
def test_the_folder_of_a_model(tmp_path: Path, file: str, examples: int, count: Count) -> None:
    store = ModelStore(tmp_path / "models")
    store.add("own", ROOT / "models" / "demo")
    path = store.directory / "own" / file
    whole = path.read_bytes() if path.exists() else b"{}"

    def read(content: bytes) -> None:
        path.write_bytes(content)
        store.list_models()
        store.find_model("own")

    try_all(mutated(whole[:5_000]) | st.just(b""), read, examples, f"a model's {file}", count)


@numbers(60)
def test_the_file_of_speeds_knows_nothing_when_it_is_damaged(tmp_path: Path, examples: int, count: Count) -> None:
    path = tmp_path / "speeds.json"
    demo = ROOT / "models" / "demo"
    speeds = Speeds(path)
    speeds._write("a", 0.5)
    whole = path.read_bytes()

    def read(content: bytes) -> None:
        path.write_bytes(content)
        if speeds.known(demo, threads=2, compute_type="int8") is None:
            raise UsageError("It is not known.")

    try_all(mutated(whole) | st.binary(max_size=60), read, examples, "speeds.json", count)
