"""config.toml: complete, commented, and strict."""

from __future__ import annotations

import re
import threading
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from facilitator import config as module
from facilitator import data
from facilitator.config import Config, find_config, load_config
from facilitator.data import data_path
from facilitator.errors import ConfigError

FILE = data_path("config.toml")
SECTIONS = ["session", "voice", "audio", "listening", "transcription", "documents", "delivery", "web", "privacy"]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def load(path: Path, text: str) -> Config:
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def refusal(path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, text)
    assert caught.value.exit_code == 2
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_the_repositorys_file_holds_exactly_the_defaults() -> None:
    assert load_config(FILE) == Config()


def test_the_repositorys_file_holds_every_section_and_key_in_order() -> None:
    values = tomllib.loads(FILE.read_text(encoding="utf-8"))
    assert list(values) == list(Config.model_fields) == SECTIONS
    for name, section in Config().model_dump().items():
        assert list(values[name]) == list(section)


def test_every_key_of_the_repositorys_file_has_a_comment_with_its_default() -> None:
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if re.match(r"\w+ = ", line)]
    for line in lines:
        value, comment = re.match(r"\w+ = (\S+) +# (.*)", line).groups()
        assert f"default {value}" in comment, line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[session]\ndurations = 60", "the key 'session.durations' is unknown; did you mean 'duration'?"),
        ("[sesion]\nduration = 60", "the key 'sesion' is unknown; did you mean 'session'?"),
        ("[delivery]\nsmtp = 1", "the key 'delivery.smtp' is unknown; "),
        ('[session]\nduration = "60"', "the key 'session.duration' is wrong: it must be a whole number."),
        (
            "[session]\nduration = 5",
            "the key 'session.duration' is wrong: input should be greater than or equal to 10.",
        ),
        ("[session]\nlanguage = 3", "the key 'session.language' is wrong: it must be text in quotes."),
        ('[session]\naddress = "Sie"', "the key 'session.address' is wrong: input should be 'tu' or 'vous'."),
        ("[voice]\nenabled = 1", "the key 'voice.enabled' is wrong: it must be true or false."),
        ("voice = 1", "the key 'voice' is wrong: it must be a table."),
        ('[audio]\ncall_input = ""', "the key 'audio.call_input' is wrong"),
        ('[delivery]\nsender = "Nour <nour@example.org>"', "the key 'delivery.sender' is wrong"),
        ('[delivery]\nsecurity = "none"', "the key 'delivery.security' is wrong: input should be 'starttls' or 'tls'."),
        ('[delivery]\npassword = "secret"', "the key 'delivery.password' is unknown; "),
        ('[privacy]\nfolder = "~nobody-here/mine"', "it begins with a user that this computer does not have."),
        ('[documents]\nfolder = "a\\u0000b"', "the key 'documents.folder' is wrong: no path can be so."),
        ("[web]\nport = 70000", "the key 'web.port' is wrong"),
        ("[web", "is not valid TOML"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_file_the_key_and_what_is_right(
    written: Path, text: str, expected: str
) -> None:
    assert expected in refusal(written, text)


def test_a_file_that_is_not_utf8_or_not_a_file_is_refused(written: Path, tmp_path: Path) -> None:
    written.write_bytes(b"[session]\nprocess = '\xe9'")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_config(written)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)


def test_a_key_left_out_keeps_its_default(written: Path) -> None:
    config = load(written, "[session]\nduration = 60\n")
    assert config.session.duration == 60
    assert config.session.language == "fr"
    assert config.voice == Config().voice


def test_folders_are_relative_to_the_file(written: Path) -> None:
    config = load(written, '[session]\nprocesses = "mine"\n[documents]\nfolder = "../out"\n')
    assert config.session.processes_folder == written.parent / "mine"
    assert config.documents.path == (written.parent / "../out").resolve()


def test_a_folder_whose_disk_does_not_answer_holds_nothing_up(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, resolve = threading.Event(), Path.resolve

    def hangs(path: Path) -> Path:
        if path.name == "gone":
            gate.wait(20)
        return resolve(path)

    monkeypatch.setattr(Path, "resolve", hangs)
    monkeypatch.setattr(data, "LINKS_SECONDS", 0.05)
    assert load(written, '[privacy]\nfolder = "gone"\n').privacy.store_folder == written.parent / "gone"
    gate.set()


def test_a_detector_is_a_folder_relative_to_the_file_or_none_at_all(written: Path) -> None:
    assert load(written, '[listening]\ndetector = "mine"\n').listening.detector == str(written.parent / "mine")
    assert load(written, '[listening]\ndetector = "none"\n').listening.detector == "none"
    assert Config().listening.detector == ""


def test_fewer_cues_are_surer_ones(written: Path) -> None:
    sure = [
        load(written, f'[listening]\ncues = "{cues}"\n').listening.cue_probability
        for cues in ("fewer", "balanced", "more")
    ]
    assert sure == sorted(sure, reverse=True)
    assert Config().listening.cue_probability == sure[1]
    assert "'fewer', 'balanced' or 'more'" in refusal(written, '[listening]\ncues = "many"\n')


def test_without_a_folder_the_users_own_documents_serve() -> None:
    assert Config().session.processes_folder is None
    assert Config().documents.path.is_absolute()


def test_the_option_goes_before_the_variable_and_the_variable_before_the_users_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users, named, given = tmp_path / "user" / "config.toml", tmp_path / "named.toml", tmp_path / "given.toml"
    monkeypatch.setattr(module, "user_config_path", lambda *_, **__: users.parent)
    assert find_config() is None
    assert load_config() == Config()
    users.parent.mkdir()
    for minutes, path in ((30, users), (40, named), (50, given)):
        path.write_text(f"[session]\nduration = {minutes}\n", encoding="utf-8")
    assert load_config().session.duration == 30
    monkeypatch.setenv("FACILITATOR_CONFIG", str(named))
    assert load_config().session.duration == 40
    assert load_config(given).session.duration == 50


def test_a_file_that_was_named_and_is_missing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"There is no file .*gone\.toml"):
        load_config(tmp_path / "gone.toml")
    monkeypatch.setenv("FACILITATOR_CONFIG", str(tmp_path / "lost.toml"))
    with pytest.raises(ConfigError, match=r"lost\.toml"):
        load_config()


def test_nothing_is_heard_until_the_animator_chooses_what() -> None:
    assert (Config().audio.call_input, Config().audio.microphone_input) == ("none", "none")


def test_a_configuration_cannot_change() -> None:
    section: BaseModel = Config().session
    with pytest.raises(ValueError, match="frozen"):
        section.duration = 3


def test_an_account_is_what_was_written_with_what_is_usual(written: Path) -> None:
    assert Config().delivery.account is None
    text = '[delivery]\nhost = "smtp.example.org"\nsender = "nour@example.org"\nca_file = "own.pem"\n'
    account = load(written, text).delivery.account
    assert account is not None
    assert (account.port, account.user, account.tls) == (587, "nour@example.org", False)
    assert account.ca_file == written.parent / "own.pem"
    account = load(written, f'{text}user = "nour"\nsecurity = "tls"\n').delivery.account
    assert account is not None
    assert (account.port, account.user, account.tls) == (465, "nour", True)


def test_a_server_without_a_sender_is_a_mistake(written: Path) -> None:
    with pytest.raises(ConfigError, match="sender"):
        _ = load(written, '[delivery]\nhost = "smtp.example.org"\n').delivery.account


def test_a_glossary_is_a_short_list_of_terms(written: Path) -> None:
    config = load(written, '[transcription]\nglossary = ["CODIR", "réunion  du lundi "]\n').transcription
    assert config.words_to_expect == "CODIR, réunion du lundi"
    assert Config().transcription.words_to_expect == ""
    for text, expected in (
        ('glossary = "CODIR"', "'transcription.glossary' is wrong: it must be a list in brackets."),
        ("glossary = [3]", "'transcription.glossary.0' is wrong: it must be text in quotes."),
        ('glossary = ["CODIR", " "]', "'transcription.glossary' is wrong: one of its terms is empty, remove it."),
        (f'glossary = ["{"x" * 298}", "y"]', "too long by 1 characters, keep the terms that matter most, up to 300"),
    ):
        assert expected in refusal(written, f"[transcription]\n{text}\n")
    assert load(written, f'[transcription]\nglossary = ["{"x" * 297}", "y"]\n').transcription.glossary


@pytest.mark.parametrize(
    ("server", "url", "host"),
    [
        ("https://speech.example.org", "https://speech.example.org/v1", "speech.example.org"),
        ("https://Speech.example.org:8443/v1/", "https://Speech.example.org:8443/v1", "speech.example.org"),
        ("https://a.org/x/v1/audio/transcriptions", "https://a.org/x/v1", "a.org"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1", "127.0.0.1"),
        ("http://localhost:8000/v1", "http://localhost:8000/v1", "localhost"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1", "::1"),
    ],
)
def test_a_speech_server_is_an_address(written: Path, server: str, url: str, host: str) -> None:
    address = load(written, f'[transcription]\nserver = "{server}"\n').transcription.server_address
    assert address is not None
    assert (address.url, address.host) == (url, host)


@pytest.mark.parametrize(
    "server",
    [
        *("speech.example.org", "ftp://a.org", "https://", "https://nour:secret@a.org", "https://a.org:x"),
        *("https://a.org?token=secret", "https://a.org#x", "https://[a.org", "x"),
    ],
)
def test_what_is_no_address_is_refused_without_a_word_of_it(written: Path, server: str) -> None:
    sentence = refusal(written, f'[transcription]\nserver = "{server}"\n')
    assert "'transcription.server' is wrong: it must be an address without a password in it" in sentence
    assert "secret" not in sentence


def test_sound_travels_encrypted_unless_that_is_said_in_so_many_words(written: Path) -> None:
    for server in ("http://speech.example.org", "http://192.168.1.5:8000", "http://localhost.example.org"):
        text = f'[transcription]\nserver = "{server}"\n'
        assert "sound would travel unencrypted" in refusal(written, text)
        assert load(written, f"{text}server_in_clear = true\n").transcription.server_address is not None
    assert Config().transcription.server_address is None


def test_the_servers_certificates_are_a_file_beside_the_configuration(written: Path) -> None:
    config = load(written, '[transcription]\nserver_ca_file = "own.pem"\n')
    assert config.transcription.server_ca_file == str(written.parent / "own.pem")
