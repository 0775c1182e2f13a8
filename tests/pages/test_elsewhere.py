"""A page of another origin, in the same Chromium in which the console is open with its cookie: it gets nothing done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page

from facilitator.web.passes import Scope
from facilitator.web.service import Service
from tests.web.meeting import FakeMeeting

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

NEXT = '{"command": "next"}'
ASKS = {
    "reading the state": "fetch(`${to}/api/state`, {credentials: 'include'}).then((a) => a.text())",
    "reading it blindly": "fetch(`${to}/api/state`, {mode: 'no-cors', credentials: 'include'}).then((a) => a.text())",
    "a command as JSON": f"""fetch(`${{to}}/api/commands`, {{method: 'POST', credentials: 'include',
        headers: {{'Content-Type': 'application/json'}}, body: '{NEXT}'}}).then((a) => a.text())""",
    "a command as text": f"""fetch(`${{to}}/api/commands`, {{method: 'POST', mode: 'no-cors', credentials: 'include',
        headers: {{'Content-Type': 'text/plain'}}, body: '{NEXT}'}}).then((a) => a.text())""",
    "a beacon": f"String(navigator.sendBeacon(`${{to}}/api/commands`, '{NEXT}')).replace('true', '')",
    "a link": """fetch(`${to}/api/ticket`, {method: 'POST', mode: 'no-cors', credentials: 'include',
        body: '{"scope": "console"}'}).then((a) => a.text())""",
    "the console's socket": """new Promise((go) => { const s = new WebSocket(`${to.replace('http', 'ws')}/api/events`);
        s.onmessage = (m) => go(m.data); s.onclose = () => go(''); })""",
    "the stage's socket": """new Promise((go) => { const s = new WebSocket(`${to.replace('http', 'ws')}/api/stage`);
        s.onmessage = (m) => go(m.data); s.onclose = () => go(''); })""",
    "the state as a script": """new Promise((go) => { const s = document.createElement('script');
        s.onload = () => go('loaded'); s.onerror = () => go('');
        s.src = `${to}/api/state`; document.body.append(s); })""",
    "a prompt as sound": """new Promise((go) => { const s = new Audio(); s.oncanplay = () => go('loaded');
        s.onerror = () => go(''); s.src = `${to}/api/prompts/p1.wav`; })""",
    "the console in a frame": """new Promise((go) => { const f = document.createElement('iframe');
        f.onload = () => { try { go(f.contentWindow.document.title); } catch { go(''); } };
        f.src = `${to}/`; document.body.append(f); })""",
    "a form": f"""new Promise((go) => {{ const f = document.createElement('iframe'); f.name = 'in';
        document.body.append(f); const form = document.createElement('form');
        Object.assign(form, {{method: 'POST', action: `${{to}}/api/commands`, enctype: 'text/plain', target: 'in'}});
        const field = document.createElement('input');
        field.name = '{NEXT.replace("}", ', "x": "')}'; field.value = '"}}';
        form.append(field); document.body.append(form); f.onload = () => go(''); form.submit(); }})""",
}
"""What a page may try, as JavaScript that gives what it learnt; `to` is the service's address."""


@dataclass
class Scene:
    meeting: FakeMeeting
    service: Service
    console: Page
    elsewhere: dict[str, Page]
    refused: int = 0


async def blank(_request: web.Request) -> web.Response:
    return web.Response(text="<!doctype html><body>", content_type="text/html")


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def scene(browser: Browser, count: Callable[[str], None]) -> AsyncIterator[Scene]:
    """Return a console that is open, and beside it a page on another port and one under another name."""
    meeting = FakeMeeting()
    service = Service(meeting)
    await service.start("127.0.0.1", 0)
    app = web.Application()
    app.router.add_get("/", blank)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    context = await browser.new_context()
    try:
        console = await context.new_page()
        await console.goto(service.link(Scope.CONSOLE))
        async with asyncio.timeout(10):
            while len(meeting.followers) != 1:
                await asyncio.sleep(0.02)
        elsewhere = {}
        for host in ("127.0.0.1", "localhost"):
            elsewhere[host] = await context.new_page()
            await elsewhere[host].goto(f"http://{host}:{port}/")
        scene = Scene(meeting, service, console, elsewhere)
        yield scene
        count(f"attacks from pages of other origins in Chromium: {scene.refused} of {2 * len(ASKS)} refused")
    finally:
        await context.close()
        await runner.cleanup()
        await service.close()


async def learnt(page: Page, ask: str, to: str) -> Any:
    return await page.evaluate(
        f"(to) => Promise.race([{ask}, new Promise((go) => setTimeout(() => go('waited'), 8000))]).catch(() => '')", to
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS.keys())
async def test_another_origin_learns_nothing_and_does_nothing(scene: Scene, host: str, ask: str) -> None:
    assert await learnt(scene.elsewhere[host], ask, scene.service.url) == ""
    assert scene.meeting.done == []
    assert len(scene.meeting.followers) == 1
    assert scene.meeting.tabs.there == []
    scene.refused += 1


async def test_our_own_page_may_with_the_same_words(scene: Scene) -> None:
    """The asks are such as work where they may: each of those that read gets something on the console's own page."""
    for name in ("reading the state", "the console's socket", "the stage's socket"):
        assert "welcome" in await learnt(scene.console, ASKS[name], scene.service.url)
    await learnt(scene.console, ASKS["a command as JSON"], scene.service.url)
    assert scene.meeting.done == [("next", {})]
