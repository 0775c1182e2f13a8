"""A live session that is held, to be handed over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from facilitator.core.process import Participant
from facilitator.live import Live
from facilitator.live_settings import LiveSettings
from facilitator.store.folder import Sessions
from facilitator.store.keeping import Storing
from facilitator.web.service import RefusedError
from tests.delivery.mailserver import CLIENT, SENDER
from tests.delivery.parcels import WORDS
from tests.deviceless import without_devices
from tests.store.meetings import chosen


class Held:
    """A session that is being held, in its contract step, with a contract agreed."""

    def __init__(self, live: Live, sessions: Sessions) -> None:
        self.live = live
        self.sessions = sessions
        self.lines: list[dict[str, Any]] = []
        live.follow(self.lines.append)

    async def do(self, name: str, **values: Any) -> dict[str, Any]:
        return await self.live.command(name, values) or {}

    async def refused(self, name: str, **values: Any) -> tuple[int, str]:
        with pytest.raises(RefusedError) as caught:
            await self.do(name, **values)
        for secret in (CLIENT, SENDER, WORDS):
            assert secret not in str(caught.value)
        return caught.value.status, caught.value.code

    def types(self) -> list[str]:
        return [line["type"] for line in self.lines]


def settings(tmp_path: Path, sessions: Sessions, **changes: Any) -> LiveSettings:
    kept = {"participants": (Participant("Camille", "client", None),), "storing": Storing(sessions, chosen())}
    return without_devices(tmp_path, **{**kept, **changes})


async def end(held: Held) -> None:
    await held.do("end")
    if not held.live.ended:
        await held.do("end")
