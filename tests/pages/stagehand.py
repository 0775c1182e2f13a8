"""Shows scenes of a real session through the real service, and opens the pages in a real Chromium."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page
from pydantic import BaseModel

from facilitator import commands
from facilitator.core.errors import IllegalEventError
from facilitator.core.snapshot import Snapshot
from facilitator.core.stage import StageView
from facilitator.documents.offers import with_offers
from facilitator.web.meeting import RefusedError
from facilitator.web.passes import Scope
from facilitator.web.service import Service
from speech.capture.ingest import Inlet
from tests import needed
from tests.core.builders import Meeting
from tests.pages.scenes import FOLLOW_UP, SCENES, words_of
from tests.web.meeting import FakeTab, FakeTabs

TODAY = dt.date(2026, 11, 24)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """Return where the system's Chromium is."""
    return needed.program(*BROWSERS, package="chromium")


class Tabs(FakeTabs):
    """The stage's tabs of a session whose voice comes from elsewhere, until `sound` says otherwise."""

    sound = "off"

    def open(self, tell: Callable[[dict[str, Any]], None]) -> FakeTab:
        tab = super().open(tell)
        tab.sound = self.sound
        return tab


class Shown:
    """The session of a scene as the service sees it; its clock stands still, so that a scene stays itself.

    Attributes:
        scene: its name.
        meeting: the scene.
        done: name and values of the commands that were done.
    """

    def __init__(self) -> None:
        self.tabs = Tabs(self.change)
        self.inlets: dict[str, Inlet] = {}
        self.meeting: Meeting
        self.done: list[tuple[str, dict[str, Any]]] = []
        self._watchers: list[Callable[[], None]] = []
        self._followers: list[Callable[[dict[str, Any]], None]] = []
        self.show("ready", "fr")

    def show(self, scene: str, language: str) -> None:
        """Show another scene."""
        self.scene = scene
        self.meeting = SCENES[scene](language)
        self.words = words_of(self.meeting)
        self.done.clear()
        self.change()

    @property
    def commands(self) -> Mapping[str, type[BaseModel]]:
        return dict(commands.COMMANDS)

    def strings(self) -> Mapping[str, str]:
        return {f"interface.{key}": words for key, words in self.words.table("interface").items()}

    def snapshot(self) -> Snapshot:
        shot = self.meeting.session.snapshot(self.meeting.now)
        if self.scene == "brought_back":
            shot = replace(shot, follow_up=FOLLOW_UP[self.meeting.settings.language])
        return with_offers(shot, TODAY, self.meeting.settings.language)

    def stage(self) -> StageView:
        return self.meeting.session.stage(self.meeting.now)

    async def command(self, name: str, values: dict[str, Any], if_step: str | None) -> Mapping[str, Any] | None:
        if if_step is not None and if_step != self.meeting.session.step_id:
            raise RefusedError(409, "not_this_step", self.words.plain("refusals.not_this_step"))
        try:
            for event in commands.read(name, values, self.meeting.now):
                self.meeting.send(event)
        except commands.CommandError as error:
            raise RefusedError(400, error.code, str(error)) from None
        except IllegalEventError as refused:
            raise RefusedError(409, refused.code, self.words.plain(f"refusals.{refused.code}")) from None
        self.done.append((name, values))
        self.meeting.until(self.meeting.now)
        self.change()
        return None

    def follow(self, on_line: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        self._followers.append(on_line)
        return lambda: self._followers.remove(on_line)

    def watch_changes(self, on_change: Callable[[], None]) -> Callable[[], None]:
        self._watchers.append(on_change)
        return lambda: self._watchers.remove(on_change)

    def change(self) -> None:
        """Tell the feeds that something else is to be shown."""
        for on_change in tuple(self._watchers):
            on_change()


@dataclass
class Look:
    """How a page is opened."""

    width: int = 1280
    height: int = 800
    theme: str = "light"
    language: str = "fr"
    still: bool = True


async def new_context(browser: Browser, look: Look) -> BrowserContext:
    """Return a browser of its own that looks so; nothing of it is waited for longer than 10 s."""
    context = await browser.new_context(
        viewport={"width": look.width, "height": look.height},
        color_scheme="dark" if look.theme == "dark" else "light",
        reduced_motion="reduce" if look.still else "no-preference",
        locale=look.language,
    )
    context.set_default_timeout(10_000)
    return context


def watch(page: Page, url: str, complaints: list[str], strangers: list[str]) -> None:
    """Note what a page of the service at `url` complains of, and which other hosts it asks."""
    own = (url, "data:", url.replace("http", "ws"))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda one: None if one.url.startswith(own) else strangers.append(one.url))


@dataclass
class House:
    """The service with a scene on, and a browser.

    Attributes:
        strangers: requests that went to another host.
        complaints: what pages said on their console, and errors of their scripts.
    """

    shown: Shown
    service: Service
    url: str
    browser: Browser
    strangers: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    async def context(self, look: Look) -> BrowserContext:
        context = await new_context(self.browser, look)
        self.contexts.append(context)
        return context

    async def open(self, page: str, scene: str, look: Look | None = None) -> Page:
        """Open `console` or `stage` on a scene, by a new link."""
        look = look or Look()
        self.shown.show(scene, look.language)
        opened = await (await self.context(look)).new_page()
        watch(opened, self.url, self.complaints, self.strangers)
        await opened.goto(self.service.link(Scope(page)))
        await self.settled(opened)
        return opened

    async def turn(self, page: Page, scene: str, language: str) -> None:
        """Show another scene on a page that is open; the words are read anew."""
        self.shown.show(scene, language)
        await page.reload()
        await self.settled(page)

    async def set_text(self, page: Page, pixels: int) -> None:
        """Have the browser write as large as its user wants: 16 px is usual, 32 is 200 %."""
        session = await page.context.new_cdp_session(page)
        await session.send("Page.setFontSizes", {"fontSizes": {"standard": pixels}})
        await page.wait_for_function(
            "(least) => parseFloat(getComputedStyle(document.documentElement).fontSize) >= least", arg=pixels
        )

    async def settled(self, page: Page) -> None:
        """Wait until the page shows what the service says."""
        await page.wait_for_selector("body[data-state=here]")

    async def close(self) -> None:
        """Close every page."""
        for context in self.contexts:
            await context.close()
        self.contexts.clear()
