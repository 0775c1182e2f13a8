"""Who may speak to the local service. Loopback and the browser's own rules protect nobody (DNS rebinding).

The checks come in this order, for each request: Host, Origin, where it was fetched from, content type, then the bearer
token or the cookie. What a cookie vouches for came from a browser: what it changes, or opens, must come from our own
pages, which browsers say in Origin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from facilitator.web.meeting import RefusedError
from facilitator.web.passes import Passes, Scope

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BODY_BYTES = 64 * 1024
NOT_YOURS = "This page or token may not do that: the animator's own may."
OPEN_PATHS = frozenset({"/healthz", "/", "/stage", "/api/session"})
"""Answered without a token; they say nothing about the session."""
OPEN_START = "/pages/"
WANTED = {
    "/api/stage": Scope.STAGE,
    "/api/strings": Scope.STAGE,
    "/api/state": Scope.WATCH,
    "/api/events": Scope.WATCH,
    "/api/openapi.json": Scope.WATCH,
    "/api/commands": Scope.DRIVE,
}
STAGE_START = "/api/prompts/"
INGEST_START = "/api/ingest/"
"""The stage's and a bot's; everything else is the console's."""

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
        passes: what a caller must have one of.
    """

    def __init__(self, passes: Passes) -> None:
        self._passes = passes
        self.on_pass: Callable[[web.Request], None] = _nobody
        """Called with each request that showed a pass."""
        self.authority = ""
        """Host and port that the service answers on; set once it does."""

    @property
    def port(self) -> int:
        """The port that the service answers on."""
        return int(self.authority.rpartition(":")[2])

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer `request` with `handler` if it may be answered: an aiohttp middleware."""
        refusal = self._refusal(request) or self._lack(request)
        if refusal is not None:
            return refusal
        try:
            return await handler(request)
        except RefusedError as refused:
            return web.json_response({"error": str(refused), "code": refused.code}, status=refused.status)
        except web.HTTPException as raised:
            return error(raised.status, raised.reason)
        except Exception as defect:  # noqa: BLE001  its text may hold what was said
            return error(500, f"The facilitator has a defect ({type(defect).__name__}): please report it.")

    @staticmethod
    async def seal(_request: web.Request, response: web.StreamResponse) -> None:
        """Give every answer, aiohttp's own errors included, its headers: an `on_response_prepare` signal."""
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)

    def is_console(self, request: web.Request) -> bool:
        """Say whether a request that is answered may do everything."""
        return Scope.CONSOLE in (self._by_token(request) or self._passes.cookies(request.cookies, self.port))

    def _by_token(self, request: web.Request) -> frozenset[Scope]:
        scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        return self._passes.bearer(given.strip()) if scheme.lower() == "bearer" else frozenset()

    def _refusal(self, request: web.Request) -> web.Response | None:
        hosts = request.headers.getall(hdrs.HOST, [])
        if hosts != [self.authority] or "://" in request.raw_path:
            return error(421, "This service answers to its own address alone.")
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and not self._is_ours(origin):
            return error(403, "This service answers to its own pages alone.")
        if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            return error(403, "This service answers to its own pages alone.")
        if request.method == hdrs.METH_POST and request.headers.get(hdrs.CONTENT_TYPE) not in {
            "application/json",
            "application/json; charset=utf-8",
        }:
            return error(415, "Send JSON, as application/json.")
        return None

    def _is_ours(self, origin: str | None) -> bool:
        return origin == f"http://{self.authority}"

    def _lack(self, request: web.Request) -> web.Response | None:
        """Return what a request without the right pass is told."""
        path = request.path
        if path in OPEN_PATHS or path.startswith(OPEN_START):
            return None
        scopes = self._by_token(request)
        if not scopes:
            scopes = self._passes.cookies(request.cookies, self.port)
            if scopes and _acts(request) and not self._is_ours(request.headers.get(hdrs.ORIGIN)):
                return error(403, "This service answers to its own pages alone.")
        if not scopes:
            return error(401, "Send the token of this session, as a bearer token, or open a new link to the page.")
        self.on_pass(request)
        return None if _wanted(path) in scopes else error(403, NOT_YOURS)


def _nobody(_request: web.Request) -> None:
    """Nobody asked to be told."""


def _wanted(path: str) -> Scope:
    """Return the scope that opens `path`."""
    if path.startswith(INGEST_START):
        return Scope.INGEST
    return Scope.STAGE if path.startswith(STAGE_START) else WANTED.get(path, Scope.CONSOLE)


def _acts(request: web.Request) -> bool:
    """Whether a request may change something, or opens a socket, on which browsers put no rule of their own."""
    return request.method not in {hdrs.METH_GET, hdrs.METH_HEAD} or hdrs.UPGRADE in request.headers
