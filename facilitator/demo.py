"""The sample call: a script from the repository, spoken by synthetic voices, one track a speaker.

It is made at first use and kept in the user's cache under a name made from everything that went into it. Nothing of it
is in the repository but the script.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from facilitator.data import check, data_path, did_you_mean, read_toml
from facilitator.errors import CatalogError
from speech.ports import RATE_HZ, Samples, Synthesizer
from speech.sound import resample, write_flac
from speech.synthesis.pyttsx3 import Pyttsx3Synthesizer

WORDS_PER_MINUTE = 150
GAP_SECONDS = 0.7
CUT_AFTER_SECONDS = 0.3
BEFORE_OPENING_SECONDS = 1.0
AFTER_OPENING_SECONDS = 1.2
LEVEL = 0.3
"""Peak of each line, 0 to 1: about what calls carry."""
NOISE = 0.0005
"""Background noise of every track, as a microphone has."""

Progress = Callable[[int, int], None]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Speaker(_Table):
    """Somebody in the script."""

    role: str
    voice: str
    pitch: int = 50


class Line(BaseModel):
    """Something said, a silence, or a command; `fr.toml` tells how they follow each other."""

    model_config = ConfigDict(extra="allow", frozen=True)

    who: str = ""
    say: str = ""
    gap: float = GAP_SECONDS
    over: float | None = None
    cut: float | None = None
    pause: float = 0.0
    command: str = ""


class ScriptStep(_Table):
    """A step of the script."""

    id: str
    minutes: float
    lines: tuple[Line, ...]


class Script(_Table):
    """A whole sample session."""

    language: str
    address: str
    speakers: dict[str, Speaker]
    steps: Annotated[tuple[ScriptStep, ...], Field(min_length=1)]


def load_script(language: str) -> Script:
    """Return the sample session in `language`.

    Raises:
        CatalogError: there is none in that language.
    """
    folder = data_path("demo")
    known = sorted(path.stem for path in folder.glob("*.toml"))
    if language not in known:
        raise CatalogError(f"There is no sample session in {language!r}; {did_you_mean(language, known)}")
    path = folder / f"{language}.toml"
    return check(Script, read_toml(path, CatalogError), path, CatalogError)


@dataclass(slots=True)
class _Score:
    """What is laid down so far: sounds with their times, steps and commands."""

    sounds: list[tuple[str, float, Samples]] = field(default_factory=list)
    steps: list[tuple[str, float, float]] = field(default_factory=list)
    commands: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    at: float = 0.0

    def lay(self, line: Line, sound: Samples) -> None:
        """Lay one line down after the others."""
        length = len(sound) / RATE_HZ
        last = self.sounds[-1] if self.sounds else None
        into = line.over if line.over is not None else line.cut
        if into is None or last is None:
            start = self.at + line.gap
            self.at = start + length
        else:
            who, began, before = last
            start = began + into
            if line.cut is not None:
                kept = before[: round((into + CUT_AFTER_SECONDS) * RATE_HZ)].copy()
                kept[-160:] *= np.linspace(1, 0, min(160, len(kept)), dtype=np.float32)
                self.sounds[-1] = (who, began, kept)
                self.at = start + length
            else:
                self.at = max(self.at, start + length)
        self.sounds.append((line.who, start, sound))

    def length(self) -> float:
        """Seconds from the start to the end of the last thing laid down."""
        return max([self.at, *(at for at, _ in self.commands)]) + 0.5


async def make_call(script: Script, openings: dict[str, float], cache: Path, on_progress: Progress) -> Path:
    """Return the CALL.toml of the sample session, made now or earlier.

    Args:
        script: the session.
        openings: length in seconds of each step's opening prompt by step id; the speakers leave it room.
        cache: folder in which sample calls are kept.
        on_progress: called with (lines rendered, lines in all).

    Raises:
        SynthesisError: a line could not be rendered.
        OSError: the cache cannot be written.
    """
    voices: dict[str, Synthesizer] = {}
    for name, speaker in script.speakers.items():
        voices[name] = await Pyttsx3Synthesizer.open(
            speaker.voice, language=script.language, words_per_minute=WORDS_PER_MINUTE, pitch=speaker.pitch
        )
    parts = [script.model_dump_json(), json.dumps(openings), *(voice.identity for voice in voices.values())]
    folder = cache / hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    if not (folder / "CALL.toml").is_file():
        sounds = await _render(script, voices, on_progress)
        await asyncio.to_thread(_write, script, _compose(script, openings, sounds), folder)
    return folder / "CALL.toml"


async def _render(script: Script, voices: dict[str, Synthesizer], on_progress: Progress) -> list[Samples]:
    lines = [line for step in script.steps for line in step.lines if line.say]
    at_once, done = asyncio.Semaphore(2), 0

    async def one(line: Line) -> Samples:
        nonlocal done
        async with at_once:
            sound = await voices[line.who].render(line.say)
        samples = _trimmed(resample(sound.samples, sound.rate_hz, RATE_HZ))
        done += 1
        on_progress(done, len(lines))
        return (samples * (LEVEL / float(np.abs(samples).max()))).astype(np.float32)

    return list(await asyncio.gather(*(one(line) for line in lines)))


def _trimmed(samples: Samples) -> Samples:
    """Return the sound without the silence around it, which would shift the script's times."""
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    return samples[loud[0] : loud[-1] + 1]


def _compose(script: Script, openings: dict[str, float], sounds: Sequence[Samples]) -> _Score:
    score, left = _Score(), list(sounds)
    for step in script.steps:
        begins = score.at + (BEFORE_OPENING_SECONDS if score.steps else 0.0)
        score.steps.append((step.id, begins, step.minutes))
        score.at = begins + openings.get(step.id, 0.0) + AFTER_OPENING_SECONDS
        for line in step.lines:
            if line.say:
                score.lay(line, left.pop(0))
            elif line.command:
                score.commands.append((score.at + line.gap, {"command": line.command, **(line.model_extra or {})}))
            else:
                score.at += line.pause
    return score


def _write(script: Script, score: _Score, folder: Path) -> None:
    """Write the tracks and CALL.toml; the folder appears whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix="making-"))
    try:
        noise = np.random.default_rng(7)
        for name in script.speakers:
            track = (noise.standard_normal(round(score.length() * RATE_HZ)) * NOISE).astype(np.float32)
            for who, at, sound in score.sounds:
                if who == name:
                    start = round(at * RATE_HZ)
                    track[start : start + len(sound)] += sound
            write_flac(partial / f"{name.lower()}.flac", track)
        (partial / "CALL.toml").write_text(_toml(script, score), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _toml(script: Script, score: _Score) -> str:
    text = json.dumps  # a JSON string is a TOML string
    lines = ['process = "codev"', f"language = {text(script.language)}"]
    lines += [f"address = {text(script.address)}"] if script.address else []
    for name, speaker in script.speakers.items():
        lines += ["", "[[participants]]", f"name = {text(name, ensure_ascii=False)}", f"role = {text(speaker.role)}"]
        lines += [f"track = {text(name.lower() + '.flac', ensure_ascii=False)}"]
    for step_id, at, minutes in score.steps:
        lines += ["", "[[steps]]", f"id = {text(step_id)}", f"at = {at:.3f}", f"minutes = {minutes}"]
    for at, values in score.commands:
        lines += ["", "[[commands]]", f"at = {at:.3f}"]
        lines += [f"{key} = {text(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"
