"""The speech server that the configuration names, and its token in the system's keyring."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from facilitator.delivery.account import keep_secret, password_vault
from facilitator.errors import NoKeyringError

_SPEECH = "speech"
"""Under this and the server's name the token is kept, in the same service as the keys of sessions."""
_END = "/audio/transcriptions"
_START = "/v1"
"""What OpenAI's interface begins with, where an address gives no path."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a speech server answers.

    Attributes:
        url: up to what comes before `/audio/transcriptions`.
        host: its name, as the consent says it.
        port: where it is given, with its colon; "" for the usual one.
        is_safe: whether nobody can listen in: it is encrypted, or stays on this computer.
    """

    url: str
    host: str
    port: str
    is_safe: bool

    @classmethod
    def of(cls, text: str) -> ServerAddress | None:
        """Return the address that `text` gives; None when it gives none."""
        try:
            parts = urlsplit(text.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            return None
        if not host or parts.scheme not in {"http", "https"} or "@" in parts.netloc or parts.query or parts.fragment:
            return None
        path = parts.path.rstrip("/").removesuffix(_END) or _START
        url = f"{parts.scheme}://{parts.netloc}{path}"
        return cls(url, host, "" if port is None else f":{port}", parts.scheme == "https" or _is_here(host))


def find_token(address: ServerAddress) -> str | None:
    """Return the server's token; None when there is none, and where no keyring could keep one.

    Raises:
        StoreError: the keyring does not answer.
    """
    try:
        return password_vault().get(_SPEECH, address.host + address.port)
    except NoKeyringError:
        return None


def keep_token(address: ServerAddress, token: str) -> None:
    """Keep the server's token, in place of the one before.

    Raises:
        NoKeyringError: there is no keyring that encrypts.
        StoreError: it does not answer, or did not keep it.
    """
    keep_secret(_SPEECH, address.host + address.port, token, what="token")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
