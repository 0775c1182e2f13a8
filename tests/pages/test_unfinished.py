"""A session that was broken off, on the set-up's page: gone on with, destroyed when asked twice, or left as it is."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from playwright.async_api import expect

from facilitator.config import Config
from facilitator.errors import StoreError
from facilitator.setup.means import Unfinished
from facilitator.web.meeting import Meeting
from tests.pages.stagehand import Look
from tests.pages.table import GROUP, Table
from tests.pages.test_layout import SIZES, cut_off
from tests.pages.test_states import barriers_in_both_themes

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


@dataclass
class Left:
    """A session that was broken off, and what was asked of it."""

    table: Table
    failure: Exception | None = None
    asked: list[str] = field(default_factory=list)

    async def resume(self, config: Config) -> Meeting:
        self.asked.append(f"resume on {config.audio.call_input}")
        if self.failure is not None:
            raise self.failure
        return self.table.room.meeting

    def destroy(self) -> None:
        self.asked.append("destroy")
        if self.failure is not None:
            raise self.failure

    @property
    def unfinished(self) -> Unfinished:
        began = dt.datetime.now(tz=dt.UTC).astimezone().replace(hour=14, minute=2)
        return Unfinished(began, began.replace(minute=31), "Contrat", self.resume, self.destroy)


@pytest_asyncio.fixture(loop_scope="session")
async def left(table: Table) -> Left:
    left = Left(table)
    await table.lay(GROUP, unfinished=left.unfinished)
    return left


async def test_it_is_offered_first_with_when_it_was_and_which_step(table: Table, left: Left) -> None:
    page = await table.open()
    note = page.locator("#unfinished")
    words = (await note.inner_text()).replace("\u00a0", " ")
    assert "Une séance n'est pas terminée" in words
    assert "à 14:02, elle s'est arrêtée à 14:31, à l'étape « Contrat »." in words
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    assert await page.evaluate("() => document.activeElement.id") == "unfinished-resume"
    await page.keyboard.press("Enter")
    await page.wait_for_url(table.service.url + "/")
    await page.wait_for_selector("body.console")
    assert left.asked == ["resume on call.monitor"]
    table.complaints.clear()  # the console of a session of the tests


async def test_what_cannot_go_on_says_why_and_stays(table: Table, left: Left) -> None:
    left.failure = StoreError("The session is being held by a facilitator that runs: end it first.")
    page = await table.open()
    await page.click("#unfinished-resume")
    await expect(page.locator("#unfinished [role=status]")).to_contain_text("end it first")
    await expect(page.locator("#unfinished-resume")).to_be_enabled()
    table.complaints.clear()  # a browser complains of every refusal


async def test_it_is_destroyed_when_asked_twice_and_only_then_said_to_be(table: Table, left: Left) -> None:
    page = await table.open()
    await page.click("#unfinished-destroy")
    assert left.asked == []
    await page.get_by_role("button", name="Annuler").click()
    await expect(page.locator("#unfinished-resume")).to_be_visible()
    left.failure = StoreError("Its file could not be removed: remove it by hand.")
    await page.click("#unfinished-destroy")
    await page.get_by_role("button", name="Tout détruire").click()
    await expect(page.locator("#unfinished [role=status]")).to_contain_text("remove it by hand")
    await expect(page.locator("#unfinished")).not_to_contain_text("c'est vérifié")
    left.failure = None
    await page.get_by_role("button", name="Tout détruire").click()
    await expect(page.locator("#unfinished [role=status]")).to_contain_text("est détruite, et c'est vérifié")
    assert left.asked == ["destroy", "destroy"]
    assert table.setup.view().unfinished is None
    table.complaints.clear()  # a browser complains of every refusal


async def test_another_session_is_prepared_and_it_stays(table: Table, left: Left) -> None:
    page = await table.open()
    await page.click("#begin")
    await page.wait_for_selector("body.console")
    assert (left.asked, len(table.room.begun)) == ([], 1)
    table.complaints.clear()  # the console of a session of the tests


@pytest.mark.parametrize("language", ["fr", pytest.param("en", marks=pytest.mark.soak)])
async def test_it_holds_no_barrier_and_nothing_is_cut_off(table: Table, left: Left, language: str) -> None:
    page = await table.open(Look(language=language))
    assert await barriers_in_both_themes(page) == []
    await page.click("#unfinished-destroy")
    assert await barriers_in_both_themes(page) == []
    for width, height in SIZES:
        await page.set_viewport_size({"width": width, "height": height})
        assert await cut_off(page) == []
