"""Every state of both pages, in both themes and languages: no barrier that axe knows, nothing that is cut off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.async_api import Page

from tests.pages.scenes import SCENES
from tests.pages.stagehand import House, Look

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
SEEN = {
    "console": tuple(SCENES),
    "stage": ("ready", "speaking", "presentation", "overrun", "paused", "consultation", "facts", "closing", "ended"),
}
"""The scenes that look different on a page."""
LANGUAGES = ["fr", pytest.param("en", marks=pytest.mark.soak)]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def barriers(page: Page, **only: Any) -> list[str]:
    """Return what axe finds wrong on a page as it stands."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(AXE)  # not a script tag: the page's own policy stays as strict as it is
    options = {"runOnly": RULES, "resultTypes": ["violations"], **only}
    found: dict[str, Any] = await page.evaluate(f"() => axe.run(document, {json.dumps(options)})")
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


async def barriers_in_both_themes(page: Page) -> list[str]:
    """Return what axe finds wrong: everything in the page's theme, colours in the other one."""
    found = await barriers(page)
    await page.emulate_media(color_scheme="dark")
    found += await barriers(page, runOnly=["color-contrast"])
    await page.emulate_media(color_scheme="light")
    return found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["console", "stage"])
async def test_no_state_holds_a_barrier(house: House, name: str, language: str) -> None:
    page = await house.open(name, "ready", Look(language=language))
    found = {}
    for scene in SEEN[name]:
        await house.turn(page, scene, language)
        if wrong := await barriers_in_both_themes(page):
            found[scene] = wrong
    assert found == {}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_no_question_holds_a_barrier(house: House, language: str) -> None:
    """Every dialog and every form, as a key opens it."""
    page = await house.open("console", "ready", Look(language=language))
    found = {}
    for scene, key in (("ready", "c"), ("ready", "?"), ("contract", "p"), ("contract", "e"), ("contract", "w"),
                       ("plan", "w"), ("plan", "d"), ("ended", "x")):  # fmt: skip
        await house.turn(page, scene, language)
        await page.keyboard.press(key)
        await page.wait_for_selector("dialog[open], form.editor")
        if wrong := await barriers_in_both_themes(page):
            found[scene, key] = wrong
    assert found == {}


@pytest.mark.parametrize("name", ["console", "stage"])
async def test_a_page_asks_for_the_sound_where_the_voice_comes_from_it(house: House, name: str) -> None:
    """The stage offers its one click; the console says that the voice cannot be heard yet."""
    house.shown.tabs.sound = "locked"
    page = await house.open(name, "presentation")
    if name == "stage":
        await page.get_by_role("button", name="Activer le son de cette page").click()
        await page.wait_for_function("() => document.querySelector('#sound button') === null")
        assert house.shown.tabs.there[0].said == [True]
    else:
        await page.get_by_text("La page des participants n'a pas encore le son.").wait_for()
        assert await page.locator(".wrong").inner_text() == "Voix\nVoix\u00a0: à vérifier"
    assert await barriers_in_both_themes(page) == []
