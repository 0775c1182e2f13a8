"""A message reaches a real server, or it is said what happened: certainly not, or unknown."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import warnings
from pathlib import Path

import pytest

from facilitator.delivery.smtp import PostError, post
from tests.delivery.mailserver import CLIENT, PASSWORD, SENDER, MailServer, mail_server

MESSAGE = b"Subject: x\r\n\r\n.a line\r\n..\r\nwords that are said nowhere\r\n"
LARGE = MESSAGE + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 400_000


async def trouble(mail: MailServer, message: bytes = MESSAGE, *, password: str = PASSWORD, **changes: object) -> str:
    """Return the code of what goes wrong."""
    with pytest.raises(PostError) as caught:
        await post(mail.account(**changes), password, CLIENT, message, step_seconds=2.0, answer_seconds=0.5)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert str(caught.value) == caught.value.code
    return caught.value.code


async def test_the_message_arrives_once_as_it_is_for_one_recipient(mail: MailServer) -> None:
    await post(mail.account(), PASSWORD, CLIENT, MESSAGE)
    (taken,) = mail.taken
    assert (taken.mail_from, taken.rcpt_tos) == (SENDER, [CLIENT])
    assert taken.original_content == MESSAGE


async def test_it_arrives_over_tls_from_the_first_byte(tmp_path: Path) -> None:
    with mail_server(tmp_path, tls=True) as mail:
        await post(mail.account(), PASSWORD, CLIENT, MESSAGE)
        assert len(mail.taken) == 1


@pytest.mark.parametrize("code", ["sender", "recipient", "later", "refused", "too_large"])
async def test_what_the_server_refuses_is_told_by_where_it_was_refused(mail: MailServer, code: str) -> None:
    mail.trouble = code
    assert await trouble(mail) == code
    assert mail.taken == []


async def test_a_wrong_password_is_told(mail: MailServer) -> None:
    assert await trouble(mail, password="wrong") == "password"


async def test_a_server_that_is_down_is_told(mail: MailServer) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert await trouble(mail, port=free.getsockname()[1]) == "server_down"
    assert await trouble(mail, host="nowhere.invalid") == "server_down"


@pytest.mark.parametrize("tls", [False, True])
async def test_a_certificate_that_nobody_vouches_for_is_refused_before_the_account_is_named(
    tmp_path: Path, tls: bool
) -> None:
    with mail_server(tmp_path, tls=tls) as mail:
        assert await trouble(mail, ca_file=None) == "certificate"
        assert await trouble(mail, host="localhost") == "certificate"  # another name than the certificate's


async def test_a_file_of_certificates_that_is_none_is_told(mail: MailServer, tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("nothing")
    assert await trouble(mail, ca_file=tmp_path / "none.pem") == "ca_file"
    assert await trouble(mail, ca_file=tmp_path / "missing.pem") == "ca_file"
    assert mail.connections == 0


async def test_nothing_is_said_in_clear(tmp_path: Path) -> None:
    with mail_server(tmp_path, encrypts=False) as mail:
        assert await trouble(mail) == "no_tls"
        assert await trouble(mail, tls=True) in {"no_tls", "server_down"}
        assert mail.taken == []


@pytest.mark.parametrize("message", [MESSAGE, LARGE], ids=["small", "large"])
async def test_a_connection_that_breaks_in_the_middle_certainly_sent_nothing(mail: MailServer, message: bytes) -> None:
    mail.trouble = "cut"
    assert await trouble(mail, message) == "cut"
    assert mail.taken == []


async def test_a_large_message_arrives_whole(mail: MailServer) -> None:
    await post(mail.account(), PASSWORD, CLIENT, LARGE)
    assert mail.taken[0].original_content == LARGE


@pytest.mark.parametrize("how", ["taken", "silent"])
async def test_a_connection_that_breaks_after_the_end_leaves_it_unknown(mail: MailServer, how: str) -> None:
    mail.trouble = how
    assert await trouble(mail) == "unknown"
    assert len(mail.taken) == 1


def test_a_server_that_keeps_the_connection_leaves_none_open_here(mail: MailServer) -> None:
    """Reproduced: after the goodbye the connection waited for the server's own, and nobody closed it any more."""
    mail.trouble = "lingers"
    asyncio.run(post(mail.account(), PASSWORD, CLIENT, MESSAGE))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        gc.collect()
    assert [str(one.message) for one in told] == []
    assert len(mail.taken) == 1


async def test_nothing_is_logged(mail: MailServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await post(mail.account(), PASSWORD, CLIENT, MESSAGE)
        mail.trouble = "recipient"
        await trouble(mail)
    said = " ".join(one.getMessage() for one in caplog.records if not one.name.startswith("mail"))  # the server's own
    for secret in (CLIENT, SENDER, PASSWORD, "words that are said"):
        assert secret not in said
