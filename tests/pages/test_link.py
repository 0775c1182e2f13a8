"""The link between the pages and the service: tickets, a service that goes and comes back, time that stays right."""

from __future__ import annotations

import re
import time

import pytest
from playwright.async_api import Page

from facilitator.core import events as ev
from facilitator.web.passes import Scope
from facilitator.web.service import Service
from tests.pages.stagehand import House

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

BACK_SECONDS = 2.0
"""A page is right again so long after the service answers again."""


async def seconds_left(page: Page) -> int:
    """Return what the console's clock shows."""
    found = re.fullmatch(r"(?:(\d+) min )?(\d+)(?: s)?", await page.locator("#clock").inner_text())
    assert found is not None
    return int(found[1] or 0) * 60 + int(found[2])


@pytest.mark.parametrize("name", ["console", "stage"])
async def test_a_link_opens_once_and_leaves_no_trace(house: House, name: str) -> None:
    house.shown.show("presentation", "fr")
    link = house.service.link(Scope(name))
    context = await house.browser.new_context()
    page = await context.new_page()
    await page.goto(link)
    await house.settled(page)
    assert "#" not in page.url
    assert link.partition("#")[2] not in await page.evaluate("() => JSON.stringify([document.cookie, localStorage])")
    await page.reload()  # the cookie serves
    await house.settled(page)
    other = await (await house.browser.new_context()).new_page()
    await other.goto(link)
    await other.wait_for_selector("body[data-state=locked]")
    assert "Exposé" not in await other.content()
    await context.close()
    await other.context.close()


@pytest.mark.parametrize("name", ["console", "stage"])
async def test_a_page_is_right_again_when_the_service_is(house: House, name: str) -> None:
    """Killed and started again on its port with its key, as `run --resume` does; meanwhile the step has changed."""
    page = await house.open(name, "presentation")
    port = house.service.port
    await house.service.close()
    await page.wait_for_selector("#away:not([hidden])")
    house.complaints.clear()  # a browser complains of every try
    house.shown.show("consultation", "fr")
    house.service = Service(house.shown, house.service.key)
    await house.service.start("127.0.0.1", port)
    since = time.monotonic()
    await page.wait_for_function("() => document.querySelector('#title').textContent === 'Consultation'")
    assert time.monotonic() - since <= BACK_SECONDS
    await page.wait_for_selector("#away", state="hidden")
    house.complaints.clear()


async def test_a_page_of_another_session_says_so(house: House) -> None:
    page = await house.open("console", "presentation")
    port = house.service.port
    await house.service.close()
    house.service = Service(house.shown)
    await house.service.start("127.0.0.1", port)
    await page.get_by_text("Cette page n'est plus liée à une séance").wait_for()
    house.complaints.clear()


async def test_the_time_runs_between_two_snapshots(house: House) -> None:
    """Counted on by the page's own clock: the scene's snapshot stands still."""
    page = await house.open("console", "presentation")
    before, at = await seconds_left(page), time.monotonic()
    await page.wait_for_timeout(1500)
    gone = time.monotonic() - at
    assert abs(before - await seconds_left(page) - gone) <= 1.1


async def test_the_time_stands_still_in_a_pause(house: House) -> None:
    page = await house.open("console", "paused")
    before = await seconds_left(page)
    await page.wait_for_timeout(1300)
    assert await seconds_left(page) == before
    assert await page.title() == "14 min 00 · Clarification"


async def test_a_command_that_comes_too_late_says_so_and_does_nothing(house: House) -> None:
    page = await house.open("console", "presentation")
    meeting = house.shown.meeting
    meeting.send(ev.NextAsked(at=meeting.now))  # elsewhere, and the page does not know it yet
    await page.keyboard.press("n")
    await page.locator("#notice").get_by_text("L'étape a changé entre-temps").wait_for()
    assert meeting.session.step_id == "clarification"
    house.complaints.clear()  # a browser complains of every refusal
