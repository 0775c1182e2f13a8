"""A small model hub on this computer, with the real one's two calls and the failures that downloads meet."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

REVISION = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FakeHub:
    """Serves repositories out of memory. Use as an async context manager; `url` is its address.

    Attributes:
        repositories: files by repository and name.
        revision: the commit at the head of every main branch.
        large: names that are kept apart, as the real hub keeps weights: stated sha256, served after a redirect.
        stated: sha256 to state instead of the true one, by name.
        cuts: lengths of the answers after which the connection breaks, used up one an answer.
        stall_after: bytes of an answer after which it stops without ending, while this is set.
        statuses: answers other than files, used up one a request.
        ranges: False for a server that ignores Range.
        requests: (path, Range header) of every request.
        sent: bytes of files sent.
    """

    repositories: dict[str, dict[str, bytes]]
    revision: str = REVISION
    large: set[str] = field(default_factory=lambda: {"model.bin"})
    stated: dict[str, str] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    stall_after: int | None = None
    statuses: list[int] = field(default_factory=list)
    ranges: bool = True
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    sent: int = 0
    url: str = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/api/models/{owner}/{name}/revision/{revision}", self._describe)
        app.router.add_get("/{owner}/{name}/resolve/{revision}/{file:.+}", self._resolve)
        app.router.add_get("/cdn/{owner}/{name}/{file:.+}", self._send)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stall_after = None
        await self._runner.cleanup()

    def file_requests(self, name: str) -> list[str | None]:
        """Return the Range headers of the requests that asked for the file itself."""
        return [
            wanted
            for path, wanted in self.requests
            if path.endswith("/" + name) and (path.startswith("/cdn/") or name not in self.large)
        ]

    def _note(self, request: web.Request) -> dict[str, bytes]:
        self.requests.append((request.path, request.headers.get("Range")))
        if self.statuses:
            raise _Status(self.statuses.pop(0))
        files = self.repositories.get(f"{request.match_info['owner']}/{request.match_info['name']}")
        if files is None or request.match_info.get("revision", "main") not in ("main", self.revision):
            raise web.HTTPUnauthorized  # as the real hub answers for what is not there
        return files

    async def _describe(self, request: web.Request) -> web.Response:
        siblings: list[dict[str, Any]] = []
        for name, content in self._note(request).items():
            entry: dict[str, Any] = {"rfilename": name, "size": len(content)}
            if name.rpartition("/")[2] in self.large:
                entry["lfs"] = {"sha256": self.stated.get(name) or hashlib.sha256(content).hexdigest()}
            siblings.append(entry)
        return web.json_response({"sha": self.revision, "siblings": siblings})

    async def _resolve(self, request: web.Request) -> web.StreamResponse:
        file = request.match_info["file"]
        if file.rpartition("/")[2] in self.large:
            self._note(request)
            raise web.HTTPFound(f"/cdn/{request.match_info['owner']}/{request.match_info['name']}/{file}")
        return await self._send(request)

    async def _send(self, request: web.Request) -> web.StreamResponse:
        files = self._note(request)
        if request.match_info["file"] not in files:
            raise web.HTTPNotFound
        content = files[request.match_info["file"]]
        begin = 0
        response = web.StreamResponse()
        wanted = request.headers.get("Range")
        if wanted and self.ranges:
            begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
            response.set_status(206)
            response.headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        body = content[begin:]
        response.content_length = len(body)
        await response.prepare(request)
        for limit in ([self.cuts.pop(0)] if self.cuts else []) or ([self.stall_after] if self.stall_after else []):
            body = body[:limit]
        await response.write(body)
        self.sent += len(body)
        while self.stall_after is not None:
            await asyncio.sleep(0.01)
        if len(body) < response.content_length and request.transport is not None:
            request.transport.close()
        return response


class _Status(web.HTTPException):
    def __init__(self, status: int) -> None:
        self.status_code = status
        super().__init__()
