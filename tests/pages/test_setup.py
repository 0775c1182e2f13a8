"""The set-up's page: by keyboard and by pointer, no barrier in any state, nothing lost when it is opened anew."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.pages.stagehand import Look
from tests.pages.table import Table
from tests.pages.test_layout import FIRST_VIEW_BYTES, SIZES, cut_off
from tests.pages.test_pictures import draw
from tests.pages.test_states import barriers_in_both_themes
from tests.setup.room import tone, until
from tests.setup.test_setting_up import PLAN

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

STATES: dict[str, dict[str, Any]] = {
    "as it opens": {},
    "a voice on a device, and what is gone": {"way": "device", "output": "unplugged", "microphone_input": "unplugged"},
    "no voice, no listening": {"way": "none", "listens": False, "keep": True, "keep_names": True},
    "all that can be wrong": {
        "duration": None,
        "call_input": "none",
        "microphone_input": "none",
        "people": [{"name": "Nour", "role": "consultant"}, {"name": "nour", "role": "consultant"}],
    },
}


@pytest.mark.parametrize("language", ["fr", pytest.param("en", marks=pytest.mark.soak)])
async def test_no_state_holds_a_barrier(table: Table, language: str) -> None:
    page = await table.open(Look(language=language))
    found = {}
    for name, choices in STATES.items():
        before = table.setup.view().choices.model_dump()
        await table.setup.change(choices)
        await expect(page.locator("#choose-listens")).to_be_checked(checked=table.setup.view().choices.listens)
        await page.wait_for_function("(count) => document.querySelectorAll('.people li').length === count",
                                     arg=len(table.names()))  # fmt: skip
        if wrong := await barriers_in_both_themes(page):
            found[name] = wrong
        await table.setup.change(before)
    await table.setup.bring(PLAN.to_line().encode())
    await page.click("#check")
    await page.wait_for_selector('[data-channel="microphone"][data-state="heard"]')
    await page.click("#say")
    await page.wait_for_selector("#voice-words.trouble")  # no stage is open
    if wrong := await barriers_in_both_themes(page):
        found["checking"] = wrong
    assert found == {}


async def test_nothing_is_cut_off(table: Table) -> None:
    """At every width, with everything that can be wrong, and with text at 200 %."""
    page = await table.open()
    found = {}
    for name, choices in STATES.items():
        before = table.setup.view().choices.model_dump()
        await table.setup.change(choices)
        for width, height in SIZES:
            await page.set_viewport_size({"width": width, "height": height})
            if wrong := await cut_off(page):
                found[name, width] = wrong
        await table.setup.change(before)
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.evaluate("() => document.documentElement.style.fontSize = '200%'")
    if wrong := await cut_off(page):
        found["200 %", 0] = wrong
    assert found == {}


async def test_the_first_view_is_light_and_still(table: Table) -> None:
    page = await table.open(Look(still=False))
    fresh = await page.context.new_page()
    await fresh.add_init_script(
        "window.shifts = []; new PerformanceObserver((list) => { for (const one of list.getEntries())"
        " window.shifts.push(one.value); }).observe({ type: 'layout-shift', buffered: true });"
    )
    await fresh.goto(table.service.url)
    await fresh.wait_for_selector("body.setup[data-state=here]")
    await fresh.evaluate("() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")
    sizes: list[int] = await fresh.evaluate(
        "() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
        ".map((one) => one.encodedBodySize)"
    )
    assert len(sizes) > 8
    assert sum(sizes) <= FIRST_VIEW_BYTES
    assert await fresh.evaluate("() => window.shifts") == []


async def test_tab_goes_through_the_page_as_it_is_read(table: Table) -> None:
    """From the first choice to the button at the foot, each field once, none left out and none in the wrong place."""
    page = await table.open()
    await page.evaluate("() => document.activeElement.blur()")
    found: list[str] = []
    for _ in range(60):
        await page.keyboard.press("Tab")
        name = await page.evaluate(
            "() => { const one = document.activeElement;"
            " return one.id || one.dataset.key || one.getAttribute('aria-label') || one.className || one.textContent; }"
        )
        found.append(name)
        if name == "begin":
            break
    marks = ("skip", "choose-duration", "choose-language-fr", "choose-address-tu", "person-0", "person-3", "add-person",
             "choose-plan", "choose-keep", "choose-way-stage", "open-stage", "say", "choose-listens",
             "choose-call_input", "choose-microphone_input", "check", "choose-writer", "begin")  # fmt: skip
    assert [name for name in found if name in marks] == list(marks)
    assert len(found) == len(set(found)), "something is come to twice"


async def test_the_group_is_written_and_ordered_by_keyboard_alone(table: Table) -> None:
    page = await table.open()
    await page.locator("#add-person").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.type("Zoé")
    await until(lambda: table.names() == ["Camille", "Nour", "Benoît", "Ana", "Zoé"])
    await page.keyboard.press("Shift+Tab")
    for _ in range(3):
        await page.keyboard.press("ArrowUp")
    await until(lambda: table.names() == ["Camille", "Zoé", "Nour", "Benoît", "Ana"])
    await expect(page.locator("#said")).to_have_text(re.compile(r"Zoé\s: place 2 sur 5"))
    await page.keyboard.press("ArrowDown")
    await until(lambda: table.names()[2] == "Zoé")
    assert await page.evaluate("() => document.activeElement.getAttribute('aria-label')") == (
        "Déplacer Zoé : glisser, ou flèches haut et bas"
    )
    for _ in range(3):
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await until(lambda: table.names() == ["Camille", "Nour", "Benoît", "Ana"])
    assert await page.evaluate("() => document.activeElement.id") == "person-2"


async def test_the_group_is_ordered_by_dragging(table: Table) -> None:
    page = await table.open()
    handles = page.locator(".handle")
    first, third = await handles.nth(0).bounding_box(), await handles.nth(2).bounding_box()
    assert first is not None
    assert third is not None
    x = first["x"] + first["width"] / 2
    await page.mouse.move(x, first["y"] + first["height"] / 2)
    await page.mouse.down()
    await page.mouse.move(x, third["y"] + third["height"] * 0.9, steps=8)
    await page.mouse.up()
    await until(lambda: table.names() == ["Nour", "Benoît", "Camille", "Ana"])
    assert await page.locator(".dragged").count() == 0


async def test_what_is_wrong_is_one_sentence_beside_its_field(table: Table) -> None:
    page = await table.open()
    await page.locator("#person-1").fill("camille")
    await page.locator("#choose-duration").fill("5")
    await expect(page.locator("#trouble-duration")).to_have_text("Une durée de 10 à 480 minutes.")
    await expect(page.locator(".people li:nth-child(2) .trouble")).to_contain_text("est déjà dans la liste")
    for field_id in ("#person-1", "#choose-duration"):
        described = await page.locator(field_id).get_attribute("aria-describedby")
        assert described is not None
        assert await page.locator(f"#{described}").inner_text()
    await page.click("#begin")
    assert await page.evaluate("() => document.activeElement.id") == "choose-duration"
    assert table.room.begun == []
    await page.locator("#choose-duration").fill("75")
    await page.locator("#person-1").fill("Nour")
    await expect(page.locator("[aria-invalid]")).to_have_count(0)


async def test_nothing_is_lost_when_the_page_is_opened_anew(table: Table) -> None:
    page = await table.open()
    await page.locator("#choose-duration").fill("75")
    await page.locator("#choose-way-device").check()
    await page.select_option("#choose-output", "vmic")
    await page.locator("#person-0").fill("Cam")  # not sent yet when the page goes
    await page.reload()
    await page.wait_for_selector("body.setup[data-state=here]")
    await expect(page.locator("#person-0")).to_have_value("Cam")
    await expect(page.locator("#choose-duration")).to_have_value("75")
    await expect(page.locator("#choose-output")).to_have_value("vmic")
    assert table.names()[0] == "Cam"


async def test_another_language_is_there_at_once_and_keeps_the_place(table: Table) -> None:
    page = await table.open()
    await page.locator("#choose-language-en").check()
    await expect(page.locator("h1")).to_have_text("Prepare the session")
    await expect(page.locator("blockquote")).to_contain_text("Welcome.")
    assert await page.evaluate("() => [document.documentElement.lang, document.activeElement.id]") == [
        "en", "choose-language-en",
    ]  # fmt: skip


async def test_levels_move_while_the_check_lasts_and_nothing_is_open_after_it(table: Table) -> None:
    page = await table.open()
    assert not table.room.open
    await page.click("#check")
    microphone = page.locator('[data-channel="microphone"]')
    await expect(microphone.locator("p")).to_have_text("J'entends le micro.")
    await expect(page.locator('[data-channel="call"] p')).to_contain_text("Rien que du silence pour l'instant.")
    await expect(microphone.locator(".meter")).to_have_attribute("aria-valuetext", "volume moyen")
    table.room.carried["mic"] = tone(0.9)
    await expect(microphone.locator(".meter")).to_have_attribute("aria-valuetext", "volume haut")
    await page.click("#check")
    await expect(page.locator(".check")).to_contain_text("plus rien n'est écouté")
    await until(lambda: not table.room.open)
    await page.click("#check")
    await until(lambda: table.room.open)
    await page.close()
    await until(lambda: not table.room.open)


async def test_a_session_without_listening_is_one_click(table: Table) -> None:
    page = await table.open()
    await page.locator("#choose-listens").uncheck()
    await expect(page.locator("#choose-call_input")).to_be_hidden()
    await expect(page.locator("blockquote")).not_to_contain_text("j'écoute")
    assert table.setup.view().troubles == {}


async def test_the_group_before_is_offered_and_forgotten_when_asked(table: Table) -> None:
    table.room.kept.write(table.setup.view().choices.model_copy(update={"keep": True, "keep_names": True}))
    await table.lay()
    page = await table.open()
    await expect(page.locator(".offer")).to_have_text(re.compile(r"La dernière fois\s: Camille, Nour, Benoît, Ana\."))
    assert table.names() == []
    await page.get_by_role("button", name="Reprendre ce groupe").click()
    await until(lambda: table.names() == ["Camille", "Nour", "Benoît", "Ana"])
    await expect(page.locator(".previous")).to_be_hidden()
    await page.click("#forget")
    await expect(page.locator("#keeping")).to_contain_text("C'est effacé, et vérifié")
    assert table.room.kept.read() is None


async def test_a_plan_is_brought_by_its_file(table: Table, tmp_path: Path) -> None:
    page = await table.open()
    (tmp_path / "plan.md").write_text(f"# Plan\n\n{PLAN.to_line()}\n")
    (tmp_path / "other.md").write_text("# Courses")
    await page.set_input_files("#plan-file", tmp_path / "plan.md")
    await expect(page.locator("#plan")).to_contain_text("3 novembre")
    await page.set_input_files("#plan-file", tmp_path / "other.md")
    await expect(page.locator("#trouble-plan")).to_contain_text("ne contient pas de plan")
    table.complaints.clear()  # a browser complains of every refusal
    await page.get_by_role("button", name="Ne pas le reprendre").click()
    await until(lambda: table.setup.view().follow_up is None)


async def test_a_service_that_goes_says_so(table: Table) -> None:
    page = await table.open()
    await table.service.close()
    await expect(page.locator("#away")).to_contain_text("Lien perdu")
    table.complaints.clear()  # a browser complains of every try


async def test_nothing_moves_for_those_who_want_no_movement(table: Table) -> None:
    page = await table.open(Look(still=True))
    await page.click("#check")
    await page.wait_for_selector('[data-channel="microphone"][data-state="heard"]')
    assert await page.evaluate("() => document.getAnimations().length") == 0


async def test_the_picture_of_the_guides_can_be_drawn(table: Table, tmp_path: Path) -> None:
    page = await table.open(Look(height=1420))
    await page.click("#check")
    await page.wait_for_selector('[data-channel="microphone"][data-state="heard"]')
    await page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    await draw(page, "set-up", tmp_path)
