"""A real mail server, aiosmtpd, in a thread of its own: STARTTLS or TLS, AUTH, and the trouble it is told to make."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from facilitator.delivery.account import Account

USER, PASSWORD, SENDER = "nour", "a secret that is said nowhere", "nour@example.org"
CLIENT = "camille@example.com"


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def make_certificates(folder: Path) -> tuple[Path, Path]:
    """Write an authority's certificate, and key and certificate of 127.0.0.1 that it signed; return both paths."""
    now = dt.datetime.now(tz=dt.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    authority, own = (key.public_key() for key in keys)
    made = []
    for subject, public, is_authority in (("Authority", authority, True), ("127.0.0.1", own, False)):
        builder = x509.CertificateBuilder(
            issuer_name=_name("Authority"),
            subject_name=_name(subject),
            public_key=public,
            serial_number=x509.random_serial_number(),
            not_valid_before=now - dt.timedelta(days=1),
            not_valid_after=now + dt.timedelta(days=1),
        )
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=is_authority,
            crl_sign=is_authority,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (x509.BasicConstraints(ca=is_authority, path_length=None), True),
            (usage, True),
            (x509.SubjectKeyIdentifier.from_public_key(public), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(authority), False),
        ]
        if not is_authority:
            address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            extensions.append((x509.SubjectAlternativeName([address]), False))
            extensions.append((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        made.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    ca_file, server_file = folder / "authority.pem", folder / "server.pem"
    ca_file.write_bytes(made[0])
    server_file.write_bytes(private + made[1])
    return ca_file, server_file


@dataclass
class MailServer:
    """What the server does and has seen.

    Attributes:
        port: where it answers.
        ca_file: who vouches for it.
        tls: whether it encrypts from the first byte.
        trouble: `sender`, `recipient`, `later`, `refused`, `too_large`: refused there. `cut`: the connection breaks in
            the middle of the message. `taken`: it takes the message and breaks before it says so. `silent`: it takes
            the message and says nothing. `lingers`: it says goodbye and does not end the connection.
        taken: what it took.
        connections: how often it was called.
    """

    port: int
    ca_file: Path
    tls: bool
    trouble: str = ""
    taken: list[Envelope] = field(default_factory=list)
    connections: int = 0
    _open: set[asyncio.WriteTransport] = field(default_factory=set)

    def account(self, **changes: Any) -> Account:
        """Return the account at this server."""
        values = {"host": "127.0.0.1", "port": self.port, "user": USER, "sender": SENDER, "tls": self.tls}
        return Account(**{**values, "ca_file": self.ca_file, **changes})

    async def handle_MAIL(self, _s: Any, _n: Any, envelope: Envelope, address: str, _o: Any) -> str:
        if self.trouble == "sender":
            return f"553 {address} may not send"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, _s: Any, _n: Any, envelope: Envelope, address: str, _o: Any) -> str:
        if self.trouble == "recipient":
            return f"550 {address} is unknown here"
        if self.trouble == "later":
            return f"450 {address} is greylisted"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _n: Any, envelope: Envelope) -> str:
        if self.trouble in {"refused", "too_large"}:
            return {"refused": "554 no", "too_large": "552 too large"}[self.trouble]
        self.taken.append(envelope)
        if self.trouble == "taken":
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        if self.trouble == "silent":
            await asyncio.sleep(5)
        return "250 OK"


class _Server(SMTP):
    def __init__(self, mail: MailServer, **settings: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of what a test wants
            super().__init__(mail, **settings)
        self._mail = mail
        mail.connections += 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._mail._open.add(transport)
        super().connection_made(transport)

    async def smtp_QUIT(self, arg: str) -> None:
        if self._mail.trouble != "lingers":
            await super().smtp_QUIT(arg)
            return
        for transport in self._mail._open:  # what it reads would be answered
            assert isinstance(transport, asyncio.Transport)
            transport.pause_reading()
        await self.push("221 Bye")
        await asyncio.Event().wait()

    async def smtp_DATA(self, arg: str) -> None:
        if self._mail.trouble != "cut":
            await super().smtp_DATA(arg)
            return
        await self.push("354 go on")
        await self._reader.readuntil(b"\r\n")
        assert isinstance(self.transport, asyncio.WriteTransport)
        self.transport.abort()


def _authenticate(_s: Any, _n: Any, _e: Any, _m: Any, given: Any) -> AuthResult:
    assert isinstance(given, LoginPassword)
    right = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


@contextmanager
def mail_server(folder: Path, *, tls: bool = False, encrypts: bool = True) -> Iterator[MailServer]:
    """Run a server on a free port; `encrypts=False` for one that offers no STARTTLS."""
    ca_file, server_file = make_certificates(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(server_file)
    mail = MailServer(0, ca_file, tls)
    starttls = context if encrypts and not tls else None
    settings: dict[str, Any] = {
        "authenticator": _authenticate,
        "auth_required": True,
        "auth_require_tls": False,
        "tls_context": starttls,
        "require_starttls": starttls is not None,
        "hostname": "mail.example.org",
        "data_size_limit": None,
    }
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _loop, _context: None)  # broken connections are meant

    async def start() -> asyncio.Server:
        server = await loop.create_server(
            lambda: _Server(mail, loop=loop, **settings), "127.0.0.1", 0, ssl=context if tls else None
        )
        mail.port = server.sockets[0].getsockname()[1]
        return server

    async def stop(server: asyncio.Server) -> None:
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for transport in mail._open:  # an encrypted one would wait for the other side's goodbye
            transport.abort()
        await asyncio.sleep(0)  # they are closed by the loop's next turn

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield mail
    finally:
        asyncio.run_coroutine_threadsafe(stop(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
