"""How well the demo model writes down what it knows, and what it makes of everything else.

Every figure is the product's own: `WhisperRecognizer` with its process, its voice detector and its thresholds, one live
beam unless told; long sound goes through `SileroDetector`, `SpeechGate` and `Segmenter` first. The sentences are drawn
from the grammar and were held out of training, by hash or by word triples; espeak-ng says them. Real speech and noises
come from the shared test data and are only ever tested with. Case and punctuation do not count as words.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from facilitator.demo import load_script
from speech.ports import RATE_HZ, Samples
from speech.recognition.whisper import WhisperRecognizer
from tools.demo_model import foreign, grammar, sounds
from tools.demo_model.espeak import Manner
from tools.demo_model.trials import DATA, Score, Voices, held_out, noises, recording, rooms, segments, with_noise

ROOT = Path(__file__).resolve().parents[1]
HOTWORDS = "Sophie Karim Nadia Thomas Julien"
KNOWN_STEPS = ("contract", "synthesis")
"""Steps of the sample session that keep to the domain."""


class Bench:
    """Runs the recognizer over what is said and keeps the scores."""

    def __init__(self, recognizer: WhisperRecognizer, count: int, known: set[tuple[str, ...]]) -> None:
        self.scores: list[Score] = []
        self._recognizer, self._count, self._known = recognizer, count, known
        self._voices = Voices(2024)
        self._spent = self._heard = 0.0

    @property
    def real_time_factor(self) -> float:
        """Seconds of work for each second of sound given, so far."""
        return self._spent / self._heard if self._heard else 0.0

    async def write(self, sound: Samples, language: str, *, hotwords: str = "", careful: bool = False) -> str:
        """Return what the recognizer writes."""
        begin = time.perf_counter()
        transcript = await self._recognizer.transcribe(sound, language=language, hotwords=hotwords, careful=careful)
        self._spent += time.perf_counter() - begin
        self._heard += len(sound) / RATE_HZ
        return transcript.text

    def _score(self, name: str) -> Score:
        self.scores.append(Score(name))
        return self.scores[-1]

    async def sentences(self) -> None:
        """One held-out sentence a call."""
        for language in grammar.LANGUAGES:
            hashed = held_out(language, self._count, 1, triples=False, known=self._known)
            new = held_out(language, self._count, 2, triples=True, known=self._known)
            plans: tuple[tuple[str, list[str], bool, bool, str, bool], ...] = (
                ("held out by hash", hashed, False, False, "", False),
                ("held out by word triples", new, False, False, "", False),
                ("unseen voices", hashed, True, False, "", False),
                ("unseen speeds", hashed, False, True, "", False),
                ("names as hotwords", hashed[: self._count // 2], False, False, HOTWORDS, False),
                ("careful search", hashed[: self._count // 2], False, False, "", True),
            )
            for name, texts, voice, rate, hotwords, careful in plans:
                score = self._score(f"{language}, {name}")
                for text in texts:
                    manner = self._voices.manner(language, unseen_voice=voice, unseen_rate=rate)
                    sound = self._voices.say(text, manner)
                    written = await self.write(sound, language, hotwords=hotwords, careful=careful)
                    score.add(text, written, len(sound) / RATE_HZ)

    async def conditions(self) -> None:
        """One held-out sentence a call, on its way through noise, a room and a telephone."""
        rng = self._voices.rng
        noise, room = noises(), rooms()
        for language in grammar.LANGUAGES:
            texts = held_out(language, self._count // 2, 3, triples=False, known=self._known)
            for name in ("noise 20 dB", "room", "telephone", "noise, room and telephone"):
                score = self._score(f"{language}, {name}")
                for text in texts:
                    sound = self._voices.say(text, self._voices.manner(language))
                    if "room" in name:
                        response = room[int(rng.integers(len(room)))]
                        sound = np.convolve(sound, response)[: len(sound)].astype(np.float32)
                    if "noise" in name:
                        sound = with_noise(sound, noise[int(rng.integers(len(noise)))], 20.0, rng)
                    if "telephone" in name:
                        sound = sounds.band(sound, (300.0, 3400.0))
                    score.add(text, await self.write(sound, language), len(sound) / RATE_HZ)

    async def long_calls(self) -> None:
        """Several sentences: in one call, and cut by the product's own segmenter."""
        for language in grammar.LANGUAGES:
            texts = held_out(language, self._count, 4, triples=False, known=self._known)
            five = self._score(f"{language}, five sentences in one call of 15 to 25 s")
            for group in _grouped(texts, 5):
                manner = self._voices.manner(language)
                sound = np.concatenate([self._voices.say(text, manner) for text in group])[: 25 * RATE_HZ]
                five.add(" ".join(group), await self.write(sound, language), len(sound) / RATE_HZ)
            cut = self._score(f"{language}, cut by the segmenter")
            for group in _grouped(texts, 10):
                manner = self._voices.manner(language)
                pauses = self._voices.rng.uniform(0.1, 0.8, len(group))
                parts = [self._voices.say(text, manner, float(p)) for text, p in zip(group, pauses, strict=True)]
                sound = np.concatenate(parts)
                pieces = segments(sound)
                written = [await self.write(piece, language) for piece in pieces]
                cut.add(" ".join(group), " ".join(written), len(sound) / RATE_HZ)
            for low, high in ((1, 2.5), (2.5, 5), (5, 10), (10, 15), (15, 20), (20, 25)):
                score = self._score(f"{language}, segments of {low:g} to {high:g} s")
                for _ in range(max(self._count // 10, 3)):
                    said, sound = self._of_length(texts, language, low, high)
                    score.add(said, await self.write(sound, language), len(sound) / RATE_HZ)

    def _of_length(self, texts: Sequence[str], language: str, low: float, high: float) -> tuple[str, Samples]:
        """Return sentences of one speaker that last between `low` and `high` seconds together."""
        while True:
            manner = self._voices.manner(language)
            said: list[str] = []
            sound = np.zeros(0, np.float32)
            order = self._voices.rng.permutation(len(texts)).tolist()  # nobody says the same sentence three times
            while len(sound) < low * RATE_HZ:
                said.append(texts[order.pop()])
                sound = np.concatenate([sound, self._voices.say(said[-1], manner, 0.15)])
            if len(sound) <= high * RATE_HZ:
                return " ".join(said), sound

    async def no_speech(self) -> None:
        """Sounds that are no speech."""
        rng = np.random.default_rng(77)
        t = np.arange(3 * RATE_HZ) / RATE_HZ
        tones = [np.sin(2 * np.pi * f * t) * 0.2 for f in (110, 220, 440, 880, 1000, 2000)]
        tones += [np.sign(np.sin(2 * np.pi * f * t)) * 0.2 for f in (110, 220, 440)]
        kinds: dict[str, Iterable[Samples]] = {
            "silence": [np.zeros(int(s * RATE_HZ), np.float32) for s in (0.5, 3, 12, 25)],
            "noise": [
                sounds.noise(int(s * RATE_HZ), rng, brown=b) * np.float32(level)
                for s in (1, 5, 20)
                for b in (False, True)
                for level in (0.002, 0.02, 0.1)
            ],
            "recorded noise": noises(),
            "tones": [tone.astype(np.float32) for tone in tones],
            "music": [0.2 * sounds.tune(int(s * RATE_HZ), rng) for s in (2, 5, 5, 10, 10, 20, 20, 25)],
            "mixed sounds": [sounds.no_speech(rng) for _ in range(self._count)],
        }
        for name, clips in kinds.items():
            score = self._score(f"no speech: {name}")
            for clip in clips:
                written = await self.write(clip[: 25 * RATE_HZ], "fr" if score.calls % 2 else "en")
                score.add("", written, len(clip) / RATE_HZ)

    async def outside(self) -> None:
        """Speech that the model does not know; each piece is what the segmenter cuts."""
        texts = random.Random(5)
        for language in grammar.LANGUAGES:
            score = self._score(f"outside, {language}: espeak-ng, other words and nonsense")
            for _ in range(self._count):
                sound = self._voices.say(foreign.text(language, texts), self._voices.manner(language))
                score.add("", await self.write(sound[: 25 * RATE_HZ], language), len(sound) / RATE_HZ)
            score = self._score(f"outside, {language}: the sample session's other steps")
            for text in demo_lines(language, known=False):
                sound = self._voices.say(text, self._voices.manner(language))
                score.add("", await self.write(sound, language), len(sound) / RATE_HZ)
        for folder, language in (("fleurs", ""), ("librispeech", "en"), ("ami", "en"), ("misc", "en")):
            score = self._score(f"outside: people, {folder}")
            files = sorted(
                path for path in (DATA / folder).rglob("*") if path.suffix in {".flac", ".ogg", ".wav", ".mp3"}
            )
            for path in files[:: max(1, len(files) // 12)]:
                for piece in segments(recording(path)[: 60 * RATE_HZ]):
                    spoken = language or ("fr" if "-fr-" in path.name else "en")
                    score.add("", await self.write(piece, spoken), len(piece) / RATE_HZ)

    async def sample_session(self) -> None:
        """The contract and the plan of the sample session."""
        for language in grammar.LANGUAGES:
            for name, hotwords in (("", ""), (", with hotwords", HOTWORDS)):
                score = self._score(f"{language}, the sample session's contract and plan{name}")
                for text, manner in _demo_said(language):
                    sound = self._voices.say(text, manner)
                    score.add(text, await self.write(sound, language, hotwords=hotwords), len(sound) / RATE_HZ)


def demo_lines(language: str, *, known: bool) -> list[str]:
    """Return what is said in the sample session, in the steps that keep to the domain or in all others."""
    script = load_script(language)
    steps = [step for step in script.steps if (step.id in KNOWN_STEPS) == known]
    return [line.say for step in steps for line in step.lines if line.say]


def _demo_said(language: str) -> list[tuple[str, Manner]]:
    script = load_script(language)
    said: list[tuple[str, Manner]] = []
    for step in script.steps:
        for line in step.lines:
            if step.id in KNOWN_STEPS and line.say:
                speaker = script.speakers[line.who]
                said.append((line.say, Manner(speaker.voice, 150, speaker.pitch)))
    return said


def _grouped(texts: Sequence[str], size: int) -> list[list[str]]:
    return [list(texts[i : i + size]) for i in range(0, len(texts) - size + 1, size)]


def resident_megabytes(pid: int) -> dict[str, float]:
    """Return the resident memory of a process, now and at its highest (Linux)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return {name: int(fields[key].split()[0]) / 1024 for name, key in (("now", "VmRSS"), ("highest", "VmHWM"))}


def show(console: Console, scores: Sequence[Score], examples: int) -> None:
    """Print the scores as a table, then some of what went wrong."""
    table = Table(title="The demo model")
    for column in ("what", "calls", "seconds", "words", "WER %", "calls without error %", "calls with text"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for score in scores:
        rate = score.word_error_rate
        table.add_row(
            score.name,
            str(score.calls),
            f"{score.seconds:.0f}",
            str(score.words),
            "" if rate is None else f"{100 * rate:.2f}",
            f"{100 * score.exact / max(score.calls, 1):.1f}",
            str(score.texts),
        )
    console.print(table)
    for score in scores:
        for said, written in score.wrong[:examples]:
            console.print(f"[{score.name}]\n  said    {said}\n  written {written}", markup=False)


async def run(options: argparse.Namespace, console: Console) -> None:
    """Measure everything that was asked for."""
    lines = options.known.read_text(encoding="utf-8").splitlines() if options.known else []
    known: set[tuple[str, ...]] = {
        triple for line in lines for w in [grammar.words(line)] for triple in zip(w, w[1:], w[2:], strict=False)
    }
    recognizer = WhisperRecognizer(options.model, threads=2)
    try:
        await recognizer.start()
        bench = Bench(recognizer, options.count, known)
        for part in options.parts:
            await getattr(bench, part)()
            console.print(f"{part}: done", style="dim")
        assert recognizer.pid is not None
        memory = resident_megabytes(recognizer.pid)
    finally:
        await recognizer.close()
    show(console, bench.scores, options.examples)
    console.print(
        f"real time factor {bench.real_time_factor:.3f}; recognizer's process {memory['now']:.0f} MB, "
        f"at most {memory['highest']:.0f} MB; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    if options.json:
        figures = {"scores": [asdict(s) | {"word_error_rate": s.word_error_rate} for s in bench.scores]}
        whole = {"real_time_factor": bench.real_time_factor, "megabytes": memory, **figures}
        options.json.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


PARTS = ("sentences", "conditions", "long_calls", "no_speech", "outside", "sample_session")


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=PARTS, help=f"of {', '.join(PARTS)}")
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "demo")
    parser.add_argument("--count", type=int, default=100, help="sentences of each kind and language")
    parser.add_argument("--known", type=Path, help="texts whose word triples do not count as unseen, one a line")
    parser.add_argument("--examples", type=int, default=2, help="of what went wrong, of each kind")
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    asyncio.run(run(options, Console(width=150)))


if __name__ == "__main__":
    main()
