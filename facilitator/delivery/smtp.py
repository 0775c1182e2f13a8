"""Gives one message to the animator's server, over an encrypted connection whose certificate was checked.

Rules:

- The end of the message is said by itself, once all of it has been handed to the system. A connection that breaks
  before cannot have delivered anything; one that breaks after may have: that is `unknown`, and nothing else is.
- What a server answers may repeat an address: of an answer only its number is used.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aiosmtplib import SMTP, SMTPAuthenticationError, SMTPException, SMTPResponseException

from facilitator.delivery.account import Account

STEP_SECONDS = 30.0
"""How long the server has for each answer but the last, and the connection for not moving at all."""
ANSWER_SECONDS = 120.0
"""How long it has to take the message: many look through the attachments first."""
_GRACE_SECONDS = 0.25
"""So long before the end is said: a connection that broke on the way is known to have by then."""
_POLL_SECONDS = 0.05
_QUIT_SECONDS = 2.0
_COMPLETED, _START_INPUT, _TOO_LARGE = 250, 354, 552
_LATER = range(400, 500)
_LINE_START = re.compile(rb"^\.", re.MULTILINE)


class PostError(Exception):
    """The message was not sent; `code` is a key of the languages' `delivery.troubles`.

    With `unknown` it is not known whether it was.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


async def post(
    account: Account,
    password: str,
    recipient: str,
    message: bytes,
    *,
    step_seconds: float = STEP_SECONDS,
    answer_seconds: float = ANSWER_SECONDS,
) -> None:
    """Give `message` to the server, for `recipient`; return once the server has taken it.

    Args:
        account: the server, and as whom.
        password: of the account.
        recipient: one address, checked.
        message: with lines that end in CR LF.
        step_seconds: how long each answer but the last may take.
        answer_seconds: how long the last one may take.

    Raises:
        PostError: it was not sent, or it is not known whether it was.
    """
    context = await asyncio.to_thread(_context, account.ca_file)
    client = SMTP(
        hostname=account.host,
        port=account.port,
        local_hostname="localhost",  # the computer's own name is nobody's business
        timeout=step_seconds,
        use_tls=account.tls,
        start_tls=False,
        tls_context=context,
    )
    try:
        await _greet(client, account, password, context)
        await _address(client, account.sender, recipient, len(message))
        await _give(client, message, step_seconds, answer_seconds)
        with suppress(SMTPException, OSError):
            await client.execute_command(b"QUIT", timeout=_QUIT_SECONDS)  # quit() would let go of the transport
    finally:
        transport = client.transport
        client.close()
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()


def _context(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError:  # ssl.SSLError is one
            raise PostError("ca_file") from None
    return context


async def _greet(client: SMTP, account: Account, password: str, context: ssl.SSLContext) -> None:
    """Connect, encrypt, log in."""
    with _told("server_down"):
        await client.connect()
    if not account.tls:
        with _told("no_tls"):
            await client.starttls(tls_context=context)
    with _told("cut"):
        await client.login(account.user, password)


async def _address(client: SMTP, sender: str, recipient: str, size: int) -> None:
    """Say from whom and to whom."""
    with _told("sender"):
        options = [f"SIZE={size}"] if client.supports_extension("size") else []
        await client.mail(sender, options=options)
    with _told("recipient"):
        await client.rcpt(recipient)


async def _give(client: SMTP, message: bytes, step_seconds: float, answer_seconds: float) -> None:
    """Hand the message over, then say that this was all."""
    with _told("cut"):
        answer = await client.execute_command(b"DATA")
        if answer.code != _START_INPUT:
            raise PostError(_of(answer.code, "refused"))
        await _write(client, _LINE_START.sub(b"..", message), step_seconds)
    try:
        answer = await client.execute_command(b".", timeout=answer_seconds)
    except (SMTPException, OSError):
        raise PostError("unknown") from None
    if answer.code != _COMPLETED:
        raise PostError(_of(answer.code, "refused"))


async def _write(client: SMTP, body: bytes, step_seconds: float) -> None:
    protocol, transport = client.protocol, client.transport
    if protocol is None or not isinstance(transport, asyncio.WriteTransport):
        raise PostError("cut")
    protocol.write(body)
    left, patience = transport.get_write_buffer_size(), step_seconds
    while left and patience > 0:
        await asyncio.sleep(_POLL_SECONDS)
        now = transport.get_write_buffer_size()
        patience = step_seconds if now < left else patience - _POLL_SECONDS
        left = now
    await asyncio.sleep(_GRACE_SECONDS)
    if left or transport.is_closing():
        raise PostError("cut")


@contextmanager
def _told(code: str) -> Iterator[None]:
    """Turn what goes wrong into its code: `code` is that of a plain refusal."""
    try:
        yield
    except ssl.SSLCertVerificationError:
        raise PostError("certificate") from None
    except ssl.SSLError:
        raise PostError("no_tls") from None
    except SMTPAuthenticationError as error:
        raise PostError(_of(error.code, "password")) from None
    except (SMTPException, OSError) as error:
        raise PostError(_code(error, code)) from None


def _code(error: Exception, code: str) -> str:
    if isinstance(error.__cause__, ssl.SSLCertVerificationError):
        return "certificate"
    if isinstance(error.__cause__, ssl.SSLError):
        return "no_tls"
    if code == "server_down":
        return code
    if isinstance(error, SMTPResponseException):
        return _of(error.code, code)
    if isinstance(error, OSError):  # a connection that broke, or an answer that did not come, is one too
        return "cut"
    return "refused" if code == "cut" else code


def _of(number: int, code: str) -> str:
    """Return what an answer's number means where it is not the one that was wanted."""
    if number == _TOO_LARGE:
        return "too_large"
    return "later" if number in _LATER else code
