"""`facilitator sessions deliver`: what goes is shown, asked for, and sent once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keyring
import pytest
from click.testing import Result
from typer.testing import CliRunner

from facilitator.cli import app
from facilitator.core.transitions import Phase
from facilitator.errors import DeliveryError, RecipientError, TakenError, UsageError
from facilitator.store.contents import chosen_entry, course_entry, text_entry
from facilitator.store.folder import Sessions
from facilitator.store.keys import FileVault, Keys
from tests.delivery.conftest import SafeKeyring
from tests.delivery.mailserver import CLIENT, PASSWORD, MailServer, mail_server
from tests.delivery.parcels import parsed
from tests.store.meetings import BEGAN, chosen, in_contract


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> SafeKeyring:
    made = SafeKeyring()
    monkeypatch.setattr(keyring, "get_keyring", lambda: made)
    return made


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[MailServer]:
    (tmp_path / "mail").mkdir()
    with mail_server(tmp_path / "mail") as server:
        yield server


@pytest.fixture
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sessions:
    made = Sessions(tmp_path / "kept", Keys([FileVault(tmp_path / "keys")]))
    for module in ("delivering", "sessions"):
        monkeypatch.setattr(f"facilitator.cli.{module}.open_sessions", lambda _: made)
    return made


def kept(sessions: Sessions, began: dt.datetime = BEGAN, *, over: bool = True, sound: bool = False) -> str:
    """Return the name of a session that is kept, over and sealed for good unless told."""
    durable = in_contract().durable()
    course = replace(durable.course, phase=Phase.ENDED) if over else durable.course
    store = sessions.create(began)
    texts = [text_entry(name, record) for name, record in durable.records.items()]
    what = chosen().model_copy(update={"began": began})
    store.append(chosen_entry(what), *texts, course_entry(durable.at, began.timestamp(), course))
    if sound:
        store.keep_sound(b"some")
    store.close(for_good=over)
    store.mark()
    return store.session


@pytest.fixture
def name(sessions: Sessions) -> str:
    """Return the name of a session that is over."""
    return kept(sessions)


class Terminal:
    """Gives commands as at a terminal, with what is typed."""

    def __init__(self, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.config = config
        self._patch = monkeypatch

    def do(self, *words: str, typed: str = "", terminal: bool = True) -> Result:
        """Return how the command ended."""
        with self._patch.context() as patch:
            patch.setattr("facilitator.cli.delivering._is_terminal", lambda: terminal)
            arguments = ["sessions", "deliver", *words, "--config", str(self.config)]
            return CliRunner().invoke(app, arguments, input=typed, env={"COLUMNS": "160"})


@pytest.fixture
def at(tmp_path: Path, mail: MailServer, ring: SafeKeyring, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    config = tmp_path / "config.toml"
    config.write_text(
        f'[delivery]\nhost = "127.0.0.1"\nport = {mail.port}\nuser = "nour"\nsender = "nour@example.org"\n'
        'ca_file = "mail/authority.pem"\n'
    )
    return Terminal(config, monkeypatch)


def states(sessions: Sessions, name: str) -> list[str]:
    return [one.state for one in sessions.read(name).deliveries]


def test_it_is_shown_the_password_is_asked_for_once_and_it_is_sent_once(
    at: Terminal, name: str, mail: MailServer, sessions: Sessions, ring: SafeKeyring
) -> None:
    done = at.do(name, "--to", CLIENT, typed=f"y\n{PASSWORD}\nn\n")
    assert done.exit_code == 0, done.exception
    assert CLIENT in done.output
    assert "Contrat de consultation (24 novembre 2026).pdf" in done.output
    assert PASSWORD not in done.output
    assert list(ring.held.values()) == [PASSWORD]
    assert "serveur de courriel 127.0.0.1." in done.output
    (taken,) = mail.taken
    assert taken.rcpt_tos == [CLIENT]
    assert states(sessions, name) == ["begun", "sent"]
    assert sessions.open(name)[0].closed
    again = at.do(name, "--to", CLIENT, "--yes")
    assert isinstance(again.exception, DeliveryError)
    assert again.exception.code == "already_sent"
    assert at.do(name, "--to", CLIENT, "--yes", "--again").exit_code == 0
    first, second = (parsed(one.original_content)["Message-ID"] for one in mail.taken)
    assert first == second


def test_who_says_no_sends_nothing(at: Terminal, name: str, mail: MailServer, sessions: Sessions) -> None:
    done = at.do(name, "--to", CLIENT, typed="n\n")
    assert done.exit_code != 0
    assert (mail.connections, states(sessions, name)) == (0, [])


def test_nobody_to_ask_sends_nothing(at: Terminal, name: str, mail: MailServer) -> None:
    done = at.do(name, "--to", CLIENT, terminal=False)
    assert isinstance(done.exception, UsageError)
    assert "--yes" in str(done.exception)
    assert mail.connections == 0


def test_the_purge_is_offered_after(at: Terminal, name: str, sessions: Sessions, tmp_path: Path) -> None:
    done = at.do(name, "--to", CLIENT, typed=f"y\n{PASSWORD}\ny\n")
    assert f"La séance {name} a été détruite" in done.output
    assert sessions.names() == []


def test_where_that_is_wanted_the_session_is_destroyed_unasked(at: Terminal, name: str, sessions: Sessions) -> None:
    at.config.write_text(at.config.read_text() + "[privacy]\ndestroy_delivered = true\n")
    done = at.do(name, "--folder", str(at.config.parent / "out"), typed="y\n")
    assert f"La séance {name} a été détruite" in done.output
    assert sessions.names() == []


@pytest.mark.parametrize(
    ("over", "sound", "word"),
    [(False, False, "sessions resume"), (False, True, "sessions resume"), (True, True, "transcribe")],
)
def test_one_that_is_not_over_or_whose_sound_waits_is_kept_and_that_is_said(
    at: Terminal, sessions: Sessions, over: bool, sound: bool, word: str
) -> None:
    """Reproduced: it was destroyed, with the contract that was not agreed yet and the sound that nobody had heard."""
    at.config.write_text("[privacy]\ndestroy_delivered = true\n")
    name = kept(sessions, over=over, sound=sound)
    done = at.do(name, "--folder", str(at.config.parent / "out"), "--yes")
    assert done.exit_code == 0, done.exception
    assert f"« facilitator {word} {name} »" in done.output
    assert (sessions.names(), states(sessions, name)) == ([name], ["folder"])


def test_a_wrong_password_can_be_replaced(at: Terminal, name: str, mail: MailServer) -> None:
    wrong = at.do(name, "--to", CLIENT, typed="y\nwrong\n")
    assert isinstance(wrong.exception, DeliveryError)
    assert wrong.exception.code == "password"
    assert at.do(name, "--to", CLIENT, "--new-password", typed=f"y\n{PASSWORD}\nn\n").exit_code == 0
    assert len(mail.taken) == 1


def test_the_documents_go_into_a_folder(at: Terminal, name: str, sessions: Sessions, tmp_path: Path) -> None:
    done = at.do(name, "--folder", str(tmp_path / "out"), typed="y\nn\n")
    assert done.exit_code == 0, done.exception
    assert (tmp_path / "out" / "contract.pdf").is_file()
    assert states(sessions, name) == ["folder"]
    for taken in (str(tmp_path / "out"), "~no-such-user/x"):
        assert isinstance(at.do(name, "--folder", taken, "--yes").exception, UsageError)


def test_without_an_account_the_message_is_a_file(at: Terminal, name: str, tmp_path: Path) -> None:
    at.config.write_text("")
    done = at.do(name, "--to", CLIENT, "--folder", str(tmp_path / "out"), "--yes")
    assert done.exit_code == 0, done.exception
    assert parsed((tmp_path / "out" / "client-2026-11-24-0930.eml").read_bytes())["To"] == CLIENT


def test_without_an_account_no_clients_message_takes_the_place_of_anothers(
    at: Terminal, sessions: Sessions, tmp_path: Path
) -> None:
    """Reproduced: the second delivery overwrote the first one's file, and the first session was destroyed by then."""
    at.config.write_text('[documents]\nfolder = "documents"\n')
    for number, began in enumerate((BEGAN, BEGAN + dt.timedelta(hours=2), BEGAN)):
        done = at.do(kept(sessions, began), "--to", CLIENT, "--yes")
        assert isinstance(done.exception, TakenError) == (number == 2)
    found = sorted(str(path.relative_to(tmp_path / "documents")) for path in (tmp_path / "documents").rglob("*.eml"))
    assert found == [f"codev-2026-11-24-{time}/client-2026-11-24-{time}.eml" for time in ("0930", "1130")]


def test_documents_that_came_while_it_asked_are_left(
    at: Terminal, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(*_: object) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "plan.md").write_text("another's")

    monkeypatch.setattr("facilitator.cli.delivering._ask", answer)
    assert isinstance(at.do(name, "--folder", str(tmp_path / "out")).exception, TakenError)
    assert (tmp_path / "out" / "plan.md").read_text() == "another's"


@pytest.mark.parametrize(
    ("words", "kind"),
    [((), UsageError), (("--to", "camille"), RecipientError), (("--to", "nour@example.org"), RecipientError)],
)
def test_what_cannot_be_the_clients_is_refused(at: Terminal, name: str, words: tuple[str, ...], kind: Any) -> None:
    assert isinstance(at.do(name, *words, "--yes").exception, kind)
