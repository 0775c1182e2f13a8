"""The pictures of the guides are these pages as they are: `FACILITATOR_PICTURES=1` draws them again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.pages.stagehand import House, Look

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
PICTURES = {
    "console-exchange": ("console", "interrupted", Look()),
    "console-contract": ("console", "contract", Look(theme="dark")),
    "console-plan": ("console", "plan", Look()),
    "stage-step": ("stage", "presentation", Look(1280, 720, theme="dark")),
    "stage-contract": ("stage", "consultation", Look(1280, 720)),
}
"""Each picture of docs/images, by its name: the page, the scene, how it is looked at."""


async def draw(page: Page, name: str, elsewhere: Path) -> None:
    """Draw a picture of a page: into the guides' folder where that is asked for, else `elsewhere`."""
    folder = IMAGES if os.environ.get("FACILITATOR_PICTURES") else elsewhere
    await page.screenshot(path=folder / f"{name}.png", animations="disabled")
    assert (folder / f"{name}.png").stat().st_size > 5_000
    assert (IMAGES / f"{name}.png").is_file(), "docs/images lacks it: draw it with FACILITATOR_PICTURES=1"


@pytest.mark.parametrize("name", list(PICTURES))
async def test_every_picture_of_the_guides_can_be_drawn(house: House, tmp_path: Path, name: str) -> None:
    kind, scene, look = PICTURES[name]
    page = await house.open(kind, scene, look)
    await draw(page, name, tmp_path)
