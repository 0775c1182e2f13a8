"""Real conversation: the AMI clips of the test data, mixed, against what the floor's rules say of their annotation.

Nobody held the floor in these meetings. Whoever speaks most in a clip is taken for its holder, and the truth is what
`Floor` flags when it is told the annotated turns, one channel a person. 30 s are short: the detector knows the holder's
voice for a few seconds only. Three minutes in all: an example, no measurement.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

from rich.console import Console

from bench.flags import Judged, figures, flags_at
from bench.interruptions import Recorder
from bench.tracks import data_folder
from facilitator.core.events import SpeechEnded, SpeechStarted, VoiceFell, VoiceRose
from facilitator.core.floor import Floor
from facilitator.core.mixed import CUE_PROBABILITY
from speech.detection import SileroDetector
from speech.ports import FRAME, RATE_HZ, Block
from tools.demo_model.trials import recording
from tools.floor_model.scene import DUE_SECONDS, Truth

Turns = dict[str, list[tuple[float, float]]]
_STEP_SECONDS = 0.05


def annotated(path: Path) -> dict[str, Turns]:
    """Return who speaks when, by clip, from an RTTM file."""
    clips: dict[str, Turns] = defaultdict(lambda: defaultdict(list))
    for line in path.read_text(encoding="utf-8").splitlines():
        _, clip, _, start, seconds, _, _, who, *_ = line.split()
        clips[clip][who].append((float(start), float(start) + float(seconds)))
    return clips


def truth(turns: Turns, holder: str, seconds: float) -> list[Truth]:
    """Return what the floor's rules flag in these turns."""
    floor = Floor(since=0.0, holders=frozenset({holder}), listeners=frozenset(turns) - {holder})
    changes = sorted(
        (at, started, who) for who, own in turns.items() for a, b in own for at, started in ((a, True), (b, False))
    )
    found: list[Truth] = []
    at = 0.0
    while at < seconds:
        while changes and changes[0][0] <= at:
            when, started, who = changes.pop(0)
            kinds = (VoiceRose, SpeechStarted) if started else (VoiceFell, SpeechEnded)
            for kind in kinds:
                floor.hear(kind(at=at, channel=who, since=when))
        found += [Truth(f.kind, f.started_at, f.started_at + DUE_SECONDS[f.kind], f.channel) for f in floor.decide(at)]
        at += _STEP_SECONDS
    return found


def heard(path: Path, turns: Turns) -> Judged:
    """Let the detector hear a clip and judge what the default setting flags."""
    holder = max(turns, key=lambda who: sum(b - a for a, b in turns[who]))
    sound = recording(path)
    detector, silero = Recorder(), SileroDetector()
    detector.start()
    for at in range(0, len(sound) - FRAME + 1, FRAME):
        frame = sound[at : at + FRAME]
        detector.hear(Block(frame, at / RATE_HZ), silero.score(frame))
    seconds = len(sound) / RATE_HZ
    call = Judged(
        rate="ami",
        condition=path.stem,
        seconds=seconds,
        pairs=[],
        missed=[],
        false=[],
        answers=(0, 0),
        truth=truth(turns, holder, seconds),
        suspected=detector.told,
        processor_seconds=detector.processor_seconds,
    )
    return flags_at(call, CUE_PROBABILITY["balanced"])


def main() -> int:
    """Print each clip and all together."""
    console, folder = Console(width=120), data_folder() / "ami"
    if not folder.is_dir():
        console.print("no recordings here: FACILITATOR_TEST_DATA names no folder")
        return 0
    clips = annotated(folder / "reference.rttm")
    judged = [heard(path, clips[path.stem]) for path in sorted(folder.glob("*.flac"))]
    for call in judged:
        console.print(
            call.condition,
            "found",
            [(event.kind, round(event.onset, 1)) for event, _ in call.pairs],
            "missed",
            [(event.kind, round(event.onset, 1)) for event in call.missed],
            "false",
            [(flag.kind, round(flag.onset, 1)) for flag in call.false],
        )
    console.print(figures(judged))
    return 0


if __name__ == "__main__":
    sys.exit(main())
