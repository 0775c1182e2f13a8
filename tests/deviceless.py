"""Live sessions without devices: only their time and their commands are left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from facilitator.catalog import load_process
from facilitator.languages import load_language
from facilitator.live import Live
from facilitator.live_settings import LiveSettings


def without_devices(folder: Path, **changes: Any) -> LiveSettings:
    """Return the settings of a session without devices whose documents go into `folder`; `changes` go before them."""
    process = load_process("codev")
    values: dict[str, Any] = {
        "process": process,
        "seconds": process.plan(60),
        "language": load_language("codev", "fr", "tu", listens=False),
        "participants": (),
        "call_input": None,
        "microphone_input": None,
        "voice_output": None,
        "cache": None,
        "recognizer": None,
        "listens": False,
        "spoken_reminders": False,
        "timed_cues_when_deaf": False,
        "replies_allowed": False,
        "folder": folder / "documents",
    }
    return LiveSettings(**{**values, **changes})


@asynccontextmanager
async def being_held(live: Live) -> AsyncIterator[asyncio.Task[None]]:
    """Hold a session, and close it in the end."""
    holding = asyncio.create_task(live.run())
    try:
        yield holding
    finally:
        holding.cancel()
        with suppress(asyncio.CancelledError):
            await holding
        await live.close()
