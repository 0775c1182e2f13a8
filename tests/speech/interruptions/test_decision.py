"""Named features, and the learned model that weighs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speech.errors import ModelError
from speech.interruptions.candidates import Candidate
from speech.interruptions.decision import FEATURES, Decision, features
from speech.interruptions.frames import FrameView
from speech.interruptions.primer import Acquaintance
from tests.conftest import ROOT
from tests.speech.interruptions.conftest import SIMPLE

KNOWN = Acquaintance(seconds=20.0, certainty=7.0, level_db=-30.0, other_share=0.2)


def named(candidate: Candidate, view: FrameView, known: Acquaintance = KNOWN) -> dict[str, float]:
    return dict(zip(FEATURES, features(candidate, view, known).tolist(), strict=True))


def view_of(other: float, holder: float, *, first: int = 0) -> FrameView:
    """Return 200 frames: nobody in the first 100, then both at these log-odds, 6 dB louder."""
    frames = np.full((2, 200), -4.0)
    frames[:, 100:] = [[holder], [other]]
    level = np.repeat([-30.0, -24.0], 100)
    return FrameView(first, True, frames[0], frames[1], np.repeat([0.0, 0.9], 100), level)


def test_features_say_what_their_names_promise() -> None:
    values = named(Candidate("cut", 1100, 1200), view_of(3.0, -1.0, first=1000))
    assert values["other_mean"] == pytest.approx(3.0)
    assert values["contrast"] == pytest.approx(4.0)
    assert values["duration"] == pytest.approx(1.6875)
    assert values["mass"] == pytest.approx(3.0 * 1.6875)
    assert values["over_due"] == pytest.approx(0.1875)
    assert values["since_end"] == 0.0
    assert values["holder_before"] == pytest.approx(-4.0)
    assert values["silence_before"] == pytest.approx(1.6875)
    assert values["holder_away"] == pytest.approx(1.6875)
    assert values["other_part"] == pytest.approx(0.2)
    assert values["step_seconds"] == pytest.approx(1100 * 0.016875)
    assert values["early"] == 0.0
    assert values["level_difference"] == pytest.approx(6.0)
    assert values["level_jump"] == pytest.approx(6.0)
    assert values["speech_mean"] == pytest.approx(0.9)
    assert (values["talk_over"], values["cut"], values["intrusion"]) == (0.0, 1.0, 0.0)
    assert (values["primer_seconds"], values["primer_certainty"]) == (20.0, 7.0)


def test_a_stretch_counts_alike_however_long_the_step_has_lasted() -> None:
    def after(minutes: int) -> dict[str, float]:
        first = minutes * 3600
        return named(Candidate("intrusion", first + 100, first + 200), view_of(3.0, -1.0, first=first))

    assert after(11) == after(119)


def test_a_stretch_at_the_steps_very_start_has_all_features() -> None:
    values = named(Candidate("intrusion", 0, 150), view_of(1.0, -1.0), Acquaintance(0.0, 0.0, None))
    assert all(np.isfinite(list(values.values())))
    assert values["early"] == 1.0
    assert values["level_difference"] == 0.0


@pytest.mark.parametrize("kind", ["talk_over", "cut", "intrusion"])
def test_the_shipped_decision_is_surer_of_a_clear_voice_than_of_a_faint_one(kind: str) -> None:
    file = json.loads((ROOT / "models" / "floor" / "decision.json").read_text(encoding="utf-8"))
    usual = dict.fromkeys(FEATURES, 0.0) | dict(zip(file["features"], file["mean"], strict=True))
    usual |= {name: float(name == kind) for name in ("talk_over", "cut", "intrusion")}
    spread = dict(zip(file["features"], file["scale"], strict=True))
    evidence = ("other_mean", "other_p25", "other_low", "other_share", "contrast", "mass")

    def probability(more: float) -> float:
        values = usual | {name: usual[name] + more * spread[name] for name in evidence}
        return Decision(ROOT / "models" / "floor").probability(np.array([values[name] for name in FEATURES]))

    assert probability(1.5) > max(0.5, probability(-1.5) + 0.1)


def test_a_model_of_one_layer_is_a_logistic_regression(simple_model: Path) -> None:
    values = np.zeros(len(FEATURES))
    values[FEATURES.index("other_mean")] = 3.0
    assert Decision(simple_model).probability(values) == pytest.approx(1 / (1 + np.exp(-2.0)))


def test_there_is_tanh_between_layers_and_the_order_of_features_is_the_files(tmp_path: Path) -> None:
    model = {
        "features": ["duration", "other_mean"],
        "mean": [1.0, 0.0],
        "scale": [2.0, 1.0],
        "layers": [{"weight": [[1.0, 0.0], [0.0, 1.0]], "bias": [0.0, 0.5]}, {"weight": [[2.0, 3.0]], "bias": [-1.0]}],
    }
    (tmp_path / "decision.json").write_text(json.dumps(model))
    values = np.zeros(len(FEATURES))
    values[FEATURES.index("duration")], values[FEATURES.index("other_mean")] = 4.0, 0.25
    wanted = 2 * np.tanh(1.5) + 3 * np.tanh(0.75) - 1
    assert Decision(tmp_path).probability(values) == pytest.approx(1 / (1 + np.exp(-wanted)))


@pytest.mark.parametrize(
    "change",
    [
        {"features": ["voiceprint"]},
        {"features": ["other_mean", "other_mean"], "mean": [0.0, 0.0], "scale": [1.0, 1.0]},
        {"mean": [1.0, 2.0]},
        {"scale": [0.0]},
        {"layers": []},
        {"layers": [{"weight": [[1.0, 1.0]], "bias": [0.0]}]},
        {"layers": [{"weight": [[1.0], [1.0]], "bias": [0.0, 0.0]}]},
        {"layers": [{"weight": [[1.0], [1.0, 2.0]], "bias": [0.0, 0.0]}]},
        {"threshold": 0.5},
    ],
)
def test_a_decision_that_does_not_fit_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    (tmp_path / "decision.json").write_text(json.dumps(SIMPLE | change))
    with pytest.raises(ModelError, match=r"decision\.json"):
        Decision(tmp_path)


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"features": ["other_mean"]}'])
def test_a_damaged_or_missing_decision_is_said_plainly(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "decision.json").write_text(content)
    with pytest.raises(ModelError, match="missing, damaged or of another version"):
        Decision(tmp_path)
