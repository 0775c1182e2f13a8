"""What opens the service: the token of scripts, one-time links, and the cookies that pages get for them.

Rules:

- A scope opens what is its own: the console's opens everything, the stage's its feed, its prompts and its words, a
  bot's the channels that it may send sound to. A bot has a token and no page.
- A link holds a ticket in its fragment, which no server sees. It works once, for a cookie.
- The cookie is the scope, signed with the session's key: it is right again after a crash, and in no other session.
- Browsers send cookies to every port of a host: the names hold ours, so that two sessions keep apart.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from enum import StrEnum

TICKETS = 32
"""Links that may wait to be opened; one more, and the oldest does no longer work."""


class Scope(StrEnum):
    """Who is asking."""

    CONSOLE = "console"
    STAGE = "stage"
    INGEST = "ingest"


class Passes:
    """The keys of one service.

    Args:
        key: signs the cookies, at least 32 secret bytes; the same after a crash.
    """

    def __init__(self, key: bytes) -> None:
        self.token = secrets.token_urlsafe(32)
        self.ingest_token = secrets.token_urlsafe(32)
        self._cookies = {scope: hmac.new(key, scope.encode(), hashlib.sha256).hexdigest() for scope in Scope}
        self._tickets: dict[bytes, Scope] = {}

    def ticket(self, scope: Scope) -> str:
        """Return a new one-time ticket."""
        ticket = secrets.token_urlsafe(32)
        while len(self._tickets) >= TICKETS:
            del self._tickets[next(iter(self._tickets))]
        self._tickets[_hash(ticket)] = scope
        return ticket

    def exchange(self, ticket: str) -> Scope | None:
        """Return the scope of a ticket, which is then spent; None when it is no ticket, or was spent before."""
        return self._tickets.pop(_hash(ticket), None)

    def bearer(self, given: str) -> frozenset[Scope]:
        """Return what a bearer token opens: the console's, a bot's, or a link of the stage's not opened yet."""
        if hmac.compare_digest(given.encode(errors="surrogatepass"), self.token.encode()):
            return frozenset(Scope)
        if hmac.compare_digest(given.encode(errors="surrogatepass"), self.ingest_token.encode()):
            return frozenset({Scope.INGEST})
        return frozenset({Scope.STAGE}) if self._tickets.get(_hash(given)) is Scope.STAGE else frozenset()

    def cookie(self, scope: Scope, port: int) -> tuple[str, str]:
        """Return name and value of the cookie of a scope."""
        return f"facilitator_{scope}_{port}", self._cookies[scope]

    def cookies(self, given: Mapping[str, str], port: int) -> frozenset[Scope]:
        """Return what cookies open."""
        opened: set[Scope] = set()
        for scope in Scope:
            name, value = self.cookie(scope, port)
            has = name in given and hmac.compare_digest(given[name].encode(errors="surrogatepass"), value.encode())
            if has:
                opened |= set(Scope) if scope is Scope.CONSOLE else {scope}
        return frozenset(opened)


def _hash(ticket: str) -> bytes:
    """Return what a ticket is kept and looked up by: how long that takes says nothing about it."""
    return hashlib.sha256(ticket.encode(errors="surrogatepass")).digest()
