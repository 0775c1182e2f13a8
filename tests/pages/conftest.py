"""One Chromium and one service for all the tests of the pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from facilitator.web.service import Service
from tests.pages.stagehand import House, Shown, chromium
from tests.pages.table import CONFIG, GROUP, Table
from tests.setup.room import Room


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Return a Chromium."""
    path = chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def table(browser: Browser, tmp_path: Path) -> AsyncIterator[Table]:
    """Return a set-up with a group; a page that complained, or asked another host for something, fails the test."""
    room = Room(tmp_path)
    room.models = ("small", "medium")
    setup = room.set_up(CONFIG, GROUP)
    await setup.start()
    service = Service(set_up=setup)
    await service.start("127.0.0.1", 0)
    table = Table(room, setup, service, browser)
    yield table
    for context in table.contexts:
        await context.close()
    await table.setup.close()
    await table.service.close()
    assert table.complaints == []
    assert table.strangers == []


@pytest_asyncio.fixture(loop_scope="session")
async def house(browser: Browser) -> AsyncIterator[House]:
    """Return a service and a browser; a page that complained, or asked another host for something, fails the test."""
    shown = Shown()
    service = Service(shown)
    url = await service.start("127.0.0.1", 0)
    house = House(shown, service, url, browser)
    try:
        yield house
    finally:
        await house.close()
        await service.close()
    assert house.strangers == []
    assert house.complaints == []
