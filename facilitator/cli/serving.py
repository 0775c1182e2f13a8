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
from facilitator.live import Live
from facilitator.store.contents import Door
from facilitator.web.passes import Scope
from facilitator.web.service import Service


async def serve(live: Live, config: WebConfig, kept: Door | None) -> Service:
    """Return the service of a session, answering.

    Args:
        live: the session; it keeps where it is answered.
        config: where to answer.
        kept: where a session that goes on was answered before. Its pages, where they are still open, know no other
            port: it is taken again where it can be, unless the configuration names one.

    Raises:
        ServiceError: the address cannot be used.
    """
    service = Service(live, None if kept is None else bytes.fromhex(kept.key))
    try:
        await service.start(config.host, config.port or (0 if kept is None else kept.port))
    except ServiceError:
        if config.port or kept is None:
            raise
        await service.start(config.host, 0)
    if config.host != "127.0.0.1":
        parts.errors.print(f"Careful: other computers can reach this session on {config.host}.")
    live.remember(Door(port=service.port, key=service.key.hex()))
    return service


def show_pages(service: Service, *, browse: bool) -> None:
    """Open the console's page where there is a screen, and say in a terminal how to open both pages."""
    if browse and _has_screen():
        # A thread that nothing waits for: some browsers are not left before they are closed.
        opening = threading.Thread(target=webbrowser.open, args=(service.link(Scope.CONSOLE),), daemon=True)
        opening.start()
    if sys.stdin.isatty():
        for name, scope in (("The console", Scope.CONSOLE), ("The participants' page", Scope.STAGE)):
            parts.errors.print(f"{name} opens here, once: {service.link(scope)}", soft_wrap=True, highlight=False)


def _has_screen() -> bool:
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
        "tokens": service.tokens,
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
