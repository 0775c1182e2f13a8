"""`facilitator run` on real devices: the call's sound in, the voice out into the virtual microphone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from facilitator.languages import load_language
from speech.ports import RATE_HZ, Sound
from speech.sound import resample, write_wav
from speech.synthesis.cache import PromptCache
from speech.synthesis.pyttsx3 import Pyttsx3Synthesizer
from tests.e2e.live import Run, running
from tests.pulse import PulseServer, Recording

CONFIG = """
[audio]
call_input = "call.monitor"
voice_output = "vmic"
[session]
process = "{process}"
"""
PEOPLE = ("--participant", "Camille=client", "--participant", "Nour=consultant")
START_ERROR_SECONDS = 0.1
VAD_SECONDS = 0.15
"""A voice is noticed up to three frames after it began: nothing that hears can know sooner."""

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio]


@pytest.fixture
def quick_process(tmp_path: Path) -> Path:
    """Return a codev whose steps last some seconds, so that every cue falls due within the test."""
    folder = tmp_path / "quick"
    folder.mkdir()
    source = Path(__file__).resolve().parents[2] / "prompts" / "codev"
    for path in source.glob("*.toml"):
        text = path.read_text(encoding="utf-8")
        if path.name == "process.toml":
            lines = [
                f"minutes = {{ 60 = {_minutes(line)} }}" if line.startswith("minutes = {") else line
                for line in text.splitlines()
            ]
            text = "\n".join(lines)
        (folder / path.name).write_text(text, encoding="utf-8")
    return folder


def _minutes(line: str) -> float:
    """Return 0.3 minutes for a step that is held in an hour, else 0."""
    return 0.3 if "60 = 0" not in line else 0


async def speech(text: str, voice: str = "fr+m3") -> NDArray[np.float32]:
    """Return somebody's voice at 16 kHz, with the little silence that paplay may swallow."""
    sound = await Pyttsx3Synthesizer(voice, language="fr").render(text)
    samples = resample(sound.samples, sound.rate_hz, RATE_HZ)
    return np.concatenate([np.zeros(1600, np.float32), samples, np.zeros(1600, np.float32)]).astype(np.float32)


async def said_by(tmp_path: Path, text: str) -> tuple[Path, float]:
    """Return a file with `text` said aloud, and its length in seconds."""
    samples = await speech(text)
    path = tmp_path / f"{abs(hash(text))}.wav"
    write_wav(path, Sound(samples, RATE_HZ))
    return path, len(samples) / RATE_HZ


def place_in(recorded: NDArray[np.float32], prompt: NDArray[np.float32]) -> tuple[float, float]:
    """Return where `prompt` begins in `recorded`, seconds, and the normalised correlation there."""
    size = 1 << (len(recorded) + len(prompt)).bit_length()
    cross = np.fft.irfft(np.fft.rfft(recorded, size) * np.conj(np.fft.rfft(prompt, size)), size)
    cross = cross[: len(recorded) - len(prompt) + 1]
    energy = np.concatenate([[0.0], np.cumsum(recorded.astype(np.float64) ** 2)])
    window = energy[len(prompt) :] - energy[: -len(prompt)]
    likeness = cross / np.sqrt(np.maximum(window * np.sum(prompt.astype(np.float64) ** 2), 1e-9))
    best = int(np.argmax(likeness))
    return best / RATE_HZ, float(likeness[best])


async def rendered(text: str, language: str = "fr") -> NDArray[np.float32]:
    """Return a prompt as the service renders it, at 16 kHz."""
    voice = await Pyttsx3Synthesizer.open("", language=language, words_per_minute=165)
    sound = await PromptCache(Path("/nonexistent"), voice).render(text, private=True)
    return resample(sound.samples, sound.rate_hz, RATE_HZ)


async def assert_heard(
    run: Run,
    recording: Recording,
    prompts: list[dict[str, object]],
    *,
    within: float = START_ERROR_SECONDS,
    language: str = "fr",
) -> list[float]:
    """Assert that the recording holds each of `prompts` where its `started_at` says; return by how many seconds not."""
    errors = []
    for line in prompts:
        prompt = await rendered(str(line["text"]), language)
        length = float(line["ended_at"]) - float(line["started_at"])
        if not line["completed"]:
            prompt = prompt[: int((length - 0.4) * RATE_HZ)]
        expected = run.zero + float(line["started_at"]) - recording.started_at
        begin = max(0, int((expected - 1.0) * RATE_HZ))
        around = recording.samples[begin : begin + len(prompt) + 2 * RATE_HZ]
        place, likeness = place_in(around, prompt)
        assert likeness > 0.9, f"{line['id']} is not in what the virtual microphone's sink received ({likeness:.2f})"
        errors.append(begin / RATE_HZ + place - expected)
    assert max(abs(error) for error in errors) <= within, errors
    return errors


async def test_a_session_is_spoken_into_the_virtual_microphone(tmp_path: Path, quick_process: Path) -> None:
    """Every prompt is in the sink, where its line says; none starts in speech; one gives way; a timed cue waits."""
    with PulseServer() as pulse:
        await asyncio.sleep(2.2)  # null sinks run in true time only then
        short, short_length = await said_by(tmp_path, "Un instant, je termine ma phrase avant de passer à la suite.")
        long, long_length = await said_by(
            tmp_path, "Pardon, je voudrais ajouter une chose importante, et je parle assez longtemps pour être entendu."
        )
        config = CONFIG.format(process=quick_process)
        with Recording(pulse, "vmic") as recording:
            async with running(pulse, tmp_path, config, "--duration", "60", *PEOPLE) as run:
                await run.command("consent")
                await run.command("start")
                await run.wait_until_speaking()
                await run.command("hush")
                await run.wait_for("prompt_spoken", cue="opening", step="welcome", completed=False)

                pulse.start_playing("call", short)  # a voice runs while the animator goes on
                began = run.now()
                await asyncio.sleep(0.8)
                await run.command("next", if_step="welcome")
                opening = await run.wait_for("prompt_spoken", step="presentation", cue="opening")
                assert opening["started_at"] >= began + short_length - 0.2 + 0.6 - VAD_SECONDS - 0.1
                assert opening["completed"]

                ended = await run.wait_for("prompt_spoken", step="presentation", cue="ended")
                assert ended["due_at"] == pytest.approx(
                    run.all("step_started", step="presentation")[0]["at"] + 18, abs=0.01
                )

                await run.command("next", if_step="presentation")
                await asyncio.sleep(1.5)
                pulse.start_playing("call", long)  # somebody speaks over the voice
                began = run.now()
                gave_way = await run.wait_for("prompt_spoken", step="clarification", cue="opening")
                assert not gave_way["completed"]
                assert 1.0 <= gave_way["ended_at"] - began <= 2.2
                assert long_length > 3
                await asyncio.sleep(long_length)

                await run.command("end")
                await run.wait_for("prompt_spoken", cue="custom")
                await run.wait_for("session_ended")
        spoken = run.all("prompt_spoken")
        await assert_heard(run, recording, spoken)
        said = [(line["step"], line["cue"]) for line in spoken]
        assert len(set(said)) == len(said), "a prompt was said twice"
        assert spoken[-1]["text"] == load_language("codev", "fr", "tu").plain("cues.closing")


async def test_the_listening_pause_leaves_no_event(tmp_path: Path) -> None:
    """Speech during the listening pause, and before consent, is heard by nobody; afterwards it is again."""
    with PulseServer() as pulse:
        await asyncio.sleep(2.2)
        path, length = await said_by(tmp_path, "Ceci ne doit être entendu par personne, à aucun moment de la séance.")
        async with running(pulse, tmp_path, CONFIG.format(process="codev"), "--duration", "60", *PEOPLE) as run:
            await run.command("start")
            await run.command("hush")
            pulse.start_playing("call", path)
            await asyncio.sleep(1.0)
            await run.command("say", text="La voix parle sans savoir si quelqu'un parle.")
            first = await run.wait_for("prompt_spoken", cue="custom")  # deaf: said at once, and nothing makes it stop
            assert first["completed"]
            assert await _capturing(pulse) == 0
            await run.command("consent")
            await asyncio.sleep(length)
            assert await _capturing(pulse) == 1
            await run.command("listening_pause")
            assert await _capturing(pulse) == 0
            pulse.start_playing("call", path)
            await asyncio.sleep(1.0)
            await run.command("say", text="Elle parle encore, car personne n'écoute.")
            second = await run.wait_for("prompt_spoken", cue="custom", count=2)
            assert second["completed"], "the voice gave way to speech that nobody may hear"
            kinds = {line["type"] for line in run.lines} - {"prompt_withheld"}
            assert kinds == {"session_started", "step_started", "prompt_spoken", "consent_given", "listening_paused"}
            await run.command("listening_resume")
            await asyncio.sleep(length)
            assert await _capturing(pulse) == 1
            pulse.start_playing("call", path)
            await asyncio.sleep(1.0)
            await run.command("say", text="Maintenant, elle attend.")
            heard = await run.wait_for("prompt_spoken", cue="custom", count=3)
            assert heard["started_at"] > heard["due_at"] + length - 2.0


async def _capturing(pulse: PulseServer) -> int:
    """Return how many streams of the service capture the call just now."""
    await asyncio.sleep(0.3)
    outputs = await asyncio.to_thread(pulse.pactl, "list", "source-outputs")
    return outputs.count("ALSA plug-in")


async def test_hush_silences_the_voice_at_once(tmp_path: Path) -> None:
    """A prompt that is being said stops within a fraction of a second, and what waited is dropped with its reason."""
    with PulseServer() as pulse:
        await asyncio.sleep(2.2)
        with Recording(pulse, "vmic") as recording:
            async with running(pulse, tmp_path, CONFIG.format(process="codev"), "--duration", "60", *PEOPLE) as run:
                await run.command("start")
                await run.wait_until_speaking()
                await run.command("say", key="rules")
                hushed = run.now()
                await run.command("hush")
                spoken = await run.wait_for("prompt_spoken", step="welcome")
                assert not spoken["completed"]
                assert spoken["ended_at"] - hushed < 0.4
                withheld = await run.wait_for("prompt_withheld", reason="hushed")
                assert withheld["cue"] == "custom"
                await asyncio.sleep(1.5)
        after = recording.samples[int((run.zero + hushed + 0.5 - recording.started_at) * RATE_HZ) :]
        assert len(after) > RATE_HZ
        assert not np.abs(after).max() > 1e-4


async def test_our_own_voice_coming_back_in_the_call_is_nobody(tmp_path: Path) -> None:
    """With the virtual microphone looped back into the call, prompts are said whole; somebody over them is heard."""
    with PulseServer() as pulse:
        pulse.pactl("load-module", "module-loopback", "source=vmic.monitor", "sink=call", "latency_msec=40")
        await asyncio.sleep(2.2)
        path, _ = await said_by(tmp_path, "Pardon, je parle en même temps que la voix, et je continue un bon moment.")
        async with running(pulse, tmp_path, CONFIG.format(process="codev"), "--duration", "60", *PEOPLE) as run:
            await run.command("consent")
            await asyncio.sleep(1.5)
            await run.command("start")
            first = await run.wait_for("prompt_spoken", step="welcome", cue="opening")
            assert first["completed"], "the voice gave way to itself"
            await run.command("next")
            second = await run.wait_for("prompt_spoken", step="presentation", cue="opening")
            assert second["completed"]
            await run.command("next")
            await asyncio.sleep(2.0)
            pulse.start_playing("call", path)
            third = await run.wait_for("prompt_spoken", step="clarification", cue="opening")
            assert not third["completed"], "somebody who spoke over the voice was not heard"
