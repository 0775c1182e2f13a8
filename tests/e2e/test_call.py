"""The product in a real WebRTC call: what the far participant hears, what the product hears, what the call loses by it.

The figures are printed (`pytest -s`); docs/measurements.md has them.
"""

from __future__ import annotations

import asyncio
import shutil
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from speech.ports import RATE_HZ, Sound
from speech.sound import write_wav
from speech.virtual_microphone import MICROPHONE, SINK
from tests.cli.command import facilitator
from tests.e2e.live import Run, running
from tests.e2e.test_live import assert_heard, place_in, rendered, speech
from tests.e2e.webcall import Received, WebCall, calling, make_far_devices
from tests.pulse import PulseServer, Recording

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio]

CONFIG = """
[audio]
call_input = "call.monitor"
voice_output = "{output}"
[transcription]
model = "{model}"
"""
PEOPLE = ("--duration", "60", "--participant", "Camille=client", "--participant", "Nour=consultant")
HEARD_SECONDS = 0.4
"""A prompt is at the far ear within so long of its `started_at`, through the whole call."""
CALM_SECONDS = 0.2
"""A far end whose buffer holds sound for longer makes up for a computer that is too busy for it: that is the call's own
delay, which `getStats` tells, and not asked of the product."""
PIECE_SECONDS = 0.5
"""A call stretches sound by some milliseconds as it goes: it is compared piece by piece."""
LIKENESS = 0.4
"""Median likeness of the pieces from which on a prompt was heard: some 0.95 in a calm call, 0.5 while the far end makes
up for a delay; the same one backwards stays below."""
WRITTEN_SHARE = 0.75
"""Of the client's words: what the call itself conceals cannot be written down."""
MORE_CONCEALED = 0.02
"""Share of concealed sound by which a call with the product, its start included, may differ from the same call without
it: both browsers and all else that runs share the computer."""
STORY = (
    "Depuis trois mois, je dirige une équipe de six personnes, et deux d'entre elles ne se parlent plus du tout. "
    "Chaque réunion devient pénible, tout le monde regarde ailleurs, et moi je ne sais plus par où commencer."
)
INTERRUPTION = "Mais attends, est-ce que tu leur as déjà demandé ce qui se passe, à l'une et à l'autre, séparément ?"
REQUEST = "J'aimerais que vous m'aidiez à préparer l'entretien avec Sophie."
DEMO = Path(__file__).resolve().parents[2] / "models" / "demo"


def heard(recording: Recording, prompt: NDArray[np.float32], expected: float) -> tuple[float, float]:
    """Return how long after `expected` (`time.monotonic()`) a recording has `prompt`, and how like it is, both medians.

    Args:
        recording: of the far ear, at 16 kHz.
        prompt: what was said, 16 kHz.
        expected: when it began.
    """
    length = int(PIECE_SECONDS * RATE_HZ)
    loud = float(np.sqrt(np.mean(prompt**2)))
    late, like = [], []
    for start in range(0, len(prompt) - length + 1, length):
        piece = prompt[start : start + length]
        if np.sqrt(np.mean(piece**2)) < loud / 2:  # a pause is like any other
            continue
        wanted = expected + start / RATE_HZ - recording.started_at
        begin = max(0, int((wanted - 0.2) * RATE_HZ))
        place, likeness = place_in(recording.samples[begin : begin + length + 2 * RATE_HZ], piece)
        late.append(begin / RATE_HZ + place - wanted)
        like.append(likeness)
    assert late, "nothing of it is loud"
    return float(np.median(late)), float(np.median(like))


async def wav(folder: Path, name: str, *parts: tuple[float, NDArray[np.float32]]) -> Path:
    """Return a file in which each part begins at its second."""
    samples = np.zeros(max(int(at * RATE_HZ) + len(part) for at, part in parts), np.float32)
    for at, part in parts:
        samples[int(at * RATE_HZ) : int(at * RATE_HZ) + len(part)] += part
    path = folder / f"{name}.wav"
    await asyncio.to_thread(write_wav, path, Sound(samples, RATE_HZ))
    return path


async def playing(pulse: PulseServer, sink: str, path: Path) -> None:
    await asyncio.to_thread(pulse.play, sink, path)


async def figures(call: WebCall) -> tuple[Received, Received]:
    """Return what the animator's end and the far one have received until now."""
    mine, theirs = await asyncio.gather(call.animator.received(), call.far.received())
    return mine, theirs


@pytest.fixture
def desk(pulse: PulseServer, tmp_path: Path) -> PulseServer:
    """Return a server with the animator's microphone, the virtual one made by the command, and the far devices."""
    pulse.pactl("load-module", "module-null-sink", "sink_name=desk", "rate=48000", "channels=1")
    pulse.pactl("load-module", "module-remap-source", "master=desk.monitor", "source_name=desk_mic")
    pulse.keep_awake("desk")
    make_far_devices(pulse)
    done = facilitator("setup-audio", "--microphone", "desk_mic", cwd=tmp_path, changes=pulse.environment)
    assert done.code == 0, done.err
    return pulse


async def test_a_session_is_held_in_a_real_call(desk: PulseServer, tmp_path: Path) -> None:
    """The far end hears prompts and animator; the product hears the far end; the call is no worse for it."""
    client, other, request = await asyncio.gather(
        speech(STORY, "fr+f2"), speech(INTERRUPTION, "fr+m3"), speech(REQUEST, "fr+f2")
    )
    animator = await speech("Bonjour à toutes et à tous, je vous entends bien, nous pouvons commencer.", "fr+m1")
    story = await wav(tmp_path, "story", (0.0, client), (6.5, other))
    asked = await wav(tmp_path, "request", (0.0, request))
    mine = await wav(tmp_path, "mine", (0.0, animator))
    model = await asyncio.to_thread(shutil.copytree, DEMO, tmp_path / "model")
    await asyncio.sleep(2.2)  # null sinks run in true time only then
    async with calling(desk, MICROPHONE) as call:
        before = await figures(call)
        await asyncio.gather(playing(desk, "far", asked), playing(desk, "desk", mine))
        alone = [end.since(start) for end, start in zip(await figures(call), before, strict=True)]
        with Recording(desk, "ear") as ear, Recording(desk, SINK) as microphone:
            config = CONFIG.format(output=SINK, model=model)
            before = await figures(call)
            async with running(desk, tmp_path, config, *PEOPLE) as run:
                async with call.far.watched() as seen:
                    await hold(desk, run, call, story=story, asked=asked, mine=mine)
                beside = [end.since(start) for end, start in zip(await figures(call), before, strict=True)]
    prompts = run.all("prompt_spoken")
    assert {line["step"] for line in prompts} >= {"welcome", "presentation", "clarification", "contract"}
    await assert_heard(run, microphone, prompts)  # our part of the way, whatever the call makes of the rest
    late = await assert_prompts_heard(run, ear, prompts, seen)
    assert_animator_heard(ear, animator)
    print(f"\nprompts at the far ear: {min(late):.3f} to {max(late):.3f} s after started_at")
    for name, without, with_ in zip(("animator's", "far"), alone, beside, strict=True):
        print(f"{name} end, concealed without {without.concealed_share:.4%}, with {with_.concealed_share:.4%}")
        assert with_.concealed_share <= without.concealed_share + MORE_CONCEALED
        assert with_.lost <= without.lost
        assert with_.discarded <= without.discarded + 5
    flagged = run.all("interruption_flagged", step="presentation")
    assert [line["kind"] for line in flagged] == ["talk_over"]
    texts = [line["text"] for line in run.all("utterance_transcribed", step="contract", stage="live")]
    said, written = (words.lower().strip(".").split() for words in (REQUEST, " ".join(texts)))
    right = sum(block.size for block in SequenceMatcher(None, said, written).get_matching_blocks())
    assert right >= WRITTEN_SHARE * len(said), texts  # the words are this test's own


@pytest.mark.soak
async def test_the_stages_tab_shared_with_its_sound_is_the_other_way_in(pulse: PulseServer, tmp_path: Path) -> None:
    """The far end hears what the participants' page plays, from a tab that is shared in the call, without a driver."""
    make_far_devices(pulse)
    await asyncio.sleep(2.2)  # null sinks run in true time only then
    async with running(pulse, tmp_path, CONFIG.format(output="stage", model=""), *PEOPLE) as run:
        with Recording(pulse, "ear") as ear:
            async with calling(pulse, stage_url=run.known["stage_url"]) as call:
                await rendered_ahead(run)
                async with call.far.watched() as seen:
                    await first_prompts(run, call)
        late = await assert_prompts_heard(run, ear, run.all("prompt_spoken"), seen)
    print(f"\nprompts of the stage's tab at the far ear: {min(late):.3f} to {max(late):.3f} s after started_at")


async def rendered_ahead(run: Run) -> None:
    """Wait until the prompts are rendered: no process of the voice has been seen for a second."""
    unseen = 0
    async with asyncio.timeout(60):
        while unseen < 10:
            commands = [path.read_bytes() for path in children(run.process.pid)]
            unseen = 0 if any(b"speech.synthesis" in command for command in commands) else unseen + 1
            await asyncio.sleep(0.1)


def children(pid: int) -> list[Path]:
    """Return where the system tells the command of each process that `pid` has started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    started = [child for task in tasks for child in task.read_text().split()]
    return [path for path in (Path(f"/proc/{child}/cmdline") for child in started) if path.exists()]


async def first_prompts(run: Run, call: WebCall) -> None:
    """Have the welcome begin to be said, and the next step's opening be said to its end."""
    await call.settle()
    await run.command("start")
    await run.wait_until_speaking()
    await run.command("hush")
    await run.wait_for("prompt_spoken", step="welcome")
    await run.command("next", if_step="welcome")
    await run.wait_for("prompt_spoken", step="presentation", cue="opening")


async def hold(pulse: PulseServer, run: Run, call: WebCall, *, story: Path, asked: Path, mine: Path) -> None:
    """Hold the first steps of a session in the call."""
    await rendered_ahead(run)  # an animator opens the tool minutes before the session begins
    await run.command("consent")
    await first_prompts(run, call)
    await playing(pulse, "far", story)
    await run.command("next", if_step="presentation")
    await run.wait_until_speaking()
    await run.command("hush")
    await run.command("next", if_step="clarification")
    await run.wait_until_speaking()
    await run.command("hush")
    await run.wait_for("prompt_spoken", step="contract", cue="opening")
    await asyncio.gather(playing(pulse, "far", asked), playing(pulse, "desk", mine))
    await run.wait_for("utterance_transcribed", step="contract", stage="live")


def assert_animator_heard(ear: Recording, animator: NDArray[np.float32]) -> None:
    """Assert that the far ear has what the animator said in the contract step."""
    length = int(PIECE_SECONDS * RATE_HZ)
    pieces = [animator[start : start + length] for start in range(0, len(animator) - length, length)]
    found = [place_in(ear.samples, piece) for piece in pieces]
    assert np.median([likeness for _, likeness in found]) >= LIKENESS
    steps = np.diff([place for place, _ in found])
    assert np.median(steps) == pytest.approx(PIECE_SECONDS, abs=0.05), "its pieces are not in their order"


async def assert_prompts_heard(
    run: Run, ear: Recording, prompts: list[dict[str, Any]], seen: list[tuple[float, Received]]
) -> list[float]:
    """Assert that the far ear has each prompt soon after its `started_at`, and not backwards; return how long after.

    `seen` is what the far end had received by when.
    """
    said = [await rendered(line["text"]) for line in prompts]
    late = []
    for index, line in enumerate(prompts):
        seconds = line["ended_at"] - line["started_at"] - (0.0 if line["completed"] else 0.4)
        after, like = heard(ear, said[index][: int(seconds * RATE_HZ)], run.zero + line["started_at"])
        _, unlike = heard(ear, said[index][: int(seconds * RATE_HZ)][::-1], run.zero + line["started_at"])
        assert like >= LIKENESS > unlike, (line["step"], like, unlike)
        assert after >= 0, (line["step"], after)
        late.append(after)
        held = waited(seen, run.zero + line["started_at"], run.zero + line["ended_at"])
        assert after <= HEARD_SECONDS + max(0.0, held - CALM_SECONDS), (line["step"], late, held)
    return late


def waited(seen: list[tuple[float, Received]], began: float, ended: float) -> float:
    """Return how long the far end held in its buffer what it played from `began` to `ended` and a second more."""
    before = [what for at, what in seen if at <= began][-1]
    after = next((what for at, what in seen if at > ended + 1.0), seen[-1][1])
    return after.since(before).waited_seconds
