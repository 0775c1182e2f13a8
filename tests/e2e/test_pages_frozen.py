"""A service that is frozen, not dead: the pages say so, and are right again when it is."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.live import running
from tests.e2e.test_pages import browsing, opened
from tests.e2e.test_pages_service import SILENT
from tests.pages.test_link import seconds_left
from tests.pulse import PulseServer

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio]

SAID_SECONDS = 2.0
"""A page says that nobody answers within so long of the freeze, and is right within so long of its end."""
FROZEN_SECONDS = 4.0


async def test_a_frozen_service_is_told_and_its_return_too(tmp_path: Path, pulse: PulseServer) -> None:
    complaints: list[str] = []
    async with running(pulse, tmp_path, SILENT, "--duration", "60") as run, browsing(pulse) as browser:
        context = await browser.new_context(locale="fr")
        console = await opened(context, run.known["console_url"], complaints)
        stage = await opened(context, run.known["stage_url"], complaints)
        await run.command("start")
        await stage.wait_for_selector("body[data-phase=running]")
        await console.wait_for_selector("body[data-phase=running]")
        left, at = await seconds_left(console), time.monotonic()
        run.process.send_signal(signal.SIGSTOP)
        try:
            frozen = time.monotonic()
            for page in (console, stage):
                await page.wait_for_selector("#away:not([hidden])", timeout=10_000)
                said = time.monotonic() - frozen
                assert said <= SAID_SECONDS
            assert "ne répond pas" in await console.locator("#away").inner_text()
            await asyncio.sleep(FROZEN_SECONDS)
        finally:
            run.process.send_signal(signal.SIGCONT)
        back = time.monotonic()
        for page in (console, stage):
            await page.wait_for_selector("#away", state="hidden")
        returned = time.monotonic() - back
        await console.keyboard.press("n")
        await stage.get_by_role("heading", name="Exposé").wait_for()
        right = time.monotonic() - back
        assert returned <= SAID_SECONDS
        assert right <= SAID_SECONDS
        await run.command("back")
        await console.get_by_role("heading", name="Accueil").wait_for()
        assert abs(left - (time.monotonic() - at) - await seconds_left(console)) <= 1.5
    assert complaints == []
