"""A whole session held on the pages alone, in a real Chromium, on real devices: by keyboard, and again by pointer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from facilitator.languages import load_language
from tests.e2e.live import Run, running
from tests.e2e.test_live import assert_heard
from tests.pages.stagehand import chromium
from tests.pulse import PulseServer, Recording

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio]

CONFIG = """
[audio]
call_input = "call.monitor"
voice_output = "stage"
[documents]
folder = "{folder}"
"""
PEOPLE = ("--duration", "60", "--participant", "Camille=client", "--participant", "Nour=consultant")
CONTRACT = {
    "fr": "Dans cette séance, j'aimerais que vous m'aidiez à en parler à mon équipe.",
    "en": "In this session, I would like you to help me speak of it to my team.",
}
PLAN = {"fr": "D'ici vendredi, j'appelle Karim.", "en": "By Friday, I call Karim."}
SAME_SECONDS = 0.3
"""The stage shows what the console shows so soon after."""
HEARD_SECONDS = 0.3
"""A prompt is in the sink within so long of its `started_at`."""
STEPS = ("welcome", "presentation", "clarification", "contract", "consultation", "synthesis", "evaluation")


class Words:
    """What the pages say in one language."""

    def __init__(self, code: str) -> None:
        self.code = code
        self._language = load_language("codev", code, "tu")

    def __call__(self, key: str) -> str:
        return self._language.plain(f"interface.{key}")

    def title(self, step: int) -> str:
        """Return the title of the step at that place."""
        return self._language.plain(f"steps.{STEPS[step]}.title")


class Hand(Protocol):
    """How somebody acts on a page."""

    async def press(self, page: Page, action: str) -> None:
        """Do an action of the console."""
        ...

    async def confirm(self, page: Page) -> None:
        """Say yes in the dialog that is open."""
        ...

    async def choose(self, page: Page, name: str) -> None:
        """Take the button of that name."""
        ...

    async def write(self, page: Page, words: str) -> None:
        """Put words into the form that is open, and save it."""
        ...


KEYS = {
    "start": "n", "next": "n", "pause": "Space", "resume": "Space", "extend2": "2", "listening_pause": "l",
    "listening_resume": "l", "consent": "c", "remind": "f", "hush": "h", "message": "p", "edit": "w", "mark": "m",
    "undo": "z", "read_back": "r", "end": "e", "end_now": "e", "deliver": "d", "purge": "x", "back": "b",
}  # fmt: skip


class Keyboard:
    """Never touches the pointer."""

    async def press(self, page: Page, action: str) -> None:
        await page.wait_for_selector(f'[data-key="{action}"]:not([aria-disabled])')  # as somebody who looks first
        await page.keyboard.press(KEYS[action])

    async def confirm(self, page: Page) -> None:
        await page.wait_for_selector("dialog[open]")
        await page.keyboard.press("Enter")

    async def choose(self, page: Page, name: str) -> None:
        for _ in range(40):
            if name in await page.evaluate("() => document.activeElement.closest('button')?.textContent ?? ''"):
                break
            await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")

    async def write(self, page: Page, words: str) -> None:
        await page.wait_for_selector("form.editor")
        await page.keyboard.type(words)
        await page.keyboard.press("Control+Enter")
        await page.wait_for_selector("form.editor", state="detached")


class Pointer:
    """Never touches a key; words are pasted, as with a menu."""

    async def press(self, page: Page, action: str) -> None:
        await page.locator(f'[data-key="{action}"]:not([aria-disabled])').first.click()

    async def confirm(self, page: Page) -> None:
        await page.locator("dialog[open] .primary").click()

    async def choose(self, page: Page, name: str) -> None:
        await page.get_by_role("button", name=name).click()

    async def write(self, page: Page, words: str) -> None:
        await page.locator("form.editor :is(textarea, input)").first.fill(words)
        await page.locator("form.editor [type=submit]").click()
        await page.wait_for_selector("form.editor", state="detached")


@asynccontextmanager
async def browsing(pulse: PulseServer) -> AsyncIterator[Browser]:
    """Open a Chromium that plays into the call's virtual microphone."""
    path = chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path,
            env={**pulse.environment, "PULSE_SINK": "vmic"},
            ignore_default_args=["--mute-audio"],
        )
        yield browser
        await browser.close()


NOTE_TITLES = """addEventListener("DOMContentLoaded", () => {
  window.titles = {};
  const title = document.querySelector("#title");
  const note = () => (titles[title.textContent] = performance.timeOrigin + performance.now());
  new MutationObserver(note).observe(title, { childList: true });
})"""
"""Has a page note when each title came, for a test that asks comes late."""


async def shows(page: Page, title: str) -> float:
    """Wait until a page shows a step; return when it did, in seconds."""
    await page.wait_for_function("(title) => title in titles", arg=title, polling=50)
    at: float = await page.evaluate("(title) => titles[title]", title)
    return at / 1000


async def both_show(console: Page, stage: Page, title: str) -> None:
    """Wait until both pages show a step."""
    await shows(console, title)
    await shows(stage, title)


async def gaps(words: Words, console: Page, stage: Page) -> dict[str, float]:
    """Return how long one page showed each step before the other did, seconds."""
    titles = {step: words.title(place) for place, step in enumerate(STEPS) if place}
    return {step: abs(await shows(console, title) - await shows(stage, title)) for step, title in titles.items()}


async def opened(context: BrowserContext, url: str, complaints: list[str]) -> Page:
    page = await context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.add_init_script(NOTE_TITLES)
    await page.goto(url)
    await page.wait_for_selector("body[data-state=here]")
    return page


async def hold(run: Run, hand: Hand, words: Words, console: Page, stage: Page) -> None:
    """Hold the whole session."""
    await hold_the_first_steps(run, hand, words, console, stage)
    await hold_the_contract(run, hand, words, console, stage)
    await hold_the_plan(run, hand, words, console, stage)
    await hold_the_end(run, hand, words, console, stage)


async def hold_the_first_steps(run: Run, hand: Hand, words: Words, console: Page, stage: Page) -> None:
    await hand.press(console, "consent")
    await hand.confirm(console)
    await run.wait_for("consent_given")
    await hand.choose(stage, words("stage.unlock"))
    await stage.wait_for_selector("#sound button", state="detached")
    await hand.press(console, "start")
    await shows(stage, words.title(0))
    await run.wait_until_speaking()
    assert await stage.locator("#caption").inner_text()
    await hand.press(console, "hush")
    await run.wait_for("prompt_spoken", step="welcome")

    await hand.press(console, "next")
    await both_show(console, stage, words.title(1))
    await run.wait_for("prompt_spoken", step="presentation", cue="opening")
    await hand.press(console, "extend2")
    await run.wait_for("step_extended", seconds=120)
    await hand.press(console, "pause")
    await run.wait_for("session_paused")
    await stage.get_by_text(words("stage.paused"), exact=True).wait_for()
    await hand.press(console, "resume")
    await run.wait_for("session_resumed")
    await hand.press(console, "remind")
    await run.wait_for("prompt_spoken", cue="reminder")
    await hand.press(console, "listening_pause")
    await run.wait_for("listening_paused")
    await asyncio.sleep(1.1)  # sooner, it would be taken for the same press
    await hand.press(console, "listening_resume")
    await run.wait_for("listening_resumed")


async def hold_the_contract(run: Run, hand: Hand, words: Words, console: Page, stage: Page) -> None:
    await hand.press(console, "next")
    await both_show(console, stage, words.title(2))
    await asyncio.sleep(1.1)
    await hand.press(console, "next")
    await both_show(console, stage, words.title(3))
    await hand.press(console, "hush")
    await hand.press(console, "edit")
    await hand.write(console, CONTRACT[words.code])
    await hand.press(console, "mark")
    assert (await run.wait_for("contract_agreed"))["text"] == CONTRACT[words.code]
    await hand.press(console, "read_back")
    await run.wait_for("prompt_spoken", cue="read_back")

    await hand.press(console, "next")
    await both_show(console, stage, words.title(4))
    assert await stage.locator("blockquote").inner_text() == CONTRACT[words.code]
    await asyncio.sleep(1.1)


async def hold_the_plan(run: Run, hand: Hand, words: Words, console: Page, stage: Page) -> None:
    await hand.press(console, "next")
    await both_show(console, stage, words.title(5))
    await hand.press(console, "edit")
    await hand.write(console, PLAN[words.code])
    await hand.press(console, "mark")
    assert (await run.wait_for("plan_agreed"))["text"] == PLAN[words.code]
    await asyncio.sleep(1.1)  # since the last step: sooner, it would be a key pressed twice
    await hand.press(console, "next")
    await both_show(console, stage, words.title(6))


async def hold_the_end(run: Run, hand: Hand, words: Words, console: Page, stage: Page) -> None:
    await hand.press(console, "end")
    await hand.confirm(console)
    await run.wait_for("session_ended")
    await stage.get_by_role("heading", name=words("stage.ended")).wait_for()
    await hand.press(console, "deliver")
    await hand.choose(console, words("console.deliver_folder"))
    await run.wait_for("delivered")
    await console.wait_for_selector("dialog", state="detached")
    await hand.press(console, "purge")
    await hand.confirm(console)
    await run.wait_for("purged")
    await console.locator("#who").get_by_text(words("console.purged")).wait_for()


HELD = [
    pytest.param(Keyboard(), "fr", id="keyboard"),
    pytest.param(Pointer(), "fr", id="pointer", marks=pytest.mark.soak),
    pytest.param(Keyboard(), "en", id="keyboard-english", marks=pytest.mark.soak),
]


@pytest.mark.parametrize(("hand", "language"), HELD)
async def test_a_whole_session_is_held_on_the_pages(
    tmp_path: Path, hand: Hand, language: str, count: Callable[[str], None]
) -> None:
    """The stage beside it shows the same, and says the prompts where `started_at` says."""
    complaints, words = list[str](), Words(language)
    with PulseServer() as pulse:
        await asyncio.sleep(2.2)  # null sinks run in true time only then
        config = CONFIG.format(folder=tmp_path / "documents")
        with Recording(pulse, "vmic") as recording:
            async with (
                running(pulse, tmp_path, config, *PEOPLE, "--language", language) as run,
                browsing(pulse) as browser,
            ):
                known: dict[str, Any] = json.loads((tmp_path / "ready.json").read_text())
                context = await browser.new_context(locale=language)
                stage = await opened(context, known["stage_url"], complaints)
                console = await opened(context, known["console_url"], complaints)
                await hold(run, hand, words, console, stage)
                apart = await gaps(words, console, stage)
        assert max(apart.values()) <= SAME_SECONDS, apart
        spoken = [line for line in run.all("prompt_spoken") if line["completed"]]
        assert {line["cue"] for line in spoken} >= {"opening", "reminder", "read_back"}
        late = await assert_heard(run, recording, spoken, within=HEARD_SECONDS, language=language)
    count(
        f"session held on the pages ({type(hand).__name__.lower()}, {language}): the same step on both within "
        f"{max(apart.values()) * 1000:.0f} ms; {len(late)} prompts of the stage heard {min(late) * 1000:.0f} to "
        f"{max(late) * 1000:.0f} ms after `started_at`"
    )
    assert complaints == []
    assert len(list((tmp_path / "documents").rglob("*.pdf"))) >= 1
