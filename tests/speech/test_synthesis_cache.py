"""The prompt cache, with a scripted synthesizer and with the real one."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import pytest

from speech.errors import AudioFileError, SynthesisError
from speech.ports import Sound, Synthesizer
from speech.sound import write_wav
from speech.synthesis import cache as module
from speech.synthesis.cache import PromptCache, load_recording
from speech.synthesis.pyttsx3 import Pyttsx3Synthesizer
from tests.campaign.virtual import ZERO, VirtualLoop, virtually


class FakeSynthesizer:
    """Renders a text as a level that only this text has; counts."""

    def __init__(self, identity: str = "fake") -> None:
        self.identity = identity
        self.rendered: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.fails_at = ""

    async def render(self, text: str) -> Sound:
        self.rendered.append(text)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.01)
        self.at_once -= 1
        if text == self.fails_at:
            raise SynthesisError("The speech engine died: try again.")
        return Sound(np.full(100, (len(text) + 1) / 200, dtype=np.float32), 8000)


def entries(directory: Path) -> list[Path]:
    """Return every file of the cache."""
    return list(directory.iterdir())


@pytest.fixture
def fake() -> FakeSynthesizer:
    return FakeSynthesizer()


async def test_a_prompt_is_rendered_once_and_found_by_the_next_process(fake: FakeSynthesizer, tmp_path: Path) -> None:
    first = await PromptCache(tmp_path / "a" / "b", fake).render("Bonjour")
    second = await PromptCache(tmp_path / "a" / "b", fake).render("Bonjour")
    assert fake.rendered == ["Bonjour"]
    assert second.rate_hz == first.rate_hz
    assert second.samples == pytest.approx(first.samples, abs=1 / 32768)


async def test_another_voice_or_text_is_another_entry(fake: FakeSynthesizer, tmp_path: Path) -> None:
    other = FakeSynthesizer("fake, another voice")
    for synthesizer, text in ((fake, "a"), (fake, "b"), (other, "a")):
        await PromptCache(tmp_path, synthesizer).render(text)
    assert len(entries(tmp_path)) == 3
    assert all("fake" not in path.name for path in entries(tmp_path))


@pytest.mark.parametrize("damage", ["empty", "cut off", "noise", "zeros"])
async def test_a_damaged_entry_is_rendered_again(fake: FakeSynthesizer, tmp_path: Path, damage: str) -> None:
    cache = PromptCache(tmp_path, fake)
    whole = await cache.render("Bonjour")
    (entry,) = entries(tmp_path)
    content = entry.read_bytes()
    entry.write_bytes(
        {
            "empty": b"",
            "cut off": content[:-50],
            "noise": b"x" * len(content),
            "zeros": content[:44] + bytes(len(content) - 44),
        }[damage]
    )
    again = await cache.render("Bonjour")
    assert fake.rendered == ["Bonjour", "Bonjour"]
    assert again.samples == pytest.approx(whole.samples)
    assert entry.read_bytes() == content


async def test_private_prompts_never_touch_the_disk(fake: FakeSynthesizer, tmp_path: Path) -> None:
    cache = PromptCache(tmp_path / "cache", fake)
    sound = await cache.render("Marguerite a la parole.", private=True)
    assert await cache.render("Marguerite a la parole.", private=True) is sound
    assert len(fake.rendered) == 1
    assert not (tmp_path / "cache").exists()
    cache.forget_private()
    await cache.render("Marguerite a la parole.", private=True)
    assert len(fake.rendered) == 2


async def test_a_directory_that_cannot_be_written_costs_only_time(fake: FakeSynthesizer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = PromptCache(tmp_path / "file" / "cache", fake)
    assert (await cache.render("Bonjour")).seconds > 0


@virtually
async def test_a_disk_that_does_not_answer_costs_little_time_and_only_once(loop: VirtualLoop) -> None:
    fake = FakeSynthesizer()
    with TemporaryDirectory() as folder, patch.object(module, "_load", lambda _: loop.work.spend(100_000)):
        cache = PromptCache(Path(folder), fake)
        await cache.render("Bonjour")
        assert loop.now - ZERO < 4
        await cache.render("Au revoir")
        assert loop.now - ZERO < 4
    assert fake.rendered == ["Bonjour", "Au revoir"]


@virtually
async def test_a_disk_that_does_not_take_a_prompt_holds_it_up_but_little(loop: VirtualLoop) -> None:
    with TemporaryDirectory() as folder, patch.object(module, "_store", lambda *_: loop.work.spend(100_000)):
        cache = PromptCache(Path(folder), FakeSynthesizer())
        assert (await cache.render("Bonjour")).seconds > 0
    assert loop.now - ZERO < 4


async def test_all_are_rendered_two_at_a_time_with_progress(fake: FakeSynthesizer, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    texts = [f"Étape {number}" for number in range(7)]
    await PromptCache(tmp_path, fake).render_all([*texts, texts[0]], lambda ready, total: told.append((ready, total)))
    assert told == [(number, 7) for number in range(1, 8)]
    assert sorted(fake.rendered) == texts
    assert fake.most_at_once == 2
    assert [path.suffix for path in entries(tmp_path)] == [".wav"] * 7


async def test_one_failure_ends_the_rest_and_is_told(fake: FakeSynthesizer, tmp_path: Path) -> None:
    fake.fails_at = "2"
    with pytest.raises(SynthesisError):
        await PromptCache(tmp_path, fake).render_all([str(number) for number in range(20)])
    assert len(fake.rendered) < 20
    assert fake.at_once <= 2


def test_an_own_recording_is_loaded_and_a_missing_one_named(tmp_path: Path) -> None:
    write_wav(tmp_path / "own.wav", Sound(np.full(800, 0.5, dtype=np.float32), 8000))
    assert load_recording(tmp_path / "own.wav").seconds == pytest.approx(0.1)
    with pytest.raises(AudioFileError, match=r"^The recording none\.wav is missing"):
        load_recording(tmp_path / "none.wav")


@pytest.mark.skipif(sys.platform != "linux", reason="this voice is espeak-ng's")
async def test_with_the_real_engine(tmp_path: Path) -> None:
    engine = await Pyttsx3Synthesizer.open("fr+f2")
    synthesizer: Synthesizer = engine
    cache = PromptCache(tmp_path, synthesizer)
    await cache.render_all([f"Étape numéro {number}, deux minutes." for number in range(4)])
    assert len(entries(tmp_path)) == 4
    assert (await cache.render("Étape numéro 1, deux minutes.")).seconds > 1
    await engine.close()
