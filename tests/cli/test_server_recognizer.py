"""The speech server that was named and agreed to, and nothing else, gets what is to be written down."""

from __future__ import annotations

import asyncio
import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from facilitator.checkup import Parts, _deep, _model
from facilitator.cli import app, models, parts
from facilitator.cli.resuming import Begun
from facilitator.config import Config
from facilitator.errors import NoKeyringError, StoreError
from facilitator.findings import Finding
from facilitator.speech_server import find_token, keep_token
from facilitator.store.contents import Kept
from facilitator.store.folder import open_sessions
from speech.ports import RATE_HZ, Sound
from speech.recognition.server import ServerRecognizer
from speech.recognition.whisper import WhisperRecognizer
from tests.cli.command import facilitator
from tests.cli.test_recognizers import chosen, install, name
from tests.delivery.conftest import SafeKeyring
from tests.speech.speechserver import SAID, TOKEN, SpeechServer, speech_server
from tests.speech.stores import DEMO
from tests.speech.voices import speak
from tests.store.meetings import session


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpeechServer]:
    with speech_server(tmp_path_factory.mktemp("certified")) as server:
        yield server


def served(server: SpeechServer, **settings: Any) -> Config:
    return chosen(server=server.url, server_ca_file=str(server.ca_file), server_model="large", **settings)


async def test_the_server_that_is_named_gets_the_utterance_with_its_token(
    certified: SpeechServer,
    ring: SafeKeyring,
) -> None:
    config = served(certified, glossary=["CODIR"], model="small")
    address = config.transcription.server_address
    assert address is not None
    keep_token(address, TOKEN)
    assert find_token(address) == TOKEN
    assert parts.choose_model(config) is None
    recognizer = parts.make_recognizer(config, None)
    assert isinstance(recognizer, ServerRecognizer)
    try:
        assert (await recognizer.transcribe(np.zeros(1600, np.float32), language="fr")).text == SAID
    finally:
        await recognizer.close()
    assert (certified.forms[-1]["model"], certified.forms[-1]["prompt"]) == ("large", "CODIR")
    assert parts.told_of_recognizer(config, None) == ["speech_server"]
    assert ring.held


def test_each_server_has_a_token_of_its_own(ring: SafeKeyring) -> None:
    addresses = [chosen(server=f"https://{host}").transcription.server_address for host in ("a.org", "a.org:8443")]
    assert addresses[0] is not None
    assert addresses[1] is not None
    keep_token(addresses[0], TOKEN)
    assert find_token(addresses[1]) is None
    ring.trouble = "forgets"
    with pytest.raises(StoreError, match="not kept"):
        keep_token(addresses[1], TOKEN)
    ring.trouble = "locked"
    with pytest.raises(StoreError, match="unlock"):
        parts.make_recognizer(chosen(server="https://a.org"), None)


def test_without_a_safe_keyring_there_is_no_token_and_none_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyring.get_keyring", lambda: None)
    address = chosen(server="https://a.org").transcription.server_address
    assert address is not None
    assert find_token(address) is None
    with pytest.raises(NoKeyringError):
        keep_token(address, TOKEN)


def test_the_sample_session_stays_on_this_computer() -> None:
    config = chosen(server="https://a.org")
    model = parts.choose_model(config, demo=True)
    assert name(model) == "demo"
    assert parts.server_of(config, model) is None
    assert isinstance(parts.make_recognizer(config, model), WhisperRecognizer)


def test_a_session_that_goes_on_uses_no_server_but_the_one_agreed_to() -> None:
    config = chosen(server="https://a.org", threads=1)
    assert parts.as_agreed(config, "a.org") is config
    for agreed in ("", "b.org"):
        other = parts.as_agreed(config, agreed)
        assert (other.transcription.server, other.transcription.threads) == ("", 1)
    assert parts.as_agreed(Config(), "a.org") == Config()


def test_what_was_agreed_to_is_kept_with_the_session(tmp_path: Path) -> None:
    config = chosen(server="https://a.org")
    storing = Begun(open_sessions(tmp_path)).storing(config, {}, ())
    assert storing is not None
    assert storing.chosen.server == "a.org"
    for agreed, used in (("a.org", "https://a.org"), ("", "")):
        kept = Kept(storing.chosen.model_copy(update={"server": agreed}), session().durable(), 0.0, 1)
        assert Begun(None, kept=kept).config(config).transcription.server == used


def test_the_token_is_asked_for_and_kept_by_the_command(
    tmp_path: Path,
    ring: SafeKeyring,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[transcription]\nserver = "https://a.org"\n', encoding="utf-8")
    monkeypatch.setattr(models, "_is_terminal", lambda: True)
    done = CliRunner().invoke(app, ["models", "token", "--config", str(file)], input=f"{TOKEN}\n")
    assert done.exit_code == 0
    assert TOKEN not in done.output
    assert list(ring.held.values()) == [TOKEN]


def test_a_token_for_nobody_or_by_nobody_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "some.toml").write_text('[transcription]\nserver = "https://a.org"\n', encoding="utf-8")
    (tmp_path / "none.toml").write_text("", encoding="utf-8")
    for config, words in (("none.toml", "no speech server"), ("some.toml", "in a terminal")):
        done = facilitator("models", "token", "--config", config, cwd=tmp_path)
        assert (done.code, words in done.sentence) == (2, True)


def checkup_parts(config: Config, **changes: Any) -> Parts:
    async def never() -> Any:
        raise AssertionError

    given: dict[str, Any] = {
        "config_file": None,
        "open_voice": never,
        "open_detector": lambda: None,
        "choose_model": lambda: parts.choose_model(config),
        "make_recognizer": lambda model: parts.make_recognizer(config, model),
        "installed": list,
        "measure": lambda _: math.inf,
    }
    return Parts(**{**given, **changes})


async def found_of(config: Config, **changes: Any) -> Finding:
    return await _model(config, checkup_parts(config, **changes))


async def test_the_checkup_names_the_server_and_says_how_fast_a_model_is() -> None:
    found = await found_of(chosen(server="https://a.org"))
    assert found.status == "note"
    assert "encrypted, to the speech server a.org" in found.message
    found = await found_of(chosen(server="http://localhost:8000"))
    assert "in clear, to the speech server localhost" in found.message
    here = {"choose_model": lambda: DEMO}
    for speed, status in ((None, "ok"), (0.2, "ok"), (0.8, "note"), (math.inf, "note")):
        found = await found_of(Config(), **here, speed_of=lambda _, speed=speed: speed)
        assert found.status == status
        assert ("keeps up: 0.20 s" in found.message) == (speed == 0.2)
    found = await found_of(Config(), choose_model=lambda: None)
    assert found.message.startswith("None is installed")


async def test_the_deep_checkup_asks_the_server_and_says_what_is_wrong(
    certified: SpeechServer,
    ring: SafeKeyring,
) -> None:
    config = served(certified)
    sound = Sound(np.zeros(RATE_HZ, np.float32), RATE_HZ)

    async def told() -> Finding:
        return [one async for one in _deep(config, checkup_parts(config), sound)][-1]

    found = await told()
    assert (found.part, found.status) == ("recognizer", "problem")
    assert "refuses the token" in found.message
    address = config.transcription.server_address
    assert address is not None
    keep_token(address, TOKEN)
    found = await told()
    assert (found.part, found.status) == ("recognizer", "ok")
    assert ring.held


# --- nothing leaves unless it is configured ---

_reached: list[tuple[str, Any]] = []
_watching = [False]


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching[0] and event in {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto"}:
        _reached.append((event, arguments[-1]))


@contextmanager
def watched() -> Iterator[list[tuple[str, Any]]]:
    """Have every use of an address, by this process, noted."""
    if not hasattr(sys, "_facilitator_hook"):
        sys.addaudithook(_hook)
        sys._facilitator_hook = True
    _reached.clear()
    _watching[0] = True
    try:
        yield _reached
    finally:
        _watching[0] = False


async def transcribed(config: Config) -> None:
    recognizer = parts.make_recognizer(config, await asyncio.to_thread(parts.choose_model, config))
    assert recognizer is not None
    try:
        await recognizer.start()
        await recognizer.transcribe(speak("Je parle à Marie.", "fr"), language="fr", hotwords="Camille")
    finally:
        await recognizer.close()


async def test_without_a_server_no_address_is_ever_reached(data: Path) -> None:
    install(data, "mine", 0)
    with watched() as reached:
        await transcribed(Config())  # measured, chosen, loaded, used
        assert [one for one in reached if not isinstance(one[1], str | bytes)] == []


async def test_with_one_that_address_alone_is_reached(certified: SpeechServer, ring: SafeKeyring) -> None:
    config = served(certified)
    address = config.transcription.server_address
    assert address is not None
    keep_token(address, TOKEN)
    with watched() as reached:
        await transcribed(config)
        port = int(certified.url.rsplit(":", 1)[1].split("/")[0])
        assert {one[1] for one in reached if one[0] == "socket.connect"} == {("127.0.0.1", port)}
    assert json.dumps(certified.forms[-1]["prompt"]) == '"Camille"'
