"""Draws every state of the pages, for somebody to look at: `python -m tools.page_pictures OUT [SCENE…]`.

Each of the tests' scenes, on both pages, at 360, 1280 and 1920 px, in both themes, and with text at 200 %, in French.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from playwright.async_api import Page, async_playwright

from facilitator.web.service import Service
from tests.pages.scenes import SCENES
from tests.pages.stagehand import House, Look, Shown, chromium

SIZES = ((360, 740), (1280, 800), (1920, 1080))
THEMES = ("light", "dark")


async def draw(house: House, kind: str, scenes: tuple[str, ...], out: Path) -> None:
    """Draw one page in each of `scenes` into `out`."""
    page = await house.open(kind, "ready", Look(language="fr"))
    for scene in scenes:
        await house.turn(page, scene, "fr")
        for width, height in SIZES:
            await page.set_viewport_size({"width": width, "height": height})
            for theme in THEMES:
                await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
                await _shoot(page, out / f"{kind}-{scene}-{width}-{theme}.png", whole=width < 1000)
        await page.set_viewport_size({"width": 1280, "height": 800})
        await page.emulate_media(color_scheme="light")
        await house.set_text(page, 32)
        await _shoot(page, out / f"{kind}-{scene}-200.png", whole=True)
        await house.set_text(page, 16)


async def _shoot(page: Page, path: Path, *, whole: bool) -> None:
    await page.screenshot(path=path, animations="disabled", full_page=whole)


async def main(out: Path, scenes: tuple[str, ...]) -> None:
    """Draw both pages."""
    await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
    shown = Shown()
    service = Service(shown)
    url = await service.start("127.0.0.1", 0)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium())
        house = House(shown, service, url, browser)
        for kind in ("console", "stage"):
            await draw(house, kind, scenes, out)
        await house.close()
        await browser.close()
    await service.close()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    asyncio.run(main(Path(sys.argv[1]), tuple(sys.argv[2:]) or tuple(SCENES)))
