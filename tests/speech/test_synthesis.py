"""The system's speech engine, for real, through pyttsx3."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest

from speech.confinement import worker_command, worker_environment
from speech.errors import SynthesisError, VoiceNotFoundError
from speech.ports import Samples
from speech.synthesis import pyttsx3
from speech.synthesis.pyttsx3 import Pyttsx3Synthesizer, list_voices
from speech.synthesis.voices import Voice, VoiceList, choose, language_tag

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these voices are espeak-ng's")

PROMPT = "Bonjour, nous commençons la séance de codéveloppement."
FRENCH = ("fr", "fr+f2", "fr+m3", "fr+f4", "fr+croak", "fr-be+m7", "fr-ch+f5")
ENGLISH = ("en-gb", "en-us+f2", "en-us+m3", "en-gb-scotland+f4", "en-029+m7", "en-gb-x-rp+f5")


@pytest.fixture
async def synthesizer() -> AsyncIterator[Pyttsx3Synthesizer]:
    synthesizer = Pyttsx3Synthesizer("fr", words_per_minute=160)
    yield synthesizer
    await synthesizer.close()


def workers() -> Iterator[int]:
    """Yield the process ids of this process's living workers."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            command = (path / "cmdline").read_bytes()
        except (OSError, IndexError):
            continue
        if parent == os.getpid() and b"speech.synthesis.worker" in command:
            yield int(path.name)


async def first_worker() -> int:
    """Return the process id of a worker as soon as there is one."""
    while not (found := list(workers())):
        await asyncio.sleep(0.005)
    return found[0]


def spectrum(samples: Samples) -> Samples:
    """Return the long-term spectrum in 40 bands, of unit length: what makes a voice."""
    power = np.abs(np.fft.rfft(samples, 1 << 17)[: 1 << 15]) ** 2
    bands = np.log(power.reshape(-1, 1 << 15 >> 6).sum(axis=1)[:40] + 1e-9).astype(np.float32)
    bands -= bands.mean()
    return np.asarray(bands / np.linalg.norm(bands), dtype=np.float32)


async def test_a_prompt_becomes_sound_and_leaves_nothing_behind(synthesizer: Pyttsx3Synthesizer) -> None:
    sound = await synthesizer.render(PROMPT)
    assert sound.rate_hz == 22_050
    assert 2.5 < sound.seconds < 6
    assert 0.1 < np.abs(sound.samples).max() <= 1
    assert synthesizer._directory is not None
    path = synthesizer._directory.path
    assert [entry.name for entry in path.iterdir()] == ["lock"]
    await synthesizer.close()
    await synthesizer.close()
    assert not path.exists()
    assert list(workers()) == []


async def test_every_run_gives_the_whole_prompt_and_all_share_one_directory() -> None:
    synthesizer = Pyttsx3Synthesizer("fr")
    shared = Path("/dev/shm")
    before = set(shared.iterdir())
    sounds = await asyncio.gather(*(synthesizer.render(PROMPT) for _ in range(10)))
    ours = set(shared.glob(f"codev-speech-{os.getpid()}-*")) - before
    await synthesizer.close()
    assert len({sound.seconds for sound in sounds}) == 1
    assert len(ours) == 1


async def test_a_faster_rate_is_shorter_and_the_pitch_is_heard() -> None:
    slow, fast, low, high = [
        await render_once("fr", words_per_minute=rate, pitch=pitch)
        for rate, pitch in ((120, 50), (240, 50), (160, 10), (160, 90))
    ]
    assert len(slow) > 1.6 * len(fast)
    assert np.abs(spectrum(low) - spectrum(high)).max() > 0.02


async def render_once(voice: str, *, words_per_minute: int = 160, pitch: int = 50) -> Samples:
    """Render the prompt with a synthesizer of its own."""
    synthesizer = Pyttsx3Synthesizer(voice, words_per_minute=words_per_minute, pitch=pitch)
    try:
        return (await synthesizer.render(PROMPT)).samples
    finally:
        await synthesizer.close()


@pytest.mark.parametrize("voices", [FRENCH, ENGLISH], ids=["fr", "en"])
async def test_enough_voices_can_be_told_apart(voices: tuple[str, ...]) -> None:
    spectra = [spectrum(await render_once(voice)) for voice in voices]
    likeness = np.array([[float(a @ b) for b in spectra] for a in spectra])
    np.fill_diagonal(likeness, 0)
    assert likeness.max() < 0.995


async def test_voices_are_listed_with_normalised_languages(synthesizer: Pyttsx3Synthesizer) -> None:
    voices = {voice.id: voice for voice in await synthesizer.voices()}
    assert voices["roa/fr"] == Voice("roa/fr", "French (France)", ("fr-FR",))
    assert voices["gmw/en"].languages == ("en-GB",)
    assert {"f2", "m3", "Annie"} <= set((await list_voices()).variants)


async def test_the_voice_is_looked_up_and_names_itself_in_the_identity() -> None:
    by_language = await Pyttsx3Synthesizer.open(language="fr")
    by_name = await Pyttsx3Synthesizer.open("French (Belgium)+F2")
    assert "roa/fr " in by_language.identity
    assert "roa/fr-be+f2" in by_name.identity
    assert by_language.identity != (await Pyttsx3Synthesizer.open(language="fr", words_per_minute=161)).identity
    assert by_language.identity != (await Pyttsx3Synthesizer.open(language="fr", pitch=51)).identity


@pytest.mark.parametrize(
    ("voice", "message"),
    [
        ("french (belgum)", r"^The speech engine has no voice french \(belgum\): nearest are French \(Belgium\).*\.$"),
        ("fr+f22", r"^The voice fr\+f22 has no variant f22: nearest are f2.*\.$"),
        ("xx", r"^The speech engine has no voice xx: nearest are .*\.$"),
    ],
)
async def test_an_unknown_voice_is_told_with_the_nearest(voice: str, message: str) -> None:
    with pytest.raises(VoiceNotFoundError, match=message):
        await Pyttsx3Synthesizer.open(voice)
    synthesizer = Pyttsx3Synthesizer(voice)
    with pytest.raises(VoiceNotFoundError, match=message):
        await synthesizer.render(PROMPT)
    await synthesizer.close()


@pytest.mark.parametrize("text", ["", "  \n", "…"])
async def test_a_prompt_without_a_sound_is_an_error(synthesizer: Pyttsx3Synthesizer, text: str) -> None:
    with pytest.raises(SynthesisError):
        await synthesizer.render(text)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_worker_that_dies_or_hangs_costs_one_prompt(
    blow: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyttsx3, "_GRACE_SECONDS", 0.3)
    synthesizer = Pyttsx3Synthesizer("fr", timeout_seconds=0.7)
    task = asyncio.create_task(synthesizer.render(PROMPT * 20))
    os.kill(await first_worker(), blow)
    struck_at = time.monotonic()
    with pytest.raises(SynthesisError, match=r"^The speech engine (died|hung).*\.$"):
        await task
    assert time.monotonic() - struck_at < 1.5
    assert list(workers()) == []
    assert (await synthesizer.render("Bonjour.")).seconds > 0.3
    assert synthesizer._directory is not None
    assert [entry.name for entry in synthesizer._directory.path.iterdir()] == ["lock"]
    await synthesizer.close()


async def test_a_cancelled_prompt_leaves_no_process_and_no_file(synthesizer: Pyttsx3Synthesizer) -> None:
    task = asyncio.create_task(synthesizer.render(PROMPT * 20))
    await first_worker()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(workers()) == []
    assert synthesizer._directory is not None
    assert [entry.name for entry in synthesizer._directory.path.iterdir()] == ["lock"]


async def test_no_text_is_in_the_process_list_or_in_an_error(synthesizer: Pyttsx3Synthesizer) -> None:
    name = "Marguerite Delacroix"
    seen = []
    task = asyncio.create_task(synthesizer.render(f"{name} " * 200))
    while not task.done():
        for pid in workers():
            path = Path(f"/proc/{pid}")
            seen += [read(path / "cmdline"), read(path / "environ")]
        await asyncio.sleep(0.01)
    assert len(seen) > 2
    assert not [data for data in seen if b"Marguerite" in data]


def read(path: Path) -> bytes:
    """Return what a file of /proc holds while its process lives."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize(
    ("written", "tag"),
    [("fr-fr", "fr-FR"), ("fr_FR", "fr-FR"), ("fr", "fr"), ("en-us-nyc", "en-US"), ("en-029", "en-029")],
)
def test_language_tags_are_normalised(written: str, tag: str) -> None:
    assert language_tag(written) == tag


def test_the_choice_of_a_voice_on_another_system() -> None:
    offered = VoiceList(
        (
            Voice("com.apple.amelie", "Amélie", ("fr-CA",)),
            Voice("com.apple.thomas", "Thomas", ("fr-FR",)),
            Voice("com.apple.moira", "Moira", ("en-IE",)),
        )
    )
    assert choose(offered, "", "fr") == "com.apple.thomas"
    assert choose(offered, "", "fr-CA") == "com.apple.amelie"
    assert choose(offered, "", "en") == "com.apple.moira"
    assert choose(offered, "thomas") == "com.apple.thomas"
    assert choose(offered, "fr-ca") == "com.apple.amelie"
    with pytest.raises(VoiceNotFoundError, match="this engine has no variants"):
        choose(offered, "Thomas+f2")
    with pytest.raises(VoiceNotFoundError, match="no voice at all"):
        choose(VoiceList(()), "Thomas")


async def test_a_machine_that_starts_no_process_is_a_synthesis_error(
    synthesizer: Pyttsx3Synthesizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_command: str, **_options: object) -> None:
        raise BlockingIOError

    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "create_subprocess_exec", refuse)
        with pytest.raises(SynthesisError, match=r"^The speech engine could not be started: .*\.$"):
            await synthesizer.render(PROMPT)
        with pytest.raises(SynthesisError, match="could not be started"):
            await list_voices()
    assert (await synthesizer.render(PROMPT)).samples.any()


@pytest.mark.e2e
async def test_a_rendering_gives_way_to_the_call() -> None:
    """In a real call, forty prompts rendered ahead at the usual priority held the far end's sound up for 0.6 s."""
    worker = await asyncio.create_subprocess_exec(
        *worker_command("speech.synthesis.worker"), stdin=asyncio.subprocess.PIPE, env=worker_environment()
    )
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    async with asyncio.timeout(20):
        while os.getpriority(os.PRIO_PROCESS, worker.pid) <= ours:
            await asyncio.sleep(0.02)
    worker.kill()
    await worker.communicate()
