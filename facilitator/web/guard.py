"""Who may speak to the local service. Loopback and the browser's own rules protect nobody (DNS rebinding).

The checks come in this order, for each request: Host, Origin, where it was fetched from, content type, token.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BODY_BYTES = 64 * 1024
OPEN_PATHS = frozenset({"/healthz"})
"""Answered without a token; they say nothing about the session."""

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def error(status: int, sentence: str) -> web.Response:
    """Return a refusal: one plain sentence as JSON."""
    return web.json_response({"error": sentence}, status=status)


class Guard:
    """The checks of one running service.

    Args:
        token: what a caller must know.
    """

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self.authority = ""
        """Host and port that the service answers on; set once it does."""

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer `request` with `handler` if it may be answered: an aiohttp middleware."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        try:
            return await handler(request)
        except web.HTTPException as raised:
            return error(raised.status, raised.reason)
        except Exception as defect:  # noqa: BLE001  its text may hold what was said
            return error(500, f"The facilitator has a defect ({type(defect).__name__}): please report it.")

    @staticmethod
    async def seal(_request: web.Request, response: web.StreamResponse) -> None:
        """Give every answer, aiohttp's own errors included, its headers: an `on_response_prepare` signal."""
        response.headers.update(_HEADERS)

    def _refusal(self, request: web.Request) -> web.Response | None:
        hosts = request.headers.getall(hdrs.HOST, [])
        if hosts != [self.authority] or "://" in request.raw_path:
            return error(421, "This service answers to its own address alone.")
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and origin != f"http://{self.authority}":
            return error(403, "This service answers to its own pages alone.")
        if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            return error(403, "This service answers to its own pages alone.")
        if request.method == hdrs.METH_POST and request.headers.get(hdrs.CONTENT_TYPE) not in {
            "application/json",
            "application/json; charset=utf-8",
        }:
            return error(415, "Send JSON, as application/json.")
        if request.path not in OPEN_PATHS and not self._knows_token(request):
            return error(401, "Send the token of this session, as a bearer token.")
        return None

    def _knows_token(self, request: web.Request) -> bool:
        scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(
            given.strip().encode(errors="surrogateescape"), self._token
        )
