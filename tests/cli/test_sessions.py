"""`facilitator sessions`: list, export, purge and resume, as the real command does them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from facilitator.store.contents import chosen_entry, course_entry, text_entry
from facilitator.store.folder import Sessions
from facilitator.store.keys import FileVault, Keys
from tests.cli.command import Done, facilitator
from tests.store.meetings import BEGAN, CONTRACT, chosen, in_contract

Do = Callable[..., Done]
SILENT = """
[voice]
enabled = false
[listening]
enabled = false
"""


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a user who has kept nothing yet, and has no keyring."""
    (tmp_path / "config.toml").write_text(SILENT)
    return {
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "FACILITATOR_CONFIG": str(tmp_path / "config.toml"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    own = "codev-facilitator"
    return Sessions(tmp_path / "data" / own / "sessions", Keys([FileVault(tmp_path / "state" / own / "keys")]))


@pytest.fixture
def name(sessions: Sessions) -> str:
    """Return the name of a session that was killed in its contract."""
    durable = in_contract().durable()
    store = sessions.create(BEGAN)
    texts = [text_entry(name, record) for name, record in durable.records.items()]
    store.append(chosen_entry(chosen()), *texts, course_entry(durable.at, BEGAN.timestamp(), durable.course))
    store.mark()
    store.close()
    return store.session


@pytest.fixture
def do(tmp_path: Path, home: dict[str, str]) -> Do:
    def run(*arguments: str | Path) -> Done:
        return facilitator("sessions", *arguments, cwd=tmp_path, changes=home)

    return run


def test_nothing_is_kept_at_first(do: Do) -> None:
    done = do("list")
    assert (done.code, done.out, done.err) == (0, "No session is kept on this computer.\n", "")
    assert do("list", "--json").json == []


def test_sessions_are_listed_with_their_state_and_no_word(do: Do, name: str, sessions: Sessions) -> None:
    listed = do("list")
    assert name in listed.out
    assert "not finished" in listed.out
    assert "Camille" not in listed.out
    (found,) = do("list", "--json").json
    assert set(found) == {"session", "state", "size_bytes", "written_at", "untranscribed"}
    assert (found["session"], found["state"]) == (name, "unfinished")
    sessions.keys.destroy(name)
    (found,) = do("list", "--json").json
    assert found["state"] == "no_key"


def test_the_documents_of_a_killed_session_are_written(do: Do, name: str, tmp_path: Path) -> None:
    done = do("export", name, "--to", tmp_path / "out")
    assert done.code == 0, done.err
    paths = {Path(line).name for line in done.out.splitlines()}
    assert {"contract.md", "plan.md"} <= paths
    text = (tmp_path / "out" / "contract.md").read_text(encoding="utf-8")
    assert CONTRACT in text
    assert "Camille" in text
    assert "24 novembre 2026" in text
    again = do("export", name, "--to", tmp_path / "out")
    assert again.code == 2
    assert "holds documents already" in again.sentence


def test_a_session_is_destroyed_when_it_is_meant(do: Do, name: str, tmp_path: Path) -> None:
    refused = do("purge", name)
    assert refused.code == 2
    assert "--yes" in refused.sentence
    done = do("purge", name, "--yes")
    assert done.code == 0
    assert done.out.startswith(f"La séance {name} a été détruite le ")
    assert [path for path in (tmp_path / "data").rglob("*") if path.is_file()] == []
    assert [path for path in (tmp_path / "state").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("words", [("export", "--to", "out"), ("purge", "--yes"), ("resume",)])
def test_a_session_that_is_not_there_is_one_sentence(do: Do, name: str, words: tuple[str, ...]) -> None:
    done = do(words[0], name[:-1] + "?", *words[1:])
    assert done.code == 2
    assert f"did you mean '{name}'?" in done.sentence


def test_a_session_without_its_key_is_one_sentence(do: Do, name: str, sessions: Sessions) -> None:
    sessions.keys.destroy(name)
    for words in (("export", name, "--to", "out"), ("resume", name)):
        done = do(*words)
        assert done.code == 1
        assert done.sentence.startswith(f"The key of the session {name} is not here")


def test_a_session_that_is_over_is_not_resumed(do: Do, sessions: Sessions) -> None:
    durable = in_contract().durable()
    ended = json.loads(course_entry(60.0, 1.0, durable.course).payload)
    ended["course"]["phase"] = "ended"
    store = sessions.create(BEGAN)
    entry = course_entry(60.0, 1.0, durable.course)
    store.append(chosen_entry(chosen()), type(entry)(entry.kind, json.dumps(ended).encode()))
    store.mark()
    store.close()
    done = do("resume", store.session)
    assert done.code == 2
    assert "is over" in done.sentence
    assert do("list", "--json").json[0]["state"] == "ended"


def test_resuming_takes_no_other_choice(tmp_path: Path, home: dict[str, str], name: str) -> None:
    done = facilitator("run", "--resume", name, "--duration", "60", cwd=tmp_path, changes=home)
    assert done.code == 2
    assert "--resume" in done.sentence
