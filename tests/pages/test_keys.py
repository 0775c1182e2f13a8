"""The keyboard on the console: each action has its key, shown; nothing happens twice, or while somebody writes."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.pages.stagehand import House, Look

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

DONE = {
    "n": ("next", {}),
    "b": ("back", {}),
    " ": ("pause", {}),
    "1": ("extend", {"minutes": 1}),
    "2": ("extend", {"minutes": 2}),
    "5": ("extend", {"minutes": 5}),
    "l": ("listening_pause", {}),
    "h": ("hush", {}),
    "s": ("say", {}),
    "m": ("mark_contract", {}),
    "r": ("read_back", {"record": "contract"}),
}
"""What each key does in the step of the contract."""


async def focus_order(page: Page) -> list[str]:
    """Return what Tab comes to, from the top of the page to its end: keys of actions, else classes."""
    await page.evaluate("() => document.activeElement.blur()")
    found: list[str] = []
    while len(found) < 60:
        await page.keyboard.press("Tab")
        name = await page.evaluate(
            "() => { const one = document.activeElement;"
            " return one === document.body ? '' : one.dataset.key || one.className || one.id; }"
        )
        if not name:
            break
        found.append(name)
    return found


async def test_each_key_does_its_action(house: House) -> None:
    page = await house.open("console", "contract")
    for key, (command, values) in DONE.items():
        house.shown.show("contract", "fr")
        await page.reload()
        await house.settled(page)
        async with page.expect_response("**/api/commands"):
            await page.keyboard.press(key)
        assert house.shown.done == [(command, values)], key


async def test_every_key_is_shown_where_it_acts_and_in_the_legend(house: House) -> None:
    page = await house.open("console", "contract")
    shown = await page.locator("main kbd, aside kbd, footer kbd").all_inner_texts()
    await page.keyboard.press("?")
    legend = await page.locator("dialog kbd").all_inner_texts()
    assert len(set(legend)) == len(legend), "a key is named twice"
    assert set(shown) <= set(legend)
    assert set("NB125USHPFLCTMWZRVOEDX?") < set(legend)


async def test_focus_follows_the_reading(house: House) -> None:
    """Now first, then what the animator is told, then what is written, then the state of the sound."""
    page = await house.open("console", "interrupted")
    order = await focus_order(page)
    assert order[0] == "skip"
    wanted = ["next", "pause", "extend1", "extend2", "extend5", "listening_pause", "say", "remind", "remind"]
    wanted += ["open_stage", "keys"]
    assert [name for name in order if name in wanted] == wanted


async def test_a_key_held_down_or_pressed_twice_skips_no_step(house: House) -> None:
    page = await house.open("console", "presentation")
    async with page.expect_response("**/api/commands"):
        await page.keyboard.press("n")
    await page.wait_for_function("() => document.querySelector('#title').textContent === 'Clarification'")
    await page.keyboard.press("n")
    await page.keyboard.down("b")
    await page.keyboard.down("b")  # the browser repeats a key that is held down
    await page.keyboard.up("b")
    await page.wait_for_function("() => document.querySelector('#title').textContent === 'Exposé'")
    assert [name for name, _ in house.shown.done] == ["next", "back"]


async def test_no_key_acts_while_somebody_writes_or_answers(house: House) -> None:
    page = await house.open("console", "contract")
    await page.keyboard.press("w")
    await page.keyboard.type(" nbhl5 ")
    assert house.shown.done == []
    await page.keyboard.press("Escape")
    await page.keyboard.press("e")
    await page.keyboard.press("n")
    assert house.shown.done == []
    await page.keyboard.press("Escape")
    await page.wait_for_selector("dialog", state="detached")


async def test_a_digit_is_a_digit_on_a_french_keyboard(house: House) -> None:
    """Where it is typed with Shift, and the key alone is a letter or a sign."""
    page = await house.open("console", "contract")
    for name, code in (("(", "Digit5"), ("2", "Numpad2")):
        async with page.expect_response("**/api/commands"):
            await page.evaluate(
                "([key, code]) => document.body.dispatchEvent("
                "new KeyboardEvent('keydown', { key, code, bubbles: true }))",
                [name, code],
            )
    assert [values["minutes"] for _, values in house.shown.done] == [5, 2]


async def test_keys_can_be_switched_off(house: House) -> None:
    """WCAG 2.1.4: speech input must not set off single keys."""
    page = await house.open("console", "contract")
    await page.keyboard.press("?")
    await page.get_by_label("Une touche suffit").uncheck()
    await page.keyboard.press("Escape")
    await page.keyboard.press("n")
    await page.keyboard.press("?")  # the way back
    await page.get_by_label("Une touche suffit").check()
    await page.keyboard.press("Escape")
    async with page.expect_response("**/api/commands"):
        await page.keyboard.press("n")
    assert house.shown.done == [("next", {})]


async def test_space_presses_the_button_that_has_the_focus(house: House) -> None:
    page = await house.open("console", "contract")
    await page.locator('[data-key="extend2"]').focus()
    async with page.expect_response("**/api/commands"):
        await page.keyboard.press("Space")
    assert house.shown.done == [("extend", {"minutes": 2})]
    assert await page.evaluate("() => document.activeElement.dataset.key") == "extend2"


async def test_more_time_is_taken_back_with_a_key_that_leaves_by_itself(house: House) -> None:
    page = await house.open("console", "presentation")
    back = page.locator('[data-key="undo_time"]')
    assert await back.count() == 0
    await page.keyboard.press("5")
    await back.wait_for()
    assert (await back.inner_text()).replace("\u00a0", " ") == "Annuler : 5 min de plus\nU"
    async with page.expect_response("**/api/commands"):
        await page.keyboard.press("u")
    assert house.shown.done == [("extend", {"minutes": 5}), ("undo_time", {})]
    await back.wait_for(state="detached")
    await page.keyboard.press("2")
    await back.wait_for()
    house.shown.meeting.until(house.shown.meeting.now + 20)
    house.shown.change()
    await back.wait_for(state="detached")


async def test_the_contract_is_corrected_by_hand_and_back(house: House) -> None:
    """The form keeps what is being written when a snapshot comes; saving gives the focus back."""
    page = await house.open("console", "contract")
    await page.keyboard.press("w")
    await page.keyboard.press("Control+a")
    await page.keyboard.type("J'aimerais une première phrase.")
    house.shown.change()
    await house.shown.command("extend", {"minutes": 1.0}, None)
    async with page.expect_response("**/api/commands"):
        await page.keyboard.press("Control+Enter")
    assert house.shown.done[-1] == ("edit_contract", {"text": "J'aimerais une première phrase."})
    await page.wait_for_selector("blockquote")
    assert await page.evaluate("() => document.activeElement.dataset.key") == "edit"
    async with page.expect_response("**/api/commands"):
        await page.keyboard.press("z")
    assert house.shown.done[-1] == ("edit_contract", {"undo": True})


async def test_some_of_what_was_said_is_the_contract(house: House) -> None:
    page = await house.open("console", "contract")
    await page.get_by_role("checkbox").nth(1).check()
    async with page.expect_response("**/api/commands"):
        await page.keyboard.press("m")
    ((command, values),) = house.shown.done
    assert command == "mark_contract"
    assert len(values["utterances"]) == 1
    await page.wait_for_selector(".state.agreed")
    assert await page.locator("blockquote").inner_text() == "Sans que ça devienne un procès."


async def test_the_plan_is_made_of_items_with_a_day_that_is_offered(house: House) -> None:
    page = await house.open("console", "plan")
    async with page.expect_response("**/api/commands"):
        await page.get_by_role("button", name="Prendre le vendredi 27 novembre").click()
    (_, values) = house.shown.done[-1]
    assert [item["due"] for item in values["items"]] == ["2026-11-27", "2026-12-14"]
    await page.get_by_text("Pour le vendredi 27 novembre").wait_for()
    await page.keyboard.press("w")
    await page.get_by_label("Ce sera fait quand").first.fill("La date est fixée")
    await page.get_by_role("button", name="Ajouter une action").click()
    await page.keyboard.type("Je relis mes notes")
    async with page.expect_response("**/api/commands"):
        await page.keyboard.press("Control+Enter")
    (_, values) = house.shown.done[-1]
    assert [item["text"] for item in values["items"]][2] == "Je relis mes notes"
    assert values["items"][0]["done_when"] == "La date est fixée"
    await page.wait_for_selector("form.editor", state="detached")  # until then a key is a letter
    async with page.expect_response("**/api/commands"):
        await page.keyboard.press("m")
    assert house.shown.done[-1] == ("edit_plan", {"agreed_by": "Camille"})
    await page.wait_for_selector(".state.agreed")


async def test_what_the_animator_is_told_is_said_to_who_listens_to_the_page(house: House) -> None:
    """Politely, once, and without the seconds."""
    page = await house.open("console", "interrupted", Look(language="en"))
    assert await page.locator("#said").inner_text() == (
        "Two voices at once. You may invite the group to let Camille finish."
    )
    async with page.expect_response("**/api/commands"):
        await page.locator(".cue button").click()
    assert house.shown.done == [("remind", {})]
