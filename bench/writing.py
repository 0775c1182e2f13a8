"""How soon what is said is written down: a scripted session held in real time with the demo model.

The steps of the demo's session that are written down, and a little of what is not, spoken by synthetic voices, one
track a speaker, without our own voice. The recognizer is the product's own, in its process. Afterwards it gets the
same utterances again, in turn with faster-whisper alone: the same sound, settings and priority, in a process of its
own. First words (`partial`) are left out of that comparison: nothing waits for them.

Figures of a computer that is busy with something else say little: the last line gives its load.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.results import ROOT, save
from facilitator.call import load_call, read_call
from facilitator.catalog import load_process
from facilitator.core import facts
from facilitator.demo import Script, load_script, make_call
from facilitator.languages import load_language
from facilitator.replay import Replay
from speech.ports import Samples, Transcript
from speech.recognition.segmenter import PADDING_SECONDS
from speech.recognition.whisper import WhisperRecognizer
from speech.recognition.worker import _BEAM_SIZE, _PRIORITY_STEP, _TEMPERATURES

MODEL = ROOT / "models" / "demo"
THREADS = 2

LATEST_TEXT_SECONDS = 2.0
"""p95, from the end of an utterance to its text."""
LATEST_PASS_SECONDS = 10.0
"""From the end of a step to the end of its final pass."""
MOST_OVERHEAD = 1.10
"""Time of our recognizer over that of faster-whisper alone."""

OTHER_STEPS = {"clarification": 3, "consultation": 2, "evaluation": 2}
"""Steps that are not written down, and how many of their lines are said."""


@dataclass(frozen=True, slots=True)
class Call:
    """One utterance that the recognizer was given, and how long it took."""

    samples: Samples
    careful: bool
    seconds: float


class TimedRecognizer(WhisperRecognizer):
    """Notes what it was given and how long it took."""

    def __init__(self) -> None:
        super().__init__(MODEL, threads=THREADS)
        self.calls: list[Call] = []
        self.hotwords = ""

    async def transcribe(
        self, samples: Samples, *, language: str, hotwords: str = "", careful: bool = False
    ) -> Transcript:
        """Write down, and note how long it took."""
        self.hotwords = hotwords
        begun = time.perf_counter()
        transcript = await super().transcribe(samples, language=language, hotwords=hotwords, careful=careful)
        self.calls.append(Call(samples, careful, time.perf_counter() - begun))
        return transcript


@dataclass(frozen=True, slots=True)
class Compared:
    """One utterance of one pass: seconds in the session, then medians of ours and of faster-whisper alone in turn."""

    careful: bool
    in_session: float
    ours: float
    alone: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A session, all in seconds.

    Attributes:
        texts: from the end of each utterance's speech to its text.
        first_words: how far each line of first words is behind the speech when it is shown.
        passes: from the end of each written-down step to the end of its final pass.
        overhead: by pass, the time of our recognizer over that of faster-whisper alone, measured in turn.
        in_session: the same with the recognizer's time in the session, whatever else the computer did.
    """

    texts: list[float] = field(default_factory=list)
    first_words: list[float] = field(default_factory=list)
    passes: dict[str, float] = field(default_factory=dict)
    overhead: dict[str, float] = field(default_factory=dict)
    in_session: dict[str, float] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        """Whether each gate is kept."""
        return (
            percentile(self.texts, 95) <= LATEST_TEXT_SECONDS
            and max(self.passes.values()) <= LATEST_PASS_SECONDS
            and max(self.overhead.values()) <= MOST_OVERHEAD
        )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the percentile of `values`; NaN for none, which keeps no gate."""
    return float(np.percentile(values, share)) if values else float("nan")


def session(language: str, *, short: bool) -> Script:
    """Return the script: about two and a half minutes, or one of the two texts and half a minute."""
    whole = load_script(language)
    steps: list[dict[str, Any]] = []
    for step in whole.steps:
        if step.id in {"contract", "synthesis"}:
            lines = list(step.lines)
        else:
            lines = [line for line in step.lines if line.say and line.over is None][: OTHER_STEPS.get(step.id, 0)]
        if lines and not (short and step.id not in {"contract", "evaluation"}):
            steps.append({"id": step.id, "minutes": step.minutes, "lines": [line.model_dump() for line in lines]})
    steps[-1]["lines"].append({"pause": 6.0})
    return Script.model_validate({**whole.model_dump(), "steps": steps})


async def hold(script: Script, folder: Path, recognizer: TimedRecognizer) -> list[facts.Fact]:
    """Hold the session in real time and return what happened."""
    process, told = load_process("codev"), list[facts.Fact]()
    call = await make_call(script, {}, folder / "call", lambda *_: None)
    language = load_language("codev", script.language, script.address)
    replay = Replay(process, language, cache=None, recognizer=recognizer, speed=1.0)
    await replay.run(load_call(call, read_call(call), process), folder / "out", on_fact=told.append)
    return told


def judge(told: Sequence[facts.Fact], compared: Sequence[Compared]) -> Measured:
    """Return the figures of a session: of what happened, and of its utterances in each pass."""
    measured = Measured()
    texts = [fact for fact in told if isinstance(fact, facts.UtteranceTranscribed)]
    for fact in texts:
        if fact.stage == "live":
            measured.texts.append(fact.at - (fact.ended_at - PADDING_SECONDS))
        elif fact.stage == "partial":
            measured.first_words.append(fact.at - fact.ended_at)
    ends = {fact.step: fact.at for fact in told if isinstance(fact, facts.StepEnded)}
    for step in {fact.step for fact in texts}:
        read = [fact.at for fact in texts if fact.step == step and fact.stage == "final_pass"]
        measured.passes[step] = max(read, default=float("inf")) - ends[step]
    for name, careful in (("live", False), ("final", True)):
        those = [one for one in compared if one.careful == careful]
        alone = sum(one.alone for one in those)
        measured.overhead[name] = sum(one.ours for one in those) / alone
        measured.in_session[name] = sum(one.in_session for one in those) / alone
    return measured


_alone: list[Any] = []
"""The model of the other process."""


def load_alone() -> None:
    """Load faster-whisper, as our recognizer's process does; in a process of its own."""
    os.nice(_PRIORITY_STEP)
    from faster_whisper import WhisperModel  # noqa: PLC0415  loaded in the other process only

    _alone.append(WhisperModel(str(MODEL), device="cpu", compute_type="auto", cpu_threads=THREADS))


def time_alone(samples: Samples, language: str, hotwords: str, *, careful: bool) -> float:
    """Return the seconds that faster-whisper alone takes; in that process."""
    begun = time.perf_counter()
    found, _ = _alone[0].transcribe(
        samples,
        language=language,
        beam_size=_BEAM_SIZE[careful],
        temperature=_TEMPERATURES[careful],
        condition_on_previous_text=False,
        vad_filter=True,
        hotwords=hotwords or None,
    )
    list(found)
    return time.perf_counter() - begun


async def compare(before: TimedRecognizer, language: str, rounds: int) -> list[Compared]:
    """Give each utterance of the session to both in turn, so that what else the computer does falls on both alike."""
    loop, hotwords, calls, recognizer = asyncio.get_running_loop(), before.hotwords, before.calls, TimedRecognizer()
    read_again = {id(call.samples) for call in calls if call.careful}  # the very sound of the live text; no first words
    compared = []
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), load_alone) as pool:

        async def alone(call: Call) -> float:
            work = partial(time_alone, call.samples, language, hotwords, careful=call.careful)
            return await loop.run_in_executor(pool, work)

        await alone(calls[0])  # the first call loads the model and the voice detector
        await recognizer.start()
        for call in (call for call in calls if id(call.samples) in read_again):
            ours, theirs = [], []
            for _ in range(rounds):
                await recognizer.transcribe(call.samples, language=language, hotwords=hotwords, careful=call.careful)
                ours.append(recognizer.calls.pop().seconds)
                theirs.append(await alone(call))
            compared.append(Compared(call.careful, call.seconds, statistics.median(ours), statistics.median(theirs)))
    await recognizer.close()
    return compared


async def measure(script: Script, rounds: int) -> tuple[list[facts.Fact], list[Compared]]:
    """Hold the session, then compare; return what happened and the comparison."""
    recognizer = TimedRecognizer()
    with tempfile.TemporaryDirectory() as scratch:
        told = await hold(script, Path(scratch), recognizer)
    return told, await compare(recognizer, script.language, rounds)


def show(console: Console, measured: Measured) -> None:
    """Print the figures."""
    table = Table(title="written down with the demo model, in real time", title_justify="left")
    for column in ("", "n", "p50", "p95", "most", "gate"):
        table.add_column(column, justify="left" if not column else "right")
    for name, values, gate in (
        ("text after the end of an utterance", measured.texts, f"p95 ≤ {LATEST_TEXT_SECONDS:g} s"),
        ("first words behind the speech", measured.first_words, ""),
        ("final pass after the end of a step", list(measured.passes.values()), f"≤ {LATEST_PASS_SECONDS:g} s"),
    ):
        most = f"{max(values, default=float('nan')):.2f} s"
        figures = (f"{percentile(values, share):.2f} s" for share in (50, 95))
        table.add_row(name, str(len(values)), *figures, most, gate)
    console.print(table)
    for name, ratio in measured.overhead.items():
        console.print(
            f"{name} pass: {ratio:.2f} times faster-whisper alone (at most {MOST_OVERHEAD:.2f}); "
            f"in the session {measured.in_session[name]:.2f}"
        )


def main() -> int:
    """Measure, print, write the results, and return 1 when a gate is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", choices=("fr", "en"), default="fr")
    parser.add_argument("--rounds", type=int, default=0, help="of each of the two, 3 or 1; the median counts")
    parser.add_argument("--short", action="store_true", help="one step, one round, under a minute")
    options = parser.parse_args()
    console = Console()
    told, compared = asyncio.run(
        measure(session(options.language, short=options.short), options.rounds or (1 if options.short else 3))
    )
    measured = judge(told, compared)
    show(console, measured)
    path = save("writing", asdict(measured))
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    console.print(f"{'kept' if measured.kept else 'MISSED'}. {path}; {os.cpu_count()} cores, load {load}")
    return 0 if measured.kept else 1


if __name__ == "__main__":
    sys.exit(main())
