"""A set-up on a table: with the service that shows it and a browser to open it in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page

from facilitator.config import AudioConfig, Config
from facilitator.setup.setting_up import SettingUp
from facilitator.store.contents import Person
from facilitator.web.passes import Scope
from facilitator.web.service import Service
from tests.pages.stagehand import Look, new_context, watch
from tests.setup.room import Room

CONFIG = Config(audio=AudioConfig(call_input="call.monitor", microphone_input="mic", voice_output="stage"))
GROUP = [
    Person(name="Camille", role="client"),
    Person(name="Nour", role="consultant"),
    Person(name="Benoît", role="consultant"),
    Person(name="Ana", role="animator"),
]


@dataclass
class Table:
    """A set-up, the service that shows it, and a browser."""

    room: Room
    setup: SettingUp
    service: Service
    browser: Browser
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    async def open(self, look: Look | None = None) -> Page:
        """Open the page by a new link."""
        look = look or Look()
        context = await new_context(self.browser, look)
        self.contexts.append(context)
        await self.setup.change({"language": look.language})
        page = await context.new_page()
        watch(page, self.service.url, self.complaints, self.strangers)
        await page.goto(self.service.link(Scope.CONSOLE))
        await page.wait_for_selector("body.setup[data-state=here]")
        return page

    async def lay(self, people: Iterable[Person] = (), **more: Any) -> None:
        """Begin the set-up anew: with these people, and with what else it is given."""
        await self.setup.close()
        await self.service.close()
        self.setup = self.room.set_up(CONFIG, people, **more)
        await self.setup.start()
        self.service = Service(set_up=self.setup)
        await self.service.start("127.0.0.1", 0)

    def names(self) -> list[str]:
        """Return the names that the service knows, in their order."""
        return [person.name for person in self.setup.view().choices.people]
