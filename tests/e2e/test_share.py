"""The call's sound from a tab that the console shares, in a real Chromium; and each participant's own from a bot."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from playwright.async_api import Page, Route, async_playwright

from speech.ports import RATE_HZ, Samples, Sound
from speech.sound import to_pcm16, wav_bytes
from tests.e2e.live import Run, running
from tests.e2e.test_live import speech
from tests.e2e.test_writing import DEMO, words
from tests.e2e.webcall import browser, sharing
from tests.pulse import PulseServer

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio]

CONFIG = """
[voice]
enabled = false
[audio]
call_input = "{source}"
[transcription]
model = "{model}"
"""
PEOPLE = ("--duration", "60", "--participant", "Camille=client", "--participant", "Nour=consultant")
TITLE = "Appel avec le groupe"
REQUEST = "J'aimerais que vous m'aidiez à préparer l'entretien avec Sophie."
PLAY = """(wav) => {
  const audio = new Audio(`data:audio/wav;base64,${wav}`);
  return new Promise((done) => { audio.onended = done; audio.play(); });
}"""


CUTTABLE = """{
  const Real = WebSocket;
  const sending = [];
  window.WebSocket = class extends Real {
    constructor(url) {
      const sends = String(url).includes("/api/ingest/");
      super(sends && window.isCut ? `${url}/nobody` : url); // it is refused there
      if (sends) sending.push(this);
    }
  };
  window.cut = () => { window.isCut = true; sending.at(-1).close(); };
  window.mend = () => { window.isCut = false; };
}"""
"""Lets a test cut the connection by which a page sends sound, and keep it cut."""
TOLD_SECONDS, BACK_SECONDS = 2.0, 3.0


@asynccontextmanager
async def tabs(pulse: PulseServer, console_url: str) -> AsyncIterator[tuple[Page, Page]]:
    """Open the call's tab and the console in one browser, which shares the former when it is asked."""

    async def serve(route: Route) -> None:
        await route.fulfill(content_type="text/html", body=f"<!doctype html><title>{TITLE}</title>")

    async with (
        async_playwright() as playwright,
        browser(pulse, playwright, "vmic_mic", "call", *sharing(TITLE)) as launched,
    ):
        context = await launched.new_context(locale="fr")
        await context.route("https://call.test/**", serve)
        call = await context.new_page()
        await call.goto("https://call.test/")
        console = await context.new_page()
        await console.add_init_script(CUTTABLE)
        await console.goto(console_url)
        await console.wait_for_selector("body[data-state=here]")
        yield call, console


async def test_the_calls_tab_is_heard_through_the_console(pulse: PulseServer, tmp_path: Path) -> None:
    """Said in the call's tab, written down in the session; told at once when the sharing ends."""
    model = await asyncio.to_thread(shutil.copytree, DEMO, tmp_path / "model")
    samples = await speech(REQUEST, "fr+f2")
    wav = await asyncio.to_thread(wav_data, samples)
    async with (
        running(pulse, tmp_path, CONFIG.format(source="browser", model=model), *PEOPLE) as run,
        tabs(pulse, run.known["console_url"]) as (call, console),
    ):
        await run.to_contract()
        assert (await run.wait_for("device_lost", device="call"))["at"] < 10
        await console.get_by_text("L'appel n'est pas encore écouté").wait_for()
        await console.keyboard.press("k")
        await run.wait_for("device_recovered", device="call")
        await console.get_by_text("L'appel n'est pas encore écouté").wait_for(state="detached")
        await call.evaluate(PLAY, wav)
        heard = await run.wait_for("utterance_transcribed", stage="live")
        assert words(heard["text"]) == words(REQUEST)

        await run.command("listening_pause")
        await call.evaluate(PLAY, wav)
        await run.command("listening_resume")
        await call.evaluate(PLAY, wav)
        await run.wait_for("utterance_transcribed", stage="live", count=2)
        await call.close()
        await console.get_by_text("s'est arrêté").first.wait_for()
        await run.wait_for("device_lost", device="call", count=2, seconds=5)
    assert len(run.all("utterance_transcribed", stage="live")) == 2, "what was said in the listening pause was heard"


async def test_a_share_whose_connection_is_cut_is_told_and_loses_nothing(pulse: PulseServer, tmp_path: Path) -> None:
    """What is said meanwhile is sent afterwards."""
    model = await asyncio.to_thread(shutil.copytree, DEMO, tmp_path / "model")
    wav = await asyncio.to_thread(wav_data, await speech(REQUEST, "fr+f2"))
    async with (
        running(pulse, tmp_path, CONFIG.format(source="browser", model=model), *PEOPLE) as run,
        tabs(pulse, run.known["console_url"]) as (call, console),
    ):
        await run.to_contract()
        await run.wait_for("device_lost", device="call")
        await console.keyboard.press("k")
        await run.wait_for("device_recovered", device="call")
        at = run.now()
        await console.evaluate("cut()")
        lost = await run.wait_for("device_lost", device="call", count=2)
        await console.locator("[data-part=call].wrong").wait_for()
        await call.evaluate(PLAY, wav)
        mended = run.now()
        await console.evaluate("mend()")
        back = await run.wait_for("device_recovered", device="call", count=2)
        await console.locator("[data-part=call].well").wait_for()
        heard = await run.wait_for("utterance_transcribed", stage="live")
        print(f"\ncut: told after {lost['at'] - at:.2f} s, back {back['at'] - mended:.2f} s after it was mended")
        assert lost["at"] - at < TOLD_SECONDS
        assert back["at"] - mended < BACK_SECONDS
        assert words(heard["text"]) == words(REQUEST)


def wav_data(samples: Samples) -> str:
    return base64.b64encode(wav_bytes(Sound(samples, RATE_HZ))).decode()


async def test_a_bot_feeds_each_participants_track_and_who_speaks_is_exact(pulse: PulseServer, tmp_path: Path) -> None:
    client, other = await asyncio.gather(
        speech("Depuis trois mois je dirige cette équipe et je ne sais plus par où commencer.", "fr+f2"),
        speech("Est-ce que tu leur as déjà demandé ce qui se passe entre elles deux ?", "fr+m3"),
    )
    length = len(client)
    later = np.concatenate([np.zeros(length // 2, np.float32), other])[:length]
    tracks = {"Camille": client, "Nour": later}
    async with running(pulse, tmp_path, CONFIG.format(source="tracks", model=""), *PEOPLE) as run:
        token = json.loads((tmp_path / "ready.json").read_text())["ingest_token"]
        await run.command("consent")
        await run.command("start")
        await run.command("next", if_step="welcome")
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
            await asyncio.gather(*(feed(http, run, name, samples) for name, samples in tracks.items()))
        flag = await run.wait_for("interruption_flagged", step="presentation", seconds=5)
        assert (flag["kind"], flag["who"], flag["evidence"]) == ("talk_over", "Nour", "track")


async def feed(http: aiohttp.ClientSession, run: Run, name: str, samples: Samples) -> None:
    """Send a track in real time, as a bot does, with a little silence after it."""
    loop = asyncio.get_running_loop()
    pcm = to_pcm16(np.concatenate([samples, np.zeros(RATE_HZ, np.float32)])).astype("<i2").tobytes()
    async with http.ws_connect(f"{run.api}/ingest/{name}") as socket:
        began = loop.time()
        for start in range(0, len(pcm), 3200):
            await socket.send_bytes(pcm[start : start + 3200])
            await asyncio.sleep(began + (start + 3200) / 2 / RATE_HZ - loop.time())
