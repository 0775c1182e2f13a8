"""The local service of `run`: where it answers, the ready file for scripts, and the two pages for people."""

from __future__ import annotations

import json
import os
import sys
import threading
import webbrowser
from contextlib import suppress
from pathlib import Path

from facilitator.cli import parts
from facilitator.config import WebConfig
from facilitator.errors import ServiceError, UsageError
from facilitator.store.contents import Door
from facilitator.web.passes import Scope
from facilitator.web.service import Service
from facilitator.wording import Language


async def serve(service: Service, config: WebConfig, kept: Door | None) -> None:
    """Have a service answer.

    Args:
        service: of the session, or of its set-up.
        config: where to answer.
        kept: where a session that goes on was answered before. Its pages, where they are still open, know no other
            port: it is taken again where it can be, unless the configuration names one.

    Raises:
        ServiceError: the address cannot be used.
    """
    try:
        await service.start(config.host, config.port or (0 if kept is None else kept.port))
    except ServiceError:
        if config.port or kept is None:
            raise
        await service.start(config.host, 0)
    if config.host != "127.0.0.1":
        parts.errors.print(f"Careful: other computers can reach this session on {config.host}.")


def door_of(service: Service) -> Door:
    """Return where the session is answered, as it is kept with it."""
    return Door(port=service.port, key=service.key.hex())


def links(service: Service, language: Language) -> list[str]:
    """Return how each page opens, by a new link, in words."""
    return [
        language.plain(f"interface.link_{scope.value}", url=service.link(scope))
        for scope in (Scope.CONSOLE, Scope.STAGE)
    ]


def show_pages(service: Service, language: Language, *, browse: bool) -> None:
    """Open the console's page where there is a screen, and say in a terminal how to open both pages."""
    if browse and has_screen():
        # A thread that nothing waits for: some browsers are not left before they are closed.
        opening = threading.Thread(target=webbrowser.open, args=(service.link(Scope.CONSOLE),), daemon=True)
        opening.start()
    if sys.stdin.isatty():
        for line in links(service, language):
            parts.errors.print(line, soft_wrap=True, highlight=False, markup=False)


def has_screen() -> bool:
    """Whether a page can be opened here."""
    return sys.platform in {"darwin", "win32"} or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def write_ready(path: Path, service: Service) -> None:
    """Write the ready file, for this user alone, whole or not at all.

    Raises:
        UsageError: it cannot be written.
    """
    ready = {
        "pid": os.getpid(),
        "console_url": service.link(Scope.CONSOLE),
        "stage_url": service.link(Scope.STAGE),
        "api_url": f"{service.url}/api",
        "token": service.token,
        "ingest_token": service.ingest_token,
    }
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(ready, file)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise UsageError(f"{path} cannot be written ({error.strerror}): choose another --ready-file.") from None
