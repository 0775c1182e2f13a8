"""What is said into a real call is written on the console: first words, text, mark, correction, agreement."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from speech.ports import RATE_HZ, Sound
from speech.sound import write_wav
from tests.e2e.live import Run, running
from tests.e2e.test_live import speech
from tests.e2e.test_pages import Keyboard, browsing, opened
from tests.pulse import PulseServer
from tests.speech.stores import DEMO

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio]

CONFIG = """
[audio]
call_input = "call.monitor"
voice_output = "none"
[voice]
enabled = false
[transcription]
model = "{model}"
[privacy]
store = false
"""
SAID = (
    "En ce moment Sophie conteste mes décisions.",
    "J'aimerais que vous m'aidiez à préparer l'entretien avec Sophie.",
)
"""Sentences of the sample call, which the demo model knows."""
CORRECTED = "J'aimerais que vous m'aidiez à préparer cet entretien."
NOTE_PARTIALS = """() => {
  window.partials = [];
  const note = () => { const one = document.querySelector(".partial p"); if (one) partials.push(one.textContent); };
  new MutationObserver(note).observe(document.querySelector("#records"), { childList: true, subtree: true });
}"""
"""Has the console note what it showed in part, for a test that asks comes late."""


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


async def say(pulse: PulseServer, folder: Path, text: str) -> None:
    """Have the client say something in the call."""
    wav = folder / "said.wav"
    samples = await speech(text, voice="fr+f1")
    await asyncio.to_thread(write_wav, wav, Sound(samples, RATE_HZ))
    await asyncio.to_thread(pulse.play, "call", wav)


async def to_the_contract(run: Run, pulse: PulseServer, folder: Path) -> None:
    """Go on to the step; a sentence before it takes its time, and by its end the call is captured."""
    for command in ("consent", "start", "next", "next"):
        await run.command(command)
    await say(pulse, folder, SAID[1])
    await run.command("next")
    await run.wait_for("step_started", step="contract")


async def test_what_is_said_is_written_marked_corrected_and_agreed_on_the_console(
    tmp_path: Path, pulse: PulseServer
) -> None:
    hand, complaints = Keyboard(), list[str]()
    # A copy: `run` refuses the demo model by its place, for it knows the sample session only, which is said here.
    model = await asyncio.to_thread(shutil.copytree, DEMO, tmp_path / "model")
    async with (
        running(
            pulse, tmp_path, CONFIG.format(model=model), "--duration", "60", "--participant", "Camille=client"
        ) as run,
        browsing(pulse) as browser,
    ):
        console = await opened(await browser.new_context(locale="fr"), run.known["console_url"], complaints)
        await to_the_contract(run, pulse, tmp_path)
        await console.evaluate(NOTE_PARTIALS)
        for place, sentence in enumerate(SAID):
            await say(pulse, tmp_path, sentence)
            line = console.locator(".said label span").nth(place)
            await line.wait_for(timeout=20_000)
            assert words(await line.inner_text()) == words(sentence)
        partials = await console.evaluate("() => partials")
        assert partials, "the demo model is quick enough for first words"
        assert words(partials[0])[:2] == words(SAID[0])[:2]

        await hand.press(console, "mark")
        assert words((await run.wait_for("contract_agreed"))["text"]) == words(SAID[1])
        await console.locator(".state.agreed").wait_for()
        assert words(await console.locator("blockquote").inner_text()) == words(SAID[1])

        await hand.press(console, "edit")
        await console.wait_for_selector("form.editor")
        await console.keyboard.press("Control+a")
        await hand.write(console, CORRECTED)
        await console.get_by_text("À valider").wait_for()
        await hand.press(console, "mark")
        assert (await run.wait_for("contract_agreed", count=2))["text"] == CORRECTED

        await hand.press(console, "next")
        final = [await run.wait_for("utterance_transcribed", stage="final_pass", count=place) for place in (1, 2)]
        assert [words(one["text"]) for one in final] == [words(one) for one in SAID]
        assert await console.locator("blockquote").inner_text() == CORRECTED
        await console.locator(".state.agreed").wait_for()
    assert complaints == []
