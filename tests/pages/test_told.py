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


async def test_a_step_that_has_run_over_is_told_with_two_minutes_to_give(house: House) -> None:
    page = await house.open("console", "overrun")
    cue = page.locator(".cue")
    assert "Le temps de cette étape est passé depuis une minute." in await cue.inner_text()
    assert (await cue.get_by_role("button").inner_text()).replace("\u00a0", " ") == "2 min de plus\n2"
    async with page.expect_response("**/api/commands"):
        await page.keyboard.press("2")
    assert house.shown.done == [("extend", {"minutes": 2})]
    await cue.wait_for(state="detached")


async def test_the_line_of_health_turns_to_words_and_back_by_itself(house: House) -> None:
    page = await house.open("console", "presentation")
    well = await page.locator("#health ul").inner_text()
    meeting, words = house.shown.meeting, house.shown.words
    said = words.plain("interface.warnings.call_no_sound")
    trouble = said.replace(" ;", "\N{NO-BREAK SPACE};")
    meeting.send(
        ev.Warned(at=meeting.now, code="call_silent", message=said),
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


async def test_everybody_sees_the_facts_only_once_the_animator_shows_them(house: House) -> None:
    stage = await house.open("stage", "evaluation")
    page = await house.open("console", "evaluation")
    note = page.locator('[data-name="facts"]')
    assert "le groupe ne les voit pas" in await note.inner_text()
    await note.locator("summary").click()
    assert "Exposé : 8 min · le client 3 min" in (await note.inner_text()).replace("\u00a0", " ")
    assert await stage.locator("dl").count() == 0
    async with page.expect_response("**/api/commands"):
        await page.keyboard.press("a")
    assert house.shown.done == [("show_facts", {"shown": True})]
    await stage.locator("dl dt").first.wait_for()
    shown = await stage.locator("#more").inner_text()
    assert not {"Camille", "Nour", "Benoît"} & set(shown.split()), "by role, never by name"
    await page.get_by_role("button", name="Ne plus les montrer").click()
    await stage.locator("dl").wait_for(state="detached")


async def test_a_plan_brought_back_is_shown_where_its_client_reports_on_it(house: House) -> None:
    page = await house.open("console", "brought_back")
    words = await page.locator('[data-name="follow_up"]').inner_text()
    assert words.startswith("Retour sur le plan du mardi 13 octobre, par Camille")
    assert "J'appelle Karim avant la réunion. · nous avons une date · Pour le mardi 20 octobre" in words


async def test_words_that_were_written_otherwise_before_are_shown_beside(house: House) -> None:
    page = await house.open("console", "corrected")
    meeting = house.shown.meeting
    one = next(iter(meeting.session.snapshot(meeting.now).records["contract"].utterances))
    again = ev.UtteranceWritten(
        at=meeting.now, channel="camille", id=str(one["id"]), record="contract", step="contract", stage="final_pass",
        text="Dans cette séance, aidez-moi à en parler.", started_at=1.0, ended_at=2.0,
    )  # fmt: skip
    meeting.send(again)
    house.shown.change()
    await page.locator(".earlier").wait_for()
    shown = (await page.locator(".earlier").inner_text()).replace("\u00a0", " ")
    assert shown == f"Écrit d'abord : « {one['text']} »"
