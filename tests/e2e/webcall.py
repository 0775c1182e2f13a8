"""A real WebRTC call between two Chromium processes, on the devices of a private sound server.

    async with calling(pulse) as call:
        pulse.play("far", wav)             # somebody says something at the far end
        figures = await call.figures()     # what each end received until now

The animator's browser takes a microphone that is named and plays into the sink `call`, as a call application does; the
far one has the microphone `far_mic` (what is played into the sink `far`) and plays into the sink `ear`. Both tell the
test their session descriptions; nothing else is between them, and nothing leaves the computer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, Playwright, Route, async_playwright

from tests.pages.stagehand import chromium
from tests.pulse import PulseServer

ADDRESS = "https://call.test/"
"""Never asked of anybody: the browsers are given its page by the test. Sound is for secure origins alone."""
FLAGS = (
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
MICROPHONE = ("--use-fake-ui-for-media-stream",)
"""Lets a page have the microphone without asking."""


def sharing(title: str) -> tuple[str, ...]:
    """Return the flags by which a page that asks for a tab gets the one of this title, without asking."""
    return (f"--auto-select-tab-capture-source-by-title={title}", "--headless=new")


RAW = {"echoCancellation": False, "noiseSuppression": False, "autoGainControl": False}
"""What the guide tells the animator to choose for the virtual microphone."""
STAGE_TITLE = "Accueil"
"""What the participants' page is called before the session: its first step."""

_PAGE = """<!doctype html><title>call</title><audio autoplay></audio><script>
const connection = new RTCPeerConnection();
connection.ontrack = ({ streams, track }) => {
  document.querySelector("audio").srcObject = streams[0] ?? new MediaStream([track]);
};
const gathered = () => new Promise((done) => {
  const check = () => connection.iceGatheringState === "complete" && done();
  connection.addEventListener("icegatheringstatechange", check);
  check();
});
async function join(wanted) {
  const stream = wanted.tab
    ? await navigator.mediaDevices.getDisplayMedia({ video: true, audio: wanted.audio })
    : await navigator.mediaDevices.getUserMedia({ audio: wanted.audio });
  const [track] = stream.getAudioTracks();
  connection.addTrack(track, stream);
}
async function offer() {
  await connection.setLocalDescription(await connection.createOffer());
  await gathered();
  return connection.localDescription.toJSON();
}
async function answer(offered) {
  await connection.setRemoteDescription(offered);
  await connection.setLocalDescription(await connection.createAnswer());
  await gathered();
  return connection.localDescription.toJSON();
}
const accept = (answered) => connection.setRemoteDescription(answered);
async function received() {
  for (const report of (await connection.getStats()).values())
    if (report.type === "inbound-rtp" && report.kind === "audio") return report;
  return null;
}
async function settled() {
  const until = performance.now() + 8000;
  for (let before = null; performance.now() < until; await new Promise((tick) => setTimeout(tick, 200))) {
    const now = await received();
    if (now === null) continue;
    const count = now.jitterBufferEmittedCount - (before?.jitterBufferEmittedCount ?? 0);
    const waited = (now.jitterBufferDelay - (before?.jitterBufferDelay ?? 0)) / count;
    if (before !== null && count > 0 && waited < 0.2) return;
    before = now;
  }
}
</script>"""


@dataclass(frozen=True, slots=True)
class Received:
    """What one end has received of the other's sound, as its own `getStats` tells; counts of samples and packets."""

    samples: int
    concealed: int
    lost: int
    discarded: int
    waited: float
    emitted: int

    def since(self, before: Received) -> Received:
        """Return what came after `before`."""
        return Received(
            self.samples - before.samples,
            self.concealed - before.concealed,
            self.lost - before.lost,
            self.discarded - before.discarded,
            self.waited - before.waited,
            self.emitted - before.emitted,
        )

    @property
    def waited_seconds(self) -> float:
        """How long a sample waited in this end's buffer, which grows where sound comes late: the mean."""
        return self.waited / max(self.emitted, 1)

    @property
    def concealed_share(self) -> float:
        """Which part of what was heard was made up, for want of sound that came in time: 0 to 1."""
        return self.concealed / max(self.samples, 1)


class End:
    """One side of the call: a browser process and its page."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.context = context
        self.page = page

    async def received(self) -> Received:
        """Return what this end has received until now; concealment of silence, which nobody hears, is left out."""
        report: dict[str, Any] | None = await self.page.evaluate("received()")
        assert report is not None, "nothing was received"
        return Received(
            report["totalSamplesReceived"],
            report["concealedSamples"] - report["silentConcealedSamples"],
            report["packetsLost"],
            report["packetsDiscarded"],
            report["jitterBufferDelay"],
            report["jitterBufferEmittedCount"],
        )

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[list[tuple[float, Received]]]:
        """Give what was received by when, `time.monotonic()` seconds, which grows each half second."""
        seen: list[tuple[float, Received]] = []

        async def watch() -> None:
            while True:
                seen.append((time.monotonic(), await self.received()))
                await asyncio.sleep(0.5)

        watching = asyncio.create_task(watch())
        try:
            yield seen
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class WebCall:
    """The call that runs: the animator's end and the far one."""

    animator: End
    far: End

    async def connect(self) -> None:
        """Have the two ends talk to each other, and wait until sound flows both ways without having waited long."""
        offered = await self.animator.page.evaluate("offer()")
        answered = await self.far.page.evaluate("offered => answer(offered)", offered)
        await self.animator.page.evaluate("answered => accept(answered)", answered)
        await self.settle()

    async def settle(self) -> None:
        """Wait, 8 s at most, until what each end hears has waited 0.2 s at most in its buffer."""
        for end in (self.animator, self.far):
            await end.page.evaluate("settled()")


def make_far_devices(pulse: PulseServer) -> None:
    """Add the far end's devices to the server: its microphone `far_mic`, spoken into through `far`, and its `ear`."""
    for sink in ("far", "ear"):
        pulse.pactl("load-module", "module-null-sink", f"sink_name={sink}", "rate=48000", "channels=1")
    pulse.pactl("load-module", "module-remap-source", "master=far.monitor", "source_name=far_mic")
    pulse.keep_awake("far", "ear")


@asynccontextmanager
async def browser(
    pulse: PulseServer, playwright: Playwright, source: str, sink: str, *flags: str
) -> AsyncIterator[Browser]:
    """Run a browser of its own whose default microphone and loudspeaker are these."""
    path = chromium()
    launched = await playwright.chromium.launch(
        executable_path=path,
        env={**pulse.environment, "PULSE_SOURCE": source, "PULSE_SINK": sink},
        args=[*FLAGS, *flags],
        ignore_default_args=["--mute-audio"],
    )
    try:
        yield launched
    finally:
        await launched.close()


@asynccontextmanager
async def calling(
    pulse: PulseServer, microphone: str = "default", *, stage_url: str | None = None
) -> AsyncIterator[WebCall]:
    """Hold a call.

    Args:
        pulse: the sound server.
        microphone: the source whose sound the animator's end takes.
        stage_url: the participants' page, whose tab is shared with its sound in place of a microphone.
    """
    async with AsyncExitStack() as stack:
        playwright = await stack.enter_async_context(async_playwright())
        flags = MICROPHONE if stage_url is None else sharing(STAGE_TITLE)
        near = await stack.enter_async_context(browser(pulse, playwright, microphone, "call", *flags))
        far = await stack.enter_async_context(browser(pulse, playwright, "far_mic", "ear", *MICROPHONE))
        context = await near.new_context(locale="fr")
        if stage_url is not None:
            stage = await context.new_page()
            await stage.goto(stage_url)
            await stage.get_by_role("button", name="Activer le son").click()
            await stage.wait_for_selector("#sound button", state="detached")
        call = WebCall(await join_page(context), await join_page(await far.new_context()))
        await call.animator.page.bring_to_front()
        await call.animator.page.evaluate("wanted => join(wanted)", {"audio": RAW, "tab": stage_url is not None})
        await call.far.page.evaluate("wanted => join(wanted)", {"audio": True})
        await call.connect()
        yield call


async def join_page(context: BrowserContext) -> End:
    """Open the call's page."""

    async def serve(route: Route) -> None:
        await route.fulfill(content_type="text/html", body=_PAGE)

    await context.route(f"{ADDRESS}**", serve)
    page = await context.new_page()
    page.set_default_timeout(15_000)
    await page.goto(ADDRESS)
    return End(context, page)
