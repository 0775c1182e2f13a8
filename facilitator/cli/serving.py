"""The local service of `run`: where it answers, and the two pages for people."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser

from facilitator.cli import parts
from facilitator.config import WebConfig
from facilitator.errors import ServiceError
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
