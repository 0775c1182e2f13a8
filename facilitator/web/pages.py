"""The pages: plain files, read once, nothing private in them, nothing from elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import hdrs, web

FOLDER = Path(__file__).parent / "pages"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
SET_UP = "/ before the session"
"""What `/` is called while it is the set-up's page."""
ADDRESSES = {"/": "console.html", "/stage": "stage.html"}
_NAMED = {**ADDRESSES, SET_UP: "setup.html"}
HEADERS = {
    "Cache-Control": "no-cache",  # asked for each time, sent when it changed
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


@dataclass(frozen=True, slots=True)
class File:
    """A page or a part of one."""

    content: bytes
    kind: str
    etag: str


def read_pages(folder: Path = FOLDER) -> dict[str, File]:
    """Return every file of the pages by its address: `/`, `/stage`, `/pages/stage.js`."""
    files = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in KINDS and path.is_file():
            content = path.read_bytes()
            etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
            files[path.name] = File(content, KINDS[path.suffix], etag)
    named = {address: files.pop(name) for address, name in _NAMED.items() if name in files}
    return named | {f"/pages/{name}": file for name, file in files.items() if not name.endswith(".html")}


def answer(files: Mapping[str, File], request: web.Request, name: str) -> web.Response:
    """Return the file of that name, or that the browser's own copy is still right."""
    file = files.get(name)
    if file is None:
        raise web.HTTPNotFound
    headers = {**HEADERS, hdrs.ETAG: file.etag}
    if request.headers.get(hdrs.IF_NONE_MATCH) == file.etag:
        return web.Response(status=304, headers=headers)
    response = web.Response(body=file.content, headers={**headers, hdrs.CONTENT_TYPE: file.kind})
    response.enable_compression()
    return response
