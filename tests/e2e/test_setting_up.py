"""From the set-up's page into a session, in a real Chromium on real devices: by keyboard, and again by pointer."""

from __future__ import annotations

import asyncio
import json
import signal
import time
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from playwright.async_api import BrowserContext, Page, expect

from speech.ports import RATE_HZ
from tests.e2e.live import Served, served
from tests.e2e.test_pages import Hand, Keyboard, Pointer, browsing
from tests.pulse import PulseServer, Recording

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio]

SOON_MS = 20_000
NAMES = ["Camille", "Nour"]
TONE_SECONDS = 20
DEAF = "[voice]\nenabled = false\n[listening]\nenabled = false\n"


def write_tone(path: Path) -> None:
    """Write a tone of 440 Hz at a fifth of full scale."""
    samples = 0.2 * np.sin(2 * np.pi * 440 * np.arange(TONE_SECONDS * RATE_HZ) / RATE_HZ)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


async def tab_to(page: Page, name: str) -> None:
    """Come to the field of that id by Tab alone."""
    for _ in range(60):
        if await page.evaluate("() => document.activeElement.id") == name:
            return
        await page.keyboard.press("Tab")
    pytest.fail(f"Tab never comes to {name}")


async def set_up_by_keyboard(page: Page) -> None:
    """Choose everything and try it, without ever touching the pointer."""
    await tab_to(page, "add-person")
    for name in NAMES:
        await page.keyboard.press("Enter")
        await page.keyboard.type(name)
        await tab_to(page, "add-person")
    await tab_to(page, "choose-way-device")  # the way that the configuration has
    await tab_to(page, "choose-output")
    await page.keyboard.type("Null Output, vmic")
    await tab_to(page, "say")
    await page.keyboard.press("Enter")
    await tab_to(page, "choose-call_input")
    await page.keyboard.type("Ce que joue Null Output, call")
    await tab_to(page, "check")
    await page.keyboard.press("Enter")


async def set_up_by_pointer(page: Page) -> None:
    """Choose everything and try it, without ever touching a key."""
    for place, name in enumerate(NAMES):
        await page.locator("#add-person").click()
        await page.locator(f"#person-{place}").fill(name)
    await page.locator("#choose-output").select_option("vmic")
    await page.locator("#say").click()
    await page.locator("#choose-call_input").select_option("call.monitor")
    await page.locator("#check").click()


HANDS = [
    pytest.param(Keyboard(), set_up_by_keyboard, id="keyboard"),
    pytest.param(Pointer(), set_up_by_pointer, id="pointer", marks=pytest.mark.soak),
]


@asynccontextmanager
async def set_up(
    pulse: PulseServer, folder: Path, config: str, *arguments: str
) -> AsyncIterator[tuple[Served, BrowserContext, Page]]:
    """Open the page of a set-up, once the null sinks run in true time."""
    complaints: list[str] = []
    await asyncio.sleep(2.2)
    async with served(pulse, folder, config, "--set-up", *arguments) as service, browsing(pulse) as browser:
        context = await browser.new_context(locale="fr")
        context.set_default_timeout(20_000)
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(service.known["console_url"])
        await page.wait_for_selector("body.setup[data-state=here]")
        yield service, context, page
    assert complaints == []


@pytest.mark.parametrize(("hand", "choose"), HANDS)
async def test_everything_is_chosen_and_tried_and_the_session_starts(
    pulse: PulseServer, tmp_path: Path, hand: Hand, choose: Callable[[Page], Awaitable[None]]
) -> None:
    """Levels move with the call's sound, the voice is heard on the chosen output, and the console comes by itself."""
    await asyncio.to_thread(write_tone, tmp_path / "tone.wav")
    async with set_up(pulse, tmp_path, "", "--duration", "60") as (service, _, page):
        assert await recording_programs(pulse) == set()
        with Recording(pulse, "vmic") as recording:
            await choose(page)
            call = page.locator('[data-channel="call"]')
            await expect(call.locator("p")).to_contain_text("Rien que du silence", timeout=SOON_MS)
            assert await call.locator(".meter").get_attribute("aria-valuenow") == "-60"
            pulse.start_playing("call", tmp_path / "tone.wav")
            await expect(call.locator("p")).to_have_text("J'entends l'appel.", timeout=SOON_MS)
            await expect(call.locator(".meter")).to_have_attribute("aria-valuetext", "volume haut", timeout=SOON_MS)
            await page.wait_for_selector("#voice-words.good")
        assert_said(recording)
        assert len(await recording_programs(pulse)) == 1
        if isinstance(hand, Keyboard):
            await tab_to(page, "begin")
            await page.keyboard.press("Enter")
        else:
            await page.locator("#begin").click()
        await page.wait_for_selector("body.console[data-state=here]")
        assert await recording_programs(pulse) == set()
        await hand.press(page, "start")
        await expect(page.locator("#title")).to_have_text("Accueil")
        async with asyncio.timeout(SOON_MS / 1000):  # the title was there before
            while (state := await service.ask("/state"))["phase"] != "running":
                await asyncio.sleep(0.05)
        assert (state["listening"], state["channels"]) == ("unasked", ["call"])


@pytest.mark.soak
async def test_the_voice_is_tried_through_the_stages_tab_which_goes_on_into_the_session(
    pulse: PulseServer, tmp_path: Path
) -> None:
    config = '[audio]\nvoice_output = "stage"\n[listening]\nenabled = false\n'
    async with set_up(pulse, tmp_path, config) as (service, context, page):
        async with context.expect_page() as opened:
            await page.click("#open-stage")
        stage = await opened.value
        await stage.get_by_role("button", name="Activer le son").click()
        await expect(page.locator("#voice")).to_contain_text("Cette page est ouverte, avec le son.", timeout=SOON_MS)
        await page.bring_to_front()
        with Recording(pulse, "vmic") as recording:
            await page.click("#say")
            await page.wait_for_selector("#voice-words.good")
        assert_said(recording)
        await page.click("#begin")
        await page.wait_for_selector("body.console[data-state=here]")
        await expect(stage.locator("#sound button")).to_have_count(0)
        assert (await service.ask("/state"))["stage"] == {"open": 1, "sound": "on"}


async def killed_in_the_contract(pulse: PulseServer, folder: Path) -> tuple[str, dict[str, str], str]:
    """Have a session killed in its fourth step; return its name, and cookie and address of a stage that was open."""
    async with served(pulse, folder, DEAF, "--duration", "60", "--participant", "Camille=client") as service:
        await service.ask("/commands", {"command": "start"})
        for _ in range(3):
            await service.ask("/commands", {"command": "next"})
        await service.ask("/commands", {"command": "edit_contract", "text": "Aidez-moi à dire non."})
        ticket = service.known["stage_url"].partition("#")[2]
        async with service.http.post(f"{service.known['api_url']}/session", json={"ticket": ticket}) as answer:
            cookies = {name: morsel.value for name, morsel in answer.cookies.items()}
        service.process.send_signal(signal.SIGKILL)
        await service.process.wait()
    await asyncio.to_thread((folder / "ready.json").unlink)
    (kept,) = (folder / "data").rglob("*.session")
    return kept.stem, cookies, f"{service.known['api_url']}/stage"


async def test_a_session_that_was_killed_is_taken_up_from_the_set_ups_page(pulse: PulseServer, tmp_path: Path) -> None:
    """It is in its step, with its words and its time; a stage that is still open finds it again by itself."""
    name, cookies, address = await killed_in_the_contract(pulse, tmp_path)
    killed = time.time()
    async with set_up(pulse, tmp_path, DEAF) as (service, _, page):
        await expect(page.locator("#unfinished")).to_contain_text("à l'étape « Contrat »")
        await page.click("#unfinished-resume")
        await page.wait_for_selector("body.console[data-state=here]")
        await expect(page.locator("#title")).to_have_text("Contrat")
        state = await service.ask("/state")
        assert state["records"]["contract"]["text"] == "Aidez-moi à dire non."
        assert state["elapsed_seconds"] == pytest.approx(time.time() - killed, abs=2.0)
        assert [path.stem for path in (tmp_path / "data").rglob("*.session")] == [name]
        origin = address.removesuffix("/api/stage")
        cookie = {"Cookie": "; ".join(f"{key}={value}" for key, value in cookies.items())}
        async with aiohttp.ClientSession() as http, http.ws_connect(address, origin=origin, headers=cookie) as stage:
            assert (await stage.receive_json())["title"] == "Contrat"


async def test_a_session_that_was_killed_is_destroyed_from_the_set_ups_page_or_left(
    pulse: PulseServer, tmp_path: Path
) -> None:
    name, _, _ = await killed_in_the_contract(pulse, tmp_path)
    async with set_up(pulse, tmp_path, DEAF) as (service, _, page):
        await service.ask("/setup/begin", {})
        await page.wait_for_selector("body.console[data-state=here]")
        assert (await service.ask("/state"))["phase"] == "ready"
    assert name in [path.stem for path in (tmp_path / "data").rglob("*.session")], "nothing is lost by declining"
    await asyncio.to_thread((tmp_path / "ready.json").unlink, missing_ok=True)
    async with set_up(pulse, tmp_path, DEAF) as (_, _, page):
        await page.click("#unfinished-destroy")
        await page.get_by_role("button", name="Tout détruire").click()
        await expect(page.locator("#unfinished")).to_contain_text("est détruite, et c'est vérifié")
        assert list(tmp_path.rglob(f"*{name}*")) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_set_up_that_ends_leaves_nothing_and_begins_anew(
    pulse: PulseServer, tmp_path: Path, number: signal.Signals
) -> None:
    async with served(pulse, tmp_path, "", "--set-up") as service:
        await service.ask("/setup", {"duration": 60})
        service.process.send_signal(number)
        await asyncio.wait_for(service.process.wait(), 10)
        assert service.process.returncode == (0 if number is signal.SIGTERM else -number)
    assert (tmp_path / "ready.json").exists() == (number is signal.SIGKILL)
    assert [path for path in (tmp_path / "data").rglob("*") if path.is_file()] == []
    (tmp_path / "ready.json").unlink(missing_ok=True)
    async with served(pulse, tmp_path, "", "--set-up") as service:
        assert (await service.ask("/setup"))["choices"]["duration"] == 90


def assert_said(recording: Recording) -> None:
    """Assert that something was said, loud and long enough to be the sentence."""
    assert int((np.abs(recording.samples) > 0.01).sum()) > recording.rate_hz / 2


async def recording_programs(pulse: PulseServer) -> set[str]:
    """Return the names of the programs that record, but for the sound server's own and the test's."""
    listed = await asyncio.to_thread(pulse.pactl, "--format=json", "list", "source-outputs")
    return {one["properties"].get("application.name", "parec") for one in json.loads(listed)} - {"parec"}
