"""The animator's own voice in the virtual microphone, while the recognizer works without a pause: delay and gaps."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from speech.ports import RATE_HZ, Sound
from speech.recognition.whisper import WhisperRecognizer
from speech.sound import write_wav
from speech.virtual_microphone import MICROPHONE, SINK
from tests.e2e.live import Run, running
from tests.e2e.test_call import CONFIG, DEMO, PEOPLE, REQUEST, desk
from tests.e2e.test_live import place_in, speech
from tests.pulse import PulseServer, Recording

pytestmark = [pytest.mark.soak, pytest.mark.asyncio]

__all__ = ["desk"]  # the fixture

SECONDS = 600
DELAY_SECONDS = 0.05
"""Added to the animator's voice at the 95th percentile, at most."""
LOOK_SECONDS = 0.3
"""A voice that comes later than this is not found."""
ALIKE = 0.7
"""A second of sound that is less like what was said has a hole: 0.5 s of silence in it leaves 0.71."""


async def test_ten_minutes_of_the_animators_voice_have_no_gap_and_little_delay(
    desk: PulseServer,
    tmp_path: Path,
) -> None:
    said = tmp_path / "said.wav"
    noise = np.random.default_rng(7).standard_normal((SECONDS + 20) * RATE_HZ).astype(np.float32) * np.float32(0.1)
    await asyncio.to_thread(write_wav, said, Sound(noise, RATE_HZ))
    async with under_full_load(desk, tmp_path, partial(CONFIG.format, output=SINK), SECONDS) as run:
        desk.start_playing("desk", said)
        await asyncio.sleep(5.0)  # the streams have found their pace
        with Recording(desk, source="desk_mic") as own, Recording(desk, source=MICROPHONE) as mixed:
            await asyncio.sleep(SECONDS)
        written = len(run.all("utterance_transcribed", stage="live"))
    delays, holes = await asyncio.to_thread(compare, own, mixed)
    p50, p95 = np.percentile(delays, [50, 95])
    print(
        f"\nthe animator's voice, {len(delays)} s, {written} utterances written down meanwhile: "
        f"delay p50 {p50 * 1000:.1f} ms, p95 {p95 * 1000:.1f} ms, worst {max(delays) * 1000:.1f} ms; gaps {holes}"
    )
    assert len(delays) >= SECONDS - 5
    assert written >= SECONDS / 60, "the recognizer did not work meanwhile"
    assert holes == []
    assert p95 <= DELAY_SECONDS


@asynccontextmanager
async def under_full_load(
    pulse: PulseServer, folder: Path, config: Callable[..., str], seconds: int
) -> AsyncIterator[Run]:
    """Hold a session in the contract that writes down a call for so long, while another recognizer never pauses.

    Args:
        pulse: the sound server.
        folder: for its files.
        config: makes the configuration, of its `model`.
        seconds: for which somebody speaks in the call.
    """
    request = await speech(REQUEST, "fr+f2")
    far = folder / "far.wav"
    await asyncio.to_thread(write_wav, far, Sound(np.tile(request, seconds * RATE_HZ // len(request)), RATE_HZ))
    model = await asyncio.to_thread(shutil.copytree, DEMO, folder / "model")
    await asyncio.sleep(2.2)  # null sinks run in true time only then
    async with running(pulse, folder, config(model=model), *PEOPLE) as run:
        await run.to_contract()
        await run.wait_until_speaking()
        await run.command("hush")
        decoding = asyncio.create_task(decode(request))
        pulse.start_playing("call", far)
        try:
            yield run
        finally:
            decoding.cancel()


async def decode(samples: NDArray[np.float32]) -> None:
    """Keep a recognizer busy, one utterance after the other."""
    recognizer = WhisperRecognizer(DEMO)
    try:
        while True:
            await recognizer.transcribe(samples, language="fr", careful=True)
    finally:
        await recognizer.close()


def compare(own: Recording, mixed: Recording) -> tuple[list[float], list[int]]:
    """Return how much later each second of `own` is in `mixed`, and the seconds that have a hole there."""
    delays, holes = [], []
    for second in range(1, len(own.samples) // RATE_HZ - 2):
        piece = own.samples[second * RATE_HZ : (second + 1) * RATE_HZ]
        wanted = second + own.started_at - mixed.started_at
        begin = max(0, int((wanted - 0.05) * RATE_HZ))
        around = mixed.samples[begin : begin + RATE_HZ + int(LOOK_SECONDS * RATE_HZ)]
        if len(around) <= RATE_HZ:
            break
        place, likeness = place_in(around, piece)
        delays.append(begin / RATE_HZ + place - wanted)
        if likeness < ALIKE:
            holes.append(second)
    return delays, holes
