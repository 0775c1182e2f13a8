"""The measurement itself: what is speech, what matches, what a figure means, and that calls are what they say."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.calls import CLEAN, FLAGGED, NOISE, LabelledCall, Truth, make_call
from bench.replay_speed import slope
from bench.tracks import by_kind, figures, judge, passes
from bench.voices import Library, stretches
from speech.capture.files import read_audio
from speech.ports import RATE_HZ


def call(*truth: Truth) -> LabelledCall:
    return LabelledCall(Path("CALL.toml"), CLEAN, 60.0, truth)


def event(kind: str, onset: float, who: str = "Karim", seconds: float = 2.0) -> Truth:
    after = {"backchannel": None, "talk_over": 1.0}.get(kind, 1.5)
    return Truth(kind, who, onset, onset + seconds, None if after is None else onset + after)


def flag(kind: str, onset: float, at: float, who: str = "Karim") -> dict[str, Any]:
    return {"type": "interruption_flagged", "kind": kind, "who": who, "started_at": onset, "at": at}


def test_a_flag_belongs_to_the_nearest_event_of_the_same_person_and_no_event_counts_twice() -> None:
    truth = call(event("cut", 10.0), event("cut", 20.0, who="Nadia"), event("intrusion", 30.0))
    judged = judge(
        truth,
        [
            flag("cut", 10.2, 11.7),
            flag("cut", 10.6, 12.0),  # the same one again
            flag("cut", 20.0, 21.6),  # somebody else
            flag("talk_over", 30.9, 32.0),
            {"type": "step_started", "at": 1.0},
        ],
    )
    assert [(e.onset, f.onset) for e, f in judged.pairs] == [(10.0, 10.2), (30.0, 30.9)]
    assert [e.who for e in judged.missed] == ["Nadia"]
    assert [f.onset for f in judged.false] == [10.6, 20.0]
    total = figures([judged])
    assert (total["precision"], total["recall"], total["kind_right"]) == (0.5, 0.6667, 0.5)
    assert total["latency_max"] == pytest.approx(0.5)
    assert by_kind([judged])["intrusion"]["recall"] == 1.0
    assert not passes(total)


@pytest.mark.parametrize(("onset", "expected"), [(9.9, 1), (10.4, 1), (11.2, 0)])
def test_a_flagged_acknowledgement_is_told_apart(onset: float, expected: int) -> None:
    judged = judge(call(event("backchannel", 10.0, seconds=0.6)), [flag("talk_over", onset, 12.0)])
    assert len(judged.acknowledged) == expected
    assert figures([judged])["acknowledgements"] == 1


def test_one_flagged_acknowledgement_misses_the_gate() -> None:
    events = [event("reply", float(onset)) for onset in range(10, 1000, 5)]
    right = [flag("reply", e.onset, e.onset + 1.6) for e in events]
    assert passes(figures([judge(call(*events), right)]))
    wrong = judge(call(*events, event("backchannel", 2.0, seconds=0.5)), [*right, flag("reply", 2.0, 3.6)])
    assert figures([wrong])["precision"] > 0.99
    assert not passes(figures([wrong]))


def test_gaps_are_filled_and_short_stretches_left_out() -> None:
    mask = np.zeros(3 * RATE_HZ, dtype=np.bool_)
    for start, end in ((0.1, 0.5), (0.6, 1.0), (2.0, 2.05)):
        mask[round(start * RATE_HZ) : round(end * RATE_HZ)] = True
    assert stretches(mask, 0.2, 0.1) == [(round(0.1 * RATE_HZ), RATE_HZ)]
    assert len(stretches(mask, 0.05, 0.01)) == 3


def test_the_slope_is_that_of_most_pairs() -> None:
    line = [(float(x), 100 + 2.0 * x) for x in range(50)]
    assert slope([*line, (25.5, 900.0)]) == pytest.approx(2.0, abs=0.01)
    assert np.isnan(slope([(1.0, 2.0)]))


def test_speakers_are_split_into_halves(test_data: Path) -> None:
    library = Library(test_data)
    tuning, test = set(library.speakers("tuning")), set(library.speakers("test"))
    assert not tuning & test
    assert min(len(tuning), len(test)) > 40


def test_a_seed_makes_the_same_call_and_its_truth_is_what_its_tracks_hold(test_data: Path, tmp_path: Path) -> None:
    library = Library(test_data)
    plan = {"presentation": 50.0, "consultation": 25.0}
    made = [
        make_call(library, tmp_path / name, half="tuning", seed=5, condition=condition, plan=plan)
        for name, condition in (("a", CLEAN), ("b", CLEAN), ("c", NOISE))
    ]
    assert made[0].truth == made[1].truth == made[2].truth  # how it sounds is drawn after what happens
    files = sorted(path.name for path in (tmp_path / "a").glob("*.flac"))
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in files)
    assert [step["id"] for step in tomllib.loads(made[0].path.read_text(encoding="utf-8"))["steps"]] == list(plan)
    assert {e.kind for e in made[0].truth} & {*FLAGGED}
    for e in made[0].truth:
        track = read_audio(tmp_path / "a" / f"{e.who.lower()}.flac").samples
        begins, ends = round(e.onset * RATE_HZ), round(e.end * RATE_HZ)
        before = track[begins - RATE_HZ // 20 : begins - 2]
        within = track[begins:ends]
        assert np.sqrt(np.mean(within**2)) > 10 * np.sqrt(np.mean(before**2))
        assert (e.due is None) == (e.kind == "backchannel")
        assert e.end - e.onset <= 0.8 if e.due is None else e.end > e.due + 0.25
