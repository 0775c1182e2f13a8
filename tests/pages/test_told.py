"""What the console tells its animator: it comes calmly, has one action, and leaves by itself."""

from __future__ import annotations

import pytest

from facilitator.core import events as ev
from tests.pages.stagehand import House

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_a_silence_is_shown_with_what_the_voice_may_say_and_is_gone_with_the_first_voice(house: House) -> None:
    page = await house.open("console", "silent")
    cue = page.locator(".cue")
    assert "Le silence dure depuis trente secondes." in await cue.inner_text()
    assert await page.locator("#said").inner_text() == await cue.locator("p").first.inner_text()
    async with page.expect_response("**/api/commands"):
        await page.keyboard.press("g")
    assert house.shown.done == [("say", {"key": "silence"})]
    meeting = house.shown.meeting
    meeting.send(ev.VoiceRose(at=meeting.now, channel="call", since=meeting.now))
    house.shown.change()
    await cue.wait_for(state="detached")
    await page.keyboard.press("g")
    assert len(house.shown.done) == 1


async def test_the_line_of_health_turns_to_words_and_back_by_itself(house: House) -> None:
    page = await house.open("console", "presentation")
    well = await page.locator("#health ul").inner_text()
    meeting, words = house.shown.meeting, house.shown.words
    trouble = words.plain("interface.warnings.call_silent")
    meeting.send(
        ev.Warned(at=meeting.now, code="call_silent", message=trouble),
        ev.DeviceLost(at=meeting.now, device="microphone"),
    )
    house.shown.change()
    line = page.locator("#health .wrong")
    await line.nth(1).wait_for()
    assert await line.all_inner_texts() == ["Le micro ne répond plus. La séance continue.", trouble]
    assert await page.locator("#said").inner_text() == trouble
    assert await page.locator("#cues").inner_text() == "", "it is told in one place"
    meeting.send(
        ev.DeviceRecovered(at=meeting.now, device="microphone"),
        ev.VoiceRose(at=meeting.now, channel="call", since=meeting.now),
    )
    house.shown.change()
    await line.first.wait_for(state="detached")
    assert await page.locator("#health ul").inner_text() == well


async def test_what_happened_once_stays_until_it_is_seen(house: House) -> None:
    page = await house.open("console", "trouble")
    note = page.locator("#cues .note").filter(has_text="L'ordinateur est très occupé")
    await note.wait_for()
    await page.keyboard.press("v")
    await note.wait_for(state="detached")
    assert await page.locator("#health .wrong").count() == 2
