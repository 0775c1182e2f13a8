"""How the pages look: nothing cut off from a phone to a wide screen, nor at double size; light to load, and still."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from facilitator.web.passes import Scope
from tests.pages.stagehand import House, Look

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SIZES = [(360, 740), (1280, 800), (1920, 1080)]
BUSY = {
    "console": ("interrupted", "overrun", "trouble", "plan", "evaluation"),
    "stage": ("speaking", "consultation", "facts"),
}
"""The scenes with the most to show."""
FIRST_VIEW_BYTES = 100_000

CUT_OFF = """() => {
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const found = wide > 1 ? [`the page scrolls sideways by ${wide} px`] : [];
  for (const one of document.querySelectorAll("button, h1, h2, p, li, strong, label")) {
    if (!one.checkVisibility() || one.closest(".unseen, .skip")) continue;
    const box = one.getBoundingClientRect();
    const name = one.id || one.textContent;
    if (box.right > innerWidth + 1 || box.left < -1) found.push(`${name}: ${box.left} to ${box.right}`);
    if (one.scrollWidth > one.clientWidth + 1 && one.clientWidth) found.push(`${name} is wider than its place`);
  }
  const places = "#now, #side, #agenda, #health, .stage main > *, .stage footer";
  const parts = [...document.querySelectorAll(places)].filter((one) => one.checkVisibility());
  for (const one of parts) for (const other of parts) {
    const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()];
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    const apart = !one.contains(other) && !other.contains(one);
    if (apart && across > 1 && down > 1) found.push(`${one.id || one.tagName} lies on ${other.id || other.tagName}`);
  }
  return found;
}"""


async def cut_off(page: Page) -> list[str]:
    """Return what of a page is not to be seen without scrolling sideways."""
    found: list[str] = await page.evaluate(CUT_OFF)
    return found


@pytest.mark.parametrize("name", ["console", "stage"])
async def test_nothing_is_cut_off(house: House, name: str) -> None:
    """At every width, in the language with the longer words, and with text at 200 %."""
    page = await house.open(name, "ready")
    found = {}
    for scene in BUSY[name]:
        await house.turn(page, scene, "fr")
        for width, height in SIZES:
            await page.set_viewport_size({"width": width, "height": height})
            if wrong := await cut_off(page):
                found[scene, width] = wrong
        await page.set_viewport_size({"width": 1280, "height": 800})
        await house.set_text(page, 32)
        if wrong := await cut_off(page):
            found[scene, "200 %"] = wrong
        await house.set_text(page, 16)
    assert found == {}


@pytest.mark.parametrize("name", ["console", "stage"])
async def test_the_first_view_is_light_and_still(house: House, name: str) -> None:
    """It costs at most 100 KB, and nothing moves once it is seen; `house` fails where another host was asked."""
    house.shown.show("contract" if name == "console" else "consultation", "fr")
    page = await (await house.context(Look(still=False))).new_page()
    await page.add_init_script(
        "window.shifts = []; new PerformanceObserver((list) => { for (const one of list.getEntries())"
        " window.shifts.push(one.value); }).observe({ type: 'layout-shift', buffered: true });"
    )
    await page.goto(house.service.link(Scope(name)))
    await house.settled(page)
    await page.evaluate("() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")
    sizes: list[int] = await page.evaluate(
        "() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
        ".map((one) => one.transferSize)"
    )
    assert sum(sizes) <= FIRST_VIEW_BYTES
    assert len(sizes) > 5
    assert await page.evaluate("() => window.shifts") == []


async def test_what_is_next_is_in_sight_without_scrolling(house: House) -> None:
    """On a laptop: the step, its time, the next action, the state of the sound, and what takes a slip back."""
    page = await house.open("console", "interrupted", Look(width=1280, height=720))
    await page.keyboard.press("2")
    await page.locator('[data-key="undo_time"]').wait_for()
    for selector in ("#title", "#clock", '[data-key="next"]', ".cue button", "#undo button", "#health .lamp"):
        box = await page.locator(selector).first.bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 720, selector


async def test_nothing_moves_for_those_who_want_no_movement(house: House) -> None:
    page = await house.open("console", "interrupted", Look(still=True))
    assert await page.evaluate("() => document.getAnimations().length") == 0
